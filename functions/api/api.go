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
	"github.com/hybrid-bts/functions/shared/limit"
	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/problem/crossorigin"
)

// deadline bounds the work on one request.
const deadline = 10 * time.Second

// Errors of a store.
var (
	errNotFound    = clouderr.ErrNotFound
	errUnavailable = clouderr.ErrUnavailable
	errErased      = errors.New("erased") // the review has a tombstone
)

// store reads products, reviews and ratings. Every method may fail with errUnavailable. A list has at most limit items
// and starts after the cursor, or at the beginning if the cursor is nil.
type store interface {
	// products returns products in the order of their ids.
	products(ctx context.Context, q productQuery, after *cursor, limit int) ([]product, error)
	// product returns errNotFound if the catalogue lacks the product.
	product(ctx context.Context, id string) (product, error)
	// reviews returns published reviews, or errNotFound if the catalogue lacks the product.
	reviews(ctx context.Context, product string, q reviewQuery, after *cursor, limit int) ([]review, error)
	// review returns a review of any status, or errNotFound.
	review(ctx context.Context, product, id string) (review, error)
	// rating returns errNotFound if the catalogue lacks the product.
	rating(ctx context.Context, product string) (rating, error)
}

// server serves the web API and the pages.
type server struct {
	store    store
	pictures *pictures      // nil: products and reviews have no pictures
	commands *commands      // nil: the web API is read-only
	events   *productEvents // nil: no live updates
	pages    *shop.Site     // nil: no pages

	origins  []string       // allowed by CORS
	limiter  *limit.Limiter // of requests that change data; nil: no limit
	reports  *limit.Limiter // of reports of reviews; nil: no limit
	visitors *limit.Limiter // of visitor cookies; nil: no limit
}

// handler returns the handler of all requests.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	serveContract(mux)
	s.register(mux)
	all := problem.Handler(mux)
	h := revalidated(all)
	if s.visitors != nil {
		h = limitVisitors(s.visitors, h)
	}
	if s.reports != nil {
		h = limitReports(s.reports, h)
	}
	if s.limiter != nil {
		h = s.limiter.Middleware(h)
	}
	h = crossorigin.Handler(s.origins, h)
	if s.pages != nil {
		s.pages.Register(mux, all)
		h = s.pages.ErrorPages(h)
	}
	return compressed(h)
}

// register adds the web API to mux and returns the API with its OpenAPI document.
func (s *server) register(mux *http.ServeMux) huma.API {
	api := problem.NewAPI(mux, "Shop", "1")
	api.OpenAPI().Info.Description = "Products, ratings and reviews. Changes of a review are accepted with 202 and done within seconds."
	get(api, "/v1/products", "list-products", "List the catalogue", s.listProducts)
	get(api, "/v1/products/{product}", "get-product", "Get a product", s.getProduct)
	get(api, "/v1/products/{product}/rating", "get-rating", "Get the rating of a product", s.getRating)
	get(api, "/v1/products/{product}/reviews", "list-reviews", "List the published reviews of a product", s.listReviews)
	s.registerReview(api)
	if s.commands != nil {
		s.commands.register(api)
	}
	if s.events != nil {
		s.events.register(api)
	}
	return api
}

// get registers f as a GET operation with cacheShared5s.
func get[I, O any](api huma.API, path, id, summary string, f func(context.Context, *I) (*O, error)) {
	op := getOperation(path, id, summary)
	op.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		ctx.SetHeader("Cache-Control", cacheShared5s)
		next(ctx)
	}}
	handle(api, op, f)
}

// getOperation returns a GET operation. It rejects unknown parameters: ignoring a misspelled filter would return
// unfiltered data.
func getOperation(path, id, summary string) huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Errors: []int{404, 422, 500, 503},
		RejectUnknownQueryParameters: true,
		Responses:                    map[string]*huma.Response{"304": {Description: "Not Modified: If-None-Match contains the ETag of the response"}},
	}
}

// handle registers f with the deadline.
func handle[I, O any](api huma.API, op huma.Operation, f func(context.Context, *I) (*O, error)) {
	huma.Register(api, op, problem.WithTimeout(deadline, f))
}

// ProductInput identifies a product. It is exported for huma.
type ProductInput struct {
	Product string `path:"product" pattern:"^[a-z0-9-]+$" maxLength:"64" example:"butter-cream-peaches"`
}

// problem returns a 404 problem for errNotFound, and any other error unchanged.
func (in *ProductInput) problem(err error) error {
	if errors.Is(err, errNotFound) {
		return problem.New(http.StatusNotFound, "no product "+strconv.Quote(in.Product))
	}
	return err
}
