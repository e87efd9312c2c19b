package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/pstest"
	"cloud.google.com/go/spanner"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/fake/buckettest"
	"github.com/hybrid-bts/functions/shared/fake/languagetest"
	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
	"github.com/hybrid-bts/functions/shared/topic"
)

const butter = "butter-cream-peaches"

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func newReview(rating int, text string) review.Review {
	return review.Review{ID: uuid.NewString(), Product: butter, Rating: rating, Text: text, Author: "아미", Locale: "ko", SubmittedAt: noon}
}

// stock adds the BUTTER album to the catalogue.
func stock(t testing.TB, db *spanner.Client) {
	t.Helper()
	m := spanner.Insert("Products", []string{"Product", "Title", "Kind", "Price", "Currency"}, []any{butter, "BUTTER", "album", 18900, "KRW"})
	if _, err := db.Apply(t.Context(), []*spanner.Mutation{m}); err != nil {
		t.Fatal(err)
	}
}

// row is a stored review.
type row struct {
	Status      string
	HeldFor     spanner.NullString
	Rating      int64
	Text        string
	Author      string
	Language    spanner.NullString
	Score       spanner.NullFloat64
	Magnitude   spanner.NullFloat64
	ScoredBy    spanner.NullString
	SubmittedAt time.Time
	StoredAt    time.Time
	PublishedAt spanner.NullTime
}

