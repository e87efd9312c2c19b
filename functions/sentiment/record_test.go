package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/spanner"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	embedded "github.com/hybrid-bts/functions/shared/engine/sentiment"
	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// accept delivers messages and requires that each is acknowledged.
func (s system) accept(t testing.TB, messages ...review.Message) {
	t.Helper()
	for _, m := range messages {
		if code := s.deliverReview(t, m); code != http.StatusNoContent {
			t.Fatalf("%+v: status %d, want 204", m, code)
		}
	}
}

// edited returns an edit of a review, made the given seconds after noon.
func edited(r review.Review, seconds, rating int, text string) review.Review {
	r.Rating, r.Text, r.EditedAt = rating, text, noon.Add(time.Duration(seconds)*time.Second)
	return r
}

// decided returns a decision on a review, made the given seconds after noon.
func decided(r review.Review, seconds int, verdict review.Verdict, reason string) review.Decision {
	return review.Decision{Key: r.About(), Verdict: verdict, Reason: reason, Revision: r.Revision(), At: noon.Add(time.Duration(seconds) * time.Second)}
}

func visitor(n byte) string { return strings.Repeat(string('a'+n), 43) }

func TestNewestEditReplacesTheContentAndItsCounts(t *testing.T) {
	s := start(t)
	s.reviewWriter.assessor = byText{}
	first := newReview(5, "good + #price")
	s.accept(t, first)
	second := edited(first, 1, 1, "bad - - #size")
	third := edited(first, 2, 2, "so so ? #size")
	for _, m := range []review.Review{third, second, first, second, third} {
		s.accept(t, m)
		if got := stored(t, s.db, m); got.Rating != int64(third.Rating) || got.Text != third.Text || got.Score.Valid {
			t.Errorf("after the edit at %v: %+v, want the newest content", m.EditedAt, got)
		}
		if diff := cmp.Diff(ratingShard{Product: butter, Stars2: 1}, rating(t, s.db, butter)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]mentions{"size": {1, 0}}, aspectSums(t, s.db, butter), cmp.AllowUnexported(mentions{})); diff != "" {
			t.Error(diff)
		}
	}
}

// countingAssessor counts assessments.
type countingAssessor struct {
	assessor
	calls atomic.Int64
}

func (c *countingAssessor) assess(ctx context.Context, r review.Review) (assessment, error) {
	c.calls.Add(1)
	return c.assessor.assess(ctx, r)
}

func TestSupersededContentIsNotAssessed(t *testing.T) {
	s := start(t)
	paid := &countingAssessor{assessor: byText{}}
	s.reviewWriter.assessor = paid
	first := newReview(5, "good +")
	late, newest := edited(first, 1, 3, "late"), edited(first, 2, 1, "bad -")
	again := first // a repeated submission
	again.SubmittedAt = noon.Add(time.Hour)
	s.accept(t, first, newest, late, late, first, again, newest, review.Erasure{Key: first.About()}, late, edited(first, 9, 5, "back"))
	if n := paid.calls.Load(); n != 2 {
		t.Errorf("%d assessments, want 2", n)
	}
}

