package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func FuzzAcceptEncoding(f *testing.F) {
	body := []byte(strings.Repeat(`{"rating":5,"text":"보라해"}`, 200))
	h := compressed(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
	for _, s := range []string{"", "gzip", "br, GZIP;q=0.5", "gzip;q=0", "gzip ; q=0.000", "gzip;q=NaN", "x-gzip", "*", ";,;", "zstd, gzip"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Encoding", value)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := w.Body.Bytes()
		switch encoding := w.Header().Get("Content-Encoding"); encoding {
		case "":
		case "gzip":
			if !strings.Contains(strings.ToLower(value), "gzip") {
				t.Errorf("%q does not accept gzip", value)
			}
			z, err := gzip.NewReader(w.Body)
			if err == nil {
				got, err = io.ReadAll(z)
			}
			if err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("content encoding %q", encoding)
		}
		if !bytes.Equal(got, body) {
			t.Errorf("%q: the body has %d bytes, want %d", value, len(got), len(body))
		}
	})
}
