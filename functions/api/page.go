package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

//go:embed web
var web embed.FS

// policy lets the page load its own files, show photos that are being sent, speak to its own host and to
// the one that photos are sent to, and nothing else.
func policy(uploads string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
		"connect-src " + strings.TrimSpace("'self' "+uploads) + "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}

// parseOrigin checks an origin such as https://storage.googleapis.com, which goes into the policy as it is.
func parseOrigin(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", err
	}
	if origin := (&url.URL{Scheme: u.Scheme, Host: u.Host}).String(); origin != s || u.Host == "" || strings.ContainsAny(s, " ;,'\"") {
		return "", errors.New("not an origin")
	}
	return s, nil
}

// page serves a file of web. A browser keeps it, and asks each time whether it changed.
func page(file, policy string) http.Handler {
	b, err := web.ReadFile(path.Join("web", file))
	if err != nil {
		panic(err) // it is embedded
	}
	sum := sha256.Sum256(b)
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("ETag", etag)
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		http.ServeContent(w, r, file, time.Time{}, bytes.NewReader(b))
	})
}
