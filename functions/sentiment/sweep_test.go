package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/pstest"
	"cloud.google.com/go/spanner"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
	"github.com/hybrid-bts/functions/shared/topic"
)

// outage is an assessor whose moderation is unavailable while it is down. Otherwise a text with the word "rude" is abusive.
type outage struct {
	byText
	down     bool
	asked    []string
	onJudged func(review.Review) // runs before moderate returns
}

func (o *outage) assess(ctx context.Context, r review.Review) (assessment, error) {
	found, err := o.byText.assess(ctx, r)
	found.judgement = o.moderate(ctx, r)
	return found, err
}

// moderate passes a text with the word "clear" without the API, as the embedded filter does.
func (o *outage) moderate(_ context.Context, r review.Review) judgement {
	o.asked = append(o.asked, r.Text)
	if o.onJudged != nil {
		o.onJudged(r)
	}
	switch {
	case o.down && strings.Contains(r.Text, "clear"):
		return judgement{unjudged: true}
	case o.down:
		return judgement{reason.PendingModeration, true}
	case strings.Contains(r.Text, "rude"):
		return judgement{flag: reason.AbusiveLanguage}
	}
	return judgement{}
}

// startOutage starts the function while its moderation is down, with a clock that the test moves.
func startOutage(t *testing.T) (system, *outage, *time.Time) {
	s, o, clock := start(t), &outage{down: true}, noon.Add(time.Hour)
	s.reviewWriter.assessor = o
	s.reviewWriter.now = func() time.Time { return clock }
	return s, o, &clock
}

