package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// callTimeout bounds one call of the Natural Language API. Two of them, for sentiment and for moderation,
// end before deadline.
const callTimeout = 5 * time.Second

// The breaker opens after so many failed calls in a row, and lets one through after so long to see whether
// the API is back.
const (
	tripAfter  = 5
	retryAfter = 30 * time.Second
)

// errNoQuota is that our share of the quota is used up.
var errNoQuota = errors.New("no quota left for a call of the Natural Language API")

// limit lets calls of the Natural Language API through as far as its quota goes, and none while it is down.
type limit struct {
	bucket  *rate.Limiter
	breaker *gobreaker.CircuitBreaker[struct{}]
	timeout time.Duration // of a call
}

// newLimit returns a limit of so many calls in any minute, each bounded by timeout. The breaker stays open
// for pause.
func newLimit(perMinute int, timeout, pause time.Duration) limit {
	// Within a minute goes out what is in the bucket and what flows in: a tenth of the quota, and nine tenths.
	burst := max(1, perMinute/10)
	return limit{
		timeout: timeout,
		bucket:  rate.NewLimiter(rate.Limit(float64(max(1, perMinute-burst))/60), burst),
		breaker: gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
			Name:         "natural language",
			Timeout:      pause,
			ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
			IsSuccessful: func(err error) bool { return !unavailable(err) }, // a text that it refuses is an answer
			IsExcluded:   func(err error) bool { return errors.Is(err, errNoQuota) || status.Code(err) == codes.Canceled },
			OnStateChange: func(_ string, from, to gobreaker.State) {
				slog.Warn("circuit breaker of the Natural Language API", "from", from.String(), "to", to.String())
			},
		}),
	}
}

// call makes a call, or returns at once an error that is unavailable.
func (l limit) call(ctx context.Context, f func(context.Context) error) error {
	_, err := l.breaker.Execute(func() (struct{}, error) {
		if !l.bucket.Allow() {
			return struct{}{}, errNoQuota
		}
		ctx, cancel := context.WithTimeout(ctx, l.timeout)
		defer cancel()
		return struct{}{}, f(ctx)
	})
	return err
}

// unavailable reports whether err says that the API cannot answer now, rather than that it does not take
// what it is asked, or from whom: a wrong text or a missing role is none that goes away.
func unavailable(err error) bool {
	if errors.Is(err, errNoQuota) || errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return true
	}
	switch status.Code(err) {
	case codes.ResourceExhausted, codes.Unavailable, codes.DeadlineExceeded, codes.Internal:
		return true
	}
	return false
}
