package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestTheContractIsServed(t *testing.T) {
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
			t.Errorf("the document, of OpenAPI %s, lacks %s", document.OpenAPI, path)
		}
	}
	docs := ask(h, http.MethodGet, "/docs")
	if docs.Code != http.StatusOK || !strings.Contains(docs.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%d %v", docs.Code, docs.Header())
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="([^"#]+)"`).FindAllStringSubmatch(docs.Body.String(), -1) {
		if got := ask(h, http.MethodGet, m[1]); got.Code >= http.StatusBadRequest {
			t.Errorf("the page names %s, which answers %d", m[1], got.Code)
		}
	}
	for _, path := range []string{"/openapi.json", "/docs", "/docs.css"} {
		etag := ask(h, http.MethodGet, path).Header().Get("ETag")
		if got := ask(h, http.MethodGet, path, "If-None-Match", etag); etag == "" || got.Code != http.StatusNotModified {
			t.Errorf("%s again, with %q: %d", path, etag, got.Code)
		}
	}
}
