package main

import (
	"cmp"
	"maps"
	"math"
	"reflect"
	"slices"
	"time"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// record is what is stored of a review: a row of Reviews, whose columns its fields are.
type record struct {
	Product, Review string

	// What the status follows from: see verdict. The status itself is kept for those who read.
	Revision  spanner.NullInt64 // null in a row of before there were edits
	Revisions []int64
	// ContentFlag is the text of the flag that catalogue or moderation put on this content.
	ContentFlag spanner.NullString `spanner:"HoldFor"`
	Verdicts    []string
	Reasons     []string
	DecidedOn   []int64
	DecidedAt   []time.Time

	Status review.Status
	// ReasonText is the reason for not publishing the review as a text, for revisions that do not know the two columns below.
	ReasonText     spanner.NullString `spanner:"HeldFor"`
	ReasonCode     spanner.NullString
	OperatorReason spanner.NullString
	PublishedAt    spanner.NullTime
	HeldAt         spanner.NullTime

	Rating       int64
	Text         string
	Author       string
	Locale       string
	Photos       []string
	Dropped      []string
	SubmittedAt  time.Time
	EditedAt     spanner.NullTime
	StoredAt     time.Time
	Language     spanner.NullString
	Score        spanner.NullFloat64
	Magnitude    spanner.NullFloat64
	ScoredBy     spanner.NullString
	Aspects      []string
	AspectScores []float64

	Helpful   spanner.NullInt64
	Reply     spanner.NullString
	RepliedAt spanner.NullTime
}

var recordColumns = fields[record]()

// fields returns the names of the columns that the fields of a struct stand for.
func fields[T any]() (names []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		names = append(names, cmp.Or(f.Tag.Get("spanner"), f.Name))
	}
	return names
}

// stored reports whether the record is that of a row, and not a new one.
func (r *record) stored() bool { return !r.StoredAt.IsZero() }

// revision returns the revision of the content.
func (r *record) revision() int64 {
	if r.Revision.Valid {
		return r.Revision.Int64
	}
	return r.SubmittedAt.UnixMicro()
}

// precedes reports whether the content that is stored, if any, is older than from. What was submitted is
// never newer: it comes again when a shopper sends it again, with the time of that.
func (r *record) precedes(from review.Review) bool {
	if !r.stored() {
		return true
	}
	return !from.EditedAt.IsZero() && (!r.EditedAt.Valid || from.Revision() > r.revision())
}

// knows reports whether there is nothing in from that matters any more: of what came late, the revision and
// the photos do.
func (r *record) knows(from review.Review) bool {
	seen := from.EditedAt.IsZero() || slices.Contains(r.Revisions, from.Revision())
	return !r.precedes(from) && seen && len(without(from.Photos, r.Photos)) == 0
}

// write takes the content of a review, with what was found in it; photos are those that are its own.
func (r *record) write(from review.Review, found assessment, photos []string) {
	r.Rating, r.Text, r.Author, r.Locale, r.SubmittedAt = int64(from.Rating), from.Text, from.Author, from.Locale, from.SubmittedAt
	r.EditedAt = spanner.NullTime{Time: from.EditedAt, Valid: !from.EditedAt.IsZero()}
	r.Dropped = without(slices.Concat(r.Photos, r.Dropped), photos)
	r.Photos = without(photos, nil)
	r.Revision = spanner.NullInt64{Int64: from.Revision(), Valid: true}
	r.remember(from)
	if !r.stored() {
		r.StoredAt = spanner.CommitTimestamp
		r.Helpful = spanner.NullInt64{Valid: true} // a number, so that reviews can be sorted by it
	}
	r.assess(found)
}

// remember takes the revision of a content, which may have come late, and that of what it was made of.
func (r *record) remember(from review.Review) {
	if r.stored() && from.EditedAt.IsZero() {
		return // it was sent again
	}
	r.Revisions = append(without(r.Revisions, nil), from.SubmittedAt.UnixMicro(), from.Revision())
	slices.Sort(r.Revisions)
	r.Revisions = slices.Compact(r.Revisions)
}

// assess takes what was found in the content that is there.
func (r *record) assess(found assessment) {
	r.ContentFlag, r.Language = null(found.contentFlag.Text()), null(found.language)
	r.Score, r.Magnitude, r.ScoredBy = spanner.NullFloat64{}, spanner.NullFloat64{}, spanner.NullString{}
	if found.scored {
		r.Score = spanner.NullFloat64{Float64: found.score, Valid: true}
		r.Magnitude = spanner.NullFloat64{Float64: found.magnitude, Valid: true}
		r.ScoredBy = null(found.by)
	}
	r.Aspects, r.AspectScores = nil, nil
	for _, a := range found.aspects {
		r.Aspects, r.AspectScores = append(r.Aspects, a.name), append(r.AspectScores, millionths(a.score))
	}
}

// decide takes an operator's decision.
func (r *record) decide(d review.Decision) {
	for i, at := range r.DecidedAt {
		if at.Equal(d.At) && r.Verdicts[i] == string(d.Verdict) && r.DecidedOn[i] == d.Revision {
			return
		}
	}
	r.Verdicts, r.Reasons = append(r.Verdicts, string(d.Verdict)), append(r.Reasons, d.Reason)
	r.DecidedOn, r.DecidedAt = append(r.DecidedOn, d.Revision), append(r.DecidedAt, d.At)
}

