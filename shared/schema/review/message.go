package review

import (
	"cmp"
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
	SubmissionVersion = "1"
	ChangeVersion     = "2"
)

// Message is what happens to a review: a Review, Erasure, Decision, Reply, Vote or Rescore; or, on a topic of its own, ChangeNotice.
type Message interface {
	About() Key
	kind() string
	check() error
}

func (Review) kind() string       { return "review" }
func (Erasure) kind() string      { return "erasure" }
func (Decision) kind() string     { return "decision" }
func (Reply) kind() string        { return "reply" }
func (Vote) kind() string         { return "vote" }
func (Rescore) kind() string      { return "rescore" }
func (ChangeNotice) kind() string { return "news" }

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

// Rescore asks for the score of a revision, and of no other, to be found again, as when the embedded model
// stood in for the Natural Language API.
type Rescore struct {
	Key
	Revision int64 `json:"revision"`
}

// Status is what became of a review.
type Status string

// The statuses. A review that is erased is not there; the word is for the news of it.
const (
	Published Status = "published" // shown and counted
	Held      Status = "held"      // neither, for now
	Rejected  Status = "rejected"  // neither, by an operator
	Erased    Status = "erased"
)

// ChangeNotice says that what a page shows of a review may have changed. It may come twice, or late: what holds
// is what the database says when it is read.
type ChangeNotice struct {
	Key
	Status   Status `json:"status"`
	Revision int64  `json:"revision"` // of the content; 0 when it is erased
}

func (d Decision) check() error {
	p := about(d.Key)
	blocks := d.Verdict == Hold || d.Verdict == Reject
	p.refuse(!blocks && d.Verdict != Publish, "verdict %.20q is not publish, hold or reject", d.Verdict)
	p.refuse(blocks && d.Reason == "", "reason is missing")
	p.refuse(d.Verdict == Publish && d.Revision == 0, "revision is missing")
	p.long("reason", d.Reason, MaxReason)
	p.time("at", d.At)
	return errors.Join(p...)
}

func (r Reply) check() error {
	p := about(r.Key)
	p.long("text", r.Text, MaxReply)
	p.time("at", r.At)
	return errors.Join(p...)
}

func (v Vote) check() error {
	p := about(v.Key)
	p.refuse(!visitor.MatchString(v.Visitor), "visitor does not match %s", VisitorPattern)
	return errors.Join(p...)
}

func (n ChangeNotice) check() error {
	p := about(n.Key)
	known := n.Status == Published || n.Status == Held || n.Status == Rejected || n.Status == Erased
	p.refuse(!known, "status %.20q is not known", n.Status)
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
		return data, map[string]string{VersionAttribute: SubmissionVersion}, nil
	}
	return data, map[string]string{VersionAttribute: ChangeVersion, KindAttribute: m.kind()}, nil
}

// kinds reads each kind of message.
var kinds = map[string]func(data []byte) (Message, error){
	"review": decode[Review], "erasure": decode[Erasure], "decision": decode[Decision], "reply": decode[Reply], "vote": decode[Vote],
	"rescore": decode[Rescore], "news": decode[ChangeNotice],
}

// Decode returns what a message holds. A message that it refuses will never be right.
func Decode(data []byte, attributes map[string]string) (Message, error) {
	kind, version := cmp.Or(attributes[KindAttribute], Review{}.kind()), attributes[VersionAttribute]
	read, known := kinds[kind]
	if !known {
		return nil, fmt.Errorf("decode message: kind %.20q is not known", kind)
	}
	if first := version == SubmissionVersion && kind == (Review{}).kind(); !first && version != ChangeVersion {
		return nil, fmt.Errorf("decode %s: schema version %.20q, want %q", kind, version, ChangeVersion)
	}
	m, err := read(data)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", kind, err)
	}
	return m, nil
}

func decode[M Message](data []byte) (Message, error) {
	var m M
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	return m, m.check()
}
