package review

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Attributes of a message. One without KindAttribute is a Review.
const (
	KindAttribute    = "kind"
	VersionAttribute = "schema_version"
)

// Versions of the format. A reader takes fields that it does not know; a change that an old reader would
// get wrong is a new version. Readers of version 1 know no kinds, and take an edit for a review that they
// have: so version 1 is for reviews as submitted, alone.
const (
	SchemaVersion = "1"
	ChangeVersion = "2"
)

// Kinds of messages.
const (
	KindReview   = "review"
	KindErasure  = "erasure"
	KindDecision = "decision"
	KindReply    = "reply"
	KindVote     = "vote"
)

// Message is one of the kinds: Review, Erasure, Decision, Reply or Vote.
type Message interface {
	About() Key
	kind() string
	check() error
}

// Erasure takes a review away, with its photos and all that belongs to it, for ever: nothing that comes
// later, or late, brings it back.
type Erasure struct{ Key }

// Verdict is what an operator decides.
type Verdict string

// The verdicts.
const (
	Publish Verdict = "publish"
	Hold    Verdict = "hold"
	Reject  Verdict = "reject"
)

// MaxReason bounds the reason of a decision, in runes.
const MaxReason = 200

// Decision is an operator's. To publish concerns the revision that it names and no other; to hold or to
// reject concerns the review, whatever is written in it, until an operator publishes it. Of two, the one
// that was made later wins.
type Decision struct {
	Key
	Verdict  Verdict   `json:"verdict"`
	Reason   string    `json:"reason,omitempty"` // of holding and rejecting: required
	Revision int64     `json:"revision"`         // that the operator saw
	At       time.Time `json:"at"`
}

// MaxReply bounds a merchant's reply, in runes.
const MaxReply = 2000

// Reply is what the merchant answers to a review; empty, it takes the reply away. Of two, the one that was
// written later wins.
type Reply struct {
	Key
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// VisitorPattern is what a Vote knows a visitor by: a SHA-256 HMAC in base64url, of which nothing can be
// told but that two are the same.
const VisitorPattern = `^[A-Za-z0-9_-]{43}$`

var visitor = regexp.MustCompile(VisitorPattern)

// Vote says that a visitor finds a review helpful. The same visitor's second one changes nothing.
type Vote struct {
	Key
	Visitor string `json:"visitor"`
}

func (Review) kind() string   { return KindReview }
func (Erasure) kind() string  { return KindErasure }
func (Decision) kind() string { return KindDecision }
func (Reply) kind() string    { return KindReply }
func (Vote) kind() string     { return KindVote }

func (e Erasure) check() error {
	var p problems
	p.key(e.Key)
	return errors.Join(p...)
}

func (d Decision) check() error {
	var p problems
	p.key(d.Key)
	blocks := d.Verdict == Hold || d.Verdict == Reject
	p.refuse(!blocks && d.Verdict != Publish, "verdict %.20q is not publish, hold or reject", d.Verdict)
	p.refuse(blocks && d.Reason == "", "reason is missing")
	p.refuse(d.Verdict == Publish && d.Revision == 0, "revision is missing")
	p.long("reason", d.Reason, MaxReason)
	p.time("at", d.At)
	return errors.Join(p...)
}

func (r Reply) check() error {
	var p problems
	p.key(r.Key)
	p.long("text", r.Text, MaxReply)
	p.time("at", r.At)
	return errors.Join(p...)
}

func (v Vote) check() error {
	var p problems
	p.key(v.Key)
	p.refuse(!visitor.MatchString(v.Visitor), "visitor does not match %s", VisitorPattern)
	return errors.Join(p...)
}

// Encode returns the data and attributes of the message that holds m. It refuses what Decode would
// refuse, so that nothing is published that no reader takes.
func Encode(m Message) (data []byte, attributes map[string]string, err error) {
	if err := m.check(); err != nil {
		return nil, nil, fmt.Errorf("encode %s: %w", m.kind(), err)
	}
	if data, err = json.Marshal(m); err != nil {
		return nil, nil, fmt.Errorf("encode %s: %w", m.kind(), err)
	}
	if r, ok := m.(Review); ok && r.EditedAt.IsZero() {
		return data, map[string]string{VersionAttribute: SchemaVersion}, nil
	}
	return data, map[string]string{VersionAttribute: ChangeVersion, KindAttribute: m.kind()}, nil
}

// Decode returns what a message holds, its times in UTC. A message that it refuses will never be right.
func Decode(data []byte, attributes map[string]string) (Message, error) {
	version := attributes[VersionAttribute]
	switch kind := attributes[KindAttribute]; kind {
	case "", KindReview:
		if version == SchemaVersion {
			version = ChangeVersion // which is the same with more
		}
		return decode(data, version, func(r *Review) {
			r.SubmittedAt, r.EditedAt = r.SubmittedAt.UTC(), r.EditedAt.UTC()
		})
	case KindErasure:
		return decode(data, version, func(*Erasure) {})
	case KindDecision:
		return decode(data, version, func(d *Decision) { d.At = d.At.UTC() })
	case KindReply:
		return decode(data, version, func(r *Reply) { r.At = r.At.UTC() })
	case KindVote:
		return decode(data, version, func(*Vote) {})
	default:
		return nil, fmt.Errorf("decode message: kind %.20q is not known", kind)
	}
}

// decode reads one kind of message, of which normalize makes what Encode was given.
func decode[M Message](data []byte, version string, normalize func(*M)) (Message, error) {
	var m M
	if version != ChangeVersion {
		return nil, fmt.Errorf("decode %s: schema version %.20q, want %q", m.kind(), version, ChangeVersion)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("decode %s: %w", m.kind(), err)
	}
	normalize(&m)
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("decode %s: %w", m.kind(), err)
	}
	return m, nil
}
