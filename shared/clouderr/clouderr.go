// Package clouderr maps errors of Google Cloud clients to the two that callers of a store distinguish.
package clouderr

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrNotFound is wrapped by errors for a thing that does not exist.
var ErrNotFound = errors.New("not found")

// ErrUnavailable is wrapped by transient errors: the same call may succeed later. Package problem answers it with 503.
var ErrUnavailable error = unavailable{}

type unavailable struct{}

// Error implements error.
func (unavailable) Error() string { return "unavailable" }

// Unavailable reports true. Package problem recognizes transient errors by this method.
func (unavailable) Unavailable() bool { return true }

// Wrap returns err with the operation that failed, such as "read product \"a\"", in front; nil for nil. The result wraps
// ErrUnavailable when the status code of err is transient: Unavailable, DeadlineExceeded, ResourceExhausted or Aborted.
func Wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	operation := fmt.Sprintf(format, args...)
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted:
		return fmt.Errorf("%s: %w: %w", operation, ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", operation, err)
}