func stored(t testing.TB, db *spanner.Client, r review.Review) row {
	t.Helper()
	got, err := db.Single().ReadRow(t.Context(), "Reviews", spanner.Key{r.Product, r.ID}, []string{"Status", "HeldFor", "Rating", "Text",
		"Author", "Language", "Score", "Magnitude", "ScoredBy", "SubmittedAt", "StoredAt", "PublishedAt"})
	if err != nil {
		t.Fatal(err)
	}
	var v row
	if err := got.ToStruct(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// rating adds up the shards of a product.
func rating(t testing.TB, db *spanner.Client, product string) ratingShard {
	t.Helper()
	sum := ratingShard{Product: product}
	err := db.Single().Read(t.Context(), "Ratings", spanner.Key{product}.AsPrefix(), columnsOf[ratingShard]()).Do(func(r *spanner.Row) error {
		var s ratingShard
		if err := r.ToStruct(&s); err != nil {
			return err
		}
		sum.Stars1 += s.Stars1
		sum.Stars2 += s.Stars2
		sum.Stars3 += s.Stars3
		sum.Stars4 += s.Stars4
		sum.Stars5 += s.Stars5
		sum.Scored += s.Scored
		sum.ScoreMicros += s.ScoreMicros
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// recount computes the rating from the reviews.
func recount(t testing.TB, db *spanner.Client, product string) ratingShard {
	t.Helper()
	sum := ratingShard{Product: product}
	it := db.Single().Read(t.Context(), "Reviews", spanner.Key{product}.AsPrefix(), []string{"Status", "Rating", "Score"})
	defer it.Stop()
	for {
		r, err := it.Next()
		if errors.Is(err, iterator.Done) {
			return sum
		}
		if err != nil {
			t.Fatal(err)
		}
		var status string
		var stars int64
		var score spanner.NullFloat64
		if err := r.Columns(&status, &stars, &score); err != nil {
			t.Fatal(err)
		}
		if status == "published" {
			*sum.stars()[stars-1]++
			if score.Valid {
				sum.Scored++
				sum.ScoreMicros += int64(math.Round(score.Float64 * 1e6))
			}
		}
	}
}

func TestStoredReviewsAreCountedOnceAndUnknownProductsHeld(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		stock(t, db)
		s := spannerStore{db}
		ctx := t.Context()
		add := func(r review.Review, found sentiment) {
			t.Helper()
			if _, err := s.add(ctx, r, assessment{sentiment: found}); err != nil {
				t.Fatal(err)
			}
		}
		praise := newReview(5, "포토카드가 예뻐요 💜\nمرحبا")
		if r, erased, err := s.load(ctx, praise.About()); erased != nil || err != nil || r.isStored() || r.hasSeen(praise) {
			t.Fatalf("load() = %+v, %v, %v before the review is added", r, erased, err)
		}
		found := sentiment{language: "ko", scored: true, score: 0.899999, magnitude: 1.8, scoredBy: "model"}
		add(praise, found)
		if r, erased, err := s.load(ctx, praise.About()); err != nil || erased != nil || !r.hasSeen(praise) || r.Status != review.Published || r.revision() != praise.Revision() {
			t.Errorf("load() = %+v, %v, %v after the review is added", r, erased, err)
		}
		got := stored(t, db, praise)
		if got.PublishedAt.Time.IsZero() || !got.PublishedAt.Time.Equal(got.StoredAt) {
			t.Errorf("published at %v, stored at %v, want the commit timestamp", got.PublishedAt, got.StoredAt)
		}
		got.PublishedAt, got.StoredAt = spanner.NullTime{}, time.Time{}
		text := func(s string) spanner.NullString { return spanner.NullString{StringVal: s, Valid: true} }
		want := row{
			Status: "published", Rating: 5, Text: praise.Text, Author: "아미", Language: text("ko"), ScoredBy: text("model"),
			Score: spanner.NullFloat64{Float64: 0.899999, Valid: true}, Magnitude: spanner.NullFloat64{Float64: 1.8, Valid: true}, SubmittedAt: noon,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}

		add(praise, found)
		add(praise, sentiment{language: "en", scored: true, score: -1, scoredBy: "another"})
		add(newReview(1, ""), sentiment{})
		add(newReview(1, "실망"), sentiment{language: "ko", scored: true, score: -0.9, magnitude: 0.9, scoredBy: "model"})
		if diff := cmp.Diff(ratingShard{Product: butter, Stars1: 2, Stars5: 1, Scored: 2, ScoreMicros: -1}, rating(t, db, butter)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(recount(t, db, butter), rating(t, db, butter)); diff != "" {
			t.Errorf("rating differs from a recount: %s", diff)
		}

		unknown := newReview(3, "good")
		unknown.Product = "not-in-the-catalogue"
		add(unknown, sentiment{language: "en", scored: true, score: 0.5, scoredBy: "model"})
		held := stored(t, db, unknown)
		if held.Status != "held" || held.HeldFor.StringVal != reason.UnknownProduct.Text() || held.PublishedAt.Valid || held.StoredAt.IsZero() || !held.Score.Valid {
			t.Errorf("a review of an unknown product is stored as %+v, want held with its score", held)
		}
		if diff := cmp.Diff(ratingShard{Product: unknown.Product}, rating(t, db, unknown.Product)); diff != "" {
			t.Errorf("a held review counts: %s", diff)
		}
	})
}

func TestLongestReviewFits(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		stock(t, db)
		r := newReview(4, strings.Repeat("💜", review.MaxText))
		r.Author, r.Locale = strings.Repeat("아", review.MaxAuthor), strings.Repeat("k", review.MaxLocale)
		if _, err := (spannerStore{db}).add(t.Context(), r, assessment{}); err != nil {
			t.Fatal(err)
		}
		if got := stored(t, db, r); got.Text != r.Text || got.Author != r.Author {
			t.Error("the review came back changed")
		}
	})
}

// system is the function with its databases, topics, bucket and API.
type system struct {
	http.Handler
	*reviewWriter
	db       *spanner.Client
	spanner  *spannerdbtest.Server
	language *languagetest.Server
	dead     *pstest.Server // dead letters of the topic reviews
	notices  *pstest.Server
	storage  *fakestorage.Server
	fault    *atomic.Value

	deadCommands *pstest.Server
}

// Full names of the subscriptions.
const (
	reviewsSubscription  = "projects/shop/subscriptions/reviews-sentiment"
	imagesSubscription   = "projects/shop/subscriptions/images-sentiment"
	commandsSubscription = "projects/shop/subscriptions/commands-sentiment"
)

// originals is the bucket of photos.
const originals = "shop-originals"

func start(t testing.TB) system {
	t.Helper()
	db, srv := spannerdbtest.New(t)
	return startOn(t, db, srv)
}

// startOn starts the function on a database. srv is nil when the database is not embedded.
func startOn(t testing.TB, db *spanner.Client, srv *spannerdbtest.Server) system {
	t.Helper()
	stock(t, db)
	lang, err := languagetest.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client, err := openLanguage(t.Context(), lang.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		lang.Close()
	})
	dead, letters := pubsubtest.New(t, "dead")
	deadCommands, commandLetters := pubsubtest.New(t, "commands-dead")
	published, notices := pubsubtest.New(t, "published")
	fault := &atomic.Value{} // func(*http.Request) bool: whether Cloud Storage fails the request
	files, storage := buckettest.New(t, func(r *http.Request) *http.Response {
		if fails, ok := fault.Load().(func(*http.Request) bool); !ok || !fails(r) {
			return nil
		}
		return &http.Response{StatusCode: http.StatusForbidden, Body: http.NoBody}
	}, originals)
	a := &analyzer{
		scoring: scoringLanguage, moderation: moderationOff, filter: embeddedFilter,
		language: &naturalLanguage{client: client, quota: newQuota(languageName, 1e6, callTimeout, retryAfter), results: spannerResults{db}, budget: &unitBudget{}},
	}
	w := &reviewWriter{
		assessor: a, store: spannerStore{db}, photos: photoBucket{files.Bucket(originals)}, notices: topic.New(published),
		senders: senderPolicy{commands: commandsSubscription, images: imagesSubscription}, now: time.Now,
	}
	allDead := w.senders.deadLetters(event.DeadLetterTopic(topic.New(deadCommands)), event.DeadLetterTopic(topic.New(dead)))
	return system{event.Handler(w.handleEvent, allDead), w, db, srv, lang, letters, notices, storage, fault, commandLetters}
}

// deliveries counts deliveries, for message ids.
var deliveries atomic.Int64

// deliver posts a message as the push subscription to the topic reviews does, and returns the status.
func (s system) deliver(t testing.TB, data []byte, attributes map[string]string) int {
	t.Helper()
	return s.deliverFrom(t, reviewsSubscription, data, attributes)
}

// deliverFrom posts a message as a push subscription does, and returns the status.
func (s system) deliverFrom(t testing.TB, subscription string, data []byte, attributes map[string]string) int {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"subscription": subscription,
		"message":      map[string]any{"messageId": fmt.Sprint(deliveries.Add(1)), "data": data, "attributes": attributes},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)))
	return w.Code
}

