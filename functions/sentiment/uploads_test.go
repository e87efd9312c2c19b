package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/spanner"
	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

// notice delivers a notice of the function image, and returns the status.
func (s system) notice(t testing.TB, kind, photo string, body any) int {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return s.deliverFrom(t, imagesSubscription, data, map[string]string{rendition.NoticeType: kind, rendition.NoticeObject: photo})
}

// ready delivers the notice that a photo is rendered, and requires that it is acknowledged.
func (s system) ready(t testing.TB, photos ...string) {
	t.Helper()
	for _, photo := range photos {
		if code := s.notice(t, rendition.NoticeReady, photo, rendition.Manifest{Object: photo}); code != http.StatusNoContent {
			t.Fatalf("status %d, want 204", code)
		}
	}
}

// missing returns the photos that a review lacks, with their causes.
func (s system) missing(t testing.TB, r review.Review) map[string]review.PhotoCause {
	t.Helper()
	row, err := s.db.Single().ReadRow(t.Context(), "Reviews", spanner.Key{r.Product, r.ID}, []string{"MissingPhotos", "MissingCauses"})
	if err != nil {
		t.Fatal(err)
	}
	var photos, causes []string
	if err := row.Columns(&photos, &causes); err != nil || len(photos) != len(causes) {
		t.Fatalf("photos %v, causes %v, %v", photos, causes, err)
	}
	all := map[string]review.PhotoCause{}
	for i, photo := range photos {
		all[photo] = review.PhotoCause(causes[i])
	}
	return all
}

func TestErasedPhotoIsNeverAcceptedAgain(t *testing.T) {
	s := start(t)
	s.upload(photo1, photo2)
	s.ready(t, photo1, photo2)
	r := newReview(5, "good")
	r.Photos = []string{photo1, photo2}
	change := edited(r, 1, 4, "good")
	change.Photos = []string{photo2}
	s.accept(t, r, change, review.Erasure{Key: r.About()})
	s.upload(photo1, photo2) // the upload policies are still valid
	s.ready(t, photo1, photo2)
	if left := s.uploads(t); len(left) > 0 {
		t.Errorf("erased photos %v are stored again", left)
	}
	s.upload(photo1, photo2)
	again := newReview(5, "again")
	again.Photos = []string{photo1, photo2}
	s.accept(t, again, again)
	if got := views(t, s.db)[again.About()].Photos; len(got) > 0 || len(s.visible(t)) > 0 {
		t.Errorf("erased photos %v are in a review, %v are visible", got, s.visible(t))
	}
	if diff := cmp.Diff(map[string]review.PhotoCause{photo1: review.PhotoDeleted, photo2: review.PhotoDeleted}, s.missing(t, again)); diff != "" {
		t.Error(diff)
	}
}

func TestRejectedPhotosLeaveTheirReviewWithACause(t *testing.T) {
	for name, order := range map[string][]string{"before the review": {"notice", "review"}, "after the review": {"review", "notice"}} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.upload(photo1, photo2, photo3)
			r := newReview(5, "good")
			r.Photos = []string{photo1, photo2, photo3}
			for _, step := range slices.Concat(order, order) {
				if step == "review" {
					s.accept(t, r)
					continue
				}
				s.ready(t, photo2)
				for photo, large := range map[string]bool{photo1: false, photo3: true} {
					if code := s.notice(t, rendition.NoticeRejected, photo, rendition.Rejection{Object: photo, Reason: "x", TooLarge: large}); code != http.StatusNoContent {
						t.Fatalf("status %d", code)
					}
				}
			}
			if got := views(t, s.db)[r.About()].Photos; !slices.Equal(got, []string{photo2}) {
				t.Errorf("the review has photos %v", got)
			}
			if diff := cmp.Diff(map[string]review.PhotoCause{photo1: review.PhotoUnreadable, photo3: review.PhotoTooLarge}, s.missing(t, r)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{photo2}, s.uploads(t)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{photo2}, s.visible(t)); diff != "" {
				t.Error(diff)
			}
			if last := s.lastNotice(t); last.Key != r.About() || last.Status != review.Published {
				t.Errorf("last change notice %+v", last)
			}
		})
	}
}

func TestPhotoOfAnotherReviewIsMissingAsTaken(t *testing.T) {
	s := start(t)
	s.upload(photo1)
	first, second := newReview(5, "mine"), newReview(1, "not mine")
	first.Photos, second.Photos = []string{photo1}, []string{photo1}
	s.accept(t, first, second)
	if diff := cmp.Diff(map[string]review.PhotoCause{photo1: review.PhotoTaken}, s.missing(t, second)); diff != "" {
		t.Error(diff)
	}
}