// reply takes a merchant's reply, unless there is a later one.
func (r *record) reply(from review.Reply) {
	if from.At.After(r.RepliedAt.Time) {
		r.Reply, r.RepliedAt = null(from.Text), spanner.NullTime{Time: from.At, Valid: true}
	}
}

// judge makes the status what it has to be.
func (r *record) judge() {
	status, why := r.verdict()
	now := spanner.NullTime{Time: spanner.CommitTimestamp, Valid: true}
	switch {
	case status != review.Published:
		r.PublishedAt = spanner.NullTime{}
		if !r.HeldAt.Valid {
			r.HeldAt = now
		}
	case r.Status != review.Published:
		r.PublishedAt, r.HeldAt = now, spanner.NullTime{}
	}
	r.Status, r.ReasonText = status, null(why.Text())
	r.ReasonCode, r.OperatorReason = null(string(why.Code)), null(why.OperatorText)
}

// verdict returns the status that the review has to have, and if it is not shown, why.
//
// It goes through contents and decisions in the order in which they were made. To hold or to reject blocks what is there
// and what is written after it, until an operator publishes. To publish is for the content that was
// there, and nothing if it was made on another one. What is not blocked, and was not published by an operator, is
// published unless catalogue or moderation hold it.
func (r *record) verdict() (review.Status, reason.Reason) {
	type step struct {
		at       int64 // in microseconds since 1970
		decision int   // which one, or -1: new content
		revision int64
	}
	var steps []step
	for _, revision := range r.Revisions {
		steps = append(steps, step{revision, -1, revision})
	}
	for i, at := range r.DecidedAt {
		// Whatever the clock of who decided said, the content was there.
		steps = append(steps, step{max(at.UnixMicro(), r.DecidedOn[i]), i, r.DecidedOn[i]})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	var there int64    // the content
	block := -1        // the decision that blocks
	edited := false    // since then
	published := false // by an operator
	for _, s := range steps {
		switch {
		case s.decision < 0:
			there, edited, published = s.revision, true, false
		case r.Verdicts[s.decision] != string(review.Publish):
			block, edited, published = s.decision, false, false
		case s.revision == there:
			block, published = -1, true
		}
	}
	switch {
	case published:
		return review.Published, reason.Reason{}
	case block >= 0:
		rejected := r.Verdicts[block] == string(review.Reject)
		switch {
		case edited && rejected:
			return review.Held, reason.Reason{Code: reason.EditedAfterRejection}
		case edited:
			return review.Held, reason.Reason{Code: reason.EditedAfterHold}
		case rejected:
			return review.Rejected, reason.Reason{Code: reason.Operator, OperatorText: r.Reasons[block]}
		}
		return review.Held, reason.Reason{Code: reason.Operator, OperatorText: r.Reasons[block]}
	case r.ContentFlag.Valid:
		return review.Held, reason.Reason{Code: r.contentFlag()}
	}
	return review.Published, reason.Reason{}
}

// contentFlag returns the code of the flag on the content, "" when there is none.
func (r *record) contentFlag() reason.Code { return reason.CodeOf(r.ContentFlag.StringVal) }

// outcome returns how the review stands.
func (r *record) outcome() outcome {
	key := review.Key{Product: r.Product, Review: r.Review}
	return outcome{review.ChangeNotice{Key: key, Status: r.Status, Revision: r.revision()}, r.Dropped}
}

// counts returns what the review adds to the sums of its product.
func (r *record) counts() counts {
	c := counts{}
	if r.Status != review.Published {
		return c
	}
	c.stars[r.Rating-1] = 1
	if r.Score.Valid {
		c.scored, c.micros = 1, micros(r.Score.Float64)
	}
	c.aspects = map[string]mentions{}
	for i, name := range r.Aspects {
		c.aspects[name] = mentions{1, micros(r.AspectScores[i])}
	}
	return c
}

// counts is what is summed up over the published reviews of a product.
type counts struct {
	stars          [5]int64
	scored, micros int64 // how many have a score, and the sum of these in millionths
	aspects        map[string]mentions
}

// mentions is what is summed up over those that speak of an aspect.
type mentions struct{ reviews, micros int64 }

// minus returns the difference of two counts, without aspects in which there is none.
func (c counts) minus(d counts) counts {
	diff := counts{scored: c.scored - d.scored, micros: c.micros - d.micros, aspects: map[string]mentions{}}
	for i := range c.stars {
		diff.stars[i] = c.stars[i] - d.stars[i]
	}
	maps.Copy(diff.aspects, c.aspects)
	for name, m := range d.aspects {
		diff.aspects[name] = mentions{diff.aspects[name].reviews - m.reviews, diff.aspects[name].micros - m.micros}
	}
	maps.DeleteFunc(diff.aspects, func(_ string, m mentions) bool { return m == mentions{} })
	return diff
}

// micros returns a score in millionths. Sums are of whole numbers, because sums of floating-point ones
// drift as reviews come and go.
func micros(score float64) int64 { return int64(math.Round(score * 1e6)) }

// without returns the elements of a list that are not in another, each once; nil when there are none.
func without[T comparable](list, other []T) (left []T) {
	for _, s := range list {
		if !slices.Contains(other, s) && !slices.Contains(left, s) {
			left = append(left, s)
		}
	}
	return left
}

// null returns a string as a column has it, where none is NULL.
func null(s string) spanner.NullString { return spanner.NullString{StringVal: s, Valid: s != ""} }
