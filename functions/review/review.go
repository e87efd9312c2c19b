package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/authortoken"
	"github.com/hybrid-bts/functions/shared/crossorigin"
	"github.com/hybrid-bts/functions/shared/limit"
	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/submission"
	"github.com/hybrid-bts/functions/shared/topic"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 64 << 10

// retryAfter is what a caller is asked to wait when Pub/Sub is away.
const retryAfter = 5 * time.Second

// intake accepts reviews.
type intake struct {
	reviews topic.Publisher
	uploads uploads
	tokens  authortoken.Key
	now     func() time.Time

	origins []string       // whose pages may send reviews
	limiter *limit.Limiter // nil: no limit
}

// handler routes the function's requests.
func (in *intake) handler() http.Handler {
	mux := http.NewServeMux()
	in.register(mux)
	h := problem.Handler(mux)
	if in.limiter != nil {
		h = in.limiter.Middleware(h)
	}
	return crossorigin.Handler(in.origins, h)
}

// register adds the web API to mux, and returns what documents it.
func (in *intake) register(mux *http.ServeMux) huma.API {
	api := problem.NewAPI(mux, "Submitting", "1")
	api.OpenAPI().Info.Description = "New reviews, and permissions to upload their photos."
	huma.Register(api, huma.Operation{
		Method:        http.MethodPost,
		Path:          "/v1/reviews",
		OperationID:   "submit-review",
		Summary:       "Submit a review",
		Description:   "Accepts a review; its status URL answers 404 until it is stored.",
		DefaultStatus: http.StatusAccepted,
		MaxBodyBytes:  maxBody + 1, // huma refuses a body of this size
		Errors:        []int{400, 408, 413, 415, 422, 429, 500, 503},
	}, in.submit)
	huma.Register(api, huma.Operation{
		Method:       http.MethodPost,
		Path:         "/v1/photos",
		OperationID:  "add-photo",
		Summary:      "Get leave to upload a photo for a review",
		Description:  "A JPEG, PNG or WebP goes straight to storage; a review then names it.",
		MaxBodyBytes: maxBody + 1,
		Errors:       []int{400, 408, 413, 415, 422, 429, 500, 503},
	}, in.addPhoto)
	return api
}

// newReview is what a shopper sends.
type newReview struct {
	Product string `json:"product" pattern:"^[a-z0-9-]+$" maxLength:"64" doc:"The product's id." example:"butter-cream-peaches"`
	submission.Content
}

type submitInput struct {
	// IdempotencyKey makes a retry the same review: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/.
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"The same key with the same review is the same review, with the same author token: so make it a secret that nobody guesses, such as a random UUID."`
	Body           newReview
}

type submitOutput struct {
	Location string `header:"Location"`
	Body     accepted
}

type accepted struct {
	ID          string `json:"id" format:"uuid"`
	StatusURL   string `json:"status_url" doc:"Where the review will be." example:"/v1/products/butter-cream-peaches/reviews/6f2c5c0e-8a53-5d2e-9d2b-1e6f0a4f7c11"`
	AuthorToken string `json:"author_token,omitempty" doc:"The secret by which the author may edit and delete the review, as the header Author-Token. It is told here and nowhere else; and not at all when the Idempotency-Key has less than 16 characters, since who guesses that would get it too."`
}

// guessable is the length of an idempotency key, in bytes, below which no token is given for it.
const guessable = 16

// submit answers POST /v1/reviews.
func (in *intake) submit(ctx context.Context, req *submitInput) (*submitOutput, error) {
	b := req.Body
	id, err := newID(req.IdempotencyKey, b)
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
	if n := len(req.IdempotencyKey); n == 0 || n >= guessable {
		out.Body.AuthorToken = in.tokens.Token(b.Product, id)
	}
	return out, nil
}

// space is the namespace of the ids that are derived from a key.
var space = uuid.NewSHA1(uuid.NameSpaceDNS, []byte("review.hybridbts.tech"))

// newID returns a random id, or with a key the one that this key and this request always have.
func newID(key string, r newReview) (string, error) {
	if key == "" {
		id, err := uuid.NewRandom()
		if err != nil {
			return "", fmt.Errorf("make an id: %w", err)
		}
		return id.String(), nil
	}
	name, err := json.Marshal(struct { // JSON, because it tells where each field ends
		Key        []byte // as it came: keys need not be UTF-8
		Submission newReview
	}{[]byte(key), r})
	if err != nil {
		return "", fmt.Errorf("derive an id: %w", err)
	}
	return uuid.NewSHA1(space, name).String(), nil
}
