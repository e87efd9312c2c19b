package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/spanner"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/api/option"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

// byText is an assessor whose results follow from the text: each "+" and "-" changes the score, "?" means no score, "held" is
// flagged as contact details, and a word with a leading # is an aspect.
type byText struct{}

func (b byText) score(ctx context.Context, text string) (assessment, error) {
	return b.assess(ctx, review.Review{Text: text})
}

// moderate returns the flag of a text alone.
func (b byText) moderate(ctx context.Context, r review.Review) judgement {
	found, _ := b.assess(ctx, r)
	return found.judgement
}

func (byText) assess(_ context.Context, r review.Review) (a assessment, err error) {
	if r.Text == "" {
		return a, nil
	}
	a.sentiment = sentiment{language: "en", scored: !strings.Contains(r.Text, "?"), scoredBy: "text", magnitude: 1}
	if a.scored {
		a.score = roundToMicros(float64(strings.Count(r.Text, "+")-strings.Count(r.Text, "-")) / 7)
	}
	for word := range strings.FieldsSeq(r.Text) {
		if name, ok := strings.CutPrefix(word, "#"); ok && !slices.ContainsFunc(a.aspects, func(b aspect) bool { return b.name == name }) {
			a.aspects = append(a.aspects, aspect{name, a.score})
		}
	}
	if strings.Contains(r.Text, "held") {
		a.flag = reason.ContactDetails
	}
	return a, nil
}

// history is the set of messages that a review has received, without their order. It is the model that the test compares
// the function with.
type history struct {
	contents []review.Review // the first submission and every edit
	blocks   []review.Decision
	clears   []review.Decision
	replies  []review.Reply
	votes    []review.Vote
	reports  []review.Report
	erased   bool
	lost     map[string]bool // photos that no review may name any more
}

// photos returns the photos of the newest content that are not lost.
func (m *history) photos() (photos []string) {
	if r := m.newest(); r != nil {
		for _, photo := range without(r.Photos, nil) {
			if !m.lost[photo] {
				photos = append(photos, photo)
			}
		}
	}
	return photos
}

// addContent adds content. Photos that only earlier content has are lost, whichever content arrives first.
func (m *history) addContent(r review.Review) {
	if r.EditedAt.IsZero() && len(m.contents) > 0 {
		return
	}
	before := m.photos()
	m.contents = append(m.contents, r)
	if m.lost == nil {
		m.lost = map[string]bool{}
	}
	for _, photo := range without(slices.Concat(before, r.Photos), m.newest().Photos) {
		m.lost[photo] = true
	}
}

// newest returns the newest content, nil without content.
func (m *history) newest() *review.Review {
	if len(m.contents) == 0 {
		return nil
	}
	r := slices.MaxFunc(m.contents, func(a, b review.Review) int {
		return cmp.Or(a.EditedAt.Compare(b.EditedAt), -a.SubmittedAt.Compare(b.SubmittedAt))
	})
	return &r
}

// add adds a message. It reports whether Pub/Sub has to redeliver the message, because the review is not stored.
func (m *history) add(msg review.Message) (redeliver bool) {
	if m.erased {
		return false
	}
	if _, submitted := msg.(review.Review); !submitted && len(m.contents) == 0 {
		if _, erasure := msg.(review.Erasure); !erasure {
			return true
		}
	}
	switch msg := msg.(type) {
	case review.Review:
		m.addContent(msg)
	case review.Erasure:
		m.erased = true
	case review.Decision:
		if msg.Verdict == review.Publish {
			m.clears = append(m.clears, msg)
		} else {
			m.blocks = append(m.blocks, msg)
		}
	case review.Reply:
		m.replies = append(m.replies, msg)
	case review.Vote:
		if msg.Revision > m.newest().Revision() {
			return true
		}
		m.votes = append(m.votes, msg)
	case review.Report:
		m.reports = append(m.reports, msg)
	}
	return false
}

// helpful returns the number of visitors that voted for the newest content.
func (m *history) helpful() int64 {
	visitors := map[string]bool{}
	for _, v := range m.votes {
		unknown := v.Revision == 0 && m.newest().EditedAt.IsZero()
		if unknown || v.Revision == m.newest().Revision() {
			visitors[v.Visitor] = true
		}
	}
	return int64(len(visitors))
}

// timeOf returns the time of a decision in microseconds since 1970: never before the content that it is about.
func timeOf(d review.Decision) int64 { return max(d.At.UnixMicro(), d.Revision) }

