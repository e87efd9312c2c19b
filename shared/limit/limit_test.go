package limit_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hybrid-bts/functions/shared/limit"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// limited returns a handler that answers 202, or 429 beyond the limit, and its clock.
func limited(r limit.Rate, hops int) (http.Handler, *time.Time) {
	now := noon
	l := limit.New(r, hops, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) })
	l.Now = func() time.Time { return now }
	return l.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })), &now
}

func send(h http.Handler, method, remote string, forwarded ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	r.RemoteAddr = remote
	r.Header["X-Forwarded-For"] = forwarded
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRequestBeyondTheLimitGets429WithRetryAfter(t *testing.T) {
	h, now := limited(limit.Rate{Requests: 3, Per: time.Minute}, 0)
	for i, want := range []string{`"changes";r=2;t=20`, `"changes";r=1;t=40`, `"changes";r=0;t=60`} {
		w := send(h, http.MethodPost, "192.0.2.1:5")
		if w.Code != http.StatusAccepted || w.Header().Get("RateLimit") != want || w.Header().Get("RateLimit-Policy") != `"changes";q=3;w=60` || w.Header().Get("Retry-After") != "" {
			t.Errorf("request %d: %d %v, want RateLimit %s", i, w.Code, w.Header(), want)
		}
	}
	w := send(h, http.MethodDelete, "192.0.2.1:6")
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "20" {
		t.Errorf("fourth request: %d %v, want 429 and Retry-After 20", w.Code, w.Header())
	}
	if w := send(h, http.MethodPatch, "192.0.2.2:5"); w.Code != http.StatusAccepted {
		t.Errorf("another client: %d", w.Code)
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
		if w := send(h, method, "192.0.2.1:5"); w.Code != http.StatusAccepted || w.Header().Get("RateLimit") != "" {
			t.Errorf("%s: %d %v, want no limit", method, w.Code, w.Header())
		}
	}
	*now = noon.Add(19 * time.Second)
	if w := send(h, http.MethodPost, "192.0.2.1:5"); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" {
		t.Errorf("one second too early: %d %v", w.Code, w.Header())
	}
	*now = noon.Add(20 * time.Second)
	if w := send(h, http.MethodPost, "192.0.2.1:5"); w.Code != http.StatusAccepted {
		t.Errorf("after Retry-After: %d", w.Code)
	}
}

func TestClientIsTheAddressThatTheLoadBalancerAppended(t *testing.T) {
	for _, tc := range []struct {
		name       string
		hops       int
		one, other []string // X-Forwarded-For
		same       bool
	}{
		{"behind a load balancer", 2, []string{"192.0.2.1, 203.0.113.9"}, []string{"192.0.2.1,203.0.113.9"}, true},
		{"a forged address does not count", 2, []string{"1.1.1.1, 192.0.2.1, 203.0.113.9"}, []string{"2.2.2.2, 192.0.2.1, 203.0.113.9"}, true},
		{"nor in a header line of its own", 2, []string{"1.1.1.1", "192.0.2.1, 203.0.113.9"}, []string{"192.0.2.1, 203.0.113.9"}, true},
		{"another client with a forged first address", 2, []string{"192.0.2.1, 192.0.2.2, 203.0.113.9"}, []string{"192.0.2.1, 203.0.113.9"}, false},
		{"one proxy", 1, []string{"1.1.1.1, 192.0.2.1"}, []string{"192.0.2.1"}, true},
		{"no proxy", 0, []string{"1.1.1.1"}, []string{"2.2.2.2"}, true},
		{"two addresses in one /64 network", 1, []string{"2001:db8:0:1::1"}, []string{"2001:db8:0:1:ffff::2"}, true},
		{"two /64 networks", 1, []string{"2001:db8:0:1::1"}, []string{"2001:db8:0:2::1"}, false},
		{"IPv4-mapped IPv6", 1, []string{"::ffff:192.0.2.1"}, []string{"192.0.2.1"}, true},
		{"with a port", 1, []string{"192.0.2.1:443"}, []string{"192.0.2.1"}, true},
		{"requests without a readable address are one client", 2, []string{"192.0.2.1"}, []string{"nonsense, 203.0.113.9"}, true},
		{"and differ from a readable address", 2, []string{"192.0.2.1"}, []string{"192.0.2.1, 203.0.113.9"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, _ := limited(limit.Rate{Requests: 1, Per: time.Minute}, tc.hops)
			send(h, http.MethodPost, "198.51.100.1:1", tc.one...)
			if got := send(h, http.MethodPost, "198.51.100.1:2", tc.other...).Code == http.StatusTooManyRequests; got != tc.same {
				t.Errorf("same client: %v, want %v", got, tc.same)
			}
		})
	}
}

