package review

import (
	"errors"
	"time"
)

// Report says that a reader finds that a revision of a review breaks the rules. The review writer holds a review that
// ReportsToHold clients report.
type Report struct {
	Key
	Revision int64     `json:"revision"` // the revision that the reader saw
	Reporter string    `json:"reporter"` // pseudonym of the client for this revision; matches VisitorPattern
	At       time.Time `json:"at"`
}

// ReportsToHold is the number of clients whose reports hold a review until an operator decides. One client alone cannot
// hide a review, and an insult waits for three readers at most.
const ReportsToHold = 3

func (r Report) check() error {
	p := checkKey(r.Key)
	p.addIf(r.Revision < 1, "revision is missing")
	p.addIf(!visitor.MatchString(r.Reporter), "reporter does not match %s", VisitorPattern)
	p.checkTime("at", r.At)
	return errors.Join(p...)
}
