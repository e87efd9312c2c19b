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

	// Readers' reports, in the order of their times. See report.
	Reporters  []string
	ReportedOn []int64
	ReportedAt []time.Time

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
	MissingPhotos    []string // photos that the content names and the review lacks
	MissingCauses    []string // review.PhotoCause of each
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
	JudgeAt          spanner.NullTime // time from which a sweep judges the content; NULL: it is judged

	Helpful   spanner.NullInt64
	Reply     spanner.NullString
	RepliedAt spanner.NullTime
	RepliedOn spanner.NullInt64 // the revision that the merchant saw; NULL: unknown
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

// contentFlag returns the flag of the stored content, "" when it has none.
func (r *record) contentFlag() reason.Code { return reason.CodeOf(r.ContentFlag.StringVal) }

// outcome returns the state that the review writer announces and cleans up after.
func (r *record) outcome() outcome {
	return outcome{review.ChangeNotice{Key: r.key(), Status: r.Status, Revision: r.revision()}, r.PendingDeletions, r.Photos}
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