// deliverReview posts a message as the subscription to its topic does, and returns the status.
func (s system) deliverReview(t testing.TB, m review.Message) int {
	t.Helper()
	data, attributes, err := review.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := m.(review.Review); ok && r.EditedAt.IsZero() {
		return s.deliver(t, data, attributes)
	}
	return s.deliverFrom(t, commandsSubscription, data, attributes)
}

func TestSubmittedReviewIsScoredAndStored(t *testing.T) {
	s := start(t)
	for _, tc := range []struct {
		name, text, language string
		sign, calls          int
	}{
		{"Korean praise", "포토카드가 너무 예뻐요! 배송도 빨라요.", "ko", 1, 1},
		{"English blame", "It arrived late and the box was torn", "en", -1, 1},
		{"a language that is not supported", "المنتج رائع", "ar", 0, 1},
		{"stars only", "", "", 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := s.language.Calls()
			r := newReview(3, tc.text)
			if code := s.deliverReview(t, r); code != http.StatusNoContent {
				t.Fatalf("status %d, want 204", code)
			}
			got := stored(t, s.db, r)
			if got.Status != "published" || got.Language.StringVal != tc.language || got.Score.Valid != (tc.sign != 0) || got.Score.Float64*float64(tc.sign) < 0 {
				t.Errorf("stored %+v, want language %q and a score of sign %d", got, tc.language, tc.sign)
			}
			if got.ScoredBy.Valid != got.Score.Valid || got.Magnitude.Valid != got.Score.Valid {
				t.Errorf("scored_by %v and magnitude %v with score %v", got.ScoredBy, got.Magnitude, got.Score)
			}
			if calls := s.language.Calls() - before; calls != tc.calls {
				t.Errorf("%d calls of the API, want %d", calls, tc.calls)
			}
		})
	}
}

