package shop

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2/negotiation"

	"github.com/hybrid-bts/functions/shared/problem"
)

// ErrorPages is middleware that replaces the problems of next by HTML pages, in the language of the shopper, if the
// client prefers HTML. The web API and other clients get problems unchanged.
func (s *Site) ErrorPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/") || !prefersHTML(r.Header.Get("Accept")) || s.ready() != nil {
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(&errorPageWriter{ResponseWriter: w, site: s, request: r}, r)
	})
}

// prefersHTML reports whether an Accept header ranks HTML before JSON. Clients that accept everything get JSON, so curl
// shows problems.
func prefersHTML(accept string) bool {
	return negotiation.SelectQValueFast(accept, []string{problem.ContentType, "application/json", "text/html"}) == "text/html"
}

// errorPageWriter is a response writer that replaces a problem by its page and passes on all other responses.
type errorPageWriter struct {
	http.ResponseWriter
	site     *Site
	request  *http.Request
	replaced bool
}

// Unwrap implements the interface that http.ResponseController requires.
func (e *errorPageWriter) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// WriteHeader implements http.ResponseWriter. For a problem it writes the whole page.
func (e *errorPageWriter) WriteHeader(status int) {
	if status < http.StatusBadRequest || e.Header().Get("Content-Type") != problem.ContentType {
		e.ResponseWriter.WriteHeader(status)
		return
	}
	e.replaced = true
	body, err := e.site.errorPage(e.site.languages.preferred(e.request), status)
	if err != nil { // a test renders the pages of all statuses
		panic(err)
	}
	h := e.Header()
	e.site.setSecurityHeaders(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept, Accept-Language, Cookie")
	e.ResponseWriter.WriteHeader(status)
	_, _ = e.ResponseWriter.Write(body) // an error means that the client has disconnected
}

// Write implements http.ResponseWriter. It drops the body of a replaced problem.
func (e *errorPageWriter) Write(b []byte) (int, error) {
	if e.replaced {
		return len(b), nil
	}
	return e.ResponseWriter.Write(b)
}

// errorPage is the data of the template "error". Status is the HTTP status.
type errorPage struct {
	layout
	Status int
	Text   string
}

// errorPage returns the HTML of the page for an HTTP status of 400 or more.
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
	return s.execute(l, "error", errorPage{layout{language: l, Title: title, Description: text, Private: true}, status, text})
}
