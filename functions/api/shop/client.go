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

// client calls the web API in the same process.
type client struct{ api http.Handler }

// The types below are the parts of the API's responses that pages show. The OpenAPI document of the API defines their
// fields.

// product is an entry of the catalogue. Currency is an ISO 4217 code. Released is a date such as 2021-07-09, or "".
type product struct {
	ID, Title, Kind, Currency, Released string
	Price                               int64 // in the smallest unit of the currency
	Rating                              summary
	Picture                             *picture // nil until the product has a rendition
}

// summary is the number of published reviews and the mean of their stars, 0 without reviews.
type summary struct {
	Count   int64
	Average float64
}

// picture is a picture with its renditions, smallest first. Width and Height are those of the original, in pixels.
type picture struct {
	Width, Height int
	Thumbhash     []byte
	Sizes         []size
}

// Largest returns the URL of the largest rendition, "" if the picture is nil or has none.
func (p *picture) Largest() string {
	if p == nil || len(p.Sizes) == 0 {
		return ""
	}
	return p.Sizes[len(p.Sizes)-1].URL
}

// size is a rendition.
type size struct {
	Width, Height int
	URL           string
}

// rating is the rating of a product. Score is the mean sentiment of its texts, -1 to 1; nil if no text has a score.
type rating struct {
	summary
	Stars   map[string]int64 // number of reviews by star value, "1" to "5"
	Score   *float64
	Aspects []aspect
}

// aspect is a topic of reviews, such as delivery, with the mean sentiment of its mentions. Mentions is 0 in a single
// review.
type aspect struct {
	Name     string
	Mentions int64
	Score    float64
}

// review is a published review. Language is a BCP 47 tag, nil if undetected. Score is the sentiment of the text, -1 to
// 1, nil without one. Reply is nil unless the shop has replied.
type review struct {
	ID, Product, Text, Author string
	Rating                    int64
	Language                  *string
	Score                     *float64
	Aspects                   []aspect
	Helpful, Revision         int64
	Reply                     *reply
	Photos                    []picture
	SubmittedAt               time.Time  `json:"submitted_at"`
	EditedAt                  *time.Time `json:"edited_at"`
	PublishedAt               *time.Time `json:"published_at"`
}

// Stars returns the rating as the argument of the template function "stars".
func (r review) Stars() float64 { return float64(r.Rating) }

type reply struct {
	Text       string
	RepliedAt  time.Time `json:"replied_at"`
	BeforeEdit bool      `json:"before_edit"`
}

// products is one page of the catalogue. Next is the token of the next page, "" on the last.
type products struct {
	Products []product
	Next     string `json:"next_page_token"`
}

// reviews is one page of the reviews of a product. Next is the token of the next page, "" on the last.
type reviews struct {
	Reviews []review
	Next    string `json:"next_page_token"`
}

// products returns one page of the catalogue.
func (c client) products(ctx context.Context, query url.Values) (products, error) {
	return getJSON[products](ctx, c, "/v1/products", query)
}

// eachProduct calls f with each product of the catalogue until f returns false.
func (c client) eachProduct(ctx context.Context, f func(product) bool) error {
	query := url.Values{"page_size": {"100"}}
	for {
		found, err := c.products(ctx, query)
		if err != nil {
			return err
		}
		for _, p := range found.Products {
			if !f(p) {
				return nil
			}
		}
		if found.Next == "" {
			return nil
		}
		query.Set("page_token", found.Next)
	}
}

// product returns a product. The error of product, rating and reviews is an apiError with status 404 if the catalogue
// lacks the product.
func (c client) product(ctx context.Context, id string) (product, error) {
	return getJSON[product](ctx, c, productPath(id), nil)
}

func (c client) rating(ctx context.Context, id string) (rating, error) {
	return getJSON[rating](ctx, c, productPath(id)+"/rating", nil)
}

// reviews returns one page of the published reviews of a product.
func (c client) reviews(ctx context.Context, id string, query url.Values) (reviews, error) {
	return getJSON[reviews](ctx, c, productPath(id)+"/reviews", query)
}

func productPath(id string) string { return "/v1/products/" + url.PathEscape(id) }

// apiError is a response of the API with a status other than 200.
type apiError struct {
	*problem.Problem
	header http.Header
}

// getJSON reads one resource of the API. Its error is an apiError if the API answers another status than 200.
func getJSON[T any](ctx context.Context, c client, path string, query url.Values) (v T, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, (&url.URL{Path: path, RawQuery: query.Encode()}).String(), nil)
	if err != nil {
		return v, fmt.Errorf("make request for %s: %w", path, err)
	}
	resp := c.do(r)
	if resp.status != http.StatusOK {
		return v, resp.apiError()
	}
	if err := json.Unmarshal(resp.body.Bytes(), &v); err != nil {
		return v, fmt.Errorf("decode response of %s: %w", path, err)
	}
	return v, nil
}

// do calls the handler of the API.
func (c client) do(r *http.Request) *recordedResponse {
	w := &recordedResponse{header: http.Header{}}
	c.api.ServeHTTP(w, r)
	w.WriteHeader(http.StatusOK) // a handler that writes nothing answers 200
	return w
}

// recordedResponse is a response writer that records the response.
type recordedResponse struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (r *recordedResponse) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *recordedResponse) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write implements http.ResponseWriter.
func (r *recordedResponse) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// apiError returns the recorded problem. A body that is not a problem is dropped; the status remains.
func (r *recordedResponse) apiError() apiError {
	p := problem.New(r.status, "")
	_ = json.Unmarshal(r.body.Bytes(), p)
	p.Status = r.status
	return apiError{p, r.header}
}
