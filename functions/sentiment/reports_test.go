package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// reported returns a client's report of a revision, made the given seconds after noon.
func reported(r review.Review, seconds int, client byte) review.Report {
	return review.Report{Key: r.About(), Revision: r.Revision(), Reporter: visitor(client), At: noon.Add(time.Duration(seconds) * time.Second)}
}

func TestReportsOfThreeClientsHoldAReview(t *testing.T) {
	r := newReview(5, "good +")
	second := edited(r, 10, 1, "worse")
	published, held := reason.Code(""), reason.Reported
	for name, tc := range map[string]struct {
		messages []review.Message
		want     reason.Code
	}{
		"two clients":          {[]review.Message{r, reported(r, 1, 1), reported(r, 2, 2)}, published},
		"three clients":        {[]review.Message{r, reported(r, 1, 1), reported(r, 2, 2), reported(r, 3, 3)}, held},
		"one client, often":    {[]review.Message{r, reported(r, 1, 1), reported(r, 2, 1), reported(r, 3, 1), reported(r, 4, 1)}, published},
		"an edit":              {[]review.Message{r, reported(r, 1, 1), reported(r, 2, 2), reported(r, 3, 3), second}, published},
		"reports of both":      {[]review.Message{r, second, reported(r, 1, 1), reported(r, 2, 2), reported(second, 11, 3)}, published},
		"reports of the edit":  {[]review.Message{r, second, reported(second, 11, 1), reported(second, 12, 2), reported(second, 13, 3)}, held},
		"published afterwards": {[]review.Message{r, reported(r, 1, 1), reported(r, 2, 2), reported(r, 3, 3), decided(r, 4, review.Publish, "")}, published},
		"the same clients again": {[]review.Message{
			r, reported(r, 1, 1), reported(r, 2, 2), reported(r, 3, 3), decided(r, 4, review.Publish, ""), reported(r, 5, 1), reported(r, 6, 2), reported(r, 7, 3),
		}, published},
		"two other clients": {[]review.Message{
			r, reported(r, 1, 1), reported(r, 2, 2), reported(r, 3, 3), decided(r, 4, review.Publish, ""), reported(r, 5, 4), reported(r, 6, 5),
		}, published},
		"three other clients": {[]review.Message{
			r, reported(r, 1, 1), reported(r, 2, 2), reported(r, 3, 3), decided(r, 4, review.Publish, ""), reported(r, 5, 4), reported(r, 6, 5), reported(r, 7, 6),
		}, held},
		"at the time of the publication": {[]review.Message{r, reported(r, 4, 1), reported(r, 4, 2), reported(r, 4, 3), decided(r, 4, review.Publish, "")}, published},
		"a hold is an operator's":        {[]review.Message{r, reported(r, 1, 1), reported(r, 2, 2), reported(r, 3, 3), decided(r, 4, review.Hold, "?")}, reason.Operator},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.reviewWriter.assessor = byText{}
			s.accept(t, r)
			for range 5 {
				s.accept(t, tc.messages...)
				if got := views(t, s.db)[r.About()]; got.Reason.Code != tc.want {
					t.Errorf("it is %s for %q, want %q", got.Status, got.Reason.Code, tc.want)
				}
				if diff := cmp.Diff(recount(t, s.db, butter), rating(t, s.db, butter)); diff != "" {
					t.Errorf("the rating differs from a recount: %s", diff)
				}
				rand.Shuffle(len(tc.messages), func(i, j int) { tc.messages[i], tc.messages[j] = tc.messages[j], tc.messages[i] })
			}
		})
	}
}

func TestReportOfAReviewThatIsNotStoredWaits(t *testing.T) {
	s := start(t)
	r := newReview(5, "good")
	if code := s.deliverReview(t, reported(r, 1, 1)); code != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", code)
	}
	s.accept(t, r, review.Erasure{Key: r.About()}, reported(r, 1, 1))
	if got := views(t, s.db); len(got) != 0 {
		t.Errorf("a report restores an erased review: %v", got)
	}
}

func TestReviewKeepsTheLatestReports(t *testing.T) {
	r := &record{}
	original := newReview(5, "")
	for i := range maxReports + 20 {
		one := reported(original, i, 1)
		one.Reporter = fmt.Sprintf("%043d", i)
		r.addReport(one)
	}
	if len(r.Reporters) != maxReports || r.Reporters[0] != fmt.Sprintf("%043d", 20) || len(r.ReportedOn) != maxReports || len(r.ReportedAt) != maxReports {
		t.Errorf("%d reports, the first by %s", len(r.Reporters), r.Reporters[0])
	}
}
