package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/problem"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

func TestErasureIsPublishedAwaitedAndLogged(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newFixture(t, db)
	id := uuid.NewString()
	d.addReview(id, map[string]any{"Status": "held", "HeldAt": noon, "Text": "개인정보 010-1234-5678"})
	path := "/reviews/" + butter + "/" + id

	var logged bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logged, nil)))
	defer slog.SetDefault(before)

	// Without a writer the response is 202, and the review is still there.
	want := erasureState{id, butter, wire.Held}
	if diff := cmp.Diff(want, mustDecode[erasureState](d, 202, http.MethodDelete, path, "")); diff != "" {
		t.Error(diff)
	}
	for _, part := range []string{`"msg":"review erased"`, `"review":"` + id + `"`, `"product":"` + butter + `"`, `"operator":"` + operator.Subject + `"`} {
		if !strings.Contains(logged.String(), part) {
			t.Errorf("the log %s lacks %s", &logged, part)
		}
	}
	if strings.Contains(logged.String(), "개인정보") {
		t.Errorf("the log has the text of the review: %s", &logged)
	}
	d.withWriter(t, func() {
		want.Status = wire.Erased
		if diff := cmp.Diff(want, mustDecode[erasureState](d, 200, http.MethodDelete, path, "")); diff != "" {
			t.Error(diff)
		}
	})
	erasure := wire.Erasure{Key: wire.Key{Product: butter, Review: id}, Operator: "operator", At: noon.Add(time.Hour)}
	if diff := cmp.Diff([]wire.Message{erasure, erasure}, d.commands()); diff != "" {
		t.Error(diff)
	}

	for _, request := range []struct{ method, path, body string }{
		{http.MethodDelete, path, ""}, {http.MethodGet, path, ""}, {http.MethodPut, path + "/reply", `{"text":"a"}`},
		{http.MethodDelete, path + "/reply", ""}, {http.MethodPost, path + "/decision", `{"verdict":"publish","revision":7}`},
	} {
		if w := d.send(request.method, request.path, request.body); w.Code != http.StatusGone || w.Header().Get("Content-Type") != problem.ContentType {
			t.Errorf("%s %s of an erased review: got %d %s, want the problem 410", request.method, request.path, w.Code, w.Body)
		}
	}
	if n := len(d.commands()); n != 2 {
		t.Errorf("%d commands were published, want 2", n)
	}
}

func TestUnknownReviewIsNotErased(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newFixture(t, db)
	if w := d.send(http.MethodDelete, "/reviews/"+butter+"/"+uuid.NewString(), ""); w.Code != http.StatusNotFound {
		t.Errorf("got %d %s, want 404", w.Code, w.Body)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(http.MethodDelete, apiRoot+"/reviews/"+butter+"/"+uuid.NewString(), nil))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("without a token: got %d %s, want 401", w.Code, w.Body)
	}
	if n := len(d.commands()); n > 0 {
		t.Errorf("%d commands were published, want none", n)
	}
}

func TestErasureWithoutPubSubAnswers503(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newFixture(t, db, pstest.WithErrorInjection("Publish", codes.PermissionDenied, "no"))
	id := uuid.NewString()
	d.addReview(id, nil)
	if w := d.send(http.MethodDelete, "/reviews/"+butter+"/"+id, ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d %s, want 503", w.Code, w.Body)
	}
}