func TestConcurrentRequestsAreAllCounted(t *testing.T) {
	h, _ := limited(limit.Rate{Requests: 50, Per: time.Hour}, 0)
	var accepted atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 10 {
				if send(h, http.MethodPost, "192.0.2.1:1").Code == http.StatusAccepted {
					accepted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if accepted.Load() != 50 {
		t.Errorf("%d requests accepted, want 50", accepted.Load())
	}
}

func ExampleParseRate() {
	fmt.Println(limit.ParseRate("30/1m"))
	fmt.Println(limit.ParseRate("off"))
	_, err := limit.ParseRate("30/500ms")
	fmt.Println(err)
	// Output:
	// {30 1m0s} <nil>
	// {0 0s} <nil>
	// read rate "30/500ms": want REQUESTS/DURATION, 1 or more in whole seconds
}

func TestParseRateRejectsOtherTexts(t *testing.T) {
	for _, s := range []string{"", "30", "30/", "/1m", "0/1m", "-1/1m", "x/1m", "1/-1m", "1/1m/1m", "OFF"} {
		if r, err := limit.ParseRate(s); err == nil {
			t.Errorf("ParseRate(%q) = %v, want an error", s, r)
		}
	}
}

func TestZeroRateDoesNotLimit(t *testing.T) {
	h, _ := limited(limit.Rate{}, 0)
	for range 100 {
		if w := send(h, http.MethodPost, "192.0.2.1:1"); w.Code != http.StatusAccepted || w.Header().Get("RateLimit") != "" {
			t.Fatalf("without a limit: %d %v", w.Code, w.Header())
		}
	}
}

func FuzzClient(f *testing.F) {
	f.Add("192.0.2.1, 203.0.113.9", "[::1%lo]:1", 2)
	f.Add(",,,", "", 4)
	f.Fuzz(func(t *testing.T, forwarded, remote string, hops int) {
		h, _ := limited(limit.Rate{Requests: 1, Per: time.Minute}, max(0, hops))
		send(h, http.MethodPost, remote, forwarded)
		if w := send(h, http.MethodPost, remote, forwarded); w.Code != http.StatusTooManyRequests {
			t.Errorf("two requests with %q from %q count as two clients", forwarded, remote)
		}
	})
}

func FuzzParseRate(f *testing.F) {
	for _, s := range []string{"off", "30/1m", "1/1s", "0/1m", "1/1.5s", "-1/1m", "9223372036854775807/2562047h", "1/", "/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := limit.ParseRate(s)
		if err != nil || r == (limit.Rate{}) {
			return
		}
		if r.Requests < 1 || r.Per < time.Second || r.Per%time.Second != 0 {
			t.Fatalf("ParseRate(%q) = %v", s, r)
		}
		h, _ := limited(r, 0)
		w := send(h, http.MethodPost, "192.0.2.1:1")
		if w.Code != http.StatusAccepted {
			t.Errorf("the first request at the rate %q: %d", s, w.Code)
		}
		if again, err := limit.ParseRate(fmt.Sprintf("%d/%v", r.Requests, r.Per)); err != nil || again != r {
			t.Errorf("%q became %v, then %v: %v", s, r, again, err)
		}
	})
}
