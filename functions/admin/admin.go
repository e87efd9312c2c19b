package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/problem"
)

// requestTimeout bounds the work on one request.
const requestTimeout = 20 * time.Second

// retryAfter is what a caller is asked to wait when Spanner or Pub/Sub is away.
const retryAfter = 2 * time.Second

// maxBody bounds a request's body, in bytes.
const maxBody = 64 << 10

// What a store answers besides what was asked for.
var (
	errNotFound    = errors.New("not found")
	errUnavailable = errors.New("unavailable") // now; it may pass
)

// server answers operators.
type server struct {
	guard       *guard
	reviews     *reviewHandlers
	deadLetters *deadLetterHandlers
	page        *operatorPage
}

// securityScheme is what the document calls the token of an operator.
const securityScheme = "operator"

// apiRoot is where the operator's API is.
const apiRoot = "/v1/admin"

// handler routes the function's requests.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	s.page.register(mux)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	s.register(mux)
	all := problem.Handler(mux)
	protected := s.guard.requireOperator(all)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Nobody but an operator is told even what is there, and what is not.
		if r.URL.Path == apiRoot || strings.HasPrefix(r.URL.Path, apiRoot+"/") {
			protected.ServeHTTP(w, r)
			return
		}
		all.ServeHTTP(w, r)
	})
}

// register adds the web API to mux, and returns what documents it.
func (s *server) register(mux *http.ServeMux) huma.API {
	api := problem.NewAPI(mux, "HYBRID-BTS operators", "1")
	api.OpenAPI().Components.SecuritySchemes = map[string]*huma.SecurityScheme{securityScheme: {Type: "http", Scheme: "bearer", BearerFormat: "an ID token of the shop's issuer, with the role of an operator"}}
	s.reviews.register(api)
	s.deadLetters.register(api)
	return api
}

// addOperation registers f, within the requestTimeout and with what the store says turned into what the caller is told.
func addOperation[I, O any](api huma.API, method, path, id, summary string, f func(context.Context, *I) (*O, error), change ...func(*huma.Operation)) {
	op := huma.Operation{
		Method: method, Path: apiRoot + path, OperationID: id, Summary: summary, Errors: []int{401, 403, 404, 422, 500, 503},
		Security: []map[string][]string{{securityScheme: {}}},
	}
	for _, c := range change {
		c(&op)
	}
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		if operatorFrom(ctx) == "" { // never, while the guard is before it
			return nil, problem.New(http.StatusUnauthorized, "this needs an operator")
		}
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		out, err := f(ctx, in)
		if errors.Is(err, errUnavailable) {
			return nil, problem.Unavailable(err, retryAfter)
		}
		return out, err
	})
}

// withBody makes an operation one with a body.
func withBody(op *huma.Operation) {
	op.MaxBodyBytes = maxBody + 1
	op.Errors = append(op.Errors, 400, 408, 409, 413, 415)
}

// withDescription gives an operation a description.
func withDescription(text string) func(*huma.Operation) {
	return func(op *huma.Operation) { op.Description = text }
}
