package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/pstest"
	"cloud.google.com/go/spanner"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/authortoken"
	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/limit"
	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/problem/requestbody"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/topic"
)

const aPhoto = "reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg"

// commandServer is the function with the messages that it publishes.
type commandServer struct {
	http.Handler
	tokens authortoken.KeyRing
	topic  *pstest.Server
	clock  *time.Time
}

func newCommandServer(t testing.TB, db *spanner.Client, now time.Time, opts ...pstest.ServerReactorOption) commandServer {
	t.Helper()
	tokens, err := authortoken.ParseKeyRing("no secret in a test")
	if err != nil {
		t.Fatal(err)
	}
	p, srv := pubsubtest.New(t, "commands", opts...)
	store := spannerStore{db: db}
	s := &server{store: store, commands: &commands{revisions: store, topic: topic.New(p), tokens: tokens, client: limit.New(limit.Rate{}, 0, nil).Client}}
	clock := now
	s.commands.now = func() time.Time { return clock }
	return commandServer{checked(t, s), tokens, srv, &clock}
}

// send sends a request of the author of a review.
func (d commandServer) send(method, id, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/v1/products/"+butter+"/reviews/"+id, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/merge-patch+json")
	r.Header.Set("Author-Token", d.tokens.Token(butter, id))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

// published returns the published messages.
func (d commandServer) published(t testing.TB) (all []wire.Message) {
	t.Helper()
	for _, m := range d.topic.Messages() {
		got, err := wire.Decode(m.Data, m.Attributes)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, got)
	}
	return all
}

// pointers returns the pointers of the errors in a problem.
func pointers(t testing.TB, w *httptest.ResponseRecorder) (all []string) {
	t.Helper()
	var p problem.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Header().Get("Content-Type") != problem.ContentType {
		t.Errorf("%d %s is not a problem document", w.Code, w.Body)
	}
	for _, f := range p.Errors {
		all = append(all, f.Pointer)
	}
	return all
}

func TestEditIsPublished(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		before := wire.Review{Product: butter, Rating: 5, Text: "최고 💜", Author: "아미", Locale: "ko", Photos: []string{aPhoto}, SubmittedAt: noon}
		for name, tc := range map[string]struct {
			patch string
			want  func(*wire.Review)
		}{
			"from 5 to 1":                   {`{"rating":1}`, func(r *wire.Review) { r.Rating = 1 }},
			"text in Korean and an emoji":   {`{"text":"` + norm.NFD.String("실망") + ` 😢\u0000\n"}`, func(r *wire.Review) { r.Text = "실망 😢" }},
			"no text, no author, no photos": {`{"text":null,"author":null,"photos":[]}`, func(r *wire.Review) { r.Text, r.Author, r.Photos = "", "", nil }},
		} {
			t.Run(name, func(t *testing.T) {
				d := newCommandServer(t, db, noon.Add(time.Hour))
				id := uuid.NewString()
				addReview(t, db, id, map[string]any{"Photos": before.Photos})
				w := d.send(http.MethodPatch, id, tc.patch)
				want := before
				tc.want(&want)
				want.ID, want.EditedAt = id, noon.Add(time.Hour)
				if diff := cmp.Diff([]wire.Message{want}, d.published(t)); diff != "" {
					t.Error(diff)
				}
				body := `{"id":"` + id + `","status_url":"/v1/products/` + butter + `/reviews/` + id + `","edited_at":"2026-11-20T13:00:00.123456Z"}`
				if w.Code != http.StatusAccepted || strings.TrimSpace(w.Body.String()) != body {
					t.Errorf("%d %s, want 202 %s", w.Code, w.Body, body)
				}
			})
		}
	})
}

func TestEditHasAHigherRevisionDespiteASlowClock(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	slow := noon.Add(-time.Hour)
	for name, tc := range map[string]struct {
		row  map[string]any
		want time.Time
	}{
		"submitted, stored without a revision": {nil, noon.Add(time.Microsecond)},
		"submitted":                            {map[string]any{"Revision": noon.UnixMicro()}, noon.Add(time.Microsecond)},
		"edited": {
			map[string]any{"Revision": noon.Add(time.Minute).UnixMicro(), "EditedAt": noon.Add(time.Minute)}, noon.Add(time.Minute + time.Microsecond),
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newCommandServer(t, db, slow)
			id := uuid.NewString()
			addReview(t, db, id, tc.row)
			if w := d.send(http.MethodPatch, id, `{"rating":2}`, "Content-Type", "application/json"); w.Code != http.StatusAccepted {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			r := d.published(t)[0].(wire.Review)
			if want := tc.want.UnixMicro(); r.Revision() != want {
				t.Errorf("revision %d, want %d", r.Revision(), want)
			}
		})
	}
}

