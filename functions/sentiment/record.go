package main

import (
	"maps"
	"math"
	"reflect"
	"slices"
	"time"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/review"
)

// Why a review is held, besides what moderation says.
const (
	noProduct     = "unknown product"
	afterHolding  = "edited after it was held"
	afterRejected = "edited after it was rejected"
)

// record is what is stored of a review: a row of Reviews, whose columns its fields are.
type record struct {
	Product, Review string

	// What its status is made of comes first: the newest content, and the newest of each that an operator
	// decided. The status itself, and since when, is kept for those who read.
	Revision  spanner.NullInt64 // null in a row of before there were edits
	HoldFor   spanner.NullString
	Block     spanner.NullString
	BlockFor  spanner.NullString
	BlockedAt spanner.NullTime
	Clear     spanner.NullInt64
	ClearedAt spanner.NullTime

	Status      review.Status
	HeldFor     spanner.NullString
	PublishedAt spanner.NullTime
	HeldAt      spanner.NullTime

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

// fields returns the names of the fields of a struct.
func fields[T any]() (names []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		names = append(names, f.Name)
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

// outdated reports whether from is newer than the content that is stored, if any. What was submitted is
// never newer: it comes again when a shopper sends it again, with the time of that.
func (r *record) outdated(from review.Review) bool {
	if !r.stored() {
		return true
	}
	return !from.EditedAt.IsZero() && (!r.EditedAt.Valid || from.Revision() > r.revision())
}

// write takes the content of a review, with what was found in it; photos are those that are its own.
func (r *record) write(from review.Review, found assessment, photos []string) {
	r.Rating, r.Text, r.Author, r.Locale, r.SubmittedAt = int64(from.Rating), from.Text, from.Author, from.Locale, from.SubmittedAt
	r.EditedAt = spanner.NullTime{Time: from.EditedAt, Valid: !from.EditedAt.IsZero()}
	r.Dropped = without(slices.Concat(r.Photos, r.Dropped), photos)
	r.Photos = without(photos, nil)
	r.Revision = spanner.NullInt64{Int64: from.Revision(), Valid: true}
	if !r.stored() {
		r.StoredAt = spanner.CommitTimestamp
		r.Helpful = spanner.NullInt64{Valid: true} // a number, so that reviews can be sorted by it
	}
	r.assess(found)
}

// assess takes what was found in the content that is there.
func (r *record) assess(found assessment) {
	r.HoldFor, r.Language = null(found.hold), null(found.language)
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

// decide takes an operator's decision, unless there is a later one.
func (r *record) decide(d review.Decision) {
	at := spanner.NullTime{Time: d.At, Valid: true}
	switch {
	case d.Verdict == review.Publish && d.At.After(r.ClearedAt.Time):
		r.Clear, r.ClearedAt = spanner.NullInt64{Int64: d.Revision, Valid: true}, at
	case d.Verdict != review.Publish && d.At.After(r.BlockedAt.Time):
		r.Block, r.BlockFor, r.BlockedAt = null(string(d.Verdict)), null(d.Reason), at
	}
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
	r.Status, r.HeldFor = status, null(why)
}

// verdict returns the status that the review has to have, and if it is not shown, why. What catalogue and
// moderation say holds for the content that they saw. An operator's publishing is for one revision too,
// and stronger. Holding and rejecting are for all that is written before an operator publishes it; what is written
// after that is judged as any other.
func (r *record) verdict() (review.Status, string) {
	cleared := r.Clear.Valid && (!r.BlockedAt.Valid || r.ClearedAt.Time.After(r.BlockedAt.Time))
	if cleared && r.Clear.Int64 == r.revision() {
		return review.Published, ""
	}
	lifted := cleared && r.revision() > r.ClearedAt.Time.UnixMicro()
	if r.Block.Valid && !lifted {
		edited, rejected := r.revision() > r.BlockedAt.Time.UnixMicro(), r.Block.StringVal == string(review.Reject)
		switch {
		case edited && rejected:
			return review.Held, afterRejected
		case edited:
			return review.Held, afterHolding
		case rejected:
			return review.Rejected, r.BlockFor.StringVal
		}
		return review.Held, r.BlockFor.StringVal
	}
	if r.HoldFor.Valid {
		return review.Held, r.HoldFor.StringVal
	}
	return review.Published, ""
}

// outcome returns how the review stands.
func (r *record) outcome() outcome {
	key := review.Key{Product: r.Product, Review: r.Review}
	return outcome{review.News{Key: key, Status: r.Status, Revision: r.revision()}, r.Dropped}
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
func without(list, other []string) (left []string) {
	for _, s := range list {
		if !slices.Contains(other, s) && !slices.Contains(left, s) {
			left = append(left, s)
		}
	}
	return left
}

// null returns a string as a column has it, where none is NULL.
func null(s string) spanner.NullString { return spanner.NullString{StringVal: s, Valid: s != ""} }
