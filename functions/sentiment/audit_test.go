package main

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/spanner"
	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

// audit returns the rows of table Audit in the order of their times, as "operator action before>after reason".
func audit(t testing.TB, db *spanner.Client) (rows []string) {
	t.Helper()
	var entries []auditEntry
	err := db.Single().Read(t.Context(), "Audit", spanner.AllKeys(), columnsOf[auditEntry]()).Do(func(row *spanner.Row) error {
		var e auditEntry
		if err := row.ToStruct(&e); err != nil {
			return err
		}
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(entries, func(a, b auditEntry) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Operator, b.Operator)) })
	for _, e := range entries {
		rows = append(rows, strings.TrimSpace(e.Operator+" "+e.Action+" "+e.Before+">"+e.After+" "+e.Reason+e.Letter))
	}
	return rows
}

func byOperator(d review.Decision, operator string) review.Decision {
	d.Operator = operator
	return d
}

func TestEachActionOfAnOperatorHasOneAuditEntry(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		s := startOn(t, db, nil)
		s.reviewWriter.assessor = byText{}
		at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
		r := newReview(4, "held +")
		publish, reject := byOperator(decided(r, 1, review.Publish, ""), "ann"), byOperator(decided(r, 2, review.Reject, "ad of 010"), "bo")
		early := byOperator(decided(r, 1, review.Hold, "earlier"), "zoe") // has no effect: the rejection is later
		messages := []review.Message{
			r, publish, reject, early,
			review.Reply{Key: r.About(), Text: "Thanks", At: at(3), Operator: "ann"}, review.Reply{Key: r.About(), At: at(4), Operator: "ann"},
			decided(r, 5, review.Hold, "old release"),
			review.Vote{Key: r.About(), Visitor: visitor(1)},
			review.LetterAction{Verb: review.Replay, Letter: "reviews-7", Reason: "bad: ", Operator: "bo", At: at(6)},
			review.LetterAction{Verb: review.Discard, Letter: "reviews-8", Operator: "bo", At: at(7)},
		}
		want := []string{
			"ann publish held>published", "zoe hold rejected>rejected earlier", "bo reject published>rejected ad of 010",
			"ann reply none>reply", "ann unreply reply>none", "hold rejected>held old release",
			"bo replay deadletter>replayed bad: reviews-7", "bo discard deadletter>discarded reviews-8",
		}
		for range 3 { // redeliveries add nothing
			s.accept(t, messages...)
			if diff := gocmp.Diff(want, audit(t, db)); diff != "" {
				t.Fatal(diff)
			}
		}
		s.accept(t, review.Erasure{Key: r.About(), Operator: "ann", At: at(8)}, review.Erasure{Key: r.About(), Operator: "ann", At: at(8)}, review.Erasure{Key: r.About()})
		s.accept(t, byOperator(decided(r, 9, review.Hold, "his number is 010"), "bo")) // a decision that arrives after the erasure
		s.accept(t, messages[1:]...)
		want = []string{
			"ann publish held>published", "zoe hold rejected>rejected", "bo reject published>rejected", "ann reply none>reply", "ann unreply reply>none",
			"hold rejected>held", "bo replay deadletter>replayed bad: reviews-7", "bo discard deadletter>discarded reviews-8",
			"ann erase held>erased", "bo hold erased>erased",
		}
		if diff := gocmp.Diff(want, audit(t, db)); diff != "" {
			t.Errorf("an erasure keeps who acted, but no reason: %s", diff)
		}
	})
}

func TestErasureByTheAuthorHasNoAuditEntry(t *testing.T) {
	s := start(t)
	r := newReview(4, "good")
	s.accept(t, r, review.Erasure{Key: r.About()})
	if got := audit(t, s.db); got != nil {
		t.Errorf("entries: %v", got)
	}
}

func TestActionAndAuditEntryAreStoredTogether(t *testing.T) {
	s := start(t)
	r := newReview(4, "good")
	s.accept(t, r)
	hold := byOperator(decided(r, 1, review.Hold, "?"), "ann")
	letter := review.LetterAction{Verb: review.Discard, Letter: "originals-1", Operator: "bo", At: noon}
	for _, m := range []review.Message{hold, letter, review.Erasure{Key: r.About(), Operator: "ann", At: noon.Add(time.Hour)}} {
		before := audit(t, s.db)
		s.spanner.Fail(status.Error(codes.PermissionDenied, "no"))
		if code := s.deliverReview(t, m); code != http.StatusServiceUnavailable {
			t.Errorf("%T without a database: status %d, want 503", m, code)
		}
		s.spanner.Fail(nil)
		if got := audit(t, s.db); len(got) != len(before) {
			t.Errorf("a failed %T has an entry: %v", m, got)
		}
		s.accept(t, m)
		if got := audit(t, s.db); len(got) != len(before)+1 {
			t.Errorf("%T has no entry: %v", m, got)
		}
	}
}

// Concurrent deliveries of the same and of other actions add one entry each.
func TestConcurrentActionsHaveOneAuditEntryEach(t *testing.T) {
	s := start(t)
	r := newReview(4, "good")
	s.accept(t, r)
	const actions, deliveries = 6, 3
	done := make(chan int)
	for i := range actions * deliveries {
		go func() {
			done <- s.deliverReview(t, byOperator(decided(r, i%actions, review.Hold, "?"), "ann"))
		}()
	}
	for range actions * deliveries {
		if code := <-done; code != http.StatusNoContent {
			t.Errorf("status %d, want 204", code)
		}
	}
	got := audit(t, s.db)
	first := slices.DeleteFunc(slices.Clone(got), func(e string) bool { return e != "ann hold published>held ?" })
	if len(got) != actions || len(first) != 1 {
		t.Errorf("%d entries, %d of them for the change of the status, want %d and 1: %v", len(got), len(first), actions, got)
	}
}

// A release of before the table adds no entry, and its decision arrives again after the upgrade.
func TestDecisionOfAnEarlierReleaseGetsItsEntry(t *testing.T) {
	s := start(t)
	r := newReview(4, "good")
	s.accept(t, r)
	hold := byOperator(decided(r, 1, review.Hold, "?"), "ann")
	s.accept(t, hold)
	if _, err := s.db.Apply(context.Background(), []*spanner.Mutation{spanner.Delete("Audit", spanner.AllKeys())}); err != nil {
		t.Fatal(err)
	}
	s.accept(t, hold)
	if got := audit(t, s.db); len(got) != 1 || got[0] != "ann hold held>held ?" {
		t.Errorf("entries: %v", got)
	}
}