func TestStatusFollowsFromContentsAndDecisionsInAnyOrder(t *testing.T) {
	clean, dirty := newReview(5, "good +"), newReview(4, "held +")
	second := edited(clean, 10, 3, "good again +")
	third := edited(clean, 20, 2, "and again +")
	flag := reason.Reason{Code: reason.ContactDetails}
	words := func(text string) reason.Reason { return reason.Reason{Code: reason.Operator, OperatorText: text} }
	for name, tc := range map[string]struct {
		messages []review.Message
		status   review.Status
		why      reason.Reason
	}{
		"no decision":    {[]review.Message{clean}, review.Published, reason.Reason{}},
		"a content flag": {[]review.Message{dirty}, review.Held, flag},
		"flagged content is published by an operator": {[]review.Message{dirty, decided(dirty, 1, review.Publish, "")}, review.Published, reason.Reason{}},
		"an edit of published content is moderated": {
			[]review.Message{dirty, decided(dirty, 1, review.Publish, ""), edited(dirty, 2, 4, "held again")}, review.Held, flag,
		},
		"hold":                              {[]review.Message{clean, decided(clean, 1, review.Hold, "광고?")}, review.Held, words("광고?")},
		"rejected in the words of a code":   {[]review.Message{clean, decided(clean, 1, review.Reject, "unknown product")}, review.Rejected, words("unknown product")},
		"held in the words of its flag":     {[]review.Message{dirty, decided(dirty, 1, review.Hold, "contact details")}, review.Held, words("contact details")},
		"reject":                            {[]review.Message{clean, decided(clean, 1, review.Reject, "광고")}, review.Rejected, words("광고")},
		"an edit after a hold is held":      {[]review.Message{clean, decided(clean, 1, review.Hold, "ad"), second}, review.Held, reason.Reason{Code: reason.EditedAfterHold}},
		"an edit after a rejection is held": {[]review.Message{clean, decided(clean, 1, review.Reject, "ad"), second}, review.Held, reason.Reason{Code: reason.EditedAfterRejection}},
		"published after a rejection":       {[]review.Message{clean, decided(clean, 1, review.Reject, "ad"), decided(clean, 2, review.Publish, "")}, review.Published, reason.Reason{}},
		"an edit is published": {
			[]review.Message{clean, decided(clean, 1, review.Reject, "ad"), second, decided(second, 11, review.Publish, "")}, review.Published, reason.Reason{},
		},
		"published, then edited": {
			[]review.Message{clean, decided(clean, 1, review.Reject, "ad"), decided(clean, 2, review.Publish, ""), second}, review.Published, reason.Reason{},
		},
		"an old revision is published": {
			[]review.Message{clean, decided(clean, 1, review.Reject, "ad"), second, decided(clean, 11, review.Publish, "")}, review.Held, reason.Reason{Code: reason.EditedAfterRejection},
		},
		"an old revision is published, then edited": {
			[]review.Message{clean, decided(clean, 1, review.Reject, "ad"), second, decided(clean, 11, review.Publish, ""), third}, review.Held, reason.Reason{Code: reason.EditedAfterRejection},
		},
		"the last decision rejects": {
			[]review.Message{clean, decided(clean, 1, review.Publish, ""), decided(clean, 2, review.Hold, "?"), decided(clean, 3, review.Reject, "ad")}, review.Rejected, words("ad"),
		},
		"the operator's clock is behind": {
			[]review.Message{clean, decided(clean, 1, review.Reject, "ad"), second, decided(second, 2, review.Publish, "")}, review.Published, reason.Reason{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.reviewWriter.assessor = byText{}
			want := tc.messages[0].(review.Review)
			s.accept(t, tc.messages[0])
			// First in the order of their times, then in random orders.
			for range 5 {
				s.accept(t, tc.messages...)
				if got := views(t, s.db)[want.About()]; got.Status != tc.status || got.Reason != tc.why {
					t.Errorf("it is %s for %+v, want %s for %+v", got.Status, got.Reason, tc.status, tc.why)
				}
				if got := stored(t, s.db, want); got.HeldFor.StringVal != tc.why.Text() {
					t.Errorf("readers that do not know the codes see %q, want %q", got.HeldFor.StringVal, tc.why.Text())
				}
				if diff := cmp.Diff(recount(t, s.db, butter), rating(t, s.db, butter)); diff != "" {
					t.Errorf("the rating differs from a recount: %s", diff)
				}
				rand.Shuffle(len(tc.messages), func(i, j int) { tc.messages[i], tc.messages[j] = tc.messages[j], tc.messages[i] })
			}
		})
	}
}

// upload puts photos into the bucket.
func (s system) upload(names ...string) {
	for _, name := range names {
		s.storage.CreateObject(fakestorage.Object{ObjectAttrs: fakestorage.ObjectAttrs{BucketName: originals, Name: name}, Content: []byte("a photo")})
	}
}