func TestEditWithoutEffectPublishesNothing(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newCommandServer(t, db, noon)
	id := uuid.NewString()
	addReview(t, db, id, nil)
	for _, patch := range []string{`{}`, `{"rating":5,"text":" 최고 💜 ","photos":[]}`} {
		if w := d.send(http.MethodPatch, id, patch); w.Code != http.StatusAccepted || !strings.Contains(w.Body.String(), `"edited_at":null`) {
			t.Errorf("%s: %d %s, want 202 and edited_at null", patch, w.Code, w.Body)
		}
	}
	if got := d.published(t); len(got) > 0 {
		t.Errorf("published %+v", got)
	}
}

func TestInvalidEditIsRejectedWithAPointer(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newCommandServer(t, db, noon)
	id := uuid.NewString()
	addReview(t, db, id, nil)
	for body, want := range map[string][]string{
		`{"rating":0}`: {"#/rating"}, `{"rating":null}`: {"#/rating"}, `{"rating":"5"}`: {"#/rating"}, `{"rating":4.5}`: {"#/rating"},
		`{"text":7}`: {"#/text"}, `{"text":"` + strings.Repeat("가", 5001) + `"}`: {"#/text"},
		`{"author":"` + strings.Repeat("가", 81) + `","photos":["products/x.jpg"]}`: {"#/photos/0", "#/author"},
		`{"photos":["` + aPhoto + `","` + aPhoto + `"]}`:                           {"#/photos"},
		`{"locale":"not a locale"}`:                                                {"#/locale"}, `{"status":"published"}`: {"#/status"}, `{"score":1}`: {"#/score"},
	} {
		w := d.send(http.MethodPatch, id, body)
		if got := pointers(t, w); w.Code != http.StatusUnprocessableEntity || !cmp.Equal(want, got) {
			t.Errorf("%.60s: %d %s, want 422 with %v", body, w.Code, w.Body, want)
		}
	}
	for body, want := range map[string]int{`{"rating":1,"rating":2}`: 400, `{`: 400, ``: 400, `[]`: 422, `{"text":"` + strings.Repeat("a", requestbody.MaxBytes) + `"}`: 413} {
		if w := d.send(http.MethodPatch, id, body); w.Code != want {
			t.Errorf("%.60s: %d %s, want %d", body, w.Code, w.Body, want)
		}
	}
	if got := d.published(t); len(got) > 0 {
		t.Errorf("published %+v", got)
	}
}

func TestOnlyTheAuthorChangesAReview(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newCommandServer(t, db, noon)
	id := uuid.NewString()
	addReview(t, db, id, nil)
	right := d.tokens.Token(butter, id)
	for name, token := range map[string]string{
		"no token": "", "token of another review": d.tokens.Token(butter, uuid.NewString()), "token of another product": d.tokens.Token("b", id),
		"token in upper case": strings.ToUpper(right), "part of the token": right[:40], "Korean": "토큰", "NUL": "\x00",
	} {
		for method, body := range map[string]string{http.MethodPatch: `{"rating":1}`, http.MethodDelete: ""} {
			if w := d.send(method, id, body, "Author-Token", token); w.Code != http.StatusForbidden {
				t.Errorf("%s with %s: %d %s, want 403", method, name, w.Code, w.Body)
			}
			// The response does not reveal whether a review exists.
			if w := d.send(method, uuid.NewString(), body, "Author-Token", right); w.Code != http.StatusForbidden {
				t.Errorf("%s of an unknown review: %d %s, want 403", method, w.Code, w.Body)
			}
		}
	}
	if got := d.published(t); len(got) > 0 {
		t.Errorf("published %+v", got)
	}
}

