package main

import (
	"errors"
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
