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

// limited returns a handler that answers 202, or 429 when it is too many, and a clock to set.
func limited(r limit.Rate, hops int) (http.Handler, *time.Time) {
	now := noon
	l := limit.New(r, hops, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) })
	l.Now = func() time.Time { return now }
	return l.Changes(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })), &now
}

func send(h http.Handler, method, remote string, forwarded ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	r.RemoteAddr = remote
	r.Header["X-Forwarded-For"] = forwarded
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestOneTooManyIsToldWhenToComeAgain(t *testing.T) {
	h, now := limited(limit.Rate{Requests: 3, Per: time.Minute}, 0)
	for i, want := range []string{`"changes";r=2;t=20`, `"changes";r=1;t=40`, `"changes";r=0;t=60`} {
		w := send(h, http.MethodPost, "192.0.2.1:5")
		if w.Code != http.StatusAccepted || w.Header().Get("RateLimit") != want || w.Header().Get("RateLimit-Policy") != `"changes";q=3;w=60` || w.Header().Get("Retry-After") != "" {
			t.Errorf("request %d: %d %v, want RateLimit %s", i, w.Code, w.Header(), want)
		}
	}
	w := send(h, http.MethodDelete, "192.0.2.1:6")
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "20" {
		t.Errorf("the fourth: %d %v, want 429 and to wait for 20 s", w.Code, w.Header())
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
		t.Errorf("a second before it is time: %d %v", w.Code, w.Header())
	}
	*now = noon.Add(20 * time.Second)
	if w := send(h, http.MethodPost, "192.0.2.1:5"); w.Code != http.StatusAccepted {
		t.Errorf("when it is time: %d", w.Code)
	}
}

func TestAClientIsWhoTheLoadBalancerSaw(t *testing.T) {
	for _, tc := range []struct {
		name       string
		hops       int
		one, other []string // X-Forwarded-For
		same       bool
	}{
		{"behind a load balancer", 2, []string{"192.0.2.1, 203.0.113.9"}, []string{"192.0.2.1,203.0.113.9"}, true},
		{"what the client made up does not count", 2, []string{"1.1.1.1, 192.0.2.1, 203.0.113.9"}, []string{"2.2.2.2, 192.0.2.1, 203.0.113.9"}, true},
		{"nor in a header of its own", 2, []string{"1.1.1.1", "192.0.2.1, 203.0.113.9"}, []string{"192.0.2.1, 203.0.113.9"}, true},
		{"another client that says it is the first", 2, []string{"192.0.2.1, 192.0.2.2, 203.0.113.9"}, []string{"192.0.2.1, 203.0.113.9"}, false},
		{"one proxy", 1, []string{"1.1.1.1, 192.0.2.1"}, []string{"192.0.2.1"}, true},
		{"no proxy", 0, []string{"1.1.1.1"}, []string{"2.2.2.2"}, true},
		{"one customer's network", 1, []string{"2001:db8:0:1::1"}, []string{"2001:db8:0:1:ffff::2"}, true},
		{"two customers' networks", 1, []string{"2001:db8:0:1::1"}, []string{"2001:db8:0:2::1"}, false},
		{"IPv4 written as IPv6", 1, []string{"::ffff:192.0.2.1"}, []string{"192.0.2.1"}, true},
		{"with a port", 1, []string{"192.0.2.1:443"}, []string{"192.0.2.1"}, true},
		{"what cannot be told is one client", 2, []string{"192.0.2.1"}, []string{"nonsense, 203.0.113.9"}, true},
		{"and no other", 2, []string{"192.0.2.1"}, []string{"192.0.2.1, 203.0.113.9"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, _ := limited(limit.Rate{Requests: 1, Per: time.Minute}, tc.hops)
			send(h, http.MethodPost, "198.51.100.1:1", tc.one...)
			if got := send(h, http.MethodPost, "198.51.100.1:2", tc.other...).Code == http.StatusTooManyRequests; got != tc.same {
				t.Errorf("taken for the same client: %v", got)
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
		t.Errorf("%d are accepted, want 50", accepted.Load())
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
	// rate "30/500ms" is not a number of requests in whole seconds
}

func TestParseRateRefuses(t *testing.T) {
	for _, s := range []string{"", "30", "30/", "/1m", "0/1m", "-1/1m", "x/1m", "1/-1m", "1/1m/1m", "OFF"} {
		if r, err := limit.ParseRate(s); err == nil {
			t.Errorf("ParseRate(%q) = %v, want an error", s, r)
		}
	}
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
			t.Errorf("%q from %q is not the same client the second time", forwarded, remote)
		}
	})
}
