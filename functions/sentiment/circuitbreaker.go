package main

import (
	"errors"
	"log/slog"
	"time"

	"github.com/sony/gobreaker/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The circuit breaker opens after tripAfter consecutive failures. After retryAfter it lets one call through, whose result
// closes it or keeps it open.
const (
	tripAfter  = 5
	retryAfter = 30 * time.Second
)

// newCircuitBreaker returns a circuit breaker that stays open for pause. It logs its states with the name of the API.
func newCircuitBreaker(api string, pause time.Duration) *gobreaker.CircuitBreaker[struct{}] {
	return gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         api,
		Timeout:      pause,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
		IsSuccessful: func(err error) bool { return !isUnavailable(err) }, // an API that rejects a request is up
		IsExcluded: func(err error) bool {
			return errors.Is(err, errQuotaExhausted) || errors.Is(err, errBudgetExhausted) || status.Code(err) == codes.Canceled
		},
		OnStateChange: func(api string, from, to gobreaker.State) {
			slog.Warn("circuit breaker of the "+api+" changed its state", "from", from.String(), "to", to.String())
		},
	})
}

// isUnavailable reports whether the API cannot answer now and may later. Invalid input and missing permissions are not
// such errors.
func isUnavailable(err error) bool {
	if errors.Is(err, errQuotaExhausted) || errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return true
	}
	switch status.Code(err) {
	case codes.ResourceExhausted, codes.Unavailable, codes.DeadlineExceeded, codes.Internal:
		return true
	}
	return false
}
