// Package limit bounds how often one client may ask for a change.
//
// Each instance counts for itself: with four, a client gets up to four times as much. It is there so that
// one client cannot fill the shop with reviews; what is to protect the instances stands before them, at the
// load balancer.
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

// Rate is how many requests a client may send in a while. The zero Rate does not limit.
type Rate struct {
	Requests int
	Per      time.Duration
}

// RateForm describes the input of ParseRate.
const RateForm = "a rate such as 30/1m, or off"

// ParseRate reads a rate such as 30/1m, or off.
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
		return Rate{}, fmt.Errorf("rate %q is not a number of requests in whole seconds", s)
	}
	return Rate{n, d}, nil
}

// clients is how many clients are remembered; the one that was silent for longest is forgotten first. It
// takes some 20 MB when all of them come.
const clients = 100_000

// Limiter counts the requests of each client, in a bucket of tokens that starts full.
type Limiter struct {
	Now func() time.Time // a test's door

	rate    Rate
	hops    int
	refuse  func(http.ResponseWriter, *http.Request)
	buckets *lru.Cache[netip.Prefix, *rate.Limiter]
}

// New returns a Limiter that has counted nothing yet. Hops is how many of the addresses at the end of
// X-Forwarded-For our own proxies wrote, of which the first is the client's; what stands before those, anybody
// may have made up. With 0 there is no proxy. Refuse answers what is one too many; Retry-After is set then.
func New(r Rate, hops int, refuse func(http.ResponseWriter, *http.Request)) *Limiter {
	buckets, err := lru.New[netip.Prefix, *rate.Limiter](clients)
	if err != nil {
		panic(err) // the size is positive
	}
	return &Limiter{Now: time.Now, rate: r, hops: hops, refuse: refuse, buckets: buckets}
}

// Changes hands on to next what only reads, and of the rest what the client may still send. It answers
// with RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10): what there is in all, and what
// is left.
func (l *Limiter) Changes(next http.Handler) http.Handler {
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
			l.refuse(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// seconds returns how long it takes until a client may send so many requests more.
func (l *Limiter) seconds(requests float64) int {
	return max(1, int(math.Ceil(requests*l.rate.Per.Seconds()/float64(l.rate.Requests))))
}

func (l *Limiter) bucket(client netip.Prefix) *rate.Limiter {
	if b, ok := l.buckets.Get(client); ok {
		return b
	}
	b := rate.NewLimiter(rate.Every(l.rate.Per/time.Duration(l.rate.Requests)), l.rate.Requests)
	if before, ok, _ := l.buckets.PeekOrAdd(client, b); ok { // another request came first
		return before
	}
	return b
}

// Client returns the address that a request came from: of IPv6 the network of 64 bits that one customer of
// a provider has. What cannot be told is one client.
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