func TestEditOfAMissingReviewIsRejected(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newCommandServer(t, db, noon)
	w := d.send(http.MethodPatch, uuid.NewString(), `{"rating":1}`)
	if w.Code != http.StatusConflict || w.Header().Get("Retry-After") != "1" {
		t.Errorf("review that is not stored yet: %d %v %s, want 409 with Retry-After", w.Code, w.Header(), w.Body)
	}
	deleted := uuid.NewString()
	apply(t, db, spanner.Insert("Erased", []string{"Product", "Review", "ErasedAt"}, []any{butter, deleted, spanner.CommitTimestamp}))
	if w := d.send(http.MethodPatch, deleted, `{"rating":1}`); w.Code != http.StatusGone {
		t.Errorf("deleted review: %d %s, want 410", w.Code, w.Body)
	}
}

func TestOnlyTheAuthorLearnsOfADeletion(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newCommandServer(t, db, noon)
	deleted, unstored := uuid.NewString(), uuid.NewString()
	apply(t, db, spanner.Insert("Erased", []string{"Product", "Review", "ErasedAt"}, []any{butter, deleted, spanner.CommitTimestamp}))
	for name, tc := range map[string]struct {
		id, token string
		want      int
	}{
		"author": {deleted, d.tokens.Token(butter, deleted), 410}, "no token": {deleted, "", 404}, "another author": {deleted, d.tokens.Token(butter, uuid.NewString()), 404},
		"author of a review that is not stored yet": {unstored, d.tokens.Token(butter, unstored), 404},
	} {
		w := d.send(http.MethodGet, tc.id, "", "Author-Token", tc.token)
		if w.Code != tc.want || (w.Header().Get("Retry-After") != "") != (tc.want == 404) {
			t.Errorf("%s: %d %v, want %d", name, w.Code, w.Header(), tc.want)
		}
	}
}

func TestDeletionMayBeRepeated(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newCommandServer(t, db, noon)
	id := uuid.NewString() // not stored yet
	for range 2 {
		w := d.send(http.MethodDelete, id, "")
		body := `{"id":"` + id + `","status_url":"/v1/products/` + butter + `/reviews/` + id + `"}`
		if w.Code != http.StatusAccepted || strings.TrimSpace(w.Body.String()) != body {
			t.Errorf("%d %s, want 202 %s", w.Code, w.Body, body)
		}
	}
	want := wire.Erasure{Key: wire.Key{Product: butter, Review: id}}
	if diff := cmp.Diff([]wire.Message{want, want}, d.published(t)); diff != "" {
		t.Error(diff)
	}
}

