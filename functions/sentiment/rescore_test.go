package main

import (
	"net/http"
	"testing"
	"time"

	"cloud.google.com/go/spanner"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	embedded "github.com/hybrid-bts/functions/shared/engine/sentiment"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

func TestRescoreReplacesAFallbackScoreOnce(t *testing.T) {
	s := start(t)
	s.reviewWriter.assessor.(*analyzer).scoring = scoringLanguageThenEmbedded
	deliver := func(m review.Message) {
		t.Helper()
		if code := s.deliverReview(t, m); code != http.StatusNoContent {
			t.Fatalf("status %d for %+v", code, m)
		}
	}
	exact := func() {
		t.Helper()
		if diff := cmp.Diff(recount(t, s.db, butter), rating(t, s.db, butter)); diff != "" {
			t.Errorf("rating differs from a recount: %s", diff)
		}
	}
	s.language.Fail(status.Error(codes.Unavailable, "injected"))
	r, held := newReview(5, praise), newReview(1, blame)
	deliver(r)
	deliver(held)
	deliver(review.Decision{Key: held.About(), Verdict: review.Hold, Reason: "to be looked at", At: noon.Add(time.Hour)})
	before := stored(t, s.db, r)
	if before.ScoredBy.StringVal != embedded.Name {
		t.Fatalf("stored %+v, want it scored by the embedded model", before)
	}

	// Nothing changes while the API is down, or for another revision.
	deliver(review.Rescore{Key: r.About(), Revision: r.Revision()})
	if diff := cmp.Diff(before, stored(t, s.db, r)); diff != "" {
		t.Errorf("the same model scored it again: %s", diff)
	}
	s.language.Fail(nil)
	calls := s.language.Calls()
	deliver(review.Rescore{Key: r.About(), Revision: r.Revision() + 1})
	if diff := cmp.Diff(before, stored(t, s.db, r)); diff != "" || s.language.Calls() != calls {
		t.Errorf("a message about another revision scored it: %s", diff)
	}

	for range 3 {
		deliver(review.Rescore{Key: r.About(), Revision: r.Revision()})
		deliver(review.Rescore{Key: held.About(), Revision: held.Revision()})
		deliver(r) // a late redelivery
		exact()
	}
	after := stored(t, s.db, r)
	if after.ScoredBy.StringVal != apiName || after.Status != string(review.Published) || after.PublishedAt != before.PublishedAt {
		t.Errorf("stored %+v, want the API's score and no other change", after)
	}
	if got := stored(t, s.db, held); got.ScoredBy.StringVal != apiName || got.Status != string(review.Held) {
		t.Errorf("stored %+v, want the API's score, still held", got)
	}
	if n := s.language.Calls() - calls; n != 2 {
		t.Errorf("%d calls, want 1 for each text", n)
	}

	// The next outage, without a cached result.
	s.language.Fail(status.Error(codes.Unavailable, "injected"))
	if _, err := s.db.Apply(t.Context(), []*spanner.Mutation{spanner.Delete("Scores", spanner.AllKeys())}); err != nil {
		t.Fatal(err)
	}
	deliver(review.Rescore{Key: r.About(), Revision: r.Revision()})
	if diff := cmp.Diff(after, stored(t, s.db, r)); diff != "" {
		t.Errorf("a fallback replaced the API's score: %s", diff)
	}

	deliver(review.Erasure{Key: r.About()})
	deliver(review.Rescore{Key: r.About(), Revision: r.Revision()})
	exact()
	if got := rating(t, s.db, butter); got.Stars5 != 0 || got.Scored != 0 {
		t.Errorf("rating %+v after the erasure", got)
	}
	if code := s.deliverReview(t, review.Rescore{Key: newReview(5, "").About(), Revision: 1}); code != http.StatusServiceUnavailable {
		t.Errorf("status %d for a review that is not stored, want 503", code)
	}
}
