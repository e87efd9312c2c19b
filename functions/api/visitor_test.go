package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/authortoken"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/limit"
	"github.com/hybrid-bts/functions/shared/problem"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// identify requests the cookie of a visitor, as a browser that has the given one.
func (d commandServer) identify(t testing.TB, has, proto string) *http.Cookie {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, visitorPath, nil)
	if has != "" {
		r.AddCookie(&http.Cookie{Name: visitorCookie, Value: has})
	}
	r.Header.Set("X-Forwarded-Proto", proto)
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if w.Code != http.StatusNoContent || w.Header().Get("Cache-Control") != cacheNoStore {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	cookies := w.Result().Cookies()
	if len(cookies) == 0 {
		return nil
	}
	return cookies[0]
}

// voters returns the number of different voters in the published votes.
func (d commandServer) voters(t testing.TB) int {
	t.Helper()
	voters := map[string]bool{}
	for _, m := range d.published(t) {
		voters[m.(wire.Vote).Visitor] = true
	}
	return len(voters)
}

func TestVotesWithoutACookieCountOnceForANetworkAndDay(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newCommandServer(t, db, noon)
	one, two := uuid.NewString(), uuid.NewString()
	addReview(t, db, one, nil)
	addReview(t, db, two, nil)
	for range 20 {
		if w := d.vote(one, ""); w.Code != http.StatusAccepted || len(w.Result().Cookies()) != 0 {
			t.Fatalf("%d %v", w.Code, w.Header())
		}
	}
	d.vote(one, strings.Repeat("a", 22)) // of a release that took any cookie
	d.vote(one, "\x00 invalid")
	if n := d.voters(t); n != 1 {
		t.Errorf("20 votes without a cookie and 2 with an invented one are of %d voters, want 1", n)
	}
	d.vote(two, "")
	if n := d.voters(t); n != 2 {
		t.Errorf("%d voters after a vote for another review, want 2: IDs must not reveal votes for both", n)
	}
	*d.clock = d.clock.Add(24 * time.Hour)
	d.vote(one, "")
	if n := d.voters(t); n != 3 {
		t.Errorf("%d voters on the next day, want 3", n)
	}
	r := httptest.NewRequest(http.MethodPost, "/v1/products/"+butter+"/reviews/"+one+"/helpful", nil)
	r.RemoteAddr = "198.51.100.7:1234"
	d.ServeHTTP(httptest.NewRecorder(), r)
	if n := d.voters(t); n != 4 {
		t.Errorf("%d voters after a vote from another network, want 4", n)
	}
}

func TestCookieOfTheShopIdentifiesAVisitor(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newCommandServer(t, db, noon)
	one, two := uuid.NewString(), uuid.NewString()
	addReview(t, db, one, nil)
	addReview(t, db, two, nil)
	c, other := d.identify(t, "", "https"), d.identify(t, "invented", "http")
	if c == nil || other == nil || c.Value == other.Value || !c.HttpOnly || !c.Secure || other.Secure || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 31536000 || c.Path != "/" {
		t.Fatalf("cookies %+v and %+v", c, other)
	}
	if again := d.identify(t, c.Value, "https"); again != nil {
		t.Errorf("a visitor with a cookie gets another one: %+v", again)
	}
	d.vote(one, c.Value)
	d.vote(one, other.Value)
	if n := d.voters(t); n != 1 {
		t.Errorf("votes with cookies of the same moment are of %d voters, want 1: a program fetched them", n)
	}
	*d.clock = noon.Add(visitorMinAge)
	d.vote(one, c.Value)
	d.vote(one, c.Value)
	if n := d.voters(t); n != 2 {
		t.Errorf("%d voters, want the visitor to have an ID of its own", n)
	}
	d.vote(one, other.Value)
	d.vote(two, c.Value)
	if n := d.voters(t); n != 4 {
		t.Errorf("%d voters, want another ID for another visitor and for another review", n)
	}
	for name, forged := range map[string]string{"time": forge(c.Value, 26), "visitor": forge(c.Value, 3), "signature": forge(c.Value, 40), "cut": c.Value[:len(c.Value)-1], "longer": c.Value + "A"} {
		d.vote(one, forged)
		if n := d.voters(t); n != 4 {
			t.Errorf("a cookie with a forged %s counts as a visitor of its own", name)
		}
	}
	*d.clock = noon.Add(visitorAge)
	if d.identify(t, c.Value, "https") == nil {
		t.Error("an expired cookie is not replaced")
	}
}

// forge changes one character of a cookie.
func forge(value string, at int) string {
	b := []byte(value)
	b[at] ^= 1
	return string(b)
}

func TestOneClientGetsFewVisitorCookies(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	tokens, err := authortoken.ParseKeyRing("no secret in a test")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{
		store:    spannerStore{db: db},
		commands: &commands{revisions: spannerStore{db: db}, tokens: tokens, now: time.Now}, visitors: limit.New(visitorRate, 0, problem.TooMany),
	}
	h := checked(t, s)
	request := func(path string) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, nil))
		return w.Code
	}
	for i := range visitorRate.Requests + 1 {
		want := http.StatusNoContent
		if i == visitorRate.Requests {
			want = http.StatusTooManyRequests
		}
		if got := request(visitorPath); got != want {
			t.Errorf("request %d for a cookie: %d, want %d", i+1, got, want)
		}
	}
	if got := request("/v1/products/" + butter + "/reviews/" + uuid.NewString() + "/helpful"); got == http.StatusTooManyRequests {
		t.Error("the limit of cookies limits votes too")
	}
}
