package shop

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"golang.org/x/sync/errgroup"

	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// catalogPageSize and reviewPageSize are the numbers of products and of reviews on one page.
const (
	catalogPageSize = 24
	reviewPageSize  = 10
)

// homePage is the data of the template "home".
type homePage struct {
	layout
	Products []product
	Kinds    []option
	Kind, Q  string // the chosen kind and the search words; "" for none
	Next     string // URL of the next page of the list; "" on the last
	Later    bool   // this is not the first page of the list
}

// home answers GET /{language}/ with the catalogue, filtered by the query parameters kind and q.
func (s *Site) home(w http.ResponseWriter, r *http.Request, l *language) error {
	query := selectParams(r.URL.Query(), "kind", "q", "page_token")
	found, err := s.api.products(r.Context(), withPageSize(query, catalogPageSize))
	if err != nil {
		return err
	}
	p := homePage{
		layout: layout{language: l}, Products: found.Products, Kinds: options(query, "kind", append([]string{""}, productKinds...)...),
		Kind: query.Get("kind"), Q: query.Get("q"), Later: query.Has("page_token"),
	}
	p.Private = p.Q != "" || p.Later // search engines index the products instead of lists of them
	if found.Next != "" {
		p.Next = withParam(query, "page_token", found.Next)
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

// productPage is the data of the template "product".
type productPage struct {
	layout
	Product   product
	Rating    rating
	Stars     []histogramRow
	Reviews   []review
	Query     url.Values // parameters of the list of reviews
	Filtered  bool       // the list shows a part of the reviews
	Sorts     []option
	Languages []option
	Next      string     // URL of the next page of reviews; "" on the last
	First     string     // URL of the first page of reviews; "" on the first
	Data      *ldProduct // structured data for search engines
}

// product answers GET /{language}/products/{product}.
func (s *Site) product(w http.ResponseWriter, r *http.Request, l *language) error {
	id := r.PathValue("product")
	query := selectParams(r.URL.Query(), "sort", "rating", "language", "photos", "page_token")
	p := productPage{
		layout:   layout{language: l, Path: "products/" + id, Modules: []string{"product.js", "live.js"}},
		Query:    query,
		Filtered: query.Has("rating") || query.Has("language") || query.Has("photos"),
		Sorts:    options(query, "sort", reviewSorts...), Languages: options(query, "language", reviewLanguages...),
	}
	if err := s.readProduct(r.Context(), id, &p); err != nil {
		return err
	}
	p.Stars = histogram(p.Rating, query)
	if query.Has("page_token") {
		p.First = withParam(query, "", "")
	}
	p.Image = p.Product.Picture.Largest()
	if err := p.describe(); err != nil {
		return err
	}
	var err error
	if p.Data, err = s.newLDProduct(l, p.Product, p.Rating, p.Reviews); err != nil {
		return err
	}
	return s.render(w, l, "product", p)
}

// readProduct reads a product, its rating and the page of its reviews that p.Query selects, concurrently.
func (s *Site) readProduct(ctx context.Context, id string, p *productPage) error {
	var found reviews
	reads, ctx := errgroup.WithContext(ctx)
	reads.Go(func() (err error) {
		p.Product, err = s.api.product(ctx, id)
		return err
	})
	reads.Go(func() (err error) {
		p.Rating, err = s.api.rating(ctx, id)
		return err
	})
	reads.Go(func() (err error) {
		found, err = s.api.reviews(ctx, id, withPageSize(p.Query, reviewPageSize))
		return err
	})
	if err := reads.Wait(); err != nil {
		return err
	}
	p.Reviews = found.Reviews
	if found.Next != "" {
		p.Next = withParam(p.Query, "page_token", found.Next)
	}
	return nil
}

// describe sets the title and the description of a product page.
func (p *productPage) describe() error {
	price, priceErr := p.Price(p.Product.Price, p.Product.Currency)
	counted, countErr := p.Count("reviews", p.Rating.Count)
	title, titleErr := p.T("product_title", "title", p.Product.Title)
	about, aboutErr := p.T("product_description", "title", p.Product.Title, "kind", p.Term("kind_", p.Product.Kind), "price", price, "reviews", counted)
	p.Title, p.Description = title, about
	return errors.Join(priceErr, countErr, titleErr, aboutErr)
}

// formPage is the data of the template "form".
type formPage struct {
	layout
	Product  *product  // nil if the form offers a choice of Products
	Products []product // at most maxChoice
	Stars    []int64
	Limits   formLimits
}

// formLimits are the limits that the form checks before it sends a review. The API checks the same ones.
type formLimits struct{ Text, Author, Photos, PhotoBytes int64 }

// Megabytes returns the limit of a photo in megabytes.
func (l formLimits) Megabytes() int64 { return l.PhotoBytes / 1e6 }

// reviewLimits are the limits of package review.
var reviewLimits = formLimits{wire.MaxText, wire.MaxAuthor, wire.MaxPhotos, wire.MaxPhotoBytes}

// maxChoice bounds the products that a form offers. Shoppers reach the forms of other products from the product pages.
const maxChoice = 200

// form answers GET /{language}/review and GET /{language}/products/{product}/review.
func (s *Site) form(w http.ResponseWriter, r *http.Request, l *language) error {
	p := formPage{layout: layout{language: l, Path: "review", Modules: []string{"form.js"}}, Stars: []int64{1, 2, 3, 4, 5}, Limits: reviewLimits}
	var err error
	if id := r.PathValue("product"); id != "" {
		var one product
		if one, err = s.api.product(r.Context(), id); err != nil {
			return err
		}
		p.Product, p.Path, p.Image = &one, "products/"+id+"/review", one.Picture.Largest()
		p.Title, err = l.T("form_title_of", "title", one.Title)
	} else {
		if err = s.api.eachProduct(r.Context(), func(one product) bool {
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

// mine answers GET /{language}/mine with a page that mine.js fills from the storage of the browser.
func (s *Site) mine(w http.ResponseWriter, _ *http.Request, l *language) (err error) {
	p := layout{language: l, Path: "mine", Modules: []string{"mine.js"}, Private: true}
	if p.Title, err = l.T("mine_title"); err == nil {
		p.Description, err = l.T("mine_intro")
	}
	if err != nil {
		return err
	}
	return s.render(w, l, "mine", p)
}

// rulesPage is the data of the template "rules".
type rulesPage struct {
	layout
	ReportsToHold int64
}

// rules answers GET /{language}/rules with the rules for reviews: how the shop checks them, the causes of a rejection, and
// reports. Article 7(6) of Directive 2005/29/EC, which Directive (EU) 2019/2161 added, requires the first.
func (s *Site) rules(w http.ResponseWriter, _ *http.Request, l *language) (err error) {
	p := rulesPage{layout{language: l, Path: "rules"}, wire.ReportsToHold}
	if p.Title, err = l.T("rules_title"); err == nil {
		p.Description, err = l.T("rules_description")
	}
	if err != nil {
		return err
	}
	return s.render(w, l, "rules", p)
}

// helpful answers POST /{language}/products/{product}/reviews/{review}/helpful: it passes the vote to the API and redirects
// to the review. If the author has edited the review, the vote does not count and the redirect shows the new content.
func (s *Site) helpful(w http.ResponseWriter, r *http.Request, l *language) error {
	return s.passOn(w, r, "/helpful", l.path("products", r.PathValue("product"))+"#r-"+r.PathValue("review"))
}

// report answers POST /{language}/products/{product}/reviews/{review}/report: it passes the report to the API and redirects
// to the thanks on the page of rules.
func (s *Site) report(w http.ResponseWriter, r *http.Request, l *language) error {
	return s.passOn(w, r, "/report", l.path("rules")+"#reported")
}

// passOn passes a request about the review in its path to an operation of the API without a body, and redirects to a page,
// also after 409.
func (s *Site) passOn(w http.ResponseWriter, r *http.Request, operation, page string) error {
	call := r.Clone(r.Context())
	call.URL = &url.URL{Path: productPath(r.PathValue("product")) + "/reviews/" + url.PathEscape(r.PathValue("review")) + operation, RawQuery: r.URL.RawQuery}
	call.Body, call.ContentLength = http.NoBody, 0
	resp := s.api.do(call)
	if resp.status >= http.StatusBadRequest && resp.status != http.StatusConflict {
		return resp.apiError()
	}
	w.Header().Set("Cache-Control", cacheNoStore)
	w.Header().Set("Location", page)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}