// vote votes a review helpful, with a visitor cookie unless it is empty.
func (d commandServer) vote(id, cookie string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/v1/products/"+butter+"/reviews/"+id+"/helpful", nil)
	if cookie != "" {
		r.Header.Set("Cookie", visitorCookie+"="+cookie)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func TestPagesOfOtherOriginsCannotChangeReviews(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newCommandServer(t, db, noon)
	id := uuid.NewString()
	addReview(t, db, id, nil)
	path := "/v1/products/" + butter + "/reviews/" + id
	for _, tc := range []struct {
		name, site, origin string
		allowed            bool
	}{
		{"curl", "", "", true},
		{"same origin", "same-origin", "http://example.com", true},
		{"same origin of an old browser", "", "http://example.com", true},
		{"other site", "cross-site", "https://evil.example", false},
		{"other host of the site", "same-site", "http://blog.example.com", false},
		{"other site in an old browser", "", "https://evil.example", false},
	} {
		for _, request := range []struct{ method, path, body string }{
			{http.MethodPost, path + "/helpful", ""}, {http.MethodPatch, path, `{"rating":1}`}, {http.MethodDelete, path, ""},
		} {
			before := len(d.topic.Messages())
			r := httptest.NewRequest(request.method, request.path, strings.NewReader(request.body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Author-Token", d.tokens.Token(butter, id))
			if tc.site != "" {
				r.Header.Set("Sec-Fetch-Site", tc.site)
			}
			if tc.origin != "" {
				r.Header.Set("Origin", tc.origin)
			}
			w := httptest.NewRecorder()
			d.ServeHTTP(w, r)
			want := map[bool]int{true: http.StatusAccepted, false: http.StatusForbidden}[tc.allowed]
			if published := len(d.topic.Messages()) > before; w.Code != want || published != tc.allowed {
				t.Errorf("%s, %s: %d %s, published: %v, want %d", tc.name, request.method, w.Code, w.Body, published, want)
			}
		}
	}
}

func TestEditNeedsADocumentedContentType(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newCommandServer(t, db, noon)
	id := uuid.NewString()
	addReview(t, db, id, nil)
	for contentType, want := range map[string]int{
		"application/merge-patch+json": 202, "application/json": 202, "": 415, "text/plain": 415, "application/x-www-form-urlencoded": 415, "a/b+json": 415,
	} {
		if w := d.send(http.MethodPatch, id, `{"rating":1}`, "Content-Type", contentType); w.Code != want {
			t.Errorf("edit with Content-Type %q: %d %s, want %d", contentType, w.Code, w.Body, want)
		}
	}
}

func TestOnlyPublishedReviewsTakeVotes(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newCommandServer(t, db, noon)
	held := uuid.NewString()
	addReview(t, db, held, map[string]any{"Status": "held"})
	for name, id := range map[string]string{"held": held, "unknown": uuid.NewString()} {
		if w := d.vote(id, ""); w.Code != http.StatusNotFound || len(w.Result().Cookies()) != 0 {
			t.Errorf("%s: %d %v, want 404 and no cookie", name, w.Code, w.Header())
		}
	}
	if got := d.published(t); len(got) > 0 {
		t.Errorf("published %+v", got)
	}
}

func TestVoteIsForTheRevisionThatTheVisitorSaw(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newCommandServer(t, db, noon)
	edited, old := uuid.NewString(), uuid.NewString()
	revision := noon.Add(time.Minute).UnixMicro()
	addReview(t, db, edited, map[string]any{"EditedAt": noon.Add(time.Minute), "Revision": revision})
	addReview(t, db, old, nil) // a row from before revisions
	for _, tc := range []struct {
		id, query string
		status    int
		revision  int64 // of the vote
	}{
		{edited, "", 202, revision},
		{edited, fmt.Sprint("?revision=", revision), 202, revision},
		{edited, fmt.Sprint("?revision=", revision-1), 409, 0},
		{edited, fmt.Sprint("?revision=", revision+1), 409, 0},
		{old, fmt.Sprint("?revision=", noon.UnixMicro()), 202, noon.UnixMicro()},
		{old, "?revision=0", 422, 0},
	} {
		before := len(d.published(t))
		r := httptest.NewRequest(http.MethodPost, "/v1/products/"+butter+"/reviews/"+tc.id+"/helpful"+tc.query, nil)
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		votes := d.published(t)[before:]
		if w.Code != tc.status || len(votes) != int(min(1, tc.revision)) || len(votes) == 1 && votes[0].(wire.Vote).Revision != tc.revision {
			t.Errorf("%s: %d %s, votes %+v, want %d and a vote for %d", tc.query, w.Code, w.Body, votes, tc.status, tc.revision)
		}
	}
	var got struct{ Revision int64 }
	if err := json.Unmarshal(d.send(http.MethodGet, edited, "").Body.Bytes(), &got); err != nil || got.Revision != revision {
		t.Errorf("the API shows revision %d, want %d: %v", got.Revision, revision, err)
	}
}

func TestOutageIsAnsweredWithRetryAfter(t *testing.T) {
	db, srv := spannerdbtest.New(t)
	id := uuid.NewString()
	addReview(t, db, id, nil)
	down := newCommandServer(t, db, noon, pstest.WithErrorInjection("Publish", codes.PermissionDenied, "injected"))
	requests := map[string]func(d commandServer) *httptest.ResponseRecorder{
		"edit":    func(d commandServer) *httptest.ResponseRecorder { return d.send(http.MethodPatch, id, `{"rating":1}`) },
		"delete":  func(d commandServer) *httptest.ResponseRecorder { return d.send(http.MethodDelete, id, "") },
		"helpful": func(d commandServer) *httptest.ResponseRecorder { return d.vote(id, "") },
		"report":  func(d commandServer) *httptest.ResponseRecorder { return d.send(http.MethodPost, id+"/report", "") },
	}
	for name, request := range requests {
		if w := request(down); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "injected") {
			t.Errorf("%s while Pub/Sub is down: %d %v %s, want 503", name, w.Code, w.Header(), w.Body)
		}
	}
	up := newCommandServer(t, db, noon)
	srv.Fail(status.Error(codes.ResourceExhausted, "injected"))
	for _, name := range []string{"edit", "helpful", "report"} {
		if w := requests[name](up); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s while Spanner is down: %d %v %s, want 503", name, w.Code, w.Header(), w.Body)
		}
	}
}