func TestRepeatedDeliveriesOfAMessageStoreOneReview(t *testing.T) {
	for name, deliver := range map[string]func(*sync.WaitGroup, func()){
		"one after the other": func(_ *sync.WaitGroup, f func()) { f() },
		"at once":             (*sync.WaitGroup).Go,
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.language.Delay(5 * time.Millisecond)
			r := newReview(5, "최고예요")
			var wg sync.WaitGroup
			for range 50 {
				deliver(&wg, func() {
					if code := s.deliverReview(t, r); code != http.StatusNoContent {
						t.Errorf("status %d, want 204", code)
					}
				})
			}
			wg.Wait()
			once := micros(stored(t, s.db, r).Score.Float64)
			want := ratingShard{Product: butter, Stars5: 1, Scored: 1, ScoreMicros: once}
			if diff := cmp.Diff(want, rating(t, s.db, butter)); diff != "" || once <= 0 {
				t.Errorf("score of %d millionths: %s", once, diff)
			}
			if diff := cmp.Diff(want, recount(t, s.db, butter)); diff != "" {
				t.Error(diff)
			}
			if got := s.language.Calls(); got != 1 {
				t.Errorf("%d calls of the paid API, want 1", got)
			}
		})
	}
}

func TestConcurrentDeliveriesAreCountedExactly(t *testing.T) {
	s := start(t)
	const workers, each = 8, 25
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range each {
				r := newReview(1+i%5, []string{"좋아요", "bad", "", "لا"}[rand.IntN(4)])
				for range 1 + rand.IntN(2) {
					if code := s.deliverReview(t, r); code != http.StatusNoContent {
						t.Errorf("status %d, want 204", code)
					}
				}
			}
		})
	}
	wg.Wait()
	got := rating(t, s.db, butter)
	if diff := cmp.Diff(recount(t, s.db, butter), got); diff != "" {
		t.Errorf("rating differs from a recount: %s", diff)
	}
	if n := got.Stars1 + got.Stars2 + got.Stars3 + got.Stars4 + got.Stars5; n != workers*each {
		t.Errorf("counted %d, want %d", n, workers*each)
	}
}

// Instances share no memory, so transactions alone keep the sums exact. All reviews have the same shard.
func TestConcurrentIncrementsOfOneShardAreExact(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	stock(t, db)
	var same []review.Review
	for len(same) < 200 {
		if r := newReview(1+len(same)%5, ""); shardOf(r.ID) == 0 {
			same = append(same, r)
		}
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < len(same); i += 8 {
				if _, err := (spannerStore{db}).add(t.Context(), same[i], assessment{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if diff := cmp.Diff(ratingShard{Product: butter, Stars1: 40, Stars2: 40, Stars3: 40, Stars4: 40, Stars5: 40}, rating(t, db, butter)); diff != "" {
		t.Error(diff)
	}
}

func TestMalformedMessageIsDeadLetteredOnceWithItsReason(t *testing.T) {
	for name, tc := range map[string]struct {
		data    string
		version string
		reason  string
	}{
		"not JSON":   {"\xff\x00", review.SubmissionVersion, "decode review: invalid character"},
		"no version": {`{}`, "", `schema version ""`},
		"no id":      {`{"product":"p","rating":1,"submitted_at":"2026-11-20T12:00:00Z"}`, review.SubmissionVersion, "id is not a UUID"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			attributes := map[string]string{review.VersionAttribute: tc.version}
			if code := s.deliver(t, []byte(tc.data), attributes); code != http.StatusNoContent {
				t.Fatalf("status %d, want 204, or Pub/Sub redelivers it forever", code)
			}
			letters := s.dead.Messages()
			if len(letters) != 1 || string(letters[0].Data) != tc.data || !strings.Contains(letters[0].Attributes[event.ReasonAttribute], tc.reason) {
				t.Errorf("dead letters %v, want one with the same data and reason %q", letters, tc.reason)
			}
			r := newReview(5, "good")
			if code := s.deliverReview(t, r); code != http.StatusNoContent {
				t.Errorf("the next message: status %d, want 204", code)
			}
		})
	}
}

// The message of a newer release is redelivered until a release that knows it runs, or Pub/Sub dead-letters it.
func TestMessageOfANewerReleaseAsksForRedelivery(t *testing.T) {
	for name, attributes := range map[string]map[string]string{
		"version": {review.VersionAttribute: "3"},
		"kind":    {review.VersionAttribute: review.ChangeVersion, review.KindAttribute: "refund"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			if code := s.deliver(t, []byte(`{}`), attributes); code != http.StatusServiceUnavailable {
				t.Errorf("status %d, want 503", code)
			}
			if letters := s.dead.Messages(); len(letters) != 0 {
				t.Errorf("dead letters: %v, want none", letters)
			}
		})
	}
}

func TestTransientFailuresAskForRedelivery(t *testing.T) {
	down := status.Error(codes.PermissionDenied, "injected") // a code that clients do not retry themselves
	for name, fail := range map[string]func(s system, err error){
		"Spanner":          func(s system, err error) { s.spanner.Fail(err) },
		"Natural Language": func(s system, err error) { s.language.Fail(err) },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			r := newReview(5, "good")
			fail(s, down)
			if code := s.deliverReview(t, r); code != http.StatusServiceUnavailable {
				t.Errorf("status %d while it is down, want 503", code)
			}
			if n := len(s.dead.Messages()); n != 0 {
				t.Errorf("%d dead letters, want none", n)
			}
			fail(s, nil)
			if code := s.deliverReview(t, r); code != http.StatusNoContent {
				t.Errorf("status %d after it came back, want 204", code)
			}
			if got := rating(t, s.db, butter); got.Stars5 != 1 {
				t.Errorf("rating %+v, want the review counted once", got)
			}
		})
	}
}

