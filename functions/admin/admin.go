package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/clouderr"
	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/problem/crossorigin"
	"github.com/hybrid-bts/functions/shared/problem/requestbody"
)

// requestTimeout bounds the work on one request.
const requestTimeout = 20 * time.Second

// Errors of the store and of Pub/Sub that handlers distinguish. errUnavailable is transient. errErased means that the
// database has the tombstone of the review.
var (
	errNotFound    = clouderr.ErrNotFound
	errUnavailable = clouderr.ErrUnavailable
	errErased      = errors.New("review was erased")
)

// Values of Cache-Control.
const (
	cacheNoStore    = "no-store"
	cacheRevalidate = "no-cache"
)

// server is the HTTP server of the function: the API of operators and their page.
type server struct {
	guard       *guard
	reviews     *reviewHandlers
	photos      *photoHandlers
	deadLetters *deadLetterHandlers
	page        *operatorPage
}

// securityScheme is the name of the operator token in the OpenAPI document.
const securityScheme = "operator"

// apiRoot is the path of the API. Everything below it requires an operator.
const apiRoot = "/v1/admin"

// handler returns the handler of all routes.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	s.page.register(mux)
	s.register(mux)
	all := problem.Handler(mux)
	protected := s.guard.requireOperator(all)
	// No page of another origin may call the API, so there are no trusted origins.
	return crossorigin.Handler(nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The guard covers unknown paths too, so a 404 reveals no routes to other callers.
		if r.URL.Path == apiRoot || strings.HasPrefix(r.URL.Path, apiRoot+"/") {
			protected.ServeHTTP(w, r)
			return
		}
		all.ServeHTTP(w, r)
	}))
}

// register adds the API to mux and returns it for its OpenAPI document.
func (s *server) register(mux *http.ServeMux) huma.API {
	api := problem.NewAPI(mux, "Operators", "1")
	api.OpenAPI().Info.Description = "Held and rejected reviews, replies to reviews, and dead letters. Callers need an ID token of the shop's issuer with the role of an operator."
	api.OpenAPI().Components.SecuritySchemes = map[string]*huma.SecurityScheme{securityScheme: {Type: "http", Scheme: "bearer", BearerFormat: "an ID token of the shop's issuer with the operator role"}}
	s.reviews.register(api)
	s.photos.register(api)
	s.deadLetters.register(api)
	return api
}

// addOperation adds an operation that calls f within the request timeout. Package problem answers errors of f:
// errUnavailable becomes 503 with Retry-After.
func addOperation[I, O any](api huma.API, method, path, id, summary string, f func(context.Context, *I) (*O, error), change ...func(*huma.Operation)) {
	op := huma.Operation{
		Method: method, Path: apiRoot + path, OperationID: id, Summary: summary, Errors: []int{401, 403, 404, 422, 500, 503},
		Security: []map[string][]string{{securityScheme: {}}},
	}
	for _, c := range change {
		c(&op)
	}
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		if operatorFrom(ctx) == "" { // a route outside the guard is a bug; deny it
			return nil, problem.New(http.StatusUnauthorized, "request needs an operator")
		}
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		return f(ctx, in)
	})
}

// withBody bounds the body of an operation and documents the errors of bodies.
func withBody(op *huma.Operation) {
	op.MaxBodyBytes = requestbody.MaxBytes + 1
	op.Errors = append(op.Errors, 400, 408, 409, 413, 415, 429)
}

// withErased documents the response about an erased review.
func withErased(op *huma.Operation) { op.Errors = append(op.Errors, 410) }

// withDescription sets the description of an operation.
func withDescription(text string) func(*huma.Operation) {
	return func(op *huma.Operation) { op.Description = text }
}
