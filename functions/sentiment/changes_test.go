package main

import (
	"context"
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

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// accept delivers messages, each of which has to be acknowledged.
func (s system) accept(t testing.TB, messages ...review.Message) {
	t.Helper()
	for _, m := range messages {
		if code := s.deliverReview(t, m); code != http.StatusNoContent {
			t.Fatalf("%+v: status %d, want 204", m, code)
		}
	}
}

// edited returns a review as an edit makes it some seconds after it was submitted.
func edited(r review.Review, seconds, rating int, text string) review.Review {
	r.Rating, r.Text, r.EditedAt = rating, text, noon.Add(time.Duration(seconds)*time.Second)
	return r
}

// decided returns a decision that was made some seconds after noon.
func decided(r review.Review, seconds int, verdict review.Verdict, reason string) review.Decision {
	return review.Decision{Key: r.About(), Verdict: verdict, Reason: reason, Revision: r.Revision(), At: noon.Add(time.Duration(seconds) * time.Second)}
}

func visitor(n byte) string { return strings.Repeat(string('a'+n), 43) }

func TestAnEditReplacesTheReviewAndItsPlaceInTheSums(t *testing.T) {
	s := start(t)
	s.keeper.assessor = byText{}
	first := newReview(5, "good + #price")
	s.accept(t, first)
	second := edited(first, 1, 1, "bad - - #size")
	third := edited(first, 2, 2, "so so ? #size")
	for _, m := range []review.Review{third, second, first, second, third} {
		s.accept(t, m)
		if got := stored(t, s.db, m); got.Rating != int64(third.Rating) || got.Text != third.Text || got.Score.Valid {
			t.Errorf("after the edit %v it is %+v, want the newest", m.EditedAt, got)
		}
		if diff := cmp.Diff(shard{Product: butter, Stars2: 1}, rating(t, s.db, butter)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]mentions{"size": {1, 0}}, aspectSums(t, s.db, butter), cmp.AllowUnexported(mentions{})); diff != "" {
			t.Error(diff)
		}
	}
}

// counting counts the contents that are looked into.
type counting struct {
	assessor
	calls atomic.Int64
}

func (c *counting) assess(ctx context.Context, r review.Review) (assessment, error) {
	c.calls.Add(1)
	return c.assessor.assess(ctx, r)
}

func TestWhatCameLateIsNotPaidFor(t *testing.T) {
	s := start(t)
	paid := &counting{assessor: byText{}}
	s.keeper.assessor = paid
	first := newReview(5, "good +")
	late, newest := edited(first, 1, 3, "late"), edited(first, 2, 1, "bad -")
	again := first // the shopper sent it again
	again.SubmittedAt = noon.Add(time.Hour)
	s.accept(t, first, newest, late, late, first, again, newest, review.Erasure{Key: first.About()}, late, edited(first, 9, 5, "back"))
	if n := paid.calls.Load(); n != 2 {
		t.Errorf("%d contents are looked into, want 2", n)
	}
}

