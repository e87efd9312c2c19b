package main

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/limit"
	"github.com/hybrid-bts/functions/shared/problem"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// reportFrom reports a review from an address.
func reportFrom(h http.Handler, id, address string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/v1/products/"+butter+"/reviews/"+id+"/report", nil)
	r.RemoteAddr = address
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestReportNamesItsClientWithoutItsAddress(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newCommandServer(t, db, noon)
	one, two := uuid.NewString(), uuid.NewString()
	addReview(t, db, one, nil)
	addReview(t, db, two, map[string]any{"Revision": int64(7)})
	const a, sameNetwork, b = "[2001:db8::1]:1", "[2001:db8::ffff]:2", "192.0.2.7:3"
	for _, tc := range []struct{ id, address string }{{one, a}, {one, sameNetwork}, {one, b}, {two, a}} {
		w := reportFrom(d, tc.id, tc.address)
		body := `{"id":"` + tc.id + `","status_url":"/v1/products/` + butter + `/reviews/` + tc.id + `"}`
		if w.Code != http.StatusAccepted || strings.TrimSpace(w.Body.String()) != body {
			t.Fatalf("%d %s, want 202 %s", w.Code, w.Body, body)
		}
	}
	var reporters []string
	for i, m := range d.published(t) {
		r, ok := m.(wire.Report)
		if !ok || !r.At.Equal(noon) {
			t.Fatalf("published %+v", m)
		}
		if !regexp.MustCompile(wire.VisitorPattern).MatchString(r.Reporter) {
			t.Errorf("reporter %q", r.Reporter)
		}
		if i == 3 && r.Revision != 7 {
			t.Errorf("revision %d, want 7", r.Revision)
		}
		reporters = append(reporters, r.Reporter)
	}
	if len(reporters) != 4 || reporters[0] != reporters[1] || reporters[0] == reporters[2] || reporters[0] == reporters[3] {
		t.Errorf("one network has one pseudonym for a review and another one for another: %q", reporters)
	}
	if other := newCommandServer(t, db, noon).published(t); len(other) > 0 {
		t.Error("topics are shared")
	}
}

func TestPseudonymChangesWithTheRevision(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newCommandServer(t, db, noon)
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	k := wire.Key{Product: butter, Review: uuid.NewString()}
	c := commands{tokens: d.tokens, client: limit.New(limit.Rate{}, 0, nil).Client}
	if a, b := c.reporter(r, k, 1), c.reporter(r, k, 2); a == b {
		t.Errorf("both are %q", a)
	}
	if diff := cmp.Diff(c.reporter(r, k, 1), c.reporter(r, k, 1)); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyPublishedReviewsTakeReports(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newCommandServer(t, db, noon)
	held := uuid.NewString()
	addReview(t, db, held, map[string]any{"Status": "held"})
	for name, id := range map[string]string{"held": held, "unknown": uuid.NewString()} {
		if w := reportFrom(d, id, "192.0.2.7:3"); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d %s, want 404", name, w.Code, w.Body)
		}
	}
	if got := d.published(t); len(got) > 0 {
		t.Errorf("published %+v", got)
	}
}

func TestReportsOfAClientAreLimited(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	store := spannerStore{db: db}
	reports := limit.New(reportRate, 0, problem.TooMany)
	now := noon
	reports.Now = func() time.Time { return now }
	h := newShop(t, &server{store: store, commands: &commands{revisions: store, client: reports.Client, now: time.Now}, reports: reports})
	post := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, path, nil)
		r.RemoteAddr = "192.0.2.7:3"
		h.ServeHTTP(w, r)
		return w
	}
	// Reports in the API and on a page count together.
	paths := []string{"/v1/products/" + butter + "/reviews/" + uuid.NewString() + "/report", "/ko/products/" + butter + "/reviews/" + uuid.NewString() + "/report"}
	for i := range reportRate.Requests {
		if w := post(paths[i%2]); w.Code != http.StatusNotFound {
			t.Fatalf("report %d: %d %s, want 404", i, w.Code, w.Body)
		}
	}
	for _, path := range paths {
		if w := post(path); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %v, want 429", path, w.Code, w.Header())
		}
	}
	if w := post("/v1/products/" + butter + "/reviews/" + uuid.NewString() + "/helpful"); w.Code != http.StatusNotFound {
		t.Errorf("vote after the reports: %d, want 404", w.Code)
	}
	now = now.Add(time.Hour)
	if w := post(paths[0]); w.Code != http.StatusNotFound {
		t.Errorf("an hour later: %d, want 404", w.Code)
	}
}
