package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/authortoken"
	"github.com/hybrid-bts/functions/shared/limit"
	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/problem/crossorigin"
	"github.com/hybrid-bts/functions/shared/problem/requestbody"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/submission"
	"github.com/hybrid-bts/functions/shared/topic"
)

// retryAfter is the Retry-After of responses while Pub/Sub or the IAM API is unavailable.
const retryAfter = 5 * time.Second

// intake accepts reviews.
type intake struct {
	reviews topic.Publisher
	uploads uploads
	tokens  authortoken.KeyRing
	now     func() time.Time

	origins []string       // CORS origins
	limiter *limit.Limiter // nil for no limit
}

// handler returns the handler of all requests.
func (in *intake) handler() http.Handler {
	mux := http.NewServeMux()
	in.register(mux)
	h := problem.Handler(mux)
	if in.limiter != nil {
		h = in.limiter.Middleware(h)
	}
	return crossorigin.Handler(in.origins, h)
}

// register adds the operations to mux and returns their API, which has the OpenAPI document.
func (in *intake) register(mux *http.ServeMux) huma.API {
	api := problem.NewAPI(mux, "Submitting", "1")
	api.OpenAPI().Info.Description = "New reviews, and permissions to upload their photos."
	huma.Register(api, huma.Operation{
		Method:        http.MethodPost,
		Path:          "/v1/reviews",
		OperationID:   "submit-review",
		Summary:       "Submit a review",
		Description:   "Accepts a review for publication. Its status URL answers 404 until the review is stored.",
		DefaultStatus: http.StatusAccepted,
		MaxBodyBytes:  requestbody.MaxBytes + 1, // huma rejects a body of this size
		Errors:        []int{400, 403, 408, 413, 415, 422, 429, 500, 503},
	}, in.submit)
	huma.Register(api, huma.Operation{
		Method:       http.MethodPost,
		Path:         "/v1/photos",
		OperationID:  "add-photo",
		Summary:      "Request the upload of a photo for a review",
		Description:  "Returns a form with which a browser uploads one JPEG, PNG or WebP directly to Cloud Storage. A review then refers to the photo by its object name.",
		MaxBodyBytes: requestbody.MaxBytes + 1,
		Errors:       []int{400, 403, 408, 413, 415, 422, 429, 500, 503},
	}, in.addPhoto)
	return api
}

// newReview is the body of a submission.
type newReview struct {
	Product string `json:"product" pattern:"^[a-z0-9-]+$" maxLength:"64" doc:"ID of the product." example:"butter-cream-peaches"`
	submission.Content
}

type submitInput struct {
	// IdempotencyKey identifies retries: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/.
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Requests with the same key and the same body submit one review and return the same author token. Therefore the key must be a secret that nobody can guess, such as a random UUID: anyone who guesses the key and knows the review can obtain the token. A key with less than 16 characters of real entropy, such as an order number, is the client's risk."`
	Body           newReview
}

type submitOutput struct {
	Location string `header:"Location"`
	Body     accepted
}

type accepted struct {
	ID          string `json:"id" format:"uuid"`
	StatusURL   string `json:"status_url" doc:"URL that returns the review with its status, or 404 until the review is stored." example:"/v1/products/butter-cream-peaches/reviews/6f2c5c0e-8a53-5d2e-9d2b-1e6f0a4f7c11"`
	AuthorToken string `json:"author_token,omitempty" doc:"Secret for the header Author-Token, with which the author edits and deletes the review. Only this response contains it. It is absent when the Idempotency-Key has less than 16 characters: anyone who guesses such a key could obtain the token."`
}

// submit answers POST /v1/reviews.
func (in *intake) submit(ctx context.Context, req *submitInput) (*submitOutput, error) {
	b := req.Body
	id, err := in.newID(req.IdempotencyKey, b)
	if err != nil {
		return nil, err
	}
	r := review.Review{ID: id, Product: b.Product, SubmittedAt: in.now().UTC()}
	b.ApplyTo(&r)
	if err := topic.Send[review.Message](ctx, in.reviews, review.Encode, r); err != nil {
		return nil, problem.Unavailable(fmt.Errorf("review %s: %w", id, err), retryAfter)
	}
	url := "/v1/products/" + b.Product + "/reviews/" + id
	out := &submitOutput{Location: url, Body: accepted{ID: id, StatusURL: url}}
	if n := len(req.IdempotencyKey); n == 0 || n >= minSecretKey {
		out.Body.AuthorToken = in.tokens.Token(b.Product, id)
	}
	return out, nil
}
