package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/spanner"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// captureLog returns the log that the test writes from now on.
func captureLog(t *testing.T) *bytes.Buffer {
	var log bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(old) })
	return &log
}

func TestBudgetOfADayIsSharedByAllInstancesAndNeverExceeded(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	clock := noon
	log := captureLog(t)
	var instances []*unitBudget
	for range 3 {
		instances = append(instances, &unitBudget{store: spannerUnits{db}, daily: 101, now: func() time.Time { return clock }})
	}
	spend := func() int64 {
		var paid atomic.Int64
		var running sync.WaitGroup
		for _, b := range instances {
			running.Go(func() {
				for i := range 60 {
					text := strings.Repeat("가", 1+i%2*150) // 1 or 2 units
					if err := b.take(t.Context(), text); err == nil {
						paid.Add(units(text))
					} else if !errors.Is(err, errBudgetExhausted) {
						t.Error(err)
					}
				}
			})
		}
		running.Wait()
		return paid.Load()
	}
	// Each instance may hold one unit that is too little for a text of two.
	if got := spend(); got > 101 || got < 98 {
		t.Errorf("%d units on the first day, want at most 101 and nearly all", got)
	}
	if n := strings.Count(log.String(), budgetExhaustedLog); n != 3 {
		t.Errorf("logged %d times, want once by each instance: %s", n, log)
	}
	if got := spend(); got > 3 {
		t.Errorf("%d more units on the same day", got)
	}
	clock = noon.Add(12 * time.Hour) // 00:00 UTC
	if got := spend(); got > 101 || got < 98 {
		t.Errorf("%d units on the next day, want at most 101 and nearly all", got)
	}
	var stored int64
	err := db.Single().Read(t.Context(), "ModerationUnits", spanner.Key{"2026-11-20"}.AsPrefix(), []string{"Units"}).Do(func(row *spanner.Row) error {
		var n int64
		err := row.Columns(&n)
		stored += n
		return err
	})
	if err != nil || stored != 101 {
		t.Errorf("%d units are stored for the first day, %v, want 101", stored, err)
	}
}

func TestUnitsAreThoseOfTheBill(t *testing.T) {
	for text, want := range map[string]int64{"": 1, "a": 1, strings.Repeat("가", 100): 1, strings.Repeat("가", 101): 2, strings.Repeat("a", 5000): 50} {
		if got := units(text); got != want {
			t.Errorf("%d bytes have %d units, want %d", len(text), got, want)
		}
	}
}

func TestExhaustedBudgetLeavesModerationToTheFilter(t *testing.T) {
	db, srv := spannerdbtest.New(t)
	a, api := startModerator(t, moderationLanguage)
	clock := noon
	a.language.budget = &unitBudget{store: spannerUnits{db}, daily: 8, now: func() time.Time { return clock }}
	insult := found("Insult", 0.95, 0)
	api.answer = insult
	text := func(n int) string { return strings.Repeat("포카가 예뻐요 ", 10) + strings.Repeat("!", n) } // one unit each
	ask := func(n int, confidence float64, supported bool) judgement {
		a.filter = func(text string) (float64, bool) {
			if text == "" {
				return 0, true
			}
			return confidence, supported
		}
		r := newReviewBy("")
		r.Text = text(n)
		return a.moderate(context.Background(), r)
	}
	for n := range 8 {
		if got := ask(n, 0.01, true); got.flag != reason.AbusiveLanguage {
			t.Fatalf("text %d within the budget has %+v", n, got)
		}
	}
	if got := ask(0, 0.01, true); got.flag != reason.AbusiveLanguage {
		t.Errorf("a text with a cached result has %+v, want that result", got)
	}
	for name, tc := range map[string]struct {
		confidence float64
		supported  bool
		want       judgement
	}{
		"clean": {0.01, true, judgement{}}, "unsure": {0.4, true, judgement{}}, "abusive": {likely, true, judgement{flag: reason.AbusiveLanguage}},
		"another language": {0.01, false, judgement{reason.PendingModeration, true}},
	} {
		if got := ask(20, tc.confidence, tc.supported); got != tc.want {
			t.Errorf("%s text beyond the budget has %+v, want %+v", name, got, tc.want)
		}
	}
	if len(api.asked) != 8 {
		t.Errorf("%d calls, want 8", len(api.asked))
	}
	clock = noon.Add(24 * time.Hour)
	if got := ask(20, 0.01, false); got.flag != reason.AbusiveLanguage || len(api.asked) != 9 {
		t.Errorf("on the next day it has %+v after %d calls", got, len(api.asked))
	}
	clock = noon.Add(48 * time.Hour)
	srv.Fail(status.Error(codes.PermissionDenied, "injected"))
	if got := ask(30, 0.4, true); got != (judgement{reason.PendingModeration, true}) || len(api.asked) != 9 {
		t.Errorf("without the database it has %+v after %d calls, want it pending and unpaid", got, len(api.asked))
	}
}
