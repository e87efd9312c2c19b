package clouderr_test

import (
	"errors"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/clouderr"
)

func TestTransientCodesAreUnavailable(t *testing.T) {
	transient := map[codes.Code]bool{codes.Unavailable: true, codes.DeadlineExceeded: true, codes.ResourceExhausted: true, codes.Aborted: true}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		cause := fmt.Errorf("client: %w", status.Error(code, "cause"))
		err := clouderr.Wrap(cause, "read %s", "a")
		if got := errors.Is(err, clouderr.ErrUnavailable); got != transient[code] {
			t.Errorf("%v is unavailable: %v", code, got)
		}
		if !errors.Is(err, cause) {
			t.Errorf("%v: the cause is lost", code)
		}
	}
}

func TestWrapKeepsNilAndSentinels(t *testing.T) {
	if err := clouderr.Wrap(nil, "read"); err != nil {
		t.Errorf("Wrap(nil) = %v", err)
	}
	err := clouderr.Wrap(clouderr.ErrNotFound, "read review %d", 7)
	if !errors.Is(err, clouderr.ErrNotFound) || errors.Is(err, clouderr.ErrUnavailable) || err.Error() != "read review 7: not found" {
		t.Errorf("Wrap(ErrNotFound) = %v", err)
	}
	if err := clouderr.Wrap(fmt.Errorf("stream: %w", clouderr.ErrUnavailable), "read"); !errors.Is(err, clouderr.ErrUnavailable) {
		t.Errorf("%v is not unavailable", err)
	}
}
