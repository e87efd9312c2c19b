package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hybrid-bts/functions/shared/authortoken"
	"github.com/hybrid-bts/functions/shared/fake/jsontest"
	"github.com/hybrid-bts/functions/shared/limit"
	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/problem/requestbody"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// oneReview is a revisionStore of one published review.
type oneReview struct{}

// currentRevision implements revisionStore.
func (oneReview) currentRevision(_ context.Context, k wire.Key) (revision, error) {
	r := wire.Review{ID: k.Review, Product: k.Product, Rating: 5, Text: "최고 💜", Author: "아미", Photos: []string{aPhoto}, SubmittedAt: noon}
	return revision{r, r.Revision(), wire.Published}, nil
}

// discarding is a topic that stores nothing.
type discarding struct{}

// Publish implements topic.Publisher.
func (discarding) Publish(context.Context, []byte, map[string]string) error { return nil }

const aReview = "6f2c5c0e-8a53-5d2e-9d2b-1e6f0a4f7c11"

// bodyServer returns a server without a database, and the token of the author of aReview.
func bodyServer(t testing.TB) (s *server, token string) {
	t.Helper()
	tokens, err := authortoken.ParseKeyRing("no secret in a test")
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return noon.Add(time.Hour) }
	return &server{commands: &commands{revisions: oneReview{}, topic: discarding{}, tokens: tokens, client: limit.New(limit.Rate{}, 0, nil).Client, now: now}}, tokens.Token(butter, aReview)
}

func FuzzBodies(f *testing.F) {
	s, token := bodyServer(f)
	jsontest.Fuzz(f, s.register(http.NewServeMux()).OpenAPI(), s.handler(), map[string]string{"product": butter, "review": aReview},
		http.Header{"Author-Token": {token}}, []string{"ko-KR", aPhoto, strings.Replace(aPhoto, "6f", "7f", 1)})
}

// Only the author may make the function decode and validate a body.
func TestTokenIsCheckedBeforeTheBody(t *testing.T) {
	s, token := bodyServer(t)
	h := s.handler()
	hostile := `{"rating":5,"photos":[` + strings.Repeat("1,", 32_399) + `1]}`
	send := func(method, path, body, token string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Author-Token", token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	const path = "/v1/products/" + butter + "/reviews/" + aReview
	for _, tc := range []struct {
		method, path, body, token string
		want                      int
	}{
		{http.MethodPatch, path, hostile, "", 403},
		{http.MethodPatch, path, hostile, "x" + token, 403},
		{http.MethodPatch, path, `{"photos":[[],[]]}`, "", 403},
		{http.MethodPatch, path, `{`, "", 403},
		{http.MethodPatch, path, strings.Repeat("a", requestbody.MaxBytes+1), "", 403},
		{http.MethodPatch, "/v1/products/" + butter + "/reviews/1", hostile, token, 403}, // nobody has the token of an invalid path
		{http.MethodDelete, path, hostile, "", 403},
		{http.MethodPatch, path, hostile, token, 400},
		{http.MethodPatch, path, `{"photos":[[],[]]}`, token, 422},
		{http.MethodPatch, path, `{"rating":1}`, token, 202},
		{http.MethodDelete, path, "", token, 202},
	} {
		w := send(tc.method, tc.path, tc.body, tc.token)
		var p problem.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); w.Code != tc.want || err != nil || w.Body.Len() > 4<<10 {
			t.Errorf("%s %s %.30s: %d with %d bytes %.300s, want %d", tc.method, tc.path, tc.body, w.Code, w.Body.Len(), w.Body, tc.want)
		}
		if tc.want == 403 && len(p.Errors) > 0 {
			t.Errorf("%s %.30s: the response to a stranger has the errors %+v", tc.method, tc.body, p.Errors)
		}
	}
	cost := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			send(http.MethodPatch, path, hostile, "")
		}
	})
	if got := cost.AllocedBytesPerOp(); got > 64<<10 {
		t.Errorf("a hostile body without a token costs %d bytes, want at most 64 KiB", got)
	}
}
