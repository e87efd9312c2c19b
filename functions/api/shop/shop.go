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
	"net/url"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

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

// Kinds are what goods can be shown by.
var kinds = []string{"album", "photobook", "clothing", "household", "video"}

// pick returns those of the parameters of a query that are set.
func pick(query url.Values, names ...string) url.Values {
	picked := url.Values{}
	for _, name := range names {
		for _, v := range query[name] {
			if v != "" {
				picked.Add(name, v)
			}
		}
	}
	return picked
}

// with returns a query with one parameter changed, as an address; "" takes it away. It begins at the first page.
func with(query url.Values, name, value string) string {
	changed := url.Values{}
	for k, v := range query {
		if k != name && k != "page_token" {
			changed[k] = v
		}
	}
	if value != "" {
		changed.Set(name, value)
	}
	return "?" + changed.Encode()
}

// choice is one of several ways to look at a list.
type choice struct {
	Value, URL string
	Chosen     bool
}

func choices(query url.Values, name string, values ...string) []choice {
	var all []choice
	for _, v := range values {
		all = append(all, choice{v, with(query, name, v), query.Get(name) == v})
	}
	return all
}

type homePage struct {
	page
	Products []product
	Kinds    []choice
	Kind, Q  string
	Next     string // the address of the next page
	Later    bool   // it is not the first
}

// home answers GET /{language}/.
func (s *Site) home(w http.ResponseWriter, r *http.Request, l *language) error {
	query := pick(r.URL.Query(), "kind", "q", "page_token")
	asked := pick(query, "kind", "q", "page_token")
	asked.Set("page_size", "24")
	found, err := s.api.products(r.Context(), asked)
	if err != nil {
		return err
	}
	p := homePage{
		page: page{language: l}, Products: found.Products, Kinds: choices(query, "kind", append([]string{""}, kinds...)...),
		Kind: query.Get("kind"), Q: query.Get("q"), Later: query.Has("page_token"),
	}
	p.Private = p.Q != "" || p.Later // search engines have the goods themselves
	if found.Next != "" {
		p.Next = with(query, "page_token", found.Next)
	}
	if len(found.Products) > 0 {
		p.Image = found.Products[0].Picture.Largest()
	}
	if p.Title, err = l.T("home_title"); err == nil {
		p.Description, err = l.T("home_description")
	}
	if err != nil {
		return err
	}
	return s.render(w, l, "home", p)
}

// Orders of reviews, the first of which is the default, and languages to filter them by.
var (
	orders   = []string{"newest", "oldest", "highest", "lowest", "most_positive", "most_negative", "most_helpful"}
	spokenIn = []string{"ko", "en", "ja", "fr", "es", "zh"}
)

type productPage struct {
	page
	Product  product
	Rating   rating
	Stars    []row
	Reviews  []review
	Query    url.Values
	Filtered bool
	Orders   []choice
	Spoken   []choice
	Next     string
	First    string // the address of the first page, when this is a later one
	Data     *ldProduct
}

// row is a row of the histogram.
type row struct {
	Star, Count int64
	Share       float64
	URL         string
	Chosen      bool
}

