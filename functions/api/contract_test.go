package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

func TestDocumentAndItsPageAreServed(t *testing.T) {
	h := newShop(t, &server{})
	w := ask(h, http.MethodGet, "/openapi.json")
	var document struct {
		OpenAPI string
		Paths   map[string]any
	}
	if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil || w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v: %v", w.Code, w.Header(), err)
	}
	for _, path := range []string{"/v1/products", "/v1/reviews", "/v1/cities", "/img/{object}"} {
		if document.OpenAPI != "3.1.0" || document.Paths[path] == nil {
			t.Errorf("document of OpenAPI version %s: no path %s", document.OpenAPI, path)
		}
	}
	docs := ask(h, http.MethodGet, "/docs")
	if docs.Code != http.StatusOK || !strings.Contains(docs.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("GET /docs: %d %v", docs.Code, docs.Header())
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="([^"#]+)"`).FindAllStringSubmatch(docs.Body.String(), -1) {
		if got := ask(h, http.MethodGet, m[1]); got.Code >= http.StatusBadRequest {
			t.Errorf("link %s of the page: %d", m[1], got.Code)
		}
	}
	for _, path := range []string{"/openapi.json", "/docs", "/docs.css"} {
		etag := ask(h, http.MethodGet, path).Header().Get("ETag")
		if got := ask(h, http.MethodGet, path, "If-None-Match", etag); etag == "" || got.Code != http.StatusNotModified {
			t.Errorf("GET %s with If-None-Match %q: %d, want 304", path, etag, got.Code)
		}
	}
}

// The published contract repeats the limits of package review. If it allowed more than the package, the publication of an
// accepted review would fail with 500.
func TestDocumentHasTheLimitsOfPackageReview(t *testing.T) {
	type schema struct {
		MaxItems, MaxLength int
		Pattern             string
		Description         string
		Properties          map[string]schema
	}
	check := func(name string, s schema) {
		t.Helper()
		photos, locale, text, author := s.Properties["photos"], s.Properties["locale"], s.Properties["text"], s.Properties["author"]
		if photos.MaxItems != wire.MaxPhotos {
			t.Errorf("%s: photos has maxItems %d, want %d", name, photos.MaxItems, wire.MaxPhotos)
		}
		if locale.MaxLength != wire.MaxLocale {
			t.Errorf("%s: locale has maxLength %d, want %d", name, locale.MaxLength, wire.MaxLocale)
		}
		// Lengths count after normalization, so the documents state them in words.
		if want := fmt.Sprintf("%d characters", wire.MaxText); !strings.Contains(text.Description, want) {
			t.Errorf("%s: description of text is %q, want %q in it", name, text.Description, want)
		}
		if want := fmt.Sprintf("%d characters", wire.MaxAuthor); !strings.Contains(author.Description, want) {
			t.Errorf("%s: description of author is %q, want %q in it", name, author.Description, want)
		}
	}
	var document struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct{ Schema schema }
			}
		}
		Components struct{ Schemas map[string]schema }
	}
	b, err := contract.ReadFile("contract/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &document); err != nil {
		t.Fatal(err)
	}
	bodies := document.Paths[reviewPath]["patch"].RequestBody.Content
	if len(bodies) != 2 {
		t.Errorf("PATCH %s takes %d media types, want 2", reviewPath, len(bodies))
	}
	for mediaType, body := range bodies {
		check("PATCH with "+mediaType, body.Schema)
	}
	check("POST /v1/reviews", document.Components.Schemas["NewReview"])
}

// An edit at a limit is accepted and one above it is a 422, never a 500.
func TestEditsAreAcceptedUpToTheLimits(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	c := newCommandServer(t, db, noon)
	id := uuid.NewString()
	addReview(t, db, id, nil)
	photos := make([]string, wire.MaxPhotos+1)
	for i := range photos {
		photos[i] = "reviews/" + uuid.NewString() + ".jpg"
	}
	for field, values := range map[string][2]any{
		"photos": {photos[:wire.MaxPhotos], photos},
		"text":   {strings.Repeat("가", wire.MaxText), strings.Repeat("가", wire.MaxText+1)},
		"author": {strings.Repeat("가", wire.MaxAuthor), strings.Repeat("가", wire.MaxAuthor+1)},
	} {
		for i, want := range []int{http.StatusAccepted, http.StatusUnprocessableEntity} {
			body, err := json.Marshal(map[string]any{field: values[i]})
			if err != nil {
				t.Fatal(err)
			}
			if w := c.send(http.MethodPatch, id, string(body)); w.Code != want {
				t.Errorf("%s %s: %d %.200s, want %d", field, []string{"at the limit", "above the limit"}[i], w.Code, w.Body, want)
			}
		}
	}
}
