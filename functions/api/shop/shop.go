// Package shop is the pages that shoppers see, made on the server and enhanced by plain ES modules.
//
// It reads nothing but the web API, in the same process, as any other client does: so what a page shows is what the
// API says. Its routes are, for each language,
//
//	GET /{language}/                              the goods, by kind or by words
//	GET /{language}/products/{product}            one of them, with its rating and its reviews
//	GET /{language}/products/{product}/review     the form for a review of it
//	GET /{language}/review                        the same, with a choice of product
//	GET /{language}/mine                          the reviews that were written in this browser
//	POST /{language}/products/{product}/reviews/{review}/helpful   for browsers without scripts
//
// and the same without a language, which lead to the one that the shopper chose before or that the browser speaks.
// Search engines find /robots.txt and /sitemap.xml.
//
// Without scripts all can be read, searched, filtered, and found helpful. To write a review takes them: the intake is a
// function of its own that takes JSON, the photos go straight to storage, and what an unreliable network loses is kept
// and sent again; so the form says that it needs scripts, instead of doing half of it.
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

// deadline bounds the work on one page.
const deadline = 10 * time.Second

// Config says what the pages stand on.
type Config struct {
	Origin  string // that the shop is known by, such as https://shop.example; "": addresses are relative, and there is no sitemap
	Uploads string // the origin that photos are sent to
}

// Site is the pages.
type Site struct {
	api       client
	origin    string
	policy    string
	crossSite *http.CrossOriginProtection

	// ready loads what follows, with the first page: it takes milliseconds, of which the start of the function has few.
	ready     func() error
	assets    *assets
	languages *languages
	templates map[string]*template.Template // by language
}

// New returns the pages.
func New(c Config) *Site {
	s := &Site{origin: c.Origin, policy: policy(c.Uploads), crossSite: http.NewCrossOriginProtection()}
	s.crossSite.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem.Write(w, problem.New(http.StatusForbidden, "this comes from a page of another site"))
	}))
	s.ready = sync.OnceValue(s.load)
	return s
}

// load reads what is embedded. It fails for no other reason than a mistake in that, which a test finds.
func (s *Site) load() (err error) {
	if s.languages, err = loadLanguages(); err != nil {
		return err
	}
	if s.assets, err = loadAssets(); err != nil {
		return err
	}
	return s.loadTemplates()
}

// Register adds the routes of the pages, which read from api.
func (s *Site) Register(mux *http.ServeMux, api http.Handler) {
	s.api = client{api}
	pages := map[string]func(http.ResponseWriter, *http.Request, *language) error{
		"/{$}": s.home, "/products/{product}": s.product, "/products/{product}/review": s.form, "/review": s.form, "/mine": s.mine,
	}
	for _, code := range codes {
		in := func(f func(http.ResponseWriter, *http.Request, *language) error) http.Handler {
			return s.handle(func(w http.ResponseWriter, r *http.Request) error { return f(w, r, s.languages.named(code)) })
		}
		for path, f := range pages {
			mux.Handle("GET /"+code+path, in(f))
		}
		mux.Handle("POST /"+code+"/products/{product}/reviews/{review}/helpful", s.crossSite.Handler(in(s.helpful)))
	}
	for path := range pages {
		mux.Handle("GET "+path, s.handle(s.choose))
	}
	mux.Handle("GET /assets/{version}/{name}", s.handle(func(w http.ResponseWriter, r *http.Request) error { return s.assets.serve(w, r) }))
	mux.Handle("GET /robots.txt", s.handle(s.robots))
	mux.Handle("GET /sitemap.xml", s.handle(s.sitemap))
}

// choose leads to the page in the language that is wanted. What a browser keeps behind # it keeps on the way.
func (s *Site) choose(w http.ResponseWriter, r *http.Request) error {
	to := "/" + s.languages.wanted(r).Code + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	h := w.Header()
	h.Set("Vary", "Accept-Language, Cookie")
	h.Set("Cache-Control", "no-cache")
	h.Set("Location", to)
	w.WriteHeader(http.StatusFound)
	return nil
}

// handle makes a handler of f. What goes wrong is answered with a problem, which Dress makes a page of.
func (s *Site) handle(f func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), deadline)
		defer cancel()
		s.secure(w.Header())
		err := s.ready()
		if err == nil {
			err = f(w, r.WithContext(ctx))
		}
		var refused refusal
		var p *problem.Problem
		switch {
		case err == nil:
		case errors.As(err, &refused):
			if after := refused.header.Get("Retry-After"); after != "" {
				w.Header().Set("Retry-After", after)
			}
			problem.Write(w, refused.Problem)
		case errors.As(err, &p):
			problem.Write(w, p)
		default:
			slog.ErrorContext(ctx, "request failed", "status", http.StatusInternalServerError, "err", err)
			problem.Write(w, problem.New(http.StatusInternalServerError, ""))
		}
	})
}

func notFound(r *http.Request) error {
	return problem.New(http.StatusNotFound, "nothing is at "+strconv.Quote(r.URL.Path))
}