// uploads returns the photos in the bucket.
func (s system) uploads(t testing.TB) (names []string) {
	t.Helper()
	found, err := s.storage.ListObjectsWithOptionsPaginated(originals, fakestorage.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range found.Objects {
		names = append(names, o.Name)
	}
	slices.Sort(names)
	return names
}

const (
	photo1 = "reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg"
	photo2 = "reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c12.png"
	photo3 = "reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c13.webp"
)

func TestErasedReviewStaysErased(t *testing.T) {
	s := start(t)
	s.reviewWriter.assessor = byText{}
	s.upload(photo1, photo2, photo3)
	gone, other := newReview(5, "good + #price"), newReview(4, "fine")
	gone.Photos, other.Photos = []string{photo1, photo2}, []string{photo3}
	change := edited(gone, 1, 1, "bad")
	change.Photos = []string{photo2}
	s.accept(t, gone, other, change, review.Vote{Key: gone.About(), Visitor: visitor(0)}, review.Reply{Key: gone.About(), Text: "고맙습니다", At: noon})
	if diff := cmp.Diff([]string{photo2, photo3}, s.uploads(t)); diff != "" {
		t.Errorf("after an edit that removes a photo: %s", diff)
	}
	s.accept(t, review.Erasure{Key: gone.About()})
	for _, late := range []review.Message{
		gone, change, edited(gone, 2, 5, "I am back"), review.Erasure{Key: gone.About()}, decided(gone, 3, review.Publish, ""),
		review.Vote{Key: gone.About(), Visitor: visitor(1)}, review.Reply{Key: gone.About(), Text: "again", At: noon.Add(time.Hour)},
	} {
		s.accept(t, late)
		for table, columns := range map[string]string{"Reviews": "Review", "Votes": "Review", "PhotoOwners": "Review"} {
			err := s.db.Single().Read(t.Context(), table, spanner.AllKeys(), []string{columns}).Do(func(row *spanner.Row) error {
				var id string
				if err := row.Columns(&id); err != nil || id != gone.ID {
					return err
				}
				t.Errorf("after %T: a row of %s remains", late, table)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]string{photo3}, s.uploads(t)); diff != "" {
			t.Errorf("after %T: %s", late, diff)
		}
		if diff := cmp.Diff(ratingShard{Product: butter, Stars4: 1, Scored: 1}, rating(t, s.db, butter)); diff != "" {
			t.Error(diff)
		}
		if sums := aspectSums(t, s.db, butter); len(sums) > 0 {
			t.Errorf("aspects %v", sums)
		}
	}
	if last := s.lastNotice(t); last != (review.ChangeNotice{Key: gone.About(), Status: review.Erased}) {
		t.Errorf("last change notice %+v", last)
	}
}

// lastNotice returns the change notice that was published last.
func (s system) lastNotice(t testing.TB) review.ChangeNotice {
	t.Helper()
	all := s.notices.Messages()
	got, err := review.Decode(all[len(all)-1].Data, all[len(all)-1].Attributes)
	if err != nil {
		t.Fatal(err)
	}
	return got.(review.ChangeNotice)
}

func TestReviewThatArrivesAfterItsErasureIsNotStored(t *testing.T) {
	s := start(t)
	s.upload(photo1)
	r := newReview(5, "good")
	r.Photos = []string{photo1}
	s.accept(t, review.Erasure{Key: r.About()}, r)
	if left := s.uploads(t); len(left) > 0 || s.language.Calls() > 0 {
		t.Errorf("photos %v remain, %d API calls", left, s.language.Calls())
	}
	if got := rating(t, s.db, butter); got != (ratingShard{Product: butter}) {
		t.Errorf("the erased review counts: %+v", got)
	}
}

func TestPhotoBelongsToTheReviewThatNamesItFirst(t *testing.T) {
	s := start(t)
	s.upload(photo1, photo2)
	author, thief := newReview(5, "mine"), newReview(1, "not mine")
	author.Photos, thief.Photos = []string{photo1}, []string{photo1, photo2}
	s.accept(t, author, thief)
	if got := views(t, s.db)[thief.About()].Photos; !slices.Equal(got, []string{photo2}) {
		t.Errorf("the second review has %v", got)
	}
	without := edited(thief, 1, 1, "not mine")
	without.Photos = nil
	s.accept(t, without, thief, review.Erasure{Key: thief.About()}, thief)
	if diff := cmp.Diff([]string{photo1}, s.uploads(t)); diff != "" {
		t.Error(diff)
	}
	if got := views(t, s.db)[author.About()].Photos; !slices.Equal(got, []string{photo1}) {
		t.Errorf("the first review has %v", got)
	}
}

func TestRedeliveryFinishesAnInterruptedDelivery(t *testing.T) {
	s := start(t)
	s.upload(photo1, photo2)
	r := newReview(5, "good")
	r.Photos = []string{photo1, photo2}
	change := edited(r, 1, 4, "good")
	change.Photos = []string{photo2}
	s.accept(t, r)
	for _, m := range []review.Message{change, review.Erasure{Key: r.About()}} {
		before := len(s.notices.Messages())
		s.fault.Store(func(r *http.Request) bool { return r.Method == http.MethodDelete })
		if code := s.deliverReview(t, m); code != http.StatusServiceUnavailable {
			t.Errorf("status %d while photos cannot be deleted, want 503", code)
		}
		if len(s.notices.Messages()) > before {
			t.Error("change notice before the photos are deleted")
		}
		s.fault.Store(func(*http.Request) bool { return false })
		s.accept(t, m)
		if len(s.notices.Messages()) != before+1 {
			t.Error("no change notice")
		}
	}
	if left := s.uploads(t); len(left) > 0 {
		t.Errorf("photos %v remain", left)
	}
}

func TestPendingDeletionsStayStoredUntilThePhotosAreDeleted(t *testing.T) {
	s := start(t)
	s.upload(photo1, photo2)
	r := newReview(5, "good")
	r.Photos = []string{photo1, photo2}
	change := edited(r, 1, 4, "good")
	change.Photos = []string{photo2}
	pending := func() (photos []string) {
		row, err := s.db.Single().ReadRow(t.Context(), "Reviews", spanner.Key{r.Product, r.ID}, []string{"Dropped"})
		if err != nil {
			t.Fatal(err)
		}
		if err := row.Columns(&photos); err != nil {
			t.Fatal(err)
		}
		return photos
	}
	s.accept(t, r)
	s.fault.Store(func(r *http.Request) bool { return r.Method == http.MethodDelete })
	for range 2 {
		if code := s.deliverReview(t, change); code != http.StatusServiceUnavailable || !slices.Equal(pending(), []string{photo1}) {
			t.Errorf("status %d, pending deletions %v", code, pending())
		}
	}
	s.fault.Store(func(*http.Request) bool { return false })
	s.accept(t, change)
	if left := pending(); left != nil {
		t.Errorf("pending deletions %v after the deletion", left)
	}
	// An erasure overtakes an edit whose photos are not deleted yet.
	s.upload(photo3)
	change.Photos, change.EditedAt = []string{photo3}, noon.Add(time.Minute)
	again := edited(change, 120, 4, "good")
	again.Photos = nil
	s.accept(t, change)
	s.fault.Store(func(r *http.Request) bool { return r.Method == http.MethodDelete })
	s.deliverReview(t, again)
	s.fault.Store(func(*http.Request) bool { return false })
	s.accept(t, review.Erasure{Key: r.About()})
	if left := s.uploads(t); len(left) > 0 {
		t.Errorf("photos %v remain", left)
	}
}

// erasingAssessor erases the review that it assesses, as another delivery may.
type erasingAssessor struct {
	assessor
	t     testing.TB
	store store
}

func (e erasingAssessor) assess(ctx context.Context, r review.Review) (assessment, error) {
	if _, err := e.store.erase(ctx, review.Erasure{Key: r.About()}); err != nil {
		e.t.Error(err)
	}
	return e.assessor.assess(ctx, r)
}

func TestReviewThatIsErasedDuringItsAssessmentIsNotStored(t *testing.T) {
	s := start(t)
	s.upload(photo1)
	s.reviewWriter.assessor = erasingAssessor{byText{}, t, s.store}
	r := newReview(5, "good")
	r.Photos = []string{photo1}
	s.accept(t, r)
	if got := views(t, s.db); len(got) > 0 {
		t.Errorf("stored %+v", got)
	}
	if left := s.uploads(t); len(left) > 0 {
		t.Errorf("photos %v remain", left)
	}
	if last := s.lastNotice(t); last.Status != review.Erased {
		t.Errorf("last change notice %+v", last)
	}
}

func TestChangesOfAReviewThatIsNotStoredAreRedelivered(t *testing.T) {
	s := start(t)
	r := newReview(5, "good")
	early := []review.Message{
		decided(r, 1, review.Hold, "?"), review.Vote{Key: r.About(), Visitor: visitor(0)}, review.Reply{Key: r.About(), Text: "고맙습니다", At: noon},
	}
	var log bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(old)
	for _, m := range early {
		if code := s.deliverReview(t, m); code != http.StatusServiceUnavailable {
			t.Errorf("%T: status %d, want 503", m, code)
		}
	}
	if got := log.String(); strings.Count(got, "level=INFO") != len(early) || strings.Contains(got, "level=WARN") || strings.Contains(got, "level=ERROR") {
		t.Errorf("logged %s, want one line of level INFO for each message, because events arrive in any order", got)
	}
	s.accept(t, r)
	s.accept(t, early...)
	if got := views(t, s.db)[r.About()]; got.Status != review.Held || got.Helpful != 1 || got.Reply != "고맙습니다" {
		t.Errorf("stored %+v", got)
	}
	if n := len(s.dead.Messages()); n > 0 {
		t.Errorf("%d dead letters", n)
	}
}

func TestEditVoidsTheVotesForEarlierContentInAnyOrder(t *testing.T) {
	s := start(t)
	s.reviewWriter.assessor = byText{}
	r := newReview(1, "bad -")
	praised, again := edited(r, 1, 5, "good +"), edited(r, 2, 5, "better + +")
	vote := func(n byte, about review.Review) review.Vote {
		return review.Vote{Key: r.About(), Visitor: visitor(n), Revision: about.Revision()}
	}
	helpful := func() int64 { return views(t, s.db)[r.About()].Helpful }
	unknown := review.Vote{Key: r.About(), Visitor: visitor(8)} // from a release that sends no revision
	s.accept(t, r, vote(0, r), vote(1, r), vote(1, r), unknown, unknown)
	if got := helpful(); got != 3 {
		t.Errorf("%d votes before the edit, want 3", got)
	}
	if code := s.deliverReview(t, vote(2, praised)); code != http.StatusServiceUnavailable || helpful() != 3 {
		t.Errorf("vote for content that has not arrived: status %d and %d votes, want 503 and 3", code, helpful())
	}
	s.accept(t, praised)
	if got := helpful(); got != 0 {
		t.Errorf("%d votes after the edit, want none", got)
	}
	s.accept(t, vote(2, praised), vote(0, r), vote(3, r), unknown, vote(0, praised), r, praised, vote(2, praised))
	if got := helpful(); got != 2 {
		t.Errorf("%d votes for the edited content, want 2", got)
	}
	s.accept(t, again, praised, vote(2, praised))
	if got := helpful(); got != 0 {
		t.Errorf("%d votes after the second edit, want none", got)
	}
}

func TestReplyKeepsTheRevisionThatTheMerchantSaw(t *testing.T) {
	s := start(t)
	r := newReview(5, "good")
	s.accept(t, r, edited(r, 1, 1, "bad"), review.Reply{Key: r.About(), Text: "고맙습니다", Revision: r.Revision(), At: noon.Add(2 * time.Second)})
	repliedOn := func() (seen spanner.NullInt64) {
		row, err := s.db.Single().ReadRow(t.Context(), "Reviews", spanner.Key{r.Product, r.ID}, []string{"RepliedOn"})
		if err == nil {
			err = row.Columns(&seen)
		}
		if err != nil {
			t.Fatal(err)
		}
		return seen
	}
	if got := repliedOn(); got.Int64 != r.Revision() {
		t.Errorf("the reply is about revision %v, want %d", got, r.Revision())
	}
	s.accept(t, review.Reply{Key: r.About(), Text: "죄송합니다", At: noon.Add(3 * time.Second)})
	if got := repliedOn(); got.Valid {
		t.Errorf("a later reply without a revision is about revision %v, want none", got)
	}
}

func TestLaterReplyWins(t *testing.T) {
	s := start(t)
	r := newReview(5, "good")
	reply := func(seconds int, text string) review.Reply {
		return review.Reply{Key: r.About(), Text: text, At: noon.Add(time.Duration(seconds) * time.Second)}
	}
	s.accept(t, r, reply(2, "두 번째"), reply(1, "첫 번째"))
	if got := views(t, s.db)[r.About()].Reply; got != "두 번째" {
		t.Errorf("reply %q, want the later one", got)
	}
	s.accept(t, reply(3, ""), reply(2, "두 번째"))
	if got := views(t, s.db)[r.About()].Reply; got != "" {
		t.Errorf("reply %q, want none", got)
	}
}

// The rows are as the first release of this function wrote them.
func TestRowsFromBeforeEditsCanBeChanged(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		stock(t, db)
		s := spannerStore{db}
		shown, held := newReview(5, "good +"), newReview(4, "good")
		held.Product = "not-in-the-catalogue"
		for _, r := range []review.Review{shown, held} {
			row := map[string]any{
				"Product": r.Product, "Review": r.ID, "Status": "published", "Rating": int64(r.Rating), "Text": r.Text, "Author": "", "Locale": "",
				"SubmittedAt": r.SubmittedAt, "StoredAt": spanner.CommitTimestamp, "PublishedAt": spanner.CommitTimestamp,
			}
			if r.Product != butter {
				row["Status"], row["HeldFor"], row["PublishedAt"] = "held", reason.UnknownProduct.Text(), nil
			}
			writes := []*spanner.Mutation{spanner.InsertMap("Reviews", row)}
			if r.Product == butter {
				m, err := spanner.InsertStruct("Ratings", ratingShard{Product: butter, Shard: shardOf(r.ID), Stars5: 1})
				if err != nil {
					t.Fatal(err)
				}
				writes = append(writes, m)
			}
			if _, err := db.Apply(t.Context(), writes); err != nil {
				t.Fatal(err)
			}
		}
		do := func(now outcome, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		do(s.vote(t.Context(), review.Vote{Key: held.About(), Visitor: visitor(0)}))
		if got := stored(t, db, held); got.Status != "held" || got.HeldFor.StringVal != reason.UnknownProduct.Text() {
			t.Errorf("the review of an unknown product is %+v", got)
		}
		do(s.decide(t.Context(), decided(held, 1, review.Publish, "")))
		if got := stored(t, db, held); got.Status != "published" || got.HeldFor.Valid {
			t.Errorf("the published review is %+v", got)
		}
		do(s.add(t.Context(), edited(shown, 1, 2, "bad"), assessment{}))
		do(s.decide(t.Context(), decided(shown, 0, review.Reject, "ad")))
		if got := stored(t, db, shown); got.Status != "held" || got.HeldFor.StringVal != reason.EditedAfterRejection.Text() {
			t.Errorf("the edited review is %+v", got)
		}
		do(s.erase(t.Context(), review.Erasure{Key: shown.About()}))
		for _, product := range []string{butter, held.Product} {
			if diff := cmp.Diff(recount(t, db, product), rating(t, db, product)); diff != "" {
				t.Errorf("the rating differs from a recount: %s", diff)
			}
		}
	})
}

// Four instances, which share no memory, change the same few reviews at once.
func TestConcurrentChangesAreCountedExactly(t *testing.T) {
	s := start(t)
	s.reviewWriter.assessor = byText{}
	var instances []http.Handler
	for range 4 {
		w := &reviewWriter{assessor: byText{}, store: s.reviewWriter.store, photos: s.reviewWriter.photos, notices: s.reviewWriter.notices,
			senders: s.reviewWriter.senders}
		instances = append(instances, event.Handler(w.handleEvent, func(context.Context, event.Event, error) error { return nil }))
	}
	var messages []review.Message
	last := noon.Add(12 * time.Second).UnixMicro() // the revision of the last edit, the only one whose votes count
	for n := range 6 {
		r := newReview(1+n%5, "good + #price")
		s.accept(t, r)
		for i := range 12 {
			messages = append(messages, edited(r, i+1, 1+i%5, []string{"bad - #price", "held", "", "good + + #size"}[i%4]),
				review.Vote{Key: r.About(), Visitor: visitor(byte(i)), Revision: last}, review.Vote{Key: r.About(), Visitor: visitor(byte(i / 2)), Revision: last},
				review.Vote{Key: r.About(), Visitor: visitor(byte(i + 12)), Revision: noon.Add(time.Duration(i) * time.Second).UnixMicro()},
				decided(r, i, []review.Verdict{review.Hold, review.Publish, review.Reject}[i%3], "reason"), r)
		}
		if n == 0 {
			messages = append(messages, review.Erasure{Key: r.About()})
		}
	}
	rand.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
	work := make(chan review.Message, len(messages)) // has room for all messages, so a redelivery never blocks
	var running, unacknowledged sync.WaitGroup
	for _, h := range instances {
		running.Go(func() {
			one := s
			one.Handler = h
			for m := range work {
				if one.deliverReview(t, m) == http.StatusNoContent {
					unacknowledged.Done()
				} else {
					work <- m // behind the edit that a vote waits for
				}
			}
		})
	}
	for _, m := range messages {
		unacknowledged.Add(1)
		work <- m
	}
	unacknowledged.Wait()
	close(work)
	running.Wait()
	got := views(t, s.db)
	if len(got) != 5 {
		t.Errorf("%d reviews are stored, want 5", len(got))
	}
	for k, v := range got {
		if v.Helpful != 12 || v.Revision != last || v.Text != "good + + #size" {
			t.Errorf("review %s is %+v", k.Review, v)
		}
	}
	if diff := cmp.Diff(recount(t, s.db, butter), rating(t, s.db, butter)); diff != "" {
		t.Errorf("the rating differs from a recount: %s", diff)
	}
	if diff := cmp.Diff(recountAspects(t, s.db, butter), aspectSums(t, s.db, butter), cmp.AllowUnexported(mentions{})); diff != "" {
		t.Errorf("the aspects differ from a recount: %s", diff)
	}
}

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

// visible returns the photos that are marked as published.
func (s system) visible(t testing.TB) (names []string) {
	t.Helper()
	for _, name := range s.uploads(t) {
		if _, err := bucket.PublishedGeneration(t.Context(), s.reviewWriter.photos.bucket, name); err == nil {
			names = append(names, name)
		} else if !errors.Is(err, bucket.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return names
}

func TestPhotosAreVisibleWhileTheirReviewIsPublished(t *testing.T) {
	s := start(t)
	s.reviewWriter.assessor = byText{}
	s.upload(photo1, photo2, photo3)
	shown, flagged := newReview(5, "good"), newReview(5, "held")
	shown.Photos, flagged.Photos = []string{photo1, photo2}, []string{photo3}
	after := func(state string, m review.Message, want ...string) {
		t.Helper()
		s.accept(t, m)
		if got := s.visible(t); !slices.Equal(got, want) {
			t.Errorf("%s: photos %v are visible, want %v", state, got, want)
		}
	}
	after("flagged", flagged)
	after("published", shown, photo1, photo2)
	after("published by an operator", decided(flagged, 1, review.Publish, ""), photo1, photo2, photo3)
	after("held", decided(shown, 1, review.Hold, "a look"), photo3)
	after("published again", decided(shown, 2, review.Publish, ""), photo1, photo2, photo3)
	after("rejected", decided(flagged, 3, review.Reject, "no"), photo1, photo2)
	s.upload(photo2) // a second upload with the same policy has not been moderated
	if got := s.visible(t); !slices.Equal(got, []string{photo1}) {
		t.Errorf("photos %v are visible after an upload, want %v", got, photo1)
	}
	after("erased", review.Erasure{Key: shown.About()})

	fails := func(r *http.Request) bool { return r.Method == http.MethodPatch }
	s.fault.Store(fails)
	if code := s.deliverReview(t, decided(flagged, 4, review.Publish, "")); code != http.StatusServiceUnavailable {
		t.Errorf("status %d while photos cannot be marked, want 503", code)
	}
	s.fault.Store(func(*http.Request) bool { return false })
	after("published by a redelivery", decided(flagged, 4, review.Publish, ""), photo3)
}

// A delivery stores a publication, and another one a hold before the first marks the photo.
func TestLaterStateOfAReviewDecidesAboutItsPhotos(t *testing.T) {
	s := start(t)
	s.upload(photo1)
	r := newReview(5, "good")
	r.Photos = []string{photo1}
	var once sync.Once
	s.fault.Store(func(req *http.Request) bool {
		if req.Method == http.MethodPatch {
			once.Do(func() {
				if _, err := s.reviewWriter.store.decide(t.Context(), decided(r, 1, review.Hold, "a look")); err != nil {
					t.Error(err)
				}
			})
		}
		return false
	})
	s.accept(t, r)
	if got := s.visible(t); len(got) > 0 {
		t.Errorf("photos %v of a held review are visible", got)
	}
}
