package main

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/problem"
)

// review is a review in responses of the web API.
type review struct {
	ID          string     `json:"id" format:"uuid"`
	Product     string     `json:"product"`
	Status      string     `json:"status" enum:"published,held,rejected" doc:"Held by moderation or the catalogue, or rejected by an operator, a review is neither shown nor counted."`
	Reason      *string    `json:"reason,omitempty" enum:"unknown_product,pending_moderation,moderation,operator" doc:"Why the review is not published: the catalogue lacks the product, its content is being checked automatically, its content waits for an operator, or an operator decided so. Absent if it is published."`
	Rating      int64      `json:"rating" minimum:"1" maximum:"5"`
	Text        string     `json:"text" doc:"Empty in a review of stars only."`
	Author      string     `json:"author"`
	Language    *string    `json:"language" doc:"Detected language of the text (BCP 47)."`
	Score       *float64   `json:"score" doc:"Sentiment score, -1 to 1; null without text or if the language is not supported."`
	Magnitude   *float64   `json:"magnitude"`
	ScoredBy    *string    `json:"scored_by" doc:"Scorer of the text: a model or an API."`
	Aspects     []aspect   `json:"aspects" nullable:"false" doc:"Aspects that the text mentions."`
	Helpful     int64      `json:"helpful" doc:"Number of visitors who voted the review helpful."`
	Reply       *reply     `json:"reply,omitempty" doc:"Reply of the merchant; absent without one."`
	SubmittedAt time.Time  `json:"submitted_at"`
	EditedAt    *time.Time `json:"edited_at" doc:"null if the review was never edited."`
	PublishedAt *time.Time `json:"published_at" doc:"null while the review is not published."`
	Photos      []picture  `json:"photos" nullable:"false" doc:"Photos whose renditions are ready."`

	MissingPhotos []missingPhoto `json:"missing_photos,omitempty" doc:"Photos that the author sent and the review lacks. Only its author can read them; absent without any."`

	Revision int64 `json:"revision" doc:"Version of the content, which every edit changes. A vote names the version that the visitor saw."`

	Objects []string `json:"-"` // object names of all photos
	Votes   *int64   `json:"-"` // Helpful as stored: nil in a row from before votes were counted
}

// missingPhoto is a photo that a review lacks.
type missingPhoto struct {
	Object string `json:"object" doc:"Name of the photo." example:"reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg"`
	Cause  string `json:"cause" doc:"Why: unreadable, a damaged file or an unsupported kind of picture, such as an animation; too_large; unsafe, moderation rejects it; expired, no review named the photo within a day; deleted, by an edit or an erasure; taken, it belongs to another review. Later releases may add causes." example:"unreadable"`
}

// aspect is an aspect of the product that a review mentions.
type aspect struct {
	Name  string  `json:"name" example:"delivery"`
	Score float64 `json:"score" doc:"Sentiment score of the aspect, -1 to 1."`
}

// reply is the reply of the merchant to a review.
type reply struct {
	Text       string    `json:"text"`
	RepliedAt  time.Time `json:"replied_at"`
	BeforeEdit bool      `json:"before_edit" doc:"The reply was written before the last edit of the review."`
}

// withheld is the public part of a review that is not published. Only its author can read the rest.
type withheld struct {
	ID          string    `json:"id" format:"uuid"`
	Product     string    `json:"product"`
	Status      string    `json:"status" enum:"held,rejected"`
	Reason      string    `json:"reason,omitempty" enum:"unknown_product,pending_moderation,moderation,operator" doc:"Reason code that the public sees; see the schema review."`
	SubmittedAt time.Time `json:"submitted_at"`
}

// getReviewInput is the input of the operation get-review.
type getReviewInput struct {
	ReviewInput
	Token string `header:"Author-Token" doc:"The author_token from the response to the submission. With it, the response contains the whole review even if it is not published."`
}

// getReviewOutput is the output of the operation get-review. Body is a review or a withheld.
type getReviewOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         any
}

// registerReview adds the operation get-review, whose response body is a review or a withheld.
func (s *server) registerReview(api huma.API) {
	schemas := api.OpenAPI().Components.Schemas
	op := getOperation(reviewPath, "get-review", "Get a review")
	op.Description = "Returns the review whether or not it is published. Of a held or rejected review, everybody can read the reason; only its author can read the content. " +
		"404 with Retry-After: the review was never submitted, is not stored yet, or was deleted. For 30 days after the deletion, its author receives 410 instead."
	op.Errors = append(op.Errors, 410)
	op.Responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
		OneOf: []*huma.Schema{schemas.Schema(reflect.TypeFor[review](), true, ""), schemas.Schema(reflect.TypeFor[withheld](), true, "")},
	}}}}
	handle(api, op, s.getReview)
}

// getReview answers GET /v1/products/{product}/reviews/{review}. The token decides about the body, so a response to a
// request with a token is not cached.
func (s *server) getReview(ctx context.Context, in *getReviewInput) (*getReviewOutput, error) {
	r, err := s.store.review(ctx, in.Product, in.Review)
	byAuthor := s.commands != nil && s.commands.tokens.Valid(in.Token, in.Product, in.Review)
	if errors.Is(err, errNotFound) && byAuthor {
		if _, err := s.commands.revisions.currentRevision(ctx, in.key()); errors.Is(err, errErased) {
			return nil, problem.New(http.StatusGone, "this review was deleted")
		}
	}
	if errors.Is(err, errNotFound) {
		p := problem.New(http.StatusNotFound, "no review "+in.Review+" of "+strconv.Quote(in.Product)+"; a submitted review is stored within seconds")
		return nil, huma.ErrorWithHeaders(p, http.Header{"Retry-After": {"1"}})
	}
	if err != nil {
		return nil, err
	}
	out := &getReviewOutput{CacheControl: cacheRevalidate}
	if in.Token != "" {
		out.CacheControl = cacheNoStore
	}
	if r.Reason != nil && !byAuthor {
		out.Body = withheld{r.ID, r.Product, r.Status, *r.Reason, r.SubmittedAt}
		return out, nil
	}
	if !byAuthor {
		r.MissingPhotos = nil
	}
	one := []review{r}
	s.addPhotos(ctx, one)
	out.Body = one[0]
	return out, nil
}
