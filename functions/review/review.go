package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/review"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 64 << 10

// retryAfter is what a caller is asked to wait when Pub/Sub is away.
const retryAfter = 5 * time.Second

// reviews takes what was submitted.
type reviews interface {
	// publish returns once r cannot be lost any more.
	publish(ctx context.Context, r review.Review) error
}

// intake accepts reviews.
type intake struct {
	reviews reviews
	uploads uploads
	now     func() time.Time
}

// handler routes the function's requests.
func (in *intake) handler() http.Handler {
	mux := http.NewServeMux()
	api := problem.NewAPI(mux, "Review intake", "1")
	huma.Register(api, huma.Operation{
		Method:        http.MethodPost,
		Path:          "/v1/reviews",
		OperationID:   "submit-review",
		Summary:       "Submit a review",
		Description:   "Accepts a review; its status URL answers 404 until it is stored.",
		DefaultStatus: http.StatusAccepted,
		MaxBodyBytes:  maxBody + 1, // huma refuses a body of this size
		Errors:        []int{400, 408, 413, 415, 422, 503},
	}, in.submit)
	huma.Register(api, huma.Operation{
		Method:       http.MethodPost,
		Path:         "/v1/photos",
		OperationID:  "add-photo",
		Summary:      "Get leave to upload a photo for a review",
		Description:  "A JPEG, PNG or WebP goes straight to storage; a review then names it.",
		MaxBodyBytes: maxBody + 1,
		Errors:       []int{400, 408, 413, 415, 422, 503},
	}, in.addPhoto)
	return problem.Handler(mux)
}

// submission is what a shopper sends.
type submission struct {
	Product string `json:"product" pattern:"^[a-z0-9-]{1,64}$" doc:"The product's id." example:"butter-cream-peaches"`
	Rating  stars  `json:"rating" minimum:"1" maximum:"5" doc:"Stars, a whole number."`
	Text    string `json:"text,omitempty" doc:"At most 5000 characters, counted after normalization (NFC), removal of control characters other than newline, and trimming. Empty: a review of stars only."`
	Author  string `json:"author,omitempty" doc:"The name to show, at most 80 characters."`
	Locale  string `json:"locale,omitempty" pattern:"^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*)?$" maxLength:"35" doc:"The language of the shopper's browser (BCP 47), as a hint." example:"ko-KR"`

	Photos []string `json:"photos,omitempty" maxItems:"6" uniqueItems:"true" nullable:"false" doc:"The names of photos, as POST /v1/photos gave them."`
}

// stars is a number that JSON may write as 5 or as 5.0.
type stars int

func (s *stars) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || f != float64(int(f)) {
		return fmt.Errorf("%s is not a whole number", b)
	}
	*s = stars(f)
	return nil
}

// Resolve cleans the texts, and checks the lengths that count only then.
func (s *submission) Resolve(huma.Context) []error {
	s.Text = clean(s.Text, '\n')
	s.Author = clean(s.Author, -1)
	var errs []error
	for i, name := range s.Photos {
		if !review.IsPhoto(name) {
			errs = append(errs, &huma.ErrorDetail{
				Location: fmt.Sprintf("body.photos[%d]", i), Message: "is not the name of a photo, which POST /v1/photos gives",
			})
		}
	}
	for _, f := range []struct {
		name, value string
		max         int
	}{{"text", s.Text, review.MaxText}, {"author", s.Author, review.MaxAuthor}} {
		if n := utf8.RuneCountInString(f.value); n > f.max {
			errs = append(errs, &huma.ErrorDetail{
				Location: "body." + f.name, Message: fmt.Sprintf("has %d characters, more than %d", n, f.max),
			})
		}
	}
	return errs
}

// clean returns s in NFC without control characters, save keep, and without space around it.
func clean(s string, keep rune) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != keep {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(norm.NFC.String(s))
}

type submitInput struct {
	// IdempotencyKey makes a retry the same review: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/.
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"The same key with the same review is the same review."`
	Body           submission
}

type submitOutput struct {
	Location string `header:"Location"`
	Body     accepted
}

type accepted struct {
	ID        string `json:"id" format:"uuid"`
	StatusURL string `json:"status_url" doc:"Where the review will be." example:"/v1/products/butter-cream-peaches/reviews/6f2c5c0e-8a53-5d2e-9d2b-1e6f0a4f7c11"`
}

// submit answers POST /v1/reviews.
func (in *intake) submit(ctx context.Context, req *submitInput) (*submitOutput, error) {
	b := req.Body
	id, err := newID(req.IdempotencyKey, b)
	if err != nil {
		return nil, err
	}
	err = in.reviews.publish(ctx, review.Review{
		ID: id, Product: b.Product, Rating: int(b.Rating), Text: b.Text, Author: b.Author, Locale: b.Locale, Photos: b.Photos,
		SubmittedAt: in.now().UTC(),
	})
	if err != nil {
		return nil, problem.Unavailable(err, retryAfter)
	}
	url := "/v1/products/" + b.Product + "/reviews/" + id
	return &submitOutput{Location: url, Body: accepted{ID: id, StatusURL: url}}, nil
}

// space is the namespace of the ids that are derived from a key.
var space = uuid.NewSHA1(uuid.NameSpaceDNS, []byte("review.hybridbts.tech"))

// newID returns a random id, or with a key the one that this key and this submission always have.
func newID(key string, s submission) (string, error) {
	if key == "" {
		id, err := uuid.NewRandom()
		if err != nil {
			return "", fmt.Errorf("make an id: %w", err)
		}
		return id.String(), nil
	}
	name, err := json.Marshal(struct { // JSON, because it tells where each field ends
		Key        []byte // as it came: keys need not be UTF-8
		Submission submission
	}{[]byte(key), s})
	if err != nil {
		return "", fmt.Errorf("derive an id: %w", err)
	}
	return uuid.NewSHA1(space, name).String(), nil
}
