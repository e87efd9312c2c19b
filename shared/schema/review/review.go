// Package review is the wire format of the messages about reviews on Pub/Sub: the commands to the review writer on topic
// reviews, and its change notices.
//
// A message may arrive late, twice or out of order. Each kind defines which of two messages wins, so the order of their
// arrival never matters.
//
// Writers: functions/review, functions/api, functions/admin and scripts/data/rescore, to topic reviews; functions/sentiment.
package review

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"
)

// PhotoPattern matches the names of photos in the originals bucket.
const PhotoPattern = `^reviews/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.(jpg|png|webp)$`

// IsPhoto reports whether name matches PhotoPattern.
func IsPhoto(name string) bool { return photo.MatchString(name) }

// ProductPattern matches the id of a product.
const ProductPattern = `^[a-z0-9-]{1,64}$`

var photo, product = regexp.MustCompile(PhotoPattern), regexp.MustCompile(ProductPattern)

// Review is the content of a review, as submitted or as edited. Of two messages with the same id an edit wins over a
// submission, and the edit with the higher revision over the other. Two submissions have the same content: a shopper who
// submits again sends it with a later time.
type Review struct {
	ID          string    `json:"id"` // a UUID
	Product     string    `json:"product"`
	Rating      int       `json:"rating"`           // 1 to 5 stars
	Text        string    `json:"text"`             // NFC; empty in a review of stars only
	Author      string    `json:"author"`           // may be empty
	Locale      string    `json:"locale,omitempty"` // BCP 47; the locale of the author's browser, not of the text
	Photos      []string  `json:"photos,omitempty"` // names that match PhotoPattern
	SubmittedAt time.Time `json:"submitted_at"`
	EditedAt    time.Time `json:"edited_at,omitzero"` // zero: not edited
}

// Revision returns the revision of the content: the time of its edit or submission, in microseconds since 1970.
func (r Review) Revision() int64 {
	if r.EditedAt.IsZero() {
		return r.SubmittedAt.UnixMicro()
	}
	return r.EditedAt.UnixMicro()
}

// Key identifies a review.
type Key struct {
	Product string `json:"product"`
	Review  string `json:"review"` // the id, a UUID
}

// About returns the key itself. Messages that embed Key thereby implement Message.
func (k Key) About() Key { return k }

func (k Key) check() error { return errors.Join(checkKey(k)...) }

// About returns the key of the review.
func (r Review) About() Key { return Key{r.Product, r.ID} }

func (r Review) check() error {
	p := checkKey(r.About())
	p.addIf(r.Rating < 1 || r.Rating > 5, "rating %d is not 1 to 5", r.Rating)
	p.checkLength("text", r.Text, MaxText)
	p.checkLength("author", r.Author, MaxAuthor)
	p.checkLength("locale", r.Locale, MaxLocale)
	p.addIf(len(r.Photos) > MaxPhotos, "%d photos, more than %d", len(r.Photos), MaxPhotos)
	for _, name := range r.Photos {
		p.addIf(!IsPhoto(name), "photo %.80q does not match %s", name, PhotoPattern)
	}
	p.checkTime("submitted_at", r.SubmittedAt)
	if !r.EditedAt.IsZero() {
		p.checkTime("edited_at", r.EditedAt)
		p.addIf(r.EditedAt.UnixMicro() <= r.SubmittedAt.UnixMicro(), "edited_at is not after submitted_at")
	}
	return errors.Join(p...)
}

// problems collects the errors of a message.
type problems []error

// addIf adds an error if wrong is true.
func (p *problems) addIf(wrong bool, format string, args ...any) {
	if wrong {
		*p = append(*p, fmt.Errorf(format, args...))
	}
}

// checkKey returns the problems of a key.
func checkKey(k Key) (p problems) {
	id, err := uuid.Parse(k.Review)
	p.addIf(err != nil || id.String() != k.Review, "id is not a UUID")
	p.addIf(!product.MatchString(k.Product), "product %.80q does not match %s", k.Product, ProductPattern)
	return p
}

// checkTime adds an error for a time that RFC 3339 and Spanner cannot represent: they have the years 1 to 9999.
func (p *problems) checkTime(name string, t time.Time) {
	p.addIf(t.IsZero(), "%s is missing", name)
	year := t.UTC().Year()
	p.addIf(year < 1 || year > 9999, "%s is out of range", name)
}