// waiting returns the reviews that wait for a judgement.
func waiting(t testing.TB, s system) (n int) {
	t.Helper()
	err := s.db.Single().Read(t.Context(), "Reviews", spanner.AllKeys(), []string{"JudgeAt"}).Do(func(row *spanner.Row) error {
		var at spanner.NullTime
		err := row.Columns(&at)
		if at.Valid {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestContentOfAnOutageIsHeldAndJudgedAfterIt(t *testing.T) {
	s, o, clock := startOutage(t)
	kind, rude, clear, clearlyRude, stars := newReview(5, "kind +"), newReview(1, "rude -"), newReview(4, "clear +"), newReview(2, "clear rude"), newReview(3, "")
	unknown := newReview(5, "kind")
	unknown.Product = "not-in-the-catalogue"
	s.accept(t, kind, rude, clear, clearlyRude, unknown)
	o.down = false
	s.accept(t, stars)
	o.down = true
	pending := reason.Reason{Code: reason.PendingModeration}
	check := func(when string, want map[review.Key]reason.Reason) {
		t.Helper()
		got := map[review.Key]reason.Reason{}
		for k, v := range views(t, s.db) {
			got[k] = v.Reason
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, the reasons are wrong: %s", when, diff)
		}
		if diff := cmp.Diff(recount(t, s.db, butter), rating(t, s.db, butter)); diff != "" {
			t.Errorf("%s, the rating differs from a recount: %s", when, diff)
		}
	}
	before := map[review.Key]reason.Reason{
		kind.About(): pending, rude.About(): pending, clear.About(): {}, clearlyRude.About(): {}, stars.About(): {}, unknown.About(): {Code: reason.UnknownProduct},
	}
	check("during the outage", before)
	s.accept(t, review.Sweep{})
	check("after a sweep during the outage", before)
	if n := len(o.asked) - 6; n != sweepGiveUp {
		t.Errorf("a sweep during the outage asked %d times, want %d", n, sweepGiveUp)
	}
	o.down, o.asked = false, nil
	s.accept(t, review.Sweep{})
	if len(o.asked) != 2 || waiting(t, s) != 3 {
		t.Errorf("the next sweep asked about %q, want the reviews that the sweep before did not ask about; %d wait", o.asked, waiting(t, s))
	}
	*clock = clock.Add(judgeAgain)
	notices := len(s.notices.Messages())
	s.accept(t, review.Sweep{}, review.Sweep{}) // the second one finds nothing to do
	after := map[review.Key]reason.Reason{
		kind.About(): {}, rude.About(): {Code: reason.AbusiveLanguage}, clear.About(): {}, clearlyRude.About(): {Code: reason.AbusiveLanguage}, stars.About(): {},
		unknown.About(): {Code: reason.UnknownProduct},
	}
	check("after the outage", after)
	if len(o.asked) != 5 || waiting(t, s) != 0 {
		t.Errorf("asked %q, %d reviews wait, want each asked once and none waiting", o.asked, waiting(t, s))
	}
	if n := len(s.notices.Messages()) - notices; n != 3 {
		t.Errorf("%d change notices, want one for each judged review", n)
	}
}

func TestSweepJudgesNoContentThatChangedMeanwhile(t *testing.T) {
	s, o, _ := startOutage(t)
	r, published, erased := newReview(5, "rude +"), newReview(4, "rude"), newReview(3, "rude")
	s.accept(t, r, published, erased)
	o.down = false
	edit := edited(r, 1, 4, "kind")
	o.onJudged = func(judged review.Review) {
		o.onJudged = nil
		s.accept(t, edit, decided(published, 1, review.Publish, ""), review.Erasure{Key: erased.About()})
	}
	s.accept(t, review.Sweep{})
	got := views(t, s.db)
	if len(got) != 2 || got[r.About()].Status != review.Published || got[published.About()].Status != review.Published {
		t.Errorf("stored %+v, want the edit and the operator's publication to win", got)
	}
	if n := waiting(t, s); n != 0 {
		t.Errorf("%d reviews wait, want none", n)
	}
	if diff := cmp.Diff(recount(t, s.db, butter), rating(t, s.db, butter)); diff != "" {
		t.Errorf("the rating differs from a recount: %s", diff)
	}
}

// The edit arrives while the content before it is judged, and nobody can judge the edit.
func TestJudgementOfOldContentDoesNotPassPendingContent(t *testing.T) {
	s, o, _ := startOutage(t)
	r := newReview(5, "kind")
	s.accept(t, r)
	o.down = false
	o.onJudged = func(review.Review) {
		o.onJudged, o.down = nil, true
		s.accept(t, edited(r, 1, 1, "rude"))
		o.down = false
	}
	s.accept(t, review.Sweep{})
	if got := views(t, s.db)[r.About()]; got.Reason.Code != reason.PendingModeration || waiting(t, s) != 1 {
		t.Errorf("stored %+v, %d wait, want the edit pending", got, waiting(t, s))
	}
	s.accept(t, review.Sweep{})
	if got := views(t, s.db)[r.About()]; got.Reason.Code != reason.AbusiveLanguage || waiting(t, s) != 0 {
		t.Errorf("stored %+v, %d wait, want the edit judged", got, waiting(t, s))
	}
}

func TestEditOfPendingContentIsJudgedAnew(t *testing.T) {
	s, o, _ := startOutage(t)
	r := newReview(5, "rude")
	s.accept(t, r)
	o.down = false
	s.accept(t, edited(r, 1, 5, "kind"))
	if got := views(t, s.db)[r.About()]; got.Status != review.Published || waiting(t, s) != 0 {
		t.Errorf("stored %+v, %d wait, want it published and judged", got, waiting(t, s))
	}
	o.down = true
	s.accept(t, edited(r, 2, 5, "rude"), review.Rescore{Key: r.About(), Revision: edited(r, 2, 5, "rude").Revision()})
	if got := views(t, s.db)[r.About()]; got.Reason.Code != reason.PendingModeration || waiting(t, s) != 1 {
		t.Errorf("stored %+v, %d wait, want it pending", got, waiting(t, s))
	}
}

// The instance stops after it stored the judgement, before it published the notice.
func TestInterruptedSweepRepeatsTheNotice(t *testing.T) {
	s, o, _ := startOutage(t)
	r := newReview(5, "kind +")
	s.accept(t, r)
	o.down = false
	working := s.reviewWriter.notices
	refused, _ := pubsubtest.New(t, "refused", pstest.WithErrorInjection("Publish", codes.PermissionDenied, "injected"))
	s.reviewWriter.notices = topic.New(refused)
	s.accept(t, review.Sweep{}) // nothing stays leased
	if got := views(t, s.db)[r.About()]; got.Status != review.Published || waiting(t, s) != 1 {
		t.Errorf("stored %+v, %d wait, want the judgement stored and one sweep more", got, waiting(t, s))
	}
	restarted := &reviewWriter{assessor: o, store: s.reviewWriter.store, photos: s.reviewWriter.photos, notices: working, senders: s.reviewWriter.senders, now: s.reviewWriter.now}
	s.Handler = event.Handler(restarted.handleEvent, func(context.Context, event.Event, error) error { return nil })
	before := len(s.notices.Messages())
	s.accept(t, review.Sweep{})
	if n := len(s.notices.Messages()) - before; n != 1 || waiting(t, s) != 0 {
		t.Errorf("%d notices after the restart, %d wait, want one notice and none waiting", n, waiting(t, s))
	}
	if last := s.lastNotice(t); last.Status != review.Published || last.Key != r.About() {
		t.Errorf("last notice %+v", last)
	}
}

func TestSweepIsAcknowledgedWhileTheDatabaseIsDown(t *testing.T) {
	s, _, _ := startOutage(t)
	s.accept(t, newReview(5, "kind"))
	s.spanner.Fail(status.Error(codes.PermissionDenied, "injected"))
	s.accept(t, review.Sweep{})
	s.spanner.Fail(nil)
	if n := len(s.deadCommands.Messages()); n > 0 {
		t.Errorf("%d dead letters", n)
	}
}

func TestSweepEndsBeforeItsDeadline(t *testing.T) {
	s, o, clock := startOutage(t)
	for i := range 6 {
		s.accept(t, newReview(5, fmt.Sprint("kind ", i)))
	}
	o.down, o.asked = false, nil
	o.onJudged = func(review.Review) { *clock = clock.Add(sweepTime / 2) }
	s.accept(t, review.Sweep{})
	if len(o.asked) != 2 || waiting(t, s) != 4 {
		t.Errorf("a sweep of slow calls asked %d times, %d reviews wait, want 2 and 4", len(o.asked), waiting(t, s))
	}
}

// Two texts that no filter knows, with the real analyzer and the real API client: an outage holds them, a sweep judges them.
func TestAPIThatIsDownHoldsForeignAbuse(t *testing.T) {
	s := start(t)
	a := s.reviewWriter.assessor.(*analyzer)
	a.scoring, a.moderation, a.authors = scoringLanguageThenEmbedded, moderationLanguage, spannerAuthors{s.db}
	a.language.quota = newQuota(languageName, 1e6, callTimeout, time.Millisecond)
	texts := []string{"Eres una puta mierda de vendedor", "Ты сука и мошенник, верни деньги", "Va te faire foutre, vendeur de merde", "死ね、詐欺師の店員", "đồ chó lừa đảo khách hàng", "ไอ้สัตว์ โกงลูกค้า", "操你妈的骗子卖家"}
	s.language.Fail(status.Error(codes.Unavailable, "injected"))
	var all []review.Review
	for _, text := range texts {
		r := newReview(1, text)
		all = append(all, r)
		s.accept(t, r)
		if got := views(t, s.db)[r.About()]; got.Reason.Code != reason.PendingModeration {
			t.Errorf("%q is %s for %q while nobody can judge it, want it held", text, got.Status, got.Reason.Code)
		}
	}
	stars := newReview(5, "")
	s.accept(t, stars)
	if got := views(t, s.db)[stars.About()]; got.Status != review.Published {
		t.Errorf("a review of stars only is %s", got.Status)
	}
	s.language.Fail(nil)
	time.Sleep(10 * time.Millisecond) // the circuit breaker closes
	if code := s.deliverReview(t, review.Sweep{}); code != http.StatusNoContent || waiting(t, s) != 0 {
		t.Errorf("sweep: status %d, %d reviews wait", code, waiting(t, s))
	}
	if !slices.ContainsFunc(all, func(r review.Review) bool { return views(t, s.db)[r.About()].Status == review.Published }) {
		t.Error("the API passes none of the texts, so the test proves nothing about publication")
	}
}
