package review

import (
	"errors"
	"time"
)

// MaxOperator is the maximum length of an operator's subject, in runes: OpenID Connect Core 1.0, section 2 allows 255
// characters.
const MaxOperator = 255

// MaxLetter is the maximum length of the ID of a dead letter, in bytes.
const MaxLetter = 100

// LetterVerb names an action on a dead letter.
type LetterVerb string

// The actions on dead letters.
const (
	Replay  LetterVerb = "replay"  // the message is published to its topic again
	Discard LetterVerb = "discard" // the message is deleted
)

// LetterAction records the action of an operator on a dead letter. It concerns no review: the review writer adds it to the
// audit table, which it alone writes.
type LetterAction struct {
	Verb     LetterVerb `json:"verb"`
	Letter   string     `json:"letter"`           // the queue and the message ID
	Reason   string     `json:"reason,omitempty"` // the reason of the dead letter
	Operator string     `json:"operator"`
	At       time.Time  `json:"at"`
}

// About returns the zero Key.
func (LetterAction) About() Key { return Key{} }

func (a LetterAction) check() error {
	var p problems
	p.addIf(a.Verb != Replay && a.Verb != Discard, "verb %.20q is not replay or discard", a.Verb)
	p.addIf(a.Letter == "" || len(a.Letter) > MaxLetter, "letter has %d bytes, not 1 to %d", len(a.Letter), MaxLetter)
	p.addIf(a.Operator == "", "operator is missing")
	p.checkLength("operator", a.Operator, MaxOperator)
	p.checkLength("reason", a.Reason, MaxReason)
	p.checkTime("at", a.At)
	return errors.Join(p...)
}
