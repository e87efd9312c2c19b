package shop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/hybrid-bts/functions/shared/problem"
)

// client reads the web API.
type client struct{ api http.Handler }

// product, and what follows, are what the pages use of the API's answers; its document says what they mean.
type product struct {
	ID, Title, Kind, Currency, Released string
	Price                               int64
	Rating                              summary
	Picture                             *picture
}

type summary struct {
	Count   int64
	Average float64
}

type picture struct {
	Width, Height int
	Thumbhash     []byte
	Sizes         []size
}

// Largest is the address of the picture in its largest size.
func (p *picture) Largest() string {
	if p == nil || len(p.Sizes) == 0 {
		return ""
	}
	return p.Sizes[len(p.Sizes)-1].URL
}

type size struct {
	Width, Height int
	URL           string
}

type rating struct {
	summary
	Stars   map[string]int64
	Score   *float64
	Aspects []aspect
}

type aspect struct {
	Name     string
	Mentions int64
	Score    float64
}

type review struct {
	ID, Product, Text, Author string
	Rating                    int64
	Language                  *string
	Score                     *float64
	Aspects                   []aspect
	Helpful                   int64
	Reply                     *reply
	Photos                    []picture
	SubmittedAt               time.Time  `json:"submitted_at"`
	EditedAt                  *time.Time `json:"edited_at"`
	PublishedAt               *time.Time `json:"published_at"`
}

// Stars is the rating, as stars are drawn.
func (r review) Stars() float64 { return float64(r.Rating) }

type reply struct {
	Text      string
	RepliedAt time.Time `json:"replied_at"`
}

type products struct {
	Products []product
	Next     string `json:"next_page_token"`
}

type reviews struct {
	Reviews []review
	Next    string `json:"next_page_token"`
}

// products returns a page of the catalogue.
func (c client) products(ctx context.Context, query url.Values) (products, error) {
	return get[products](ctx, c, "/v1/products", query)
}

// everything calls f with each product of the catalogue, until it returns false.
func (c client) everything(ctx context.Context, f func(product) bool) error {
	query := url.Values{"page_size": {"100"}}
	for {
		page, err := c.products(ctx, query)
		if err != nil {
			return err
		}
		for _, p := range page.Products {
			if !f(p) {
				return nil
			}
		}
		if page.Next == "" {
			return nil
		}
		query.Set("page_token", page.Next)
	}
}

func (c client) product(ctx context.Context, id string) (product, error) {
	return get[product](ctx, c, productPath(id), nil)
}

func (c client) rating(ctx context.Context, id string) (rating, error) {
	return get[rating](ctx, c, productPath(id)+"/rating", nil)
}

// reviews returns a page of the published reviews of a product.
func (c client) reviews(ctx context.Context, id string, query url.Values) (reviews, error) {
	return get[reviews](ctx, c, productPath(id)+"/reviews", query)
}

func productPath(id string) string { return "/v1/products/" + url.PathEscape(id) }

// refusal is an answer of the API that is not 200.
type refusal struct {
	*problem.Problem
	header http.Header
}

// get reads one thing from the API.
func get[T any](ctx context.Context, c client, path string, query url.Values) (v T, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, (&url.URL{Path: path, RawQuery: query.Encode()}).String(), nil)
	if err != nil {
		return v, fmt.Errorf("ask for %s: %w", path, err)
	}
	w := c.do(r)
	if w.status != http.StatusOK {
		return v, w.refusal()
	}
	if err := json.Unmarshal(w.body.Bytes(), &v); err != nil {
		return v, fmt.Errorf("read %s: %w", path, err)
	}
	return v, nil
}

// do has the API answer a request.
func (c client) do(r *http.Request) *answer {
	w := &answer{header: http.Header{}}
	c.api.ServeHTTP(w, r)
	w.WriteHeader(http.StatusOK) // when nothing was written
	return w
}

// answer is what a handler said.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

func (a *answer) refusal() refusal {
	p := problem.New(a.status, "")
	_ = json.Unmarshal(a.body.Bytes(), p) // without, there is the status still
	p.Status = a.status
	return refusal{p, a.header}
}
