package review

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Names of message attributes. A message without KindAttribute is a Review.
const (
	KindAttribute    = "kind"
	VersionAttribute = "schema_version"
)

// Versions of the format. Readers ignore unknown fields. A change that an old reader would misread needs a new version.
// Readers of version 1 know no kinds and take an edit for a duplicate, so version 1 is for submissions alone.
const (
	SubmissionVersion = "1"
	ChangeVersion     = "2"
)

// ErrUnsupported is the error for a message of a kind or version that only a newer release knows.
var ErrUnsupported = errors.New("unsupported message")

// Message is a command to the review writer (Review, Erasure, Decision, Reply, Vote, Report, Rescore, Sweep or LetterAction)
// or, on a topic of its own, a ChangeNotice.
type Message interface {
	// About returns the key of the review that the message concerns, the zero Key for a LetterAction or a Sweep.
	About() Key
	kind() string
	check() error
}

func (Review) kind() string       { return "review" }
func (Erasure) kind() string      { return "erasure" }
func (Decision) kind() string     { return "decision" }
func (Reply) kind() string        { return "reply" }
func (Vote) kind() string         { return "vote" }
func (Report) kind() string       { return "report" }
func (Rescore) kind() string      { return "rescore" }
func (LetterAction) kind() string { return "letter" }
func (ChangeNotice) kind() string { return "news" } // the name on the wire since version 2; readers of earlier releases know no other

// Erasure deletes a review, its photos, votes and reply. No later or late message restores the review.
type Erasure struct {
	Key
	Operator string    `json:"operator,omitempty"` // the operator that erases the review; "" for its author
	At       time.Time `json:"at,omitzero"`        // set with Operator
}

// Verdict is the result of an operator's decision.
type Verdict string

// The verdicts.
const (
	Publish Verdict = "publish"
	Hold    Verdict = "hold"
	Reject  Verdict = "reject"
)

// MaxReason is the maximum length of a decision's reason, in runes.
const MaxReason = 200

// Decision is an operator's decision on a review. Publish applies to the named revision alone. Hold and Reject apply to all
// content of the review, until an operator publishes it. Of two decisions the later one wins.
type Decision struct {
	Key
	Verdict  Verdict   `json:"verdict"`
	Reason   string    `json:"reason,omitempty"` // the operator's words; required to hold and to reject
	Revision int64     `json:"revision"`         // the revision that the operator saw
	At       time.Time `json:"at"`
	Operator string    `json:"operator,omitempty"` // "" from releases that do not send it
}

// MaxReply is the maximum length of a merchant's reply, in runes.
const MaxReply = 2000

// Reply is the merchant's reply to a review. An empty text removes the reply. Of two replies the later one wins.
type Reply struct {
	Key
	Text     string    `json:"text"`
	Revision int64     `json:"revision,omitempty"` // the revision that the merchant saw; 0 from releases that do not send it
	At       time.Time `json:"at"`
	Operator string    `json:"operator,omitempty"` // "" from releases that do not send it
}

// IsReplyBeforeEdit reports whether the merchant wrote a reply about older content than the newest revision. seen is the
// revision that the merchant saw, 0 if it is unknown: then the times decide. editedAt is nil if the review was never edited.
func IsReplyBeforeEdit(seen int64, repliedAt time.Time, newest int64, editedAt *time.Time) bool {
	switch {
	case editedAt == nil:
		return false
	case seen == 0:
		return repliedAt.Before(*editedAt)
	}
	return seen < newest
}

// VisitorPattern matches the pseudonym of a visitor: a SHA-256 HMAC in base64url, which allows to compare visitors and
// reveals nothing else.
const VisitorPattern = `^[A-Za-z0-9_-]{43}$`

var visitor = regexp.MustCompile(VisitorPattern)

// Vote says that a visitor finds a revision of a review helpful. A second vote of the same visitor changes nothing. An edit
// voids the votes for all earlier revisions, whether they arrive before or after it.
type Vote struct {
	Key
	Visitor string `json:"visitor"`
	// Revision is the revision that the visitor saw. It is 0 in votes from releases that do not send it, which count only if
	// the review was never edited.
	Revision int64 `json:"revision,omitempty"`
}