func TestAnOperatorDecides(t *testing.T) {
	clean, dirty := newReview(5, "good +"), newReview(4, "held +")
	second := edited(clean, 10, 3, "good again +")
	third := edited(clean, 20, 2, "and again +")
	flag := reason.Reason{Code: reason.ContactDetails}
	words := func(text string) reason.Reason { return reason.Reason{Code: reason.Operator, OperatorText: text} }
	for name, tc := range map[string]struct {
		told   []review.Message
		status review.Status
		why    reason.Reason
	}{
		"nothing":          {[]review.Message{clean}, review.Published, reason.Reason{}},
		"moderation holds": {[]review.Message{dirty}, review.Held, flag},
		"an operator publishes what moderation holds": {[]review.Message{dirty, decided(dirty, 1, review.Publish, "")}, review.Published, reason.Reason{}},
		"an edit of that is moderated again": {
			[]review.Message{dirty, decided(dirty, 1, review.Publish, ""), edited(dirty, 2, 4, "held again")}, review.Held, flag,
		},
		"hold":                              {[]review.Message{clean, decided(clean, 1, review.Hold, "광고?")}, review.Held, words("광고?")},
		"rejected in the words of a code":   {[]review.Message{clean, decided(clean, 1, review.Reject, "unknown product")}, review.Rejected, words("unknown product")},
		"held in the words of its flag":     {[]review.Message{dirty, decided(dirty, 1, review.Hold, "contact details")}, review.Held, words("contact details")},
		"reject":                            {[]review.Message{clean, decided(clean, 1, review.Reject, "광고")}, review.Rejected, words("광고")},
		"an edit after a hold is held":      {[]review.Message{clean, decided(clean, 1, review.Hold, "ad"), second}, review.Held, reason.Reason{Code: reason.EditedAfterHold}},
		"an edit after a rejection is held": {[]review.Message{clean, decided(clean, 1, review.Reject, "ad"), second}, review.Held, reason.Reason{Code: reason.EditedAfterRejection}},
		"published as it is":                {[]review.Message{clean, decided(clean, 1, review.Reject, "ad"), decided(clean, 2, review.Publish, "")}, review.Published, reason.Reason{}},
		"published as edited": {
			[]review.Message{clean, decided(clean, 1, review.Reject, "ad"), second, decided(second, 11, review.Publish, "")}, review.Published, reason.Reason{},
		},
		"published, and edited then": {
			[]review.Message{clean, decided(clean, 1, review.Reject, "ad"), decided(clean, 2, review.Publish, ""), second}, review.Published, reason.Reason{},
		},
		"published on an old page": {
			[]review.Message{clean, decided(clean, 1, review.Reject, "ad"), second, decided(clean, 11, review.Publish, "")}, review.Held, reason.Reason{Code: reason.EditedAfterRejection},
		},
		"published on an old page, and edited then": {
			[]review.Message{clean, decided(clean, 1, review.Reject, "ad"), second, decided(clean, 11, review.Publish, ""), third}, review.Held, reason.Reason{Code: reason.EditedAfterRejection},
		},
		"rejected for good": {
			[]review.Message{clean, decided(clean, 1, review.Publish, ""), decided(clean, 2, review.Hold, "?"), decided(clean, 3, review.Reject, "ad")}, review.Rejected, words("ad"),
		},
		"by a clock that is slow": {
			[]review.Message{clean, decided(clean, 1, review.Reject, "ad"), second, decided(second, 2, review.Publish, "")}, review.Published, reason.Reason{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.keeper.assessor = byText{}
			want := tc.told[0].(review.Review)
			s.accept(t, tc.told[0])
			// In the order of their times, and in any other.
			for range 5 {
				s.accept(t, tc.told...)
				if got := views(t, s.db)[want.About()]; got.Status != tc.status || got.Reason != tc.why {
					t.Errorf("it is %s for %+v, want %s for %+v", got.Status, got.Reason, tc.status, tc.why)
				}
				if got := stored(t, s.db, want); got.HeldFor.StringVal != tc.why.Text() {
					t.Errorf("readers of before the codes see %q, want %q", got.HeldFor.StringVal, tc.why.Text())
				}
				if diff := cmp.Diff(recount(t, s.db, butter), rating(t, s.db, butter)); diff != "" {
					t.Errorf("the rating differs from a recount: %s", diff)
				}
				rand.Shuffle(len(tc.told), func(i, j int) { tc.told[i], tc.told[j] = tc.told[j], tc.told[i] })
			}
		})
	}
}

// keep puts photos into the bucket.
func (s system) keep(names ...string) {
	for _, name := range names {
		s.storage.CreateObject(fakestorage.Object{ObjectAttrs: fakestorage.ObjectAttrs{BucketName: originals, Name: name}, Content: []byte("a photo")})
	}
}

// kept returns the photos in the bucket.
func (s system) kept(t testing.TB) (names []string) {
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

func TestErasureLeavesNothingAndIsForEver(t *testing.T) {
	s := start(t)
	s.keeper.assessor = byText{}
	s.keep(photo1, photo2, photo3)
	gone, other := newReview(5, "good + #price"), newReview(4, "fine")
	gone.Photos, other.Photos = []string{photo1, photo2}, []string{photo3}
	change := edited(gone, 1, 1, "bad")
	change.Photos = []string{photo2}
	s.accept(t, gone, other, change, review.Vote{Key: gone.About(), Visitor: visitor(0)}, review.Reply{Key: gone.About(), Text: "고맙습니다", At: noon})
	if diff := cmp.Diff([]string{photo2, photo3}, s.kept(t)); diff != "" {
		t.Errorf("a photo that an edit took away: %s", diff)
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
				t.Errorf("after %T a row of %s is left", late, table)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]string{photo3}, s.kept(t)); diff != "" {
			t.Errorf("after %T: %s", late, diff)
		}
		if diff := cmp.Diff(shard{Product: butter, Stars4: 1, Scored: 1}, rating(t, s.db, butter)); diff != "" {
			t.Error(diff)
		}
		if sums := aspectSums(t, s.db, butter); len(sums) > 0 {
			t.Errorf("aspects %v", sums)
		}
	}
	if last := s.lastNews(t); last != (review.ChangeNotice{Key: gone.About(), Status: review.Erased}) {
		t.Errorf("the last news are %+v", last)
	}
}

