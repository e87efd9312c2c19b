// Package review is the wire format of a submitted review, which intake publishes for the functions that handle it.
package review

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// SchemaVersion is the version of the format, in the attribute VersionAttribute of a message. A
// reader takes fields that it does not know; a change that an old reader would get wrong is a new version.
const (
	SchemaVersion    = "1"
	VersionAttribute = "schema_version"
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

// Review is what a shopper submitted.
type Review struct {
	ID          string    `json:"id"` // a UUID
	Product     string    `json:"product"`
	Rating      int       `json:"rating"`           // 1 to 5 stars
	Text        string    `json:"text"`             // NFC; empty in a review of stars only
	Author      string    `json:"author"`           // may be empty
	Locale      string    `json:"locale,omitempty"` // BCP 47: of the author's browser, not of the text
	Photos      []string  `json:"photos,omitempty"` // names of objects in the originals bucket
	SubmittedAt time.Time `json:"submitted_at"`
}

// Encode returns the data and attributes of the message that holds r. It refuses what Decode would
// refuse, so that nothing is published that no reader takes.
func Encode(r Review) (data []byte, attributes map[string]string, err error) {
	if err := r.check(); err != nil {
		return nil, nil, fmt.Errorf("encode review %.40q: %w", r.ID, err)
	}
	data, err = json.Marshal(r)
	if err != nil {
		return nil, nil, fmt.Errorf("encode review %s: %w", r.ID, err)
	}
	return data, map[string]string{VersionAttribute: SchemaVersion}, nil
}

// Decode returns the review that a message holds. A message that it refuses will never be right.
func Decode(data []byte, attributes map[string]string) (Review, error) {
	if v := attributes[VersionAttribute]; v != SchemaVersion {
		return Review{}, fmt.Errorf("decode review: schema version %.20q, want %q", v, SchemaVersion)
	}
	var r Review
	if err := json.Unmarshal(data, &r); err != nil {
		return Review{}, fmt.Errorf("decode review: %w", err)
	}
	r.SubmittedAt = r.SubmittedAt.UTC()
	if err := r.check(); err != nil {
		return Review{}, fmt.Errorf("decode review %.40q: %w", r.ID, err)
	}
	return r, nil
}

func (r *Review) check() error {
	var errs []error
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	id, err := uuid.Parse(r.ID)
	refuse(err != nil || id.String() != r.ID, "id is not a UUID")
	refuse(!product.MatchString(r.Product), "product %.80q does not match %s", r.Product, ProductPattern)
	refuse(r.Rating < 1 || r.Rating > 5, "rating %d is not 1 to 5", r.Rating)
	for _, f := range []struct {
		name, value string
		max         int
	}{{"text", r.Text, MaxText}, {"author", r.Author, MaxAuthor}, {"locale", r.Locale, MaxLocale}} {
		n := utf8.RuneCountInString(f.value)
		refuse(n > f.max, "%s has %d characters, more than %d", f.name, n, f.max)
	}
	refuse(len(r.Photos) > MaxPhotos, "%d photos, more than %d", len(r.Photos), MaxPhotos)
	for _, name := range r.Photos {
		refuse(!IsPhoto(name), "photo %.80q does not match %s", name, PhotoPattern)
	}
	refuse(r.SubmittedAt.IsZero(), "submitted_at is missing")
	year := r.SubmittedAt.UTC().Year() // those that RFC 3339 and Spanner can write
	refuse(year < 1 || year > 9999, "submitted_at is out of range")
	return errors.Join(errs...)
}
