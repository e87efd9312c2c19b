// Package shop serves the HTML pages of the shop, rendered on the server and enhanced by ES modules without a framework.
//
// The pages read the web API in the same process, through its HTTP handler, and nothing else. So a page and the API
// always agree. Its routes, for each language:
//
//	GET /{language}/                              the catalogue, filtered by kind or search words
//	GET /{language}/products/{product}            a product with its rating and its reviews
//	GET /{language}/products/{product}/review     the review form of a product
//	GET /{language}/review                        the review form with a choice of products
//	GET /{language}/mine                          the reviews written in this browser
//	GET /{language}/rules                         the rules for reviews
//	POST /{language}/products/{product}/reviews/{review}/helpful   the vote of a browser without scripts
//	POST /{language}/products/{product}/reviews/{review}/report    the report of a browser without scripts
//
// The same paths without a language redirect to the language that the shopper chose or the browser prefers. Crawlers
// read /robots.txt and /sitemap.xml.
//
// Reading, search, filters, votes and reports work without scripts. The review form requires scripts: the intake is another
// function that takes JSON, photos are uploaded to Cloud Storage directly, and the browser stores a review until the
// intake has accepted it. The page says so when scripts are off.
package shop

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/hybrid-bts/functions/shared/problem"
)

// requestTimeout bounds the work on one page.
const requestTimeout = 10 * time.Second

// Config is the configuration of the pages. The zero value is valid.
type Config struct {
	// Origin is the public origin of the shop, such as https://shop.example. If it is "", links are relative and there
	// is no sitemap.
	Origin string
	// Uploads is the origin that the browser uploads photos to. If it is "", pages may connect to their own host only.
	Uploads string
}

// Site serves the pages. Its handlers may be called concurrently.
type Site struct {
	api    client
	origin string
	policy string // Content-Security-Policy

	// ready loads the fields below once, on the first request. Loading takes milliseconds that a cold start should not
	// pay.
	ready     func() error
	assets    *assets
	languages *languages
	templates map[string]*template.Template // by language code
}

// New returns a Site. Register must be called before it serves.
func New(c Config) *Site {
	s := &Site{origin: c.Origin, policy: contentSecurityPolicy(c.Uploads)}
	s.ready = sync.OnceValue(s.load)
	return s
}

// load parses the embedded files. It fails only if one of them is invalid, which a test excludes.
func (s *Site) load() (err error) {
	if s.languages, err = loadLanguages(); err != nil {
		return err
	}
	if s.assets, err = loadAssets(); err != nil {
		return err
	}
	return s.loadTemplates()
}

// Register adds the routes of the pages to mux. The pages read from api, the handler of the web API. The caller rejects
// POST requests of pages of other origins (package crossorigin).
func (s *Site) Register(mux *http.ServeMux, api http.Handler) {
	s.api = client{api}
	pages := map[string]func(http.ResponseWriter, *http.Request, *language) error{
		"/{$}": s.home, "/products/{product}": s.product, "/products/{product}/review": s.form, "/review": s.form, "/mine": s.mine,
		"/rules": s.rules,
	}
	for _, code := range languageCodes {
		in := func(f func(http.ResponseWriter, *http.Request, *language) error) http.Handler {
			return s.handle(func(w http.ResponseWriter, r *http.Request) error { return f(w, r, s.languages.byCode(code)) })
		}
		for path, f := range pages {
			mux.Handle("GET /"+code+path, in(f))
		}
		mux.Handle("POST /"+code+"/products/{product}/reviews/{review}/helpful", in(s.helpful))
		mux.Handle("POST /"+code+"/products/{product}/reviews/{review}/report", in(s.report))
	}
	for path := range pages {
		mux.Handle("GET "+path, s.handle(s.redirectToLanguage))
	}
	mux.Handle("GET /assets/{version}/{name}", s.handle(func(w http.ResponseWriter, r *http.Request) error { return s.assets.serve(w, r) }))
	mux.Handle("GET /robots.txt", s.handle(s.robots))
	mux.Handle("GET /sitemap.xml", s.handle(s.sitemap))
}

// redirectToLanguage redirects a path without a language to the preferred language. Browsers keep the fragment of the
// URL across the redirect.
func (s *Site) redirectToLanguage(w http.ResponseWriter, r *http.Request) error {
	target := "/" + s.languages.preferred(r).Code + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	h := w.Header()
	h.Set("Vary", "Accept-Language, Cookie")
	h.Set("Cache-Control", cacheRevalidate)
	h.Set("Location", target)
	w.WriteHeader(http.StatusFound)
	return nil
}

// handle returns a handler that calls f within the request timeout. It answers an error of f as a problem, which
// ErrorPages renders for browsers.
func (s *Site) handle(f func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		s.setSecurityHeaders(w.Header())
		err := s.ready()
		if err == nil {
			err = f(w, r.WithContext(ctx))
		}
		var fromAPI apiError
		var p *problem.Problem
		switch {
		case err == nil:
		case errors.As(err, &fromAPI):
			if after := fromAPI.header.Get("Retry-After"); after != "" {
				w.Header().Set("Retry-After", after)
			}
			problem.Write(w, fromAPI.Problem)
		case errors.As(err, &p):
			problem.Write(w, p)
		default:
			slog.ErrorContext(ctx, "request failed", "status", http.StatusInternalServerError, "err", err)
			problem.Write(w, problem.New(http.StatusInternalServerError, ""))
		}
	})
}

func notFound(r *http.Request) error {
	return problem.New(http.StatusNotFound, "no page at "+strconv.Quote(r.URL.Path))
}