func TestTextThatTheAPIRejectsIsStoredWithoutAScore(t *testing.T) {
	s := start(t)
	s.language.Fail(status.Error(codes.InvalidArgument, "injected"))
	r := newReview(5, "good")
	if code := s.deliverReview(t, r); code != http.StatusNoContent {
		t.Fatalf("status %d, want 204", code)
	}
	if got := stored(t, s.db, r); got.Status != "published" || got.Score.Valid {
		t.Errorf("stored %+v, want published without a score", got)
	}
}

func TestSlowCallEndsAtItsTimeout(t *testing.T) {
	s := start(t)
	s.reviewWriter.assessor.(*analyzer).language.quota = newQuota(languageName, 1e6, 50*time.Millisecond, retryAfter)
	s.language.Delay(time.Minute)
	began := time.Now()
	if code := s.deliverReview(t, newReview(5, "good")); code != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", code)
	}
	if took := time.Since(began); took > callTimeout {
		t.Errorf("call ended after %v", took)
	}
}

func TestInvalidVariablesAreReported(t *testing.T) {
	for name, values := range map[string][]string{
		"SCORER":              {"api", "Language", "language,embedded"},
		"MODERATION":          {"on", "embedded language"},
		"LANGUAGE_QPM":        {"0", "-1", "many", "1.5"},
		"LANGUAGE_CHARACTERS": {"-1", "1k"},
	} {
		for _, value := range values {
			err := run(t.Context(), func(v string) (string, bool) { return value, v == name })
			if !strings.Contains(fmt.Sprint(err), "variable "+name+" is not") {
				t.Errorf("run() with %s=%q = %v", name, value, err)
			}
		}
	}
}

func TestAllMissingVariablesAreReportedTogether(t *testing.T) {
	err := run(t.Context(), func(string) (string, bool) { return "", false })
	for _, name := range []string{"GOOGLE_CLOUD_PROJECT", "SPANNER_INSTANCE", "SPANNER_DATABASE", "DEAD_LETTER_TOPIC", "PUBLISHED_TOPIC", "ORIGINALS_BUCKET"} {
		if !strings.Contains(fmt.Sprint(err), name) {
			t.Errorf("run() = %v, want %s named", err, name)
		}
	}
}

func TestPhotosAreStoredWithTheirReview(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		stock(t, db)
		with, without := newReview(5, "예뻐요"), newReview(5, "예뻐요")
		with.Photos = []string{"reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg", "reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c12.png"}
		for _, r := range []review.Review{with, without} {
			if _, err := (spannerStore{db}).add(t.Context(), r, assessment{}); err != nil {
				t.Fatal(err)
			}
			row, err := db.Single().ReadRow(t.Context(), "Reviews", spanner.Key{r.Product, r.ID}, []string{"Photos"})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			if err := row.Columns(&got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r.Photos, got); diff != "" {
				t.Error(diff)
			}
		}
	})
}