// status returns the status and the reason by their definition, from the set of messages.
func (m *history) status() (review.Status, reason.Reason) {
	current := m.newest().Revision()
	var revisions []int64
	for _, r := range m.contents {
		revisions = append(revisions, r.SubmittedAt.UnixMicro(), r.Revision())
	}
	// effective reports whether a publication names the content of its time.
	effective := func(p review.Decision) bool {
		later := slices.ContainsFunc(revisions, func(r int64) bool { return r > p.Revision && r <= timeOf(p) })
		return slices.Contains(revisions, p.Revision) && !later
	}
	lastBlock := review.Decision{}
	for _, b := range m.blocks {
		if timeOf(b) > timeOf(lastBlock) {
			lastBlock = b
		}
	}
	lifted, published := false, int64(0)
	for _, p := range m.clears {
		if effective(p) && timeOf(p) > timeOf(lastBlock) {
			lifted = true
			if p.Revision == current {
				published = max(published, timeOf(p))
			}
		}
	}
	first := map[string]int64{} // the time of each client's first report of the current content
	for _, r := range m.reports {
		if at, ok := first[r.Reporter]; r.Revision == current && (!ok || r.At.UnixMicro() < at) {
			first[r.Reporter] = r.At.UnixMicro()
		}
	}
	maps.DeleteFunc(first, func(_ string, at int64) bool { return at <= published })
	reported := len(first) >= 3
	switch {
	case published > 0 && reported:
		return review.Held, reason.Reason{Code: reason.Reported}
	case published > 0:
		return review.Published, reason.Reason{}
	case lastBlock.Verdict != "" && !lifted && current > timeOf(lastBlock):
		code := map[review.Verdict]reason.Code{review.Hold: reason.EditedAfterHold, review.Reject: reason.EditedAfterRejection}[lastBlock.Verdict]
		return review.Held, reason.Reason{Code: code}
	case lastBlock.Verdict == review.Reject && !lifted:
		return review.Rejected, reason.Reason{Code: reason.Operator, OperatorText: lastBlock.Reason}
	case lastBlock.Verdict == review.Hold && !lifted:
		return review.Held, reason.Reason{Code: reason.Operator, OperatorText: lastBlock.Reason}
	case m.newest().Product != butter:
		return review.Held, reason.Reason{Code: reason.UnknownProduct}
	case strings.Contains(m.newest().Text, "held"):
		return review.Held, reason.Reason{Code: reason.ContactDetails}
	case reported:
		return review.Held, reason.Reason{Code: reason.Reported}
	}
	return review.Published, reason.Reason{}
}

// view is the part of a stored review that the model predicts.
type view struct {
	Status       review.Status
	Reason       reason.Reason
	Revision     int64
	Rating       int
	Text, Author string
	Photos       []string
	Helpful      int64
	Reply        string
	Score        spanner.NullFloat64
	Aspects      []string
	TimesFit     bool // exactly one of PublishedAt and HeldAt is set, the one of the status
}

func (m *history) view() view {
	r := m.newest()
	status, why := m.status()
	found, _ := byText{}.assess(context.Background(), *r)
	v := view{status, why, r.Revision(), r.Rating, r.Text, r.Author, m.photos(), m.helpful(), "", spanner.NullFloat64{}, nil, true}
	if found.scored {
		v.Score = spanner.NullFloat64{Float64: found.score, Valid: true}
	}
	for _, a := range found.aspects {
		v.Aspects = append(v.Aspects, a.name)
	}
	if len(m.replies) > 0 {
		v.Reply = slices.MaxFunc(m.replies, func(a, b review.Reply) int { return a.At.Compare(b.At) }).Text
	}
	return v
}

