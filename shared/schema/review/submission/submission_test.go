package submission_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"

	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/submission"
)

const photo = "reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg"

func content() submission.Content {
	return submission.Content{Rating: 5, Text: "예뻐요 💜", Author: "아미", Locale: "ko", Photos: []string{photo}}
}

func TestPatchChangesTheFieldsThatItNames(t *testing.T) {
	for _, tc := range []struct {
		patch string
		want  func(*submission.Content)
	}{
		{`{}`, func(*submission.Content) {}},
		{`{"rating":1}`, func(c *submission.Content) { c.Rating = 1 }},
		{`{"rating":2.0,"text":"so so"}`, func(c *submission.Content) { c.Rating, c.Text = 2, "so so" }},
		{`{"text":null,"author":null,"locale":null,"photos":null}`, func(c *submission.Content) { *c = submission.Content{Rating: 5} }},
		{`{"photos":[]}`, func(c *submission.Content) { c.Photos = nil }},
		{`{"text":" \u0000` + norm.NFD.String("실망") + `\u0007\n "}`, func(c *submission.Content) { c.Text = "실망" }},
	} {
		var p submission.Patch
		if err := json.Unmarshal([]byte(tc.patch), &p); err != nil {
			t.Fatal(err)
		}
		before, want := content(), content()
		tc.want(&want)
		got, errs := p.Apply(before)
		if diff := cmp.Diff(want, got); diff != "" || len(errs) > 0 {
			t.Errorf("%s: %v %s", tc.patch, errs, diff)
		}
		if diff := cmp.Diff(content(), before); diff != "" {
			t.Errorf("%s changed the original: %s", tc.patch, diff)
		}
	}
}

func TestPatchWithAnInvalidResultIsAnError(t *testing.T) {
	for patch, location := range map[string]string{
		`{"rating":null}`: "body.rating", `{"rating":1.5}`: "body.rating", `{"photos":["products/butter.jpg"]}`: "body.photos[0]",
		`{"text":"` + strings.Repeat("가", review.MaxText+1) + `"}`: "body.text", `{"text":1}`: "body",
		`{"author":"` + strings.Repeat("가", review.MaxAuthor+1) + `"}`: "body.author",
	} {
		var p submission.Patch
		if err := json.Unmarshal([]byte(patch), &p); err != nil {
			t.Fatal(err)
		}
		_, errs := p.Apply(content())
		var detail *huma.ErrorDetail
		if len(errs) != 1 || !errors.As(errs[0], &detail) || detail.Location != location {
			t.Errorf("%.40s: %v, want an error at %s", patch, errs, location)
		}
	}
}

// The validator of huma panics when a schema has uniqueItems and the items are objects or arrays. Such a document must not
// reach a client as 500.
func TestPhotosAreUniqueAndOfAnyType(t *testing.T) {
	registry := huma.NewMapRegistry("#/", huma.DefaultSchemaNamer)
	s := huma.SchemaFromType(registry, reflect.TypeFor[submission.Content]())
	s.PrecomputeMessages()
	document, err := json.Marshal(s.Properties["photos"])
	if err != nil || !strings.Contains(string(document), `"uniqueItems":true`) {
		t.Errorf("the schema of photos is %s (%v), want uniqueItems in it", document, err)
	}
	for _, photos := range []string{`[[],[]]`, `[{},{}]`, `[[1],[1]]`, `[{"a":[]},{"a":[]}]`, `[null,null]`, `[1,1]`} {
		var v any
		if err := json.Unmarshal([]byte(`{"rating":5,"photos":`+photos+`}`), &v); err != nil {
			t.Fatal(err)
		}
		var res huma.ValidateResult
		huma.Validate(registry, s, huma.NewPathBuffer(nil, 0), huma.ModeWriteToServer, v, &res)
		if len(res.Errors) == 0 {
			t.Errorf("%s is valid", photos)
		}
	}
	twice := content()
	twice.Photos = []string{photo, strings.Replace(photo, "6f", "7f", 1), photo, photo}
	var detail *huma.ErrorDetail
	if errs := twice.Resolve(nil); len(errs) != 1 || !errors.As(errs[0], &detail) || detail.Location != "body.photos" {
		t.Errorf("repeated photos: %v, want one error at body.photos", errs)
	}
}

// The API documents, and huma's validation, have the limits of package review.
func TestSchemasHaveTheLimitsOfPackageReview(t *testing.T) {
	type newReview struct {
		Product string `json:"product"`
		submission.Content
	}
	registry := huma.NewMapRegistry("#/", huma.DefaultSchemaNamer)
	for name, s := range map[string]*huma.Schema{
		"a struct that embeds Content": huma.SchemaFromType(registry, reflect.TypeFor[newReview]()),
		"a patch":                      (&submission.Patch{}).Schema(registry),
	} {
		if n := s.Properties["photos"].MaxItems; n == nil || *n != review.MaxPhotos {
			t.Errorf("%s: maxItems of photos is %v, want %d", name, n, review.MaxPhotos)
		}
		if n := s.Properties["locale"].MaxLength; n == nil || *n != review.MaxLocale {
			t.Errorf("%s: maxLength of locale is %v, want %d", name, n, review.MaxLocale)
		}
		for field, limit := range map[string]int{"text": review.MaxText, "author": review.MaxAuthor} {
			if want := fmt.Sprintf("most %d characters", limit); !strings.Contains(s.Properties[field].Description, want) {
				t.Errorf("%s: %s is described as %q, want %q in it", name, field, s.Properties[field].Description, want)
			}
		}
	}
}

// FuzzPatch checks that readers accept the result of every patch that Apply accepts. It skips results that huma rejects by
// the schema.
func FuzzPatch(f *testing.F) {
	f.Add([]byte(`{"text":"a\u0000","author":" b"}`))
	f.Add([]byte(`{"photos":["` + photo + `"],"rating":3}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p submission.Patch
		if json.Unmarshal(b, &p) != nil {
			return
		}
		c, errs := p.Apply(content())
		if len(errs) > 0 || c.Rating < 1 || c.Rating > 5 || len(c.Photos) > review.MaxPhotos || len([]rune(c.Locale)) > review.MaxLocale {
			return
		}
		r := review.Review{ID: "0190d4f4-3a5e-7cc0-8a3b-0242ac120002", Product: "butter", SubmittedAt: time.Unix(1, 0)}
		c.ApplyTo(&r)
		if _, _, err := review.Encode(r); err != nil {
			t.Errorf("%s became %+v: %v", b, c, err)
		}
		if diff := cmp.Diff(c, submission.FromReview(r)); diff != "" {
			t.Error(diff)
		}
	})
}
