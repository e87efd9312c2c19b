// Package submission is what a shopper may write into a review, as the JSON of a request: checked and cleaned.
//
// Writers: shoppers, whose requests functions/review and functions/api decode; functions/admin cleans replies alike.
package submission

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"golang.org/x/text/unicode/norm"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// Content is what is written into a review. Embedded in the body of a huma operation it is a part of that.
type Content struct {
	Rating Stars  `json:"rating" minimum:"1" maximum:"5" doc:"Stars, a whole number."`
	Text   string `json:"text,omitempty" doc:"At most 5000 characters, counted after normalization (NFC), removal of control characters other than newline, and trimming. Empty: a review of stars only."`
	Author string `json:"author,omitempty" doc:"The name to show, at most 80 characters."`
	Locale string `json:"locale,omitempty" pattern:"^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*)?$" maxLength:"35" doc:"The language of the shopper's browser (BCP 47), as a hint." example:"ko-KR"`

	Photos []string `json:"photos,omitempty" maxItems:"6" uniqueItems:"true" nullable:"false" doc:"The names of photos, as POST /v1/photos gave them. A photo is of the review that names it first."`
}

// Stars is a number that JSON may write as 5 or as 5.0.
type Stars int

// UnmarshalJSON reads a whole number.
func (s *Stars) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || f != float64(int(f)) {
		return fmt.Errorf("%s is not a whole number", b)
	}
	*s = Stars(f)
	return nil
}

// FromReview returns the content of r.
func FromReview(r review.Review) Content {
	return Content{Rating: Stars(r.Rating), Text: r.Text, Author: r.Author, Locale: r.Locale, Photos: r.Photos}
}

// ApplyTo replaces the content of r by c. The id, product and times of r stay.
func (c Content) ApplyTo(r *review.Review) {
	r.Rating, r.Text, r.Author, r.Locale, r.Photos = int(c.Rating), c.Text, c.Author, c.Locale, c.Photos
}

// Resolve cleans the texts, and checks the lengths that count only then; huma calls it.
func (c *Content) Resolve(huma.Context) []error {
	c.Text = Clean(c.Text, '\n')
	c.Author = Clean(c.Author, -1)
	var errs []error
	refuse := func(location, format string, args ...any) {
		errs = append(errs, &huma.ErrorDetail{Location: "body." + location, Message: fmt.Sprintf(format, args...)})
	}
	for i, name := range c.Photos {
		if !review.IsPhoto(name) {
			refuse(fmt.Sprintf("photos[%d]", i), "is not the name of a photo, which POST /v1/photos gives")
		}
	}
	for _, f := range []struct {
		name, value string
		max         int
	}{{"text", c.Text, review.MaxText}, {"author", c.Author, review.MaxAuthor}} {
		if n := utf8.RuneCountInString(f.value); n > f.max {
			refuse(f.name, "has %d characters, more than %d", n, f.max)
		}
	}
	return errs
}

// Clean returns s in NFC without control characters, save keep, and without space around it.
func Clean(s string, keep rune) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != keep {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(norm.NFC.String(s))
}

// Patch is a JSON merge patch (RFC 7396) of a Content, as the body of a huma operation: a field that it has
// replaces the one that was, null takes it away, and what it does not name stays.
type Patch struct{ fields []byte }

// UnmarshalJSON keeps the patch, which huma has checked by Schema.
func (p *Patch) UnmarshalJSON(b []byte) error {
	p.fields = bytes.Clone(b)
	return nil
}

// Schema is that of Content, of which every field may be left out, and all but the rating be null.
func (*Patch) Schema(r huma.Registry) *huma.Schema {
	s := huma.SchemaFromType(r, reflect.TypeFor[Content]())
	s.Required = nil
	for name, field := range s.Properties {
		field.Nullable = name != "rating"
	}
	return s
}

// Apply returns what the patch makes of a content, and what is wrong with that.
func (p Patch) Apply(c Content) (Content, []error) {
	c.Photos = append([]string(nil), c.Photos...) // the decoder writes into the slice that it finds
	if err := json.Unmarshal(p.fields, &c); err != nil {
		detail := &huma.ErrorDetail{Location: "body", Message: err.Error()}
		var wrong *json.SemanticError
		if errors.As(err, &wrong) && wrong.Err != nil {
			detail.Location += strings.ReplaceAll(string(wrong.JSONPointer), "/", ".")
			detail.Message = wrong.Err.Error()
		}
		return c, []error{detail}
	}
	if len(c.Photos) == 0 {
		c.Photos = nil
	}
	return c, c.Resolve(nil)
}
