package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// auditEntry is an action of an operator: a row of table Audit. It is stored in the transaction of the action, so no entry
// is lost, and none describes an action that did not happen.
type auditEntry struct {
	Product, Review string    // "" for a dead letter
	Entry           string    // a UUID that follows from the action
	At              time.Time `spanner:"ActedAt"`
	Operator        string    // "" for a message of a release that does not send it
	Action          string
	Letter          string // the ID of a dead letter, or ""
	Before          string `spanner:"StateBefore"`
	After           string `spanner:"StateAfter"`
	Reason          string
	StoredAt        time.Time
}

// The states of audit entries besides those of reviews.
const (
	auditErased    = string(review.Erased)
	auditMissing   = "none"       // no reply
	auditReply     = "reply"      // a reply
	auditLetter    = "deadletter" // a message in a dead-letter queue
	auditReplayed  = "replayed"
	auditDiscarded = "discarded"
)

// auditOf returns the entry of a message without its states, nil for a message that no operator sent.
func auditOf(m review.Message) *auditEntry {
	k := m.About()
	e := &auditEntry{Product: k.Product, Review: k.Review}
	switch m := m.(type) {
	case review.Decision:
		e.Action, e.Operator, e.At, e.Reason = string(m.Verdict), m.Operator, m.At, m.Reason
	case review.Reply:
		e.Action, e.Operator, e.At = "reply", m.Operator, m.At
		if m.Text == "" {
			e.Action = "unreply"
		}
	case review.Erasure:
		if m.Operator == "" {
			return nil // the author erased the review
		}
		e.Action, e.Operator, e.At = "erase", m.Operator, m.At
	case review.LetterAction:
		e.Action, e.Operator, e.At, e.Letter, e.Reason = string(m.Verb), m.Operator, m.At, m.Letter, m.Reason
		e.Before, e.After = auditLetter, auditReplayed
		if m.Verb == review.Discard {
			e.After = auditDiscarded
		}
	default:
		return nil
	}
	e.Entry = e.id()
	return e
}

// auditSpace is the namespace of the UUIDs of entries.
var auditSpace = uuid.MustParse("b7f7c1f0-6a0c-4d1e-9a55-3a8f0f6b2c41")

// id returns the UUID of the entry. No operator acts twice on one review, or on one dead letter, at the same time.
func (e *auditEntry) id() string {
	at := strconv.FormatInt(e.At.UnixNano(), 10)
	return uuid.NewSHA1(auditSpace, []byte(strings.Join([]string{e.Product, e.Review, e.Letter, e.Action, at, e.Operator}, "\n"))).String()
}

// describe sets the states before and after the action. The reason is empty for an erased review, because it may quote
// the author.
func (e *auditEntry) describe(before, after *record) {
	state := func(r *record) string {
		switch {
		case r == nil:
			return auditErased
		case e.Action != "reply" && e.Action != "unreply":
			return string(r.Status)
		case r.Reply.Valid:
			return auditReply
		}
		return auditMissing
	}
	e.Before, e.After = state(before), state(after)
	if after == nil {
		e.Reason = ""
	}
}

// logValues returns the entry for the log, without the reason, which may quote the author.
func (e *auditEntry) logValues() []any {
	return []any{
		"entry", e.Entry, "operator", e.Operator, "action", e.Action, "product", e.Product, "review", e.Review, "letter", e.Letter,
		"before", e.Before, "after", e.After, "at", e.At,
	}
}

// String returns the action and its subject, for errors.
func (e *auditEntry) String() string { return fmt.Sprintf("%s of %s%s", e.Action, e.Review, e.Letter) }