// views returns all stored reviews.
func views(t testing.TB, db *spanner.Client) map[review.Key]view {
	t.Helper()
	all := map[review.Key]view{}
	err := db.Single().Read(t.Context(), "Reviews", spanner.AllKeys(), recordColumns).Do(func(row *spanner.Row) error {
		var r record
		if err := row.ToStruct(&r); err != nil {
			return err
		}
		columns := reason.Columns{ // as other functions read them
			Status: string(r.Status), ReasonText: &r.ReasonText.StringVal, ContentFlag: &r.ContentFlag.StringVal,
			ReasonCode: &r.ReasonCode.StringVal, OperatorReason: &r.OperatorReason.StringVal,
			Verdicts: r.Verdicts, Reasons: r.Reasons, DecidedAt: r.DecidedAt,
		}
		if written := (reason.Reason{Code: reason.Code(r.ReasonCode.StringVal), OperatorText: r.OperatorReason.StringVal}); written != columns.Reason() {
			t.Errorf("the columns hold %+v, other functions read %+v", written, columns.Reason())
		}
		all[review.Key{Product: r.Product, Review: r.Review}] = view{
			r.Status, columns.Reason(), r.Revision.Int64, int(r.Rating), r.Text, r.Author, r.Photos, r.Helpful.Int64, r.Reply.StringVal, r.Score, r.Aspects,
			r.PublishedAt.Valid == (r.Status == review.Published) && r.HeldAt.Valid != r.PublishedAt.Valid,
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// aspectSums adds up the shards of a product's aspects.
func aspectSums(t testing.TB, db *spanner.Client, product string) map[string]mentions {
	t.Helper()
	sums := map[string]mentions{}
	err := db.Single().Read(t.Context(), "AspectSums", spanner.Key{product}.AsPrefix(), columnsOf[aspectShard]()).Do(func(row *spanner.Row) error {
		var a aspectShard
		if err := row.ToStruct(&a); err != nil {
			return err
		}
		sums[a.Aspect] = mentions{sums[a.Aspect].reviews + a.Mentions, sums[a.Aspect].micros + a.ScoreMicros}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range sums {
		if m == (mentions{}) {
			delete(sums, name)
		}
	}
	return sums
}

// recountAspects computes the aspect sums of a product from its reviews.
func recountAspects(t testing.TB, db *spanner.Client, product string) map[string]mentions {
	t.Helper()
	sums := map[string]mentions{}
	columns := []string{"Status", "Aspects", "AspectScores"}
	err := db.Single().Read(t.Context(), "Reviews", spanner.Key{product}.AsPrefix(), columns).Do(func(row *spanner.Row) error {
		var status string
		var names []string
		var scores []float64
		if err := row.Columns(&status, &names, &scores); err != nil {
			return err
		}
		for i, name := range names {
			if status == "published" {
				sums[name] = mentions{sums[name].reviews + 1, sums[name].micros + micros(scores[i])}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// world runs the function beside a model of every review.
type world struct {
	system
	random  *rand.Rand
	clock   time.Time
	reviews map[review.Key]*history
	keys    []review.Key
	sent    []review.Message
	delayed []review.Message
	uploads int
}

func (w *world) now() time.Time {
	w.clock = w.clock.Add(time.Duration(1+w.random.IntN(5000)) * time.Microsecond)
	return w.clock
}

// newPhoto puts a photo into the bucket, as a browser does, and returns its name.
func (w *world) newPhoto() string {
	w.uploads++
	name := fmt.Sprintf("reviews/%08d-0000-4000-8000-000000000000.jpg", w.uploads)
	w.storage.CreateObject(fakestorage.Object{ObjectAttrs: fakestorage.ObjectAttrs{BucketName: originals, Name: name}, Content: []byte("a photo")})
	return name
}

func (w *world) text() string {
	words := []string{"good +", "better + +", "bad -", "#price", "#size", "#delivery", "상품이 #quality 💜 +", "held", "?", "worst - - -", ""}
	var text []string
	for range w.random.IntN(4) {
		text = append(text, words[w.random.IntN(len(words))])
	}
	return strings.Join(text, " ")
}

// reason returns an operator's words, at times the words of a code.
func (w *world) reason() string {
	code := reason.Codes[w.random.IntN(len(reason.Codes))]
	return []string{fmt.Sprint("reason ", w.random.IntN(1000)), string(code), code.Text()}[w.random.IntN(3)]
}

// operation returns a random message about an existing review or a new one.
func (w *world) operation() review.Message {
	if len(w.keys) == 0 || w.random.IntN(5) == 0 {
		r := review.Review{ID: uuid.NewString(), Product: butter, Rating: 1 + w.random.IntN(5), Text: w.text(), Author: "아미", SubmittedAt: w.now()}
		if w.random.IntN(10) == 0 {
			r.Product = "not-in-the-catalogue"
		}
		for range w.random.IntN(3) {
			r.Photos = append(r.Photos, w.newPhoto())
		}
		w.keys = append(w.keys, r.About())
		w.reviews[r.About()] = &history{}
		return r
	}
	// Some reviews are much more active than others.
	k := w.keys[max(0, len(w.keys)-1-int(w.random.ExpFloat64()*8))]
	m := w.reviews[k]
	current := review.Review{ID: k.Review, Product: k.Product, SubmittedAt: w.clock, Rating: 1}
	if r := m.newest(); r != nil {
		current = *r
	}
	switch w.random.IntN(14) {
	case 0: // a repeated submission
		if len(m.contents) > 0 {
			current = m.contents[0]
			current.SubmittedAt, current.EditedAt = w.now(), time.Time{}
			return current
		}
		fallthrough
	case 1, 2, 3:
		edit := current
		edit.Rating, edit.Text = 1+w.random.IntN(5), w.text()
		edit.Photos = nil
		for _, photo := range current.Photos {
			if w.random.IntN(3) > 0 {
				edit.Photos = append(edit.Photos, photo)
			}
		}
		if len(edit.Photos) < 3 && w.random.IntN(3) == 0 {
			edit.Photos = append(edit.Photos, w.newPhoto())
		}
		edit.EditedAt = time.UnixMicro(max(w.now().UnixMicro(), current.Revision()+1)).UTC()
		return edit
	case 4:
		if w.random.IntN(3) > 0 {
			return w.vote(k, m)
		}
		return review.Erasure{Key: k}
	case 5, 6, 7:
		d := review.Decision{Key: k, Revision: current.Revision(), At: w.now(), Reason: w.reason()}
		d.Verdict = []review.Verdict{review.Publish, review.Publish, review.Hold, review.Reject}[w.random.IntN(4)]
		if len(m.contents) > 1 && w.random.IntN(3) == 0 { // the operator saw an old revision
			d.Revision = m.contents[w.random.IntN(len(m.contents))].Revision()
		}
		return d
	case 8:
		reply := review.Reply{Key: k, At: w.now()}
		if w.random.IntN(3) > 0 {
			reply.Text = fmt.Sprint("고맙습니다 ", w.random.IntN(1000))
		}
		return reply
	case 10, 11, 12:
		// Few clients, so that some report twice.
		r := review.Report{Key: k, Revision: current.Revision(), Reporter: visitor(byte(w.random.IntN(6))), At: w.now()}
		if len(m.contents) > 1 && w.random.IntN(4) == 0 { // the reader saw an old revision
			r.Revision = m.contents[w.random.IntN(len(m.contents))].Revision()
		}
		return r
	case 9:
		return review.Rescore{Key: k, Revision: current.Revision() - int64(w.random.IntN(2))}
	default:
		return w.vote(k, m)
	}
}

// vote returns a vote for a revision that a visitor may have seen: of any content that arrived, or none in a vote from
// before votes named one. At times the edit is still on its way, so the revision is newer than any stored one.
func (w *world) vote(k review.Key, m *history) review.Vote {
	v := review.Vote{Key: k, Visitor: strings.Repeat("v", 41) + fmt.Sprintf("%02d", w.random.IntN(20))}
	seen := slices.Clone(m.contents)
	for _, d := range w.delayed {
		if r, ok := d.(review.Review); ok && r.About() == k && !r.EditedAt.IsZero() {
			seen = append(seen, r)
		}
	}
	if r := m.newest(); r != nil && w.random.IntN(2) == 0 {
		seen = append(seen[:0], *r)
	}
	if len(seen) > 0 && w.random.IntN(6) > 0 {
		v.Revision = seen[w.random.IntN(len(seen))].Revision()
	}
	return v
}

// send delivers a message until it is acknowledged. A message about a review that is not stored is delayed.
func (w *world) send(t testing.TB, m review.Message) {
	t.Helper()
	w.sent = append(w.sent, m)
	if w.reviews[m.About()].add(m) {
		if code := w.deliverReview(t, m); code != http.StatusServiceUnavailable {
			t.Fatalf("%+v about a review that is not stored: status %d, want 503", m, code)
		}
		w.delayed = append(w.delayed, m)
		return
	}
	for range 100 {
		if w.deliverReview(t, m) == http.StatusNoContent {
			return
		}
	}
	t.Fatalf("%+v is not acknowledged after 100 deliveries", m)
}

// run sends random messages, some of them late, twice or out of order, and then all of them again.
func (w *world) run(t testing.TB, operations int) {
	t.Helper()
	for range operations {
		switch n := w.random.IntN(10); {
		case n < 2 && len(w.sent) > 0:
			w.send(t, w.sent[w.random.IntN(len(w.sent))])
		case n < 4:
			w.delayed = append(w.delayed, w.operation())
		case n < 6 && len(w.delayed) > 0:
			i := w.random.IntN(len(w.delayed))
			m := w.delayed[i]
			w.delayed = slices.Delete(w.delayed, i, i+1)
			w.send(t, m)
		default:
			w.send(t, w.operation())
		}
	}
	w.settle(t)
	w.check(t)
	again := slices.Clone(w.sent)
	w.random.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
	for _, m := range again[:min(len(again), operations)] {
		w.send(t, m)
	}
	w.settle(t)
	w.check(t)
}

// settle delivers the delayed messages until none is left but those about reviews that never arrive.
func (w *world) settle(t testing.TB) {
	t.Helper()
	for before := 0; len(w.delayed) > 0 && len(w.delayed) != before; {
		before = len(w.delayed)
		now := w.delayed
		w.delayed = nil
		w.random.Shuffle(len(now), func(i, j int) { now[i], now[j] = now[j], now[i] })
		for _, m := range now {
			w.send(t, m)
		}
	}
	w.delayed = nil
}

// check compares the stored reviews with the model, and the sums with a recount.
func (w *world) check(t testing.TB) {
	t.Helper()
	want := map[review.Key]view{}
	statuses := map[review.Status]int{}
	var shown []string
	for k, m := range w.reviews {
		if m.erased {
			statuses[review.Erased]++
		} else if m.newest() != nil {
			want[k] = m.view()
			statuses[want[k].Status]++
			shown = append(shown, want[k].Photos...)
		}
	}
	got := views(t, w.db)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatalf("stored reviews differ from the model: %s", diff)
	}
	sums, aspects := ratingShard{Product: butter}, map[string]mentions{}
	for k, v := range want {
		if v.Status == review.Published && k.Product == butter {
			*sums.stars()[v.Rating-1]++
			if v.Score.Valid {
				sums.Scored++
				sums.ScoreMicros += micros(v.Score.Float64)
			}
			for _, name := range v.Aspects {
				aspects[name] = mentions{aspects[name].reviews + 1, aspects[name].micros + micros(v.Score.Float64)}
			}
		}
	}
	if diff := gocmp.Diff(sums, rating(t, w.db, butter)); diff != "" {
		t.Fatalf("the rating differs from the model: %s", diff)
	}
	if diff := gocmp.Diff(aspects, aspectSums(t, w.db, butter), gocmp.AllowUnexported(mentions{})); diff != "" {
		t.Fatalf("the aspect sums differ from the model: %s", diff)
	}
	for _, product := range []string{butter, "not-in-the-catalogue"} {
		if diff := gocmp.Diff(recount(t, w.db, product), rating(t, w.db, product)); diff != "" {
			t.Fatalf("the rating of %s differs from a recount: %s", product, diff)
		}
		if diff := gocmp.Diff(recountAspects(t, w.db, product), aspectSums(t, w.db, product), gocmp.AllowUnexported(mentions{})); diff != "" {
			t.Fatalf("the aspects of %s differ from a recount: %s", product, diff)
		}
	}
	w.checkVotes(t, got)
	w.checkPhotos(t, shown)
	w.checkNotices(t, got)
	for _, status := range []review.Status{review.Published, review.Held, review.Rejected, review.Erased} {
		if statuses[status] == 0 {
			t.Errorf("none of %d reviews is %s: %v", len(w.reviews), status, statuses)
		}
	}
}

// checkVotes checks that the counted votes of each review are the rows of table Votes.
func (w *world) checkVotes(t testing.TB, stored map[review.Key]view) {
	t.Helper()
	votes := map[review.Key]int64{}
	err := w.db.Single().Read(t.Context(), "Votes", spanner.AllKeys(), []string{"Product", "Review"}).Do(func(row *spanner.Row) error {
		var k review.Key
		err := row.Columns(&k.Product, &k.Review)
		votes[k]++
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range stored {
		if v.Helpful != votes[k] {
			t.Fatalf("Helpful is %d, %d votes are stored", v.Helpful, votes[k])
		}
		delete(votes, k)
	}
	if len(votes) > 0 {
		t.Fatalf("votes of reviews that are not stored: %v", votes)
	}
}

// checkPhotos checks that each photo of a review has an owner, and that the bucket has no other photos.
func (w *world) checkPhotos(t testing.TB, shown []string) {
	t.Helper()
	var owned []string
	err := w.db.Single().Read(t.Context(), "PhotoOwners", spanner.AllKeys(), []string{"Photo"}).Do(func(row *spanner.Row) error {
		var photo string
		err := row.Columns(&photo)
		owned = append(owned, photo)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(shown)
	slices.Sort(owned)
	if !slices.Equal(shown, owned) {
		t.Fatalf("photos %v are owned, want %v", owned, shown)
	}
	left, err := w.storage.ListObjectsWithOptionsPaginated(originals, fakestorage.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range left.Objects {
		if !slices.Contains(shown, o.Name) {
			t.Fatalf("photo %s remains, which no review has", o.Name)
		}
	}
}

// checkNotices checks that the last change notice of each review is correct.
func (w *world) checkNotices(t testing.TB, stored map[review.Key]view) {
	t.Helper()
	last := map[review.Key]review.ChangeNotice{}
	for _, m := range w.notices.Messages() {
		got, err := review.Decode(m.Data, m.Attributes)
		if err != nil {
			t.Fatal(err)
		}
		last[got.About()] = got.(review.ChangeNotice)
	}
	for k, m := range w.reviews {
		want := review.ChangeNotice{Key: k, Status: review.Erased}
		if v, ok := stored[k]; ok {
			want.Status, want.Revision = v.Status, v.Revision
		} else if !m.erased {
			continue
		}
		if last[k] != want {
			t.Fatalf("last change notice %+v, want %+v", last[k], want)
		}
	}
}

// faults makes a share of the requests of a Spanner client fail, before they are sent or after they are executed.
type faults struct{ share float64 }

func (f faults) fail(method string) error {
	if rand.Float64() >= f.share {
		return nil
	}
	if strings.HasSuffix(method, "/Commit") && rand.IntN(2) == 0 {
		s, err := status.New(codes.Aborted, "injected").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Millisecond)})
		return errors.Join(err, s.Err())
	}
	if rand.IntN(10) == 0 {
		return status.Error(codes.Unavailable, "injected") // the client retries this code itself
	}
	return status.Error(codes.PermissionDenied, "injected")
}

func (f faults) options() []option.ClientOption {
	unary := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if !strings.HasSuffix(method, "/Commit") && !strings.HasSuffix(method, "/BeginTransaction") {
			return invoke(ctx, method, req, reply, cc, opts...)
		}
		if err := f.fail(method); err != nil {
			return err
		}
		if err := invoke(ctx, method, req, reply, cc, opts...); err != nil {
			return err
		}
		if rand.Float64() < f.share { // executed, but the client gets an error
			return status.Error(codes.PermissionDenied, "injected")
		}
		return nil
	}
	stream := func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		if err := f.fail(method); err != nil {
			return nil, err
		}
		return open(ctx, desc, cc, method, opts...)
	}
	return []option.ClientOption{
		option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(unary)), option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(stream)),
	}
}

// Messages arrive late, twice and out of order, and requests to Spanner and Cloud Storage fail. The stored reviews always
// equal the model, and the sums a recount.
func TestRandomMessagesAndFaultsLeaveReviewsAndSumsExact(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	db, srv := spannerdbtest.New(t)
	failing, err := spannerdb.Open(t.Context(), spannerdb.Name("shop", "embedded", "shop"), append(srv.Options(), faults{0.01}.options()...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(failing.Close)
	w := newWorld(t, db, srv, seed)
	w.reviewWriter.store = spannerStore{failing}
	var deletions atomic.Int64
	w.fault.Store(func(r *http.Request) bool { return r.Method == http.MethodDelete && deletions.Add(1)%10 == 0 })
	w.run(t, 2000)
	if n := len(w.dead.Messages()); n > 0 {
		t.Errorf("%d dead letters", n)
	}
}

func TestRandomMessagesLeaveReviewsAndSumsExactOnTheEmulator(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		newWorld(t, db, nil, 7).run(t, 200)
	})
}

func newWorld(t testing.TB, db *spanner.Client, srv *spannerdbtest.Server, seed uint64) *world {
	t.Helper()
	w := &world{system: startOn(t, db, srv), random: rand.New(rand.NewPCG(seed, 1)), clock: noon, reviews: map[review.Key]*history{}}
	w.reviewWriter.assessor = byText{}
	return w
}