// Rescore asks the review writer to score a revision again, for example because the embedded model stood in for the Natural
// Language API. It has no effect on other revisions.
type Rescore struct {
	Key
	Revision int64 `json:"revision"`
}

// Status is the state of a review.
type Status string

// The statuses. No stored review is Erased; a ChangeNotice may be.
const (
	Published Status = "published" // shown and counted
	Held      Status = "held"      // not shown and not counted, until the content changes or an operator decides
	Rejected  Status = "rejected"  // not shown and not counted, by an operator's decision
	Erased    Status = "erased"
)

// ChangeNotice announces that the page of a review may have changed. It may arrive late or twice: the database alone has the
// current state.
type ChangeNotice struct {
	Key
	Status   Status `json:"status"`
	Revision int64  `json:"revision"` // revision of the content; 0 for an erased review
}

func (d Decision) check() error {
	p := checkKey(d.Key)
	blocks := d.Verdict == Hold || d.Verdict == Reject
	p.addIf(!blocks && d.Verdict != Publish, "verdict %.20q is not publish, hold or reject", d.Verdict)
	p.addIf(blocks && d.Reason == "", "reason is missing")
	p.addIf(d.Verdict == Publish && d.Revision == 0, "revision is missing")
	p.checkLength("reason", d.Reason, MaxReason)
	p.checkTime("at", d.At)
	p.checkLength("operator", d.Operator, MaxOperator)
	return errors.Join(p...)
}

func (r Reply) check() error {
	p := checkKey(r.Key)
	p.checkLength("text", r.Text, MaxReply)
	p.addIf(r.Revision < 0, "revision %d is negative", r.Revision)
	p.checkTime("at", r.At)
	p.checkLength("operator", r.Operator, MaxOperator)
	return errors.Join(p...)
}

func (e Erasure) check() error {
	p := checkKey(e.Key)
	p.checkLength("operator", e.Operator, MaxOperator)
	if e.Operator != "" {
		p.checkTime("at", e.At)
	}
	return errors.Join(p...)
}

func (v Vote) check() error {
	p := checkKey(v.Key)
	p.addIf(!visitor.MatchString(v.Visitor), "visitor does not match %s", VisitorPattern)
	p.addIf(v.Revision < 0, "revision %d is negative", v.Revision)
	return errors.Join(p...)
}

func (n ChangeNotice) check() error {
	p := checkKey(n.Key)
	known := n.Status == Published || n.Status == Held || n.Status == Rejected || n.Status == Erased
	p.addIf(!known, "unknown status %.20q", n.Status)
	return errors.Join(p...)
}

// Encode returns the data and the attributes of m on Pub/Sub. It returns an error for a message that Decode would reject.
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

// decoders decode the data of each kind of message.
var decoders = map[string]func(data []byte) (Message, error){
	"review": decodeAs[Review], "erasure": decodeAs[Erasure], "decision": decodeAs[Decision], "reply": decodeAs[Reply], "vote": decodeAs[Vote],
	"report": decodeAs[Report], "rescore": decodeAs[Rescore], "sweep": decodeAs[Sweep], "letter": decodeAs[LetterAction], "news": decodeAs[ChangeNotice],
}

// Decode returns the message with the given data and attributes. ErrUnsupported asks for redelivery: a newer release, or the
// one that a rollback replaced, reads the message. Other errors are permanent.
func Decode(data []byte, attributes map[string]string) (Message, error) {
	kind, version := cmp.Or(attributes[KindAttribute], Review{}.kind()), attributes[VersionAttribute]
	decode, known := decoders[kind]
	first := version == SubmissionVersion && kind == Review{}.kind()
	switch {
	case version == "" || version == SubmissionVersion && !first: // no release writes these
		return nil, fmt.Errorf("decode %.20q: invalid schema version %.20q", kind, version)
	case !known || !first && version != ChangeVersion:
		return nil, fmt.Errorf("decode message: %w: kind %.20q, schema version %.20q", ErrUnsupported, kind, version)
	}
	m, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", kind, err)
	}
	return m, nil
}

// decodeAs decodes and checks a message of type M.
func decodeAs[M Message](data []byte) (Message, error) {
	var m M
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	return m, m.check()
}
