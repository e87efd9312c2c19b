// Package submission is the content of a review in the JSON of a request. It normalizes and checks the content.
//
// Writers: shoppers, whose requests functions/review and functions/api decode.
package submission

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/plaintext"
)

// Content is the content of a review. The body of a huma operation may embed it.
type Content struct {
	Rating Stars  `json:"rating" minimum:"1" maximum:"5" doc:"Stars, a whole number."`
	Text   string `json:"text,omitempty"`
	Author string `json:"author,omitempty"`
	Locale string `json:"locale,omitempty" pattern:"^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*)?$" doc:"Language of the shopper's browser (BCP 47), a hint." example:"ko-KR"`

	Photos []string `json:"photos,omitempty" nullable:"false" doc:"Names of photos that POST /v1/photos returned. A photo belongs to the review that names it first."`
}

// TransformSchema implements huma.SchemaTransformer. It adds the limits of package review to the schema of Content, and to
// the schema of a struct that embeds it. Resolve checks uniqueItems: the validator of huma panics on items that are objects
// or arrays, so the schema has the keyword in the document only.
func (Content) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	maxPhotos, maxLocale := review.MaxPhotos, review.MaxLocale
	s.Properties["photos"].Extensions = map[string]any{"uniqueItems": true}
	s.Properties["photos"].MaxItems, s.Properties["locale"].MaxLength = &maxPhotos, &maxLocale
	s.Properties["text"].Description = fmt.Sprintf("At most %d characters, counted after normalization (NFC), removal of control characters "+
		"other than newline and of invisible characters, and trimming. Empty: a review of stars only.", review.MaxText)
	s.Properties["author"].Description = fmt.Sprintf("Displayed name, at most %d characters after the same cleaning. Empty: no name. "+
		"Names that pose as the shop or its operators are rejected.", review.MaxAuthor)
	return s
}

// Stars is a whole number. Its JSON may be 5 or 5.0.
type Stars int

// UnmarshalJSON implements json.Unmarshaler. It returns an error for a number with a fraction.
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

// Resolve implements huma.Resolver. It cleans the texts, then checks their lengths, and that the photos are distinct names of
// photos.
func (c *Content) Resolve(huma.Context) []error {
	c.Text = plaintext.Clean(c.Text, '\n')
	c.Author = plaintext.CleanName(c.Author)
	var errs []error
	fail := func(location, format string, args ...any) {
		errs = append(errs, &huma.ErrorDetail{Location: "body." + location, Message: fmt.Sprintf(format, args...)})
	}
	if sorted := slices.Sorted(slices.Values(c.Photos)); len(slices.Compact(sorted)) < len(c.Photos) {
		fail("photos", "expected array items to be unique")
	}
	for i, name := range c.Photos {
		if !review.IsPhoto(name) {
			fail(fmt.Sprintf("photos[%d]", i), "unknown photo; use a name that POST /v1/photos returned")
		}
	}
	for _, f := range []struct {
		name, value string
		max         int
	}{{"text", c.Text, review.MaxText}, {"author", c.Author, review.MaxAuthor}} {
		if n := utf8.RuneCountInString(f.value); n > f.max {
			fail(f.name, "has %d characters, more than %d", n, f.max)
		}
	}
	if utf8.RuneCountInString(c.Author) <= review.MaxAuthor && plaintext.IsReservedName(c.Author) {
		fail("author", "this name is reserved for the shop; choose another name, or leave it empty")
	}
	return errs
}

// Patch is a JSON merge patch (RFC 7396) of a Content, as the body of a huma operation. A field of the patch replaces the field
// of the content, null removes it, and the other fields stay.
type Patch struct{ fields []byte }

// UnmarshalJSON implements json.Unmarshaler. It stores the JSON, which huma validates by Schema.
func (p *Patch) UnmarshalJSON(b []byte) error {
	p.fields = bytes.Clone(b)
	return nil
}

// Schema implements huma.SchemaProvider. It returns the schema of Content with all fields optional, and all but the rating
// nullable.
func (*Patch) Schema(r huma.Registry) *huma.Schema {
	s := huma.SchemaFromType(r, reflect.TypeFor[Content]())
	s.Required = nil
	for name, field := range s.Properties {
		field.Nullable = name != "rating"
	}
	return s
}

// Apply returns the patched content and its errors. It does not change c.
func (p Patch) Apply(c Content) (Content, []error) {
	c.Photos = append([]string(nil), c.Photos...) // a copy, because the decoder reuses the slice
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