// lastNews returns what was published last.
func (s system) lastNews(t testing.TB) review.ChangeNotice {
	t.Helper()
	all := s.news.Messages()
	got, err := review.Decode(all[len(all)-1].Data, all[len(all)-1].Attributes)
	if err != nil {
		t.Fatal(err)
	}
	return got.(review.ChangeNotice)
}

func TestAReviewThatComesAfterItsErasureIsNotKept(t *testing.T) {
	s := start(t)
	s.keep(photo1)
	r := newReview(5, "good")
	r.Photos = []string{photo1}
	s.accept(t, review.Erasure{Key: r.About()}, r)
	if kept := s.kept(t); len(kept) > 0 || s.language.Calls() > 0 {
		t.Errorf("photos %v are left, the text was looked at %d times", kept, s.language.Calls())
	}
	if got := rating(t, s.db, butter); got != (shard{Product: butter}) {
		t.Errorf("it counts: %+v", got)
	}
}

func TestAPhotoIsOfTheReviewThatNamedItFirst(t *testing.T) {
	s := start(t)
	s.keep(photo1, photo2)
	author, thief := newReview(5, "mine"), newReview(1, "not mine")
	author.Photos, thief.Photos = []string{photo1}, []string{photo1, photo2}
	s.accept(t, author, thief)
	if got := views(t, s.db)[thief.About()].Photos; !slices.Equal(got, []string{photo2}) {
		t.Errorf("who named it second has %v", got)
	}
	without := edited(thief, 1, 1, "not mine")
	without.Photos = nil
	s.accept(t, without, thief, review.Erasure{Key: thief.About()}, thief)
	if diff := cmp.Diff([]string{photo1}, s.kept(t)); diff != "" {
		t.Error(diff)
	}
	if got := views(t, s.db)[author.About()].Photos; !slices.Equal(got, []string{photo1}) {
		t.Errorf("its author has %v", got)
	}
}

func TestWhatDiedBeforeItsEndIsFinishedByTheNextDelivery(t *testing.T) {
	s := start(t)
	s.keep(photo1, photo2)
	r := newReview(5, "good")
	r.Photos = []string{photo1, photo2}
	change := edited(r, 1, 4, "good")
	change.Photos = []string{photo2}
	s.accept(t, r)
	for _, m := range []review.Message{change, review.Erasure{Key: r.About()}} {
		before := len(s.news.Messages())
		s.fault.Store(func(r *http.Request) bool { return r.Method == http.MethodDelete })
		if code := s.deliverReview(t, m); code != http.StatusServiceUnavailable {
			t.Errorf("status %d while photos cannot be deleted, want 503", code)
		}
		if len(s.news.Messages()) > before {
			t.Error("it is told before it is done")
		}
		s.fault.Store(func(*http.Request) bool { return false })
		s.accept(t, m)
		if len(s.news.Messages()) != before+1 {
			t.Error("it is not told")
		}
	}
	if kept := s.kept(t); len(kept) > 0 {
		t.Errorf("photos %v are left", kept)
	}
}

func TestPhotosToBeDeletedAreRememberedUntilTheyAre(t *testing.T) {
	s := start(t)
	s.keep(photo1, photo2)
	r := newReview(5, "good")
	r.Photos = []string{photo1, photo2}
	change := edited(r, 1, 4, "good")
	change.Photos = []string{photo2}
	waiting := func() (photos []string) {
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
		if code := s.deliverReview(t, change); code != http.StatusServiceUnavailable || !slices.Equal(waiting(), []string{photo1}) {
			t.Errorf("status %d, %v are to be deleted", code, waiting())
		}
	}
	s.fault.Store(func(*http.Request) bool { return false })
	s.accept(t, change)
	if left := waiting(); left != nil {
		t.Errorf("%v are still to be deleted", left)
	}
	// The review is erased before the edit that took a photo away was finished.
	s.keep(photo3)
	change.Photos, change.EditedAt = []string{photo3}, noon.Add(time.Minute)
	again := edited(change, 120, 4, "good")
	again.Photos = nil
	s.accept(t, change)
	s.fault.Store(func(r *http.Request) bool { return r.Method == http.MethodDelete })
	s.deliverReview(t, again)
	s.fault.Store(func(*http.Request) bool { return false })
	s.accept(t, review.Erasure{Key: r.About()})
	if kept := s.kept(t); len(kept) > 0 {
		t.Errorf("photos %v are left", kept)
	}
}

func TestAReviewThatIsErasedWhileItIsLookedIntoIsNotKept(t *testing.T) {
	s := start(t)
	r := newReview(5, "good")
	r.Photos = []string{photo1}
	s.accept(t, review.Erasure{Key: r.About()})
	now, err := s.store.add(t.Context(), r, assessment{})
	if err != nil || now.Status != review.Erased || !slices.Equal(now.drop, []string{photo1}) {
		t.Errorf("add() = %+v, %v", now, err)
	}
}

