package shop

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"golang.org/x/sync/errgroup"
)

// kinds are what goods can be shown by.
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
	p := productPage{page: page{language: l, Path: "products/" + id, Modules: []string{"product.js", "live.js"}}, Query: query}
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
