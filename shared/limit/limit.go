// Package limit is the rate limiter of requests that change something.
//
// Each instance counts on its own, so a client may send up to the limit to each of them. The purpose is that one client
// cannot fill the shop with reviews. Cloud Armor at the load balancer protects the instances themselves.
package limit

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Rate is a number of requests of one client in a period. The zero Rate does not limit.
type Rate struct {
	Requests int
	Per      time.Duration // whole seconds
}

// Default is the rate of a function whose variable RATE_LIMIT is not set. Callers do not change it.
var Default = Rate{Requests: 30, Per: time.Minute}

// RateForm describes the input of ParseRate.
const RateForm = "a rate such as 30/1m, or off"

// ParseRate returns the rate of a text such as "30/1m" (30 requests in one minute), or the zero Rate for "off". The period
// is a positive number of whole seconds in the format of time.ParseDuration.
func ParseRate(s string) (Rate, error) {
	if s == "off" {
		return Rate{}, nil
	}
	requests, per, _ := strings.Cut(s, "/")
	n, err := strconv.Atoi(requests)
	d, durationErr := time.ParseDuration(per)
	if err = errors.Join(err, durationErr); err != nil {
		return Rate{}, fmt.Errorf("read rate %q: %w", s, err)
	}
	if n < 1 || d < time.Second || d != d.Truncate(time.Second) {
		return Rate{}, fmt.Errorf("read rate %q: want REQUESTS/DURATION, 1 or more in whole seconds", s)
	}
	return Rate{n, d}, nil
}

// maxClients is the number of clients that a Limiter remembers, about 20 MB. It forgets the client with the oldest request
// first.
const maxClients = 100_000

// Limiter limits the requests of each client with a token bucket that starts full.
type Limiter struct {
	Now func() time.Time // the clock; tests replace it before the first request

	rate    Rate
	hops    int
	reject  http.HandlerFunc
	buckets *lru.Cache[netip.Prefix, *rate.Limiter]
}

// New returns a Limiter with a full bucket for each client. hops is the number of addresses that our own proxies append
// to X-Forwarded-For. The first of them is the address of the client; a client can forge those before it. With 0 hops the
// client is the peer of the connection. reject answers requests beyond the limit; Retry-After is set when it runs.
func New(r Rate, hops int, reject http.HandlerFunc) *Limiter {
	buckets, err := lru.New[netip.Prefix, *rate.Limiter](maxClients)
	if err != nil {
		panic(err) // the size is positive
	}
	return &Limiter{Now: time.Now, rate: r, hops: hops, reject: reject, buckets: buckets}
}

// Middleware limits requests with methods other than GET, HEAD and OPTIONS. Responses to them have the header fields
// RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10) under the policy name "changes".
func (l *Limiter) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions:
			next.ServeHTTP(w, r)
			return
		}
		if l.rate.Requests == 0 {
			next.ServeHTTP(w, r)
			return
		}
		now := l.Now()
		bucket := l.bucket(l.Client(r))
		allowed := bucket.AllowN(now, 1)
		left := bucket.TokensAt(now)
		h := w.Header()
		h.Set("RateLimit-Policy", fmt.Sprintf(`"changes";q=%d;w=%d`, l.rate.Requests, int(l.rate.Per.Seconds())))
		h.Set("RateLimit", fmt.Sprintf(`"changes";r=%d;t=%d`, int(max(0, left)), l.seconds(float64(l.rate.Requests)-left)))
		if !allowed {
			h.Set("Retry-After", strconv.Itoa(l.seconds(1-left)))
			l.reject(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// seconds returns the time until the given number of tokens has refilled, rounded up, at least 1 s.
func (l *Limiter) seconds(tokens float64) int {
	return max(1, int(math.Ceil(tokens*l.rate.Per.Seconds()/float64(l.rate.Requests))))
}

func (l *Limiter) bucket(client netip.Prefix) *rate.Limiter {
	if b, ok := l.buckets.Get(client); ok {
		return b
	}
	b := rate.NewLimiter(rate.Every(l.rate.Per/time.Duration(l.rate.Requests)), l.rate.Requests)
	if before, ok, _ := l.buckets.PeekOrAdd(client, b); ok { // a concurrent request added it first
		return before
	}
	return b
}

// Client returns the client of a request: an IPv4 address, or the /64 network of an IPv6 address, which providers assign
// to one customer. All requests without a readable address count as one client, the zero Prefix.
func (l *Limiter) Client(r *http.Request) netip.Prefix {
	addr := r.RemoteAddr
	if l.hops > 0 {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		if len(hops) < l.hops {
			return netip.Prefix{}
		}
		addr = strings.TrimSpace(hops[len(hops)-l.hops])
	}
	if host, _, err := net.SplitHostPort(addr); err == nil {
		addr = host
	}
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return netip.Prefix{}
	}
	ip = ip.Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	return netip.PrefixFrom(ip, bits).Masked()
}
