package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHeadHasTheHeadersOfGet(t *testing.T) {
	engine := start(t)
	addCity(t, engine, "Paris", "FR", 3, nil)
	s := httptest.NewServer(newServer(engine).handler())
	defer s.Close()
	for _, format := range []string{"json", "ndjson", "csv", "parquet"} {
		target := s.URL + "/v1/cities/paris/customers?format=" + format
		head, err := http.Head(target)
		if err != nil {
			t.Fatal(err)
		}
		got, err := http.Get(target)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(got.Body)
		if err = errors.Join(err, head.Body.Close(), got.Body.Close()); err != nil || len(body) == 0 {
			t.Fatal(err)
		}
		for _, h := range []string{"Content-Type", "ETag", "Cache-Control", "Vary"} {
			if head.StatusCode != 200 || head.Header.Get(h) != got.Header.Get(h) {
				t.Errorf("%s: %s %q, want 200 %q", h, head.Status, head.Header.Get(h), got.Header.Get(h))
			}
		}
		if format == "json" && head.ContentLength != int64(len(body)) {
			t.Errorf("Content-Length of HEAD is %d, the body of GET has %d bytes", head.ContentLength, len(body))
		}
	}
}

func TestPageWithAKnownETagIsNotModified(t *testing.T) {
	engine := start(t)
	addCity(t, engine, "Paris", "FR", 3, nil)
	h := checkedHandler(t, newServer(engine))
	const target = "/v1/cities/paris/customers"
	first := do(h, http.MethodGet, target)
	etag := first.Header().Get("ETag")
	if w := do(h, http.MethodGet, target, "If-None-Match", `"x", `+etag); w.Code != 304 || w.Body.Len() != 0 || w.Header().Get("ETag") != etag {
		t.Errorf("%d %q, want 304", w.Code, w.Body)
	}
	compressed := do(h, http.MethodGet, target, "Accept-Encoding", "br, GZIP;q=0.5")
	if got := gunzip(t, compressed.Body); compressed.Header().Get("Content-Encoding") != "gzip" || got != first.Body.String() {
		t.Errorf("decompressed %q, want %q", got, first.Body)
	}
	if w := do(h, http.MethodGet, target, "Accept-Encoding", "gzip;q=0, *"); w.Header().Get("Content-Encoding") != "" {
		t.Error("compressed with gzip;q=0")
	}
	addCity(t, engine, "Paris", "FR", 4, nil)
	if w := do(h, http.MethodGet, target, "If-None-Match", etag); w.Code != 200 || w.Header().Get("ETag") == etag {
		t.Errorf("%d with ETag %q, want the new page", w.Code, w.Header().Get("ETag"))
	}
}