func TestChangesOfWhatIsNotStoredWaitForIt(t *testing.T) {
	s := start(t)
	r := newReview(5, "good")
	early := []review.Message{
		decided(r, 1, review.Hold, "?"), review.Vote{Key: r.About(), Visitor: visitor(0)}, review.Reply{Key: r.About(), Text: "고맙습니다", At: noon},
	}
	for _, m := range early {
		if code := s.deliverReview(t, m); code != http.StatusServiceUnavailable {
			t.Errorf("%T: status %d, want 503", m, code)
		}
	}
	s.accept(t, r)
	s.accept(t, early...)
	if got := views(t, s.db)[r.About()]; got.Status != review.Held || got.Helpful != 1 || got.Reply != "고맙습니다" {
		t.Errorf("it is %+v", got)
	}
	if n := len(s.dead.Messages()); n > 0 {
		t.Errorf("%d dead letters", n)
	}
}

func TestTheLaterReplyWins(t *testing.T) {
	s := start(t)
	r := newReview(5, "good")
	reply := func(seconds int, text string) review.Reply {
		return review.Reply{Key: r.About(), Text: text, At: noon.Add(time.Duration(seconds) * time.Second)}
	}
	s.accept(t, r, reply(2, "두 번째"), reply(1, "첫 번째"))
	if got := views(t, s.db)[r.About()].Reply; got != "두 번째" {
		t.Errorf("the reply is %q", got)
	}
	s.accept(t, reply(3, ""), reply(2, "두 번째"))
	if got := views(t, s.db)[r.About()].Reply; got != "" {
		t.Errorf("the reply that was taken away is %q", got)
	}
}

// A row of before there were edits, as the function of then wrote it.
func TestRowsThatWereThereAreChangedAsAnyOther(t *testing.T) {
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
				m, err := spanner.InsertStruct("Ratings", shard{Product: butter, Shard: shardOf(r.ID), Stars5: 1})
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
			t.Errorf("what the catalogue holds is %+v", got)
		}
		do(s.decide(t.Context(), decided(held, 1, review.Publish, "")))
		if got := stored(t, db, held); got.Status != "published" || got.HeldFor.Valid {
			t.Errorf("what an operator published is %+v", got)
		}
		do(s.add(t.Context(), edited(shown, 1, 2, "bad"), assessment{}))
		do(s.decide(t.Context(), decided(shown, 0, review.Reject, "ad")))
		if got := stored(t, db, shown); got.Status != "held" || got.HeldFor.StringVal != reason.EditedAfterRejection.Text() {
			t.Errorf("what was edited after it was rejected is %+v", got)
		}
		do(s.erase(t.Context(), shown.About()))
		for _, product := range []string{butter, held.Product} {
			if diff := cmp.Diff(recount(t, db, product), rating(t, db, product)); diff != "" {
				t.Errorf("the rating differs from a recount: %s", diff)
			}
		}
	})
}

// Many instances, which share no memory, change the same few reviews at once.
func TestConcurrentChangesAreCountedExactly(t *testing.T) {
	s := start(t)
	s.keeper.assessor = byText{}
	var instances []http.Handler
	for range 4 {
		k := &keeper{assessor: byText{}, store: s.keeper.store, photos: s.keeper.photos, news: s.keeper.news}
		instances = append(instances, event.Handler(k.changed, func(context.Context, event.Event, error) error { return nil }))
	}
	var messages []review.Message
	for n := range 6 {
		r := newReview(1+n%5, "good + #price")
		s.accept(t, r)
		for i := range 12 {
			messages = append(messages, edited(r, i+1, 1+i%5, []string{"bad - #price", "held", "", "good + + #size"}[i%4]),
				review.Vote{Key: r.About(), Visitor: visitor(byte(i))}, review.Vote{Key: r.About(), Visitor: visitor(byte(i / 2))},
				decided(r, i, []review.Verdict{review.Hold, review.Publish, review.Reject}[i%3], "reason"), r)
		}
		if n == 0 {
			messages = append(messages, review.Erasure{Key: r.About()})
		}
	}
	rand.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
	work := make(chan review.Message)
	var running sync.WaitGroup
	for _, h := range instances {
		running.Go(func() {
			one := s
			one.Handler = h
			for m := range work {
				for one.deliverReview(t, m) != http.StatusNoContent {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	for _, m := range messages {
		work <- m
	}
	close(work)
	running.Wait()
	got := views(t, s.db)
	if len(got) != 5 {
		t.Errorf("%d reviews are stored, want 5", len(got))
	}
	for k, v := range got {
		if v.Helpful != 12 || v.Revision != noon.Add(12*time.Second).UnixMicro() || v.Text != "good + + #size" {
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
