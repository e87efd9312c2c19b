package main

import (
	"cmp"
	"reflect"
	"slices"
	"time"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// record is a stored review: a row of table Reviews, with a field for each column. All rules of a review are methods
// of record; they neither read nor write the database.
type record struct {
	Product, Review string

	// The history that determines the status: see verdict. Decisions are in the order of their arrival.
	Revision    spanner.NullInt64  // NULL in a row from before edits: see revision
	Revisions   []int64            // of all contents that arrived
	ContentFlag spanner.NullString `spanner:"HoldFor"` // as a text, which older releases of this function read
	Verdicts    []string
	Reasons     []string // the operator's words for each verdict
	DecidedOn   []int64  // the revision that each verdict is about
	DecidedAt   []time.Time

	// The result of the history, for readers.
	Status         review.Status
	ReasonText     spanner.NullString `spanner:"HeldFor"` // the reason as a text, for readers that do not know the next two
	ReasonCode     spanner.NullString
	OperatorReason spanner.NullString
	PublishedAt    spanner.NullTime
	HeldAt         spanner.NullTime

	// The newest content and its assessment.
	Rating           int64
	Text             string
	Author           string
	Locale           string
	Photos           []string // the photos that the review owns
	PendingDeletions []string `spanner:"Dropped"` // photos that the bucket may still hold, though no review owns them
	SubmittedAt      time.Time
	EditedAt         spanner.NullTime
	StoredAt         time.Time // zero: the review is not stored
	Language         spanner.NullString
	Score            spanner.NullFloat64
	Magnitude        spanner.NullFloat64
	ScoredBy         spanner.NullString
	Aspects          []string
	AspectScores     []float64

	Helpful   spanner.NullInt64
	Reply     spanner.NullString
	RepliedAt spanner.NullTime
}

var recordColumns = columnsOf[record]()

// columnsOf returns the names of the columns that a row struct has fields for.
func columnsOf[T any]() (names []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		names = append(names, cmp.Or(f.Tag.Get("spanner"), f.Name))
	}
	return names
}

// upgrade fills the columns that a row from before edits lacks. At that time only the catalogue flagged reviews, and
// the reason was the flag.
func (r *record) upgrade() {
	if r.isStored() && !r.Revision.Valid {
		r.Revision, r.ContentFlag = spanner.NullInt64{Int64: r.revision(), Valid: true}, r.ReasonText
		r.Revisions = []int64{r.revision()}
	}
}

// isStored reports whether the record is a row of the table, not a new record.
func (r *record) isStored() bool { return !r.StoredAt.IsZero() }

// revision returns the revision of the newest content, in microseconds since 1970.
func (r *record) revision() int64 {
	if r.Revision.Valid {
		return r.Revision.Int64
	}
	return r.SubmittedAt.UnixMicro()
}

// isOlderThan reports whether from is newer than the stored content, or no content is stored. A submission is never newer
// than stored content: a client that submits again sends the same content with a later time.
func (r *record) isOlderThan(from review.Review) bool {
	if !r.isStored() {
		return true
	}
	return !from.EditedAt.IsZero() && (!r.EditedAt.Valid || from.Revision() > r.revision())
}

// hasSeen reports whether storing from would change nothing. Superseded content still adds its revision to the history and
// its photos to the pending deletions.
func (r *record) hasSeen(from review.Review) bool {
	known := from.EditedAt.IsZero() || slices.Contains(r.Revisions, from.Revision())
	return !r.isOlderThan(from) && known && len(without(from.Photos, r.Photos)) == 0
}

// contentFacts are the facts outside a review that decide how its content is stored.
type contentFacts struct {
	productExists bool
	owners        photoOwners // of the content's photos
}

// addContent stores the content of from, unless the record has newer content, and returns the change of photo ownership.
// The caller calls judge afterwards.
func (r *record) addContent(from review.Review, found assessment, facts contentFacts) ownershipChange {
	switch {
	case r.hasSeen(from):
		return ownershipChange{}
	case !r.isOlderThan(from):
		r.addRevisions(from)
		r.PendingDeletions = without(slices.Concat(r.PendingDeletions, facts.owners.unowned(without(from.Photos, r.Photos))), nil)
		return ownershipChange{}
	}
	if !facts.productExists {
		found.contentFlag = reason.UnknownProduct
	}
	photos := facts.owners.available(from.About(), from.Photos)
	change := ownershipChange{claimed: facts.owners.unowned(photos), released: without(r.Photos, photos)}
	r.Rating, r.Text, r.Author, r.Locale, r.SubmittedAt = int64(from.Rating), from.Text, from.Author, from.Locale, from.SubmittedAt
	r.EditedAt = spanner.NullTime{Time: from.EditedAt, Valid: !from.EditedAt.IsZero()}
	r.PendingDeletions = without(slices.Concat(r.Photos, r.PendingDeletions), photos)
	r.Photos = photos
	r.Revision = spanner.NullInt64{Int64: from.Revision(), Valid: true}
	r.addRevisions(from)
	if !r.isStored() {
		r.StoredAt = spanner.CommitTimestamp
		r.Helpful = spanner.NullInt64{Valid: true} // 0, not NULL: an index sorts reviews by it
	}
	r.setAssessment(found)
	return change
}

