package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// try runs a call that returns err. It reports whether the call ran, and the error of do.
func (l quota) try(t *testing.T, err error) (made bool, got error) {
	t.Helper()
	got = l.do(t.Context(), func(context.Context) error {
		made = true
		return err
	})
	return made, got
}

func TestCircuitBreakerOpensAndClosesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newQuota(languageName, 1e6, callTimeout, retryAfter)
		down := status.Error(codes.Unavailable, "injected")
		for i := range tripAfter {
			if made, err := l.try(t, down); !made || !errors.Is(err, down) {
				t.Fatalf("call %d: made %v, %v", i, made, err)
			}
		}
		if made, err := l.try(t, nil); made || !errors.Is(err, gobreaker.ErrOpenState) || !isUnavailable(err) {
			t.Errorf("open: made %v, %v", made, err)
		}
		time.Sleep(retryAfter + time.Second)
		if made, _ := l.try(t, down); !made {
			t.Error("no call after the pause, want one")
		}
		if made, _ := l.try(t, nil); made {
			t.Error("a second call after the first one failed")
		}
		time.Sleep(retryAfter + time.Second)
		for range 3 {
			if made, err := l.try(t, nil); !made || err != nil {
				t.Errorf("API is up again: made %v, %v", made, err)
			}
		}
	})
}

func TestCircuitBreakerLogsTheNameOfItsAPI(t *testing.T) {
	var log bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	l := newQuota(visionName, 1e6, callTimeout, retryAfter)
	for range tripAfter {
		_, _ = l.try(t, status.Error(codes.Unavailable, "injected"))
	}
	if !strings.Contains(log.String(), "circuit breaker of the "+visionName) {
		t.Errorf("log %q", log.String())
	}
}

func TestErrorsOfTheCallerDoNotOpenTheCircuitBreaker(t *testing.T) {
	for name, err := range map[string]error{
		"a rejected text":      status.Error(codes.InvalidArgument, "injected"),
		"a missing role":       status.Error(codes.PermissionDenied, "injected"),
		"a cancelled delivery": status.Error(codes.Canceled, "injected"),
	} {
		t.Run(name, func(t *testing.T) {
			l := newQuota(languageName, 1e6, callTimeout, retryAfter)
			for range 5 * tripAfter {
				if made, got := l.try(t, fmt.Errorf("wrapped: %w", err)); !made || !errors.Is(got, err) || isUnavailable(got) {
					t.Fatalf("made %v, %v", made, got)
				}
			}
		})
	}
}

func TestAnyMinuteHasAtMostTheQuotaOfCalls(t *testing.T) {
	for _, quota := range []int{1, 7, 150, 600} {
		synctest.Test(t, func(t *testing.T) {
			l := newQuota(languageName, quota, callTimeout, retryAfter)
			var made []time.Time
			for began := time.Now(); time.Since(began) < 3*time.Minute; time.Sleep(20 * time.Millisecond) {
				if ok, err := l.try(t, nil); ok {
					made = append(made, time.Now())
				} else if !errors.Is(err, errQuotaExhausted) || !isUnavailable(err) {
					t.Fatal(err)
				}
			}
			if len(made) < quota {
				t.Errorf("quota %d: %d calls in three minutes", quota, len(made))
			}
			for i := range made {
				if i >= quota && made[i].Sub(made[i-quota]) < time.Minute-time.Millisecond {
					t.Fatalf("quota %d: %d calls within %v", quota, quota+1, made[i].Sub(made[i-quota]))
				}
			}
			for range 5 * tripAfter { // an empty token bucket is no failure of the API
				_, _ = l.try(t, nil)
			}
			time.Sleep(time.Minute)
			if ok, err := l.try(t, nil); !ok {
				t.Errorf("quota %d: no call a minute later: %v", quota, err)
			}
		})
	}
}