// product answers GET /{language}/products/{product}.
func (s *Site) product(w http.ResponseWriter, r *http.Request, l *language) error {
	id := r.PathValue("product")
	query := pick(r.URL.Query(), "sort", "rating", "language", "photos", "page_token")
	p := productPage{page: page{language: l, Path: "products/" + id, Modules: []string{"product.js"}}, Query: query}
	var found reviews
	reads, ctx := errgroup.WithContext(r.Context())
	reads.Go(func() (err error) {
		p.Product, err = s.api.product(ctx, id)
		return err
	})
	reads.Go(func() (err error) {
		p.Rating, err = s.api.rating(ctx, id)
		return err
	})
	reads.Go(func() (err error) {
		asked := pick(query, "sort", "rating", "language", "photos", "page_token")
		asked.Set("page_size", "10")
		found, err = s.api.reviews(ctx, id, asked)
		return err
	})
	err := reads.Wait()
	if err != nil {
		return err
	}
	p.Reviews = found.Reviews
	p.Filtered = query.Has("rating") || query.Has("language") || query.Has("photos")
	p.Orders, p.Spoken = choices(query, "sort", orders...), choices(query, "language", spokenIn...)
	for star := int64(5); star >= 1; star-- {
		name := strconv.FormatInt(star, 10)
		n := p.Rating.Stars[name]
		to, chosen := with(query, "rating", name), query.Get("rating") == name
		if chosen {
			to = with(query, "rating", "")
		}
		p.Stars = append(p.Stars, row{star, n, share(n, p.Rating.Count), to, chosen})
	}
	if found.Next != "" {
		p.Next = with(query, "page_token", found.Next)
	}
	if query.Has("page_token") {
		p.First = with(query, "", "")
	}
	p.Image = p.Product.Picture.Largest()
	if p.Data, err = s.newLDProduct(l, p.Product, p.Rating, p.Reviews); err != nil {
		return err
	}
	price, priceErr := l.Price(p.Product.Price, p.Product.Currency)
	counted, countErr := l.Count("reviews", p.Rating.Count)
	title, titleErr := l.T("product_title", "title", p.Product.Title)
	about, aboutErr := l.T("product_description", "title", p.Product.Title, "kind", l.Term("kind_", p.Product.Kind), "price", price, "reviews", counted)
	p.Title, p.Description = title, about
	if err := errors.Join(priceErr, countErr, titleErr, aboutErr); err != nil {
		return err
	}
	return s.render(w, l, "product", p)
}

type formPage struct {
	page
	Product  *product // nil: to be chosen of Products
	Products []product
	Stars    []int64
}

// maxChoice bounds the products of a form that has a choice of them: more are found by way of their pages.
const maxChoice = 200

// form answers GET /{language}/review and GET /{language}/products/{product}/review.
func (s *Site) form(w http.ResponseWriter, r *http.Request, l *language) error {
	p := formPage{page: page{language: l, Path: "review", Modules: []string{"form.js"}}, Stars: []int64{1, 2, 3, 4, 5}}
	var err error
	if id := r.PathValue("product"); id != "" {
		var one product
		if one, err = s.api.product(r.Context(), id); err != nil {
			return err
		}
		p.Product, p.Path, p.Image = &one, "products/"+id+"/review", one.Picture.Largest()
		p.Title, err = l.T("form_title_of", "title", one.Title)
	} else {
		if err = s.api.everything(r.Context(), func(one product) bool {
			p.Products = append(p.Products, one)
			return len(p.Products) < maxChoice
		}); err != nil {
			return err
		}
		p.Title, err = l.T("form_title")
	}
	if err == nil {
		p.Description, err = l.T("form_description")
	}
	if err != nil {
		return err
	}
	return s.render(w, l, "form", p)
}

// mine answers GET /{language}/mine: a frame, which a module fills with what this browser keeps.
func (s *Site) mine(w http.ResponseWriter, _ *http.Request, l *language) (err error) {
	p := page{language: l, Path: "mine", Modules: []string{"mine.js"}, Private: true}
	if p.Title, err = l.T("mine_title"); err == nil {
		p.Description, err = l.T("mine_intro")
	}
	if err != nil {
		return err
	}
	return s.render(w, l, "mine", p)
}

// helpful answers the button of a review, where no script has answered it.
func (s *Site) helpful(w http.ResponseWriter, r *http.Request, l *language) error {
	id, of := r.PathValue("product"), r.PathValue("review")
	asked := r.Clone(r.Context())
	asked.URL = &url.URL{Path: productPath(id) + "/reviews/" + url.PathEscape(of) + "/helpful"}
	asked.Body, asked.ContentLength = http.NoBody, 0
	a := s.api.do(asked)
	if a.status >= http.StatusBadRequest {
		return a.refusal()
	}
	for _, c := range a.header["Set-Cookie"] {
		w.Header().Add("Set-Cookie", c)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", l.path("products", id)+"#r-"+of)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}