// A photo that is uploaded after its review was stored becomes visible with the notice.
func TestLateUploadBecomesVisible(t *testing.T) {
	s := start(t)
	r := newReview(5, "good")
	r.Photos = []string{photo1}
	s.accept(t, r)
	s.upload(photo1)
	s.ready(t, photo1)
	if diff := cmp.Diff([]string{photo1}, s.visible(t)); diff != "" {
		t.Error(diff)
	}
}

func TestNoticesComeFromTheirTopicOnly(t *testing.T) {
	s := start(t)
	s.upload(photo1)
	attributes := map[string]string{rendition.NoticeType: rendition.NoticeRejected, rendition.NoticeObject: photo1}
	s.deliver(t, []byte("{}"), attributes)
	if len(s.uploads(t)) == 0 || len(s.dead.Messages()) != 1 {
		t.Errorf("a notice on topic reviews deletes a photo; %d dead letters", len(s.dead.Messages()))
	}
	if code := s.notice(t, "image.newer", photo1, nil); code != http.StatusNoContent {
		t.Errorf("status %d for a notice of a newer release, want 204", code)
	}
	if code := s.notice(t, rendition.NoticeRejected, "products/butter.jpg", rendition.Rejection{}); code != http.StatusNoContent {
		t.Errorf("status %d for a notice of a product's picture, want 204", code)
	}
	if code := s.deliverFrom(t, commandsSubscription, []byte(`{}`), attributes); code != http.StatusNoContent || len(s.uploads(t)) > 0 {
		t.Errorf("status %d for a replayed notice, photos %v", code, s.uploads(t))
	}
}

func TestUnclaimedPhotosExpire(t *testing.T) {
	s := start(t)
	clock := time.Now()
	s.reviewWriter.expiry.now = func() time.Time { return clock }
	submit := func(photos ...string) {
		t.Helper()
		r := newReview(5, "")
		r.SubmittedAt, r.Photos = clock, photos
		s.accept(t, r)
	}
	want := func(when string, photos ...string) {
		t.Helper()
		if diff := cmp.Diff(photos, s.uploads(t)); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
	}
	s.upload(photo1, photo2)
	s.ready(t, photo1, photo2)
	submit(photo2)
	clock = clock.Add(claimTime - time.Minute)
	submit()
	want("before the time", photo1, photo2)

	clock = clock.Add(2 * time.Hour)
	s.ready(t, photo2)
	want("while no later review is stored: topic reviews may have a backlog", photo1, photo2)

	s.fault.Store(func(r *http.Request) bool { return r.Method == http.MethodDelete })
	submit()
	s.fault.Store(func(*http.Request) bool { return false })
	want("while the bucket is unavailable", photo1, photo2)
	clock = clock.Add(2 * expiryPause)
	submit()
	want("after the next sweep", photo2)
	late := newReview(4, "late")
	late.Photos = []string{photo1}
	s.accept(t, late)
	if diff := cmp.Diff(map[string]review.PhotoCause{photo1: review.PhotoExpired}, s.missing(t, late)); diff != "" {
		t.Error(diff)
	}
}

// Without any review, photos expire when Pub/Sub cannot deliver a review of that time any more.
func TestUnclaimedPhotosExpireWithoutReviews(t *testing.T) {
	s := start(t)
	clock := time.Now()
	s.reviewWriter.expiry.now = func() time.Time { return clock }
	s.upload(photo1)
	s.ready(t, photo1)
	clock = clock.Add(claimTime + retention - time.Minute)
	s.ready(t, photo3)
	if len(s.uploads(t)) == 0 {
		t.Error("the photo expired while a review may be on its way")
	}
	clock = clock.Add(2 * time.Minute)
	s.ready(t, photo3)
	if left := s.uploads(t); len(left) > 0 {
		t.Errorf("photos %v remain", left)
	}
}

// A review that names a photo during the sweep keeps it.
func TestSweepSparesAPhotoThatIsClaimedMeanwhile(t *testing.T) {
	s := start(t)
	s.upload(photo1)
	s.ready(t, photo1)
	r := newReview(5, "good")
	r.Photos = []string{photo1}
	s.accept(t, r)
	if err := s.expire(t.Context(), photo1); err != nil {
		t.Fatal(err)
	}
	if len(s.uploads(t)) == 0 {
		t.Error("the sweep deleted the photo of a review")
	}
}