// addRevisions adds the revision of from, and of the submission that it is an edit of, to the history.
func (r *record) addRevisions(from review.Review) {
	if r.isStored() && from.EditedAt.IsZero() {
		return // a repeated submission: the record has its revision, from the first one
	}
	r.Revisions = append(without(r.Revisions, nil), from.SubmittedAt.UnixMicro(), from.Revision())
	slices.Sort(r.Revisions)
	r.Revisions = slices.Compact(r.Revisions)
}

// setAssessment replaces the assessment of the stored content.
func (r *record) setAssessment(found assessment) {
	r.ContentFlag, r.Language = nullString(found.contentFlag.Text()), nullString(found.language)
	r.Score, r.Magnitude, r.ScoredBy = spanner.NullFloat64{}, spanner.NullFloat64{}, spanner.NullString{}
	if found.scored {
		r.Score = spanner.NullFloat64{Float64: found.score, Valid: true}
		r.Magnitude = spanner.NullFloat64{Float64: found.magnitude, Valid: true}
		r.ScoredBy = nullString(found.scoredBy)
	}
	r.Aspects, r.AspectScores = nil, nil
	for _, a := range found.aspects {
		r.Aspects, r.AspectScores = append(r.Aspects, a.name), append(r.AspectScores, roundToMicros(a.score))
	}
}

// rescore replaces the score of the revision that from names. It keeps the content flag, and never replaces a score of
// the Natural Language API by one of the embedded model, which stands in while the API is down.
func (r *record) rescore(from review.Rescore, found assessment) {
	better := found.scored && (found.scoredBy == apiName || r.ScoredBy.StringVal != apiName)
	if r.revision() == from.Revision && better {
		found.contentFlag = r.contentFlag()
		r.setAssessment(found)
	}
}

// contentFlag returns the flag of the stored content, "" when it has none.
func (r *record) contentFlag() reason.Code { return reason.CodeOf(r.ContentFlag.StringVal) }

// textOf returns the text of the review at a revision, "" when the content has another revision.
func (r *record) textOf(revision int64) string {
	if r.revision() != revision {
		return ""
	}
	return r.Text
}

// addDecision adds an operator's decision to the history, once.
func (r *record) addDecision(d review.Decision) {
	for i, at := range r.DecidedAt {
		if at.Equal(d.At) && r.Verdicts[i] == string(d.Verdict) && r.DecidedOn[i] == d.Revision {
			return
		}
	}
	r.Verdicts, r.Reasons = append(r.Verdicts, string(d.Verdict)), append(r.Reasons, d.Reason)
	r.DecidedOn, r.DecidedAt = append(r.DecidedOn, d.Revision), append(r.DecidedAt, d.At)
}

// setReply stores a merchant's reply, unless a later one is stored. An empty text removes the reply.
func (r *record) setReply(from review.Reply) {
	if from.At.After(r.RepliedAt.Time) {
		r.Reply, r.RepliedAt = nullString(from.Text), spanner.NullTime{Time: from.At, Valid: true}
	}
}

// addVote counts a vote. The store calls it only for a visitor that has not voted yet.
func (r *record) addVote() {
	r.Helpful = spanner.NullInt64{Int64: r.Helpful.Int64 + 1, Valid: true}
}

// outcome returns the state that the review writer announces and cleans up after.
func (r *record) outcome() outcome {
	return outcome{review.ChangeNotice{Key: r.key(), Status: r.Status, Revision: r.revision()}, r.PendingDeletions}
}

func (r *record) key() review.Key { return review.Key{Product: r.Product, Review: r.Review} }

// without returns the distinct elements of list that other lacks, in order; nil when there are none.
func without[T comparable](list, other []T) (rest []T) {
	for _, s := range list {
		if !slices.Contains(other, s) && !slices.Contains(rest, s) {
			rest = append(rest, s)
		}
	}
	return rest
}

// nullString returns the value of a column that holds NULL instead of an empty string.
func nullString(s string) spanner.NullString { return spanner.NullString{StringVal: s, Valid: s != ""} }
