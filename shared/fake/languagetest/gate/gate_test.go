package gate

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// try sends a request through the gate and returns its duration and error.
func (g *Gate) try(ctx context.Context, t *testing.T) (time.Duration, error) {
	t.Helper()
	began := time.Now()
	got, err := g.Admit(ctx, "request", nil, func(_ context.Context, req any) (any, error) { return req, nil })
	if err == nil && got != "request" {
		t.Fatalf("the service got %v", got)
	}
	return time.Since(began), err
}

func TestShareOfRequestsFails(t *testing.T) {
	fault := errors.New("injected")
	for _, tc := range []struct {
		share float64
		want  int // of a hundred
	}{{0, 0}, {0.01, 1}, {0.25, 25}, {0.5, 50}, {1, 100}} {
		g := New("x.googleapis.com")
		g.FailShare(fault, tc.share)
		failed := 0
		for range 100 {
			if _, err := g.try(t.Context(), t); errors.Is(err, fault) {
				failed++
			}
		}
		// A binary fraction is not always exact.
		if failed < tc.want-1 || failed > tc.want || tc.share*4 == float64(int(tc.share*4)) && failed != tc.want {
			t.Errorf("of share %v failed %d in a hundred", tc.share, failed)
		}
		g.Fail(nil)
		if _, err := g.try(t.Context(), t); err != nil {
			t.Errorf("after the fault ended: %v", err)
		}
		if n := g.Calls(); n != 101 {
			t.Errorf("Calls() = %d, want 101", n)
		}
	}
}

func TestDelayEndsWithTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New("x.googleapis.com")
		g.Delay(time.Minute)
		if took, err := g.try(t.Context(), t); err != nil || took != time.Minute {
			t.Errorf("%v after %v", err, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if took, err := g.try(ctx, t); status.Code(err) != codes.DeadlineExceeded || took != time.Second {
			t.Errorf("%v after %v, want that the deadline is over", err, took)
		}
	})
}

func TestRequestBeyondTheQuotaGetsARetryDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New("x.googleapis.com")
		g.SetQuota(3)
		for range 2 {
			for range 3 {
				if _, err := g.try(t.Context(), t); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
			}
			_, err := g.try(t.Context(), t)
			if status.Code(err) != codes.ResourceExhausted {
				t.Fatalf("beyond the quota: %v", err)
			}
			var info *errdetails.ErrorInfo
			var retry *errdetails.RetryInfo
			for _, d := range status.Convert(err).Details() {
				switch d := d.(type) {
				case *errdetails.ErrorInfo:
					info = d
				case *errdetails.RetryInfo:
					retry = d
				}
			}
			if info.GetReason() != "RATE_LIMIT_EXCEEDED" || info.GetDomain() != "googleapis.com" ||
				info.GetMetadata()["service"] != "x.googleapis.com" || info.GetMetadata()["quota_limit_value"] != "3" {
				t.Errorf("ErrorInfo is %v", info)
			}
			if d := retry.GetRetryDelay().AsDuration(); d != 57*time.Second {
				t.Errorf("RetryInfo says %v", d)
			}
			time.Sleep(retry.GetRetryDelay().AsDuration())
		}
		g.SetQuota(0)
		for range 100 {
			if _, err := g.try(t.Context(), t); err != nil {
				t.Fatalf("without a quota: %v", err)
			}
		}
	})
}
