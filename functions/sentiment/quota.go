package main

import (
	"context"
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"
)

// callTimeout bounds one call of an API. Two calls of the Natural Language API, for sentiment and for moderation, fit into deadline.
const callTimeout = 5 * time.Second

// Names of the APIs in logs.
const (
	languageName = "Natural Language API"
	visionName   = "Cloud Vision API"
)

// errQuotaExhausted is the error for a call that the quota does not allow now.
var errQuotaExhausted = errors.New("quota of the API is exhausted")

// quota limits the calls of an API to the quota of one instance. Its circuit breaker stops calls while
// the API is down. It is safe for concurrent use.
type quota struct {
	bucket  *rate.Limiter // a token bucket, with a token for each call
	breaker *gobreaker.CircuitBreaker[struct{}]
	timeout time.Duration // of one call
}

// newQuota returns a quota of perMinute calls in any minute, each bounded by timeout. Its circuit breaker stays open for pause.
// api is the name of the API in logs.
func newQuota(api string, perMinute int, timeout, pause time.Duration) quota {
	// A minute sees at most the tokens of a full bucket and the tokens that flow in: a tenth and nine tenths of the quota.
	burst := max(1, perMinute/10)
	return quota{
		timeout: timeout,
		bucket:  rate.NewLimiter(rate.Limit(float64(max(1, perMinute-burst))/60), burst),
		breaker: newCircuitBreaker(api, pause),
	}
}

// do runs call. If the quota is exhausted or the circuit breaker is open, it returns at once an error that isUnavailable.
func (q quota) do(ctx context.Context, call func(context.Context) error) error {
	_, err := q.breaker.Execute(func() (struct{}, error) {
		if !q.bucket.Allow() {
			return struct{}{}, errQuotaExhausted
		}
		ctx, cancel := context.WithTimeout(ctx, q.timeout)
		defer cancel()
		return struct{}{}, call(ctx)
	})
	return err
}
