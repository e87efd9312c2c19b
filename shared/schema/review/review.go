// Package review is the wire format of all that happens to a review, which its one writer is told over Pub/Sub.
//
// Every message on the topic of reviews is a Message. What it tells may come late, twice or out of order:
// each kind says which of two wins, so that the order in which they come never matters.
//
// Writers: functions/review, functions/api, functions/admin and scripts/data/rescore, to topic reviews; functions/sentiment.
package review

import (
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Bounds of a review's fields, in runes.
const (
	MaxText   = 5000
	MaxAuthor = 80
	MaxLocale = 35 // the length that RFC 5646 section 4.4.1 asks implementations to have room for
)

// MaxPhotos is how many photos a review may have, and PhotoPattern what their names look like.
const (
	MaxPhotos    = 6
	PhotoPattern = `^reviews/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.(jpg|png|webp)$`
)

var photo = regexp.MustCompile(PhotoPattern)

// IsPhoto reports whether name can be that of a photo.
func IsPhoto(name string) bool { return photo.MatchString(name) }

// ProductPattern is what a product's id looks like.
const ProductPattern = `^[a-z0-9-]{1,64}$`

var product = regexp.MustCompile(ProductPattern)

// Review is what a shopper submitted, or made of it by an edit. Of two with the same id, an edit wins over what
// was submitted, which comes again with a later time when a shopper sends it again; of two edits, the one
// with the higher revision.
type Review struct {
	ID          string    `json:"id"` // a UUID
	Product     string    `json:"product"`
	Rating      int       `json:"rating"`           // 1 to 5 stars
	Text        string    `json:"text"`             // NFC; empty in a review of stars only
	Author      string    `json:"author"`           // may be empty
	Locale      string    `json:"locale,omitempty"` // BCP 47: of the author's browser, not of the text
	Photos      []string  `json:"photos,omitempty"` // names of objects in the originals bucket
	SubmittedAt time.Time `json:"submitted_at"`
	EditedAt    time.Time `json:"edited_at,omitzero"` // zero: never
}

// Revision returns the revision of the content: when it was written, in microseconds since 1970.
func (r Review) Revision() int64 {
	if r.EditedAt.IsZero() {
		return r.SubmittedAt.UnixMicro()
	}
	return r.EditedAt.UnixMicro()
}

// Key names a review.
type Key struct {
	Product string `json:"product"`
	Review  string `json:"review"` // its id
}

// About returns the name of the review that a message is about.
func (k Key) About() Key { return k }

func (k Key) check() error {
	return errors.Join(about(k)...)
}

// About returns the name of the review.
func (r Review) About() Key { return Key{r.Product, r.ID} }

func (r Review) check() error {
	p := about(r.About())
	p.refuse(r.Rating < 1 || r.Rating > 5, "rating %d is not 1 to 5", r.Rating)
	p.long("text", r.Text, MaxText)
	p.long("author", r.Author, MaxAuthor)
	p.long("locale", r.Locale, MaxLocale)
	p.refuse(len(r.Photos) > MaxPhotos, "%d photos, more than %d", len(r.Photos), MaxPhotos)
	for _, name := range r.Photos {
		p.refuse(!IsPhoto(name), "photo %.80q does not match %s", name, PhotoPattern)
	}
	p.time("submitted_at", r.SubmittedAt)
	if !r.EditedAt.IsZero() {
		p.time("edited_at", r.EditedAt)
		p.refuse(r.EditedAt.UnixMicro() <= r.SubmittedAt.UnixMicro(), "edited_at is not after submitted_at")
	}
	return errors.Join(p...)
}

// problems is what is wrong with a message.
type problems []error

func (p *problems) refuse(wrong bool, format string, args ...any) {
	if wrong {
		*p = append(*p, fmt.Errorf(format, args...))
	}
}

// about returns what is wrong with the name of a review.
func about(k Key) (p problems) {
	id, err := uuid.Parse(k.Review)
	p.refuse(err != nil || id.String() != k.Review, "id is not a UUID")
	p.refuse(!product.MatchString(k.Product), "product %.80q does not match %s", k.Product, ProductPattern)
	return p
}

// long refuses a text of more than most runes.
func (p *problems) long(name, text string, most int) {
	n := utf8.RuneCountInString(text)
	p.refuse(n > most, "%s has %d characters, more than %d", name, n, most)
}

// time refuses what RFC 3339 and Spanner cannot write.
func (p *problems) time(name string, t time.Time) {
	p.refuse(t.IsZero(), "%s is missing", name)
	year := t.UTC().Year()
	p.refuse(year < 1 || year > 9999, "%s is out of range", name)
}
