package shop

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2/negotiation"

	"github.com/hybrid-bts/functions/shared/problem"
)

// Dress makes pages, in the shopper's language, of the problems that next answers to a browser. Other callers, and the
// web API, keep the problem as it is.
func (s *Site) Dress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/") || !prefersHTML(r.Header.Get("Accept")) || s.ready() != nil {
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(&dresser{ResponseWriter: w, site: s, request: r}, r)
	})
}

func prefersHTML(accept string) bool {
	return negotiation.SelectQValueFast(accept, []string{problem.ContentType, "application/json", "text/html"}) == "text/html"
}

// dresser is an answer that becomes a page when it is a problem.
type dresser struct {
	http.ResponseWriter
	site    *Site
	request *http.Request
	dressed bool
}

func (d *dresser) Unwrap() http.ResponseWriter { return d.ResponseWriter }

func (d *dresser) WriteHeader(status int) {
	if status < http.StatusBadRequest || d.Header().Get("Content-Type") != problem.ContentType {
		d.ResponseWriter.WriteHeader(status)
		return
	}
	d.dressed = true
	body, err := d.site.errorPage(d.site.languages.wanted(d.request), status)
	if err != nil { // a test has seen all of them
		panic(err)
	}
	h := d.Header()
	d.site.secure(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept, Accept-Language, Cookie")
	d.ResponseWriter.WriteHeader(status)
	_, _ = d.ResponseWriter.Write(body) // a caller who is gone cannot be told
}

// Write drops the problem, where the page is.
func (d *dresser) Write(b []byte) (int, error) {
	if d.dressed {
		return len(b), nil
	}
	return d.ResponseWriter.Write(b)
}

type errorPage struct {
	page
	Status int
	Text   string
}

// errorPage returns the page of a status.
func (s *Site) errorPage(l *language, status int) ([]byte, error) {
	key := "error_address"
	switch {
	case status == http.StatusNotFound:
		key = "error_missing"
	case status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests:
		key = "error_busy"
	case status >= http.StatusInternalServerError:
		key = "error_broken"
	}
	title, err := l.T(key + "_title")
	if err != nil {
		return nil, err
	}
	text, err := l.T(key)
	if err != nil {
		return nil, err
	}
	return s.execute(l, "error", errorPage{page{language: l, Title: title, Description: text, Private: true}, status, text})
}
