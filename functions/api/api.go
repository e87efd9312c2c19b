package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/functions/api/shop"
	"github.com/hybrid-bts/functions/shared/clouderr"
	"github.com/hybrid-bts/functions/shared/crossorigin"
	"github.com/hybrid-bts/functions/shared/limit"
	"github.com/hybrid-bts/functions/shared/pagetoken"
	"github.com/hybrid-bts/functions/shared/problem"
)

// deadline bounds the work on one request.
const deadline = 10 * time.Second

// What a store answers besides what was asked for.
var (
	errNotFound    = clouderr.ErrNotFound
	errUnavailable = clouderr.ErrUnavailable
)

// store reads products, reviews and ratings. Lists give at most limit items, those after the cursor
// when there is one.
type store interface {
	products(ctx context.Context, q productQuery, after *cursor, limit int) ([]product, error)
	product(ctx context.Context, id string) (product, error)                                                // errNotFound
	reviews(ctx context.Context, product string, q reviewQuery, after *cursor, limit int) ([]review, error) // errNotFound: no such product
	review(ctx context.Context, product, id string) (review, error)                                         // errNotFound
	rating(ctx context.Context, product string) (rating, error)                                             // errNotFound: no such product
}

// server answers the web API.
type server struct {
	store    store
	pictures *pictures  // nil: there are none
	changes  *changes   // nil: reviews are only read
	events   *events    // nil: there are no streams
	pages    *shop.Site // nil: there are none

	origins []string       // whose pages may call the web API
	limiter *limit.Limiter // of what is to be changed; nil: no limit
}

// handler routes the function's requests.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	serveContract(mux)
	s.register(mux)
	all := problem.Handler(mux)
	h := revalidated(all)
	if s.limiter != nil {
		h = s.limiter.Middleware(h)
	}
	if s.pages != nil {
		s.pages.Register(mux, all)
		h = s.pages.ErrorPages(h)
	}
	return compressed(crossorigin.Handler(s.origins, h))
}

// register adds the web API to mux, and returns what documents it.
func (s *server) register(mux *http.ServeMux) huma.API {
	api := problem.NewAPI(mux, "HYBRID-BTS shop", "1")
	get(api, "/v1/products", "list-products", "List the catalogue", s.listProducts)
	get(api, "/v1/products/{product}", "get-product", "Get a product", s.getProduct)
	get(api, "/v1/products/{product}/rating", "get-rating", "Get the rating of a product", s.getRating)
	get(api, "/v1/products/{product}/reviews", "list-reviews", "List the published reviews of a product", s.listReviews)
	s.registerReview(api)
	if s.changes != nil {
		s.changes.register(api)
	}
	if s.events != nil {
		s.events.register(api)
	}
	return api
}

// get registers f as a GET whose answers a cache may keep for a moment.
func get[I, O any](api huma.API, path, id, summary string, f func(context.Context, *I) (*O, error)) {
	op := getOperation(path, id, summary)
	op.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		ctx.SetHeader("Cache-Control", aMoment)
		next(ctx)
	}}
	handle(api, op, f)
}

// getOperation is a GET. A parameter that it does not know is refused: a filter with a typing error must not
// answer as if there were none.
func getOperation(path, id, summary string) huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Errors: []int{404, 422, 500, 503},
		RejectUnknownQueryParameters: true,
		Responses:                    map[string]*huma.Response{"304": {Description: "Not Modified: the caller has it, as If-None-Match says"}},
	}
}

// handle registers f, within the deadline and with what the store says turned into what the caller is told.
func handle[I, O any](api huma.API, op huma.Operation, f func(context.Context, *I) (*O, error)) {
	huma.Register(api, op, problem.WithTimeout(deadline, f))
}

// PageInput asks for a page of a list. It is exported for huma, which looks into exported fields only.
type PageInput struct {
	PageSize  int    `query:"page_size" minimum:"1" maximum:"100" default:"20"`
	PageToken string `query:"page_token" maxLength:"400" doc:"The next_page_token of the page before, of the same query."`
}

// after returns where the page begins in a list.
func (p *PageInput) after(l list) (*cursor, error) {
	c, err := decodeCursor(p.PageToken, l)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: "query.page_token", Message: err.Error()})
	}
	return c, nil
}

// cut returns the first page of items, of which there is one more than fits when there is a next
// page, and the token of that.
func cut[T any](items []T, size int, at func(T) cursor) ([]T, string, error) {
	if len(items) <= size {
		return items, "", nil
	}
	token, err := pagetoken.Encode(at(items[size-1]))
	return items[:size], token, err
}

// ProductInput names a product.
type ProductInput struct {
	Product string `path:"product" pattern:"^[a-z0-9-]+$" maxLength:"64" example:"butter-cream-peaches"`
}

// missing tells the caller that there is no such product.
func (in *ProductInput) missing(err error) error {
	if errors.Is(err, errNotFound) {
		return problem.New(http.StatusNotFound, "no product "+strconv.Quote(in.Product))
	}
	return err
}
