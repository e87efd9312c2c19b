package reason

import (
	"time"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// ColumnNames are the columns of Reviews that Columns needs besides Status.
var ColumnNames = []string{"HeldFor", "HoldFor", "ReasonCode", "OperatorReason", "Verdicts", "Reasons", "DecidedAt"}

// Columns are the columns of Reviews that say why a review is not published. A struct that Spanner fills from a
// row embeds it.
type Columns struct {
	Status                     string
	ReasonText                 *string `spanner:"HeldFor"` // the reason as a text
	ContentFlag                *string `spanner:"HoldFor"` // the content flag as a text
	ReasonCode, OperatorReason *string
	Verdicts, Reasons          []string // of the operators' decisions, in the order of their arrival, as DecidedAt
	DecidedAt                  []time.Time
}

// Reason returns the reason for not publishing the review: the zero Reason when it is published, never otherwise.
//
// ReasonCode and OperatorReason hold the reason only if ReasonText says the same: a release of functions/sentiment that
// does not know them leaves them as they were, and a row from before them has neither. For such rows Reason
// derives the code from the other columns. An operator may have written the very words of a code, so the words alone
// prove nothing: no content flag holds a review that is rejected, or whose latest decision is to hold or to reject.
func (c *Columns) Reason() Reason {
	if c.Status == string(review.Published) {
		return Reason{}
	}
	latest := c.latestDecision()
	blocked := c.Status == string(review.Rejected) || latest >= 0 && c.Verdicts[latest] != string(review.Publish)
	text := value(c.ReasonText)
	stored := Reason{Code: Code(value(c.ReasonCode)), OperatorText: value(c.OperatorReason)}
	if stored.Code != "" && stored.Text() == text && (!blocked || isDecision(stored.Code) || stored.Code == Reported) {
		return stored
	}
	code := CodeOf(text)
	edited := c.Status == string(review.Held) && latest >= 0 && (code == EditedAfterHold || code == EditedAfterRejection)
	switch {
	case edited && c.Reasons[latest] != text:
		return Reason{Code: code}
	case text != "" && !blocked && c.ContentFlag == nil && latest < 0: // a row from before operators decided, which the catalogue alone held
		return Reason{Code: code}
	case text != "" && !blocked && text == value(c.ContentFlag):
		return Reason{Code: code}
	}
	return Reason{Code: Operator, OperatorText: text}
}

// isDecision reports whether a code follows from an operator's decision. All other codes but Reported are content flags.
func isDecision(code Code) bool {
	return code == Operator || code == EditedAfterHold || code == EditedAfterRejection
}

// latestDecision returns the index of the decision that was made last, -1 when there is none.
func (c *Columns) latestDecision() int {
	latest := -1
	for i, at := range c.DecidedAt {
		if latest < 0 || !at.Before(c.DecidedAt[latest]) {
			latest = i
		}
	}
	return latest
}

// value returns the string of a column, "" for NULL.
func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
