package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"time"

	"cloud.google.com/go/spanner"
	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/authortoken"
	"github.com/hybrid-bts/functions/shared/clouderr/spannererr"
	"github.com/hybrid-bts/functions/shared/problem"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/submission"
	"github.com/hybrid-bts/functions/shared/topic"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 64 << 10

// errErased is the error for a review that was there.
var errErased = errors.New("erased")

// contents reads what is written in reviews.
type contents interface {
	// content returns what is stored of a review, with its revision and status. errErased: it was erased; errNotFound: it is not there, or not yet.
	content(ctx context.Context, k wire.Key) (content, error)
}

// content is what is stored of a review.
type content struct {
	wire.Review
	revision int64
	status   wire.Status
}

// changes takes what authors and readers want of a review: each is checked here, and then a message to the one
// writer of reviews. So an answer of 202 means that it will be done, soon, and not that it is.
type changes struct {
	contents contents
	reviews  topic.Publisher
	tokens   authortoken.Key
	now      func() time.Time
}

const reviewPath = "/v1/products/{product}/reviews/{review}"

// register adds the operations.
func (c *changes) register(api huma.API) {
	handle(api, huma.Operation{
		Method: http.MethodPatch, Path: reviewPath, OperationID: "edit-review", Summary: "Edit a review, as its author",
		Description: "A JSON merge patch (RFC 7396): what it does not name stays. The text is scored again. The review is as before until its " +
			"edited_at is the answered one, or later; an edit that is sent before that starts from the review as it was. " +
			"409: the review was accepted but is not stored yet; 410: it was deleted.",
		DefaultStatus: http.StatusAccepted, MaxBodyBytes: maxBody + 1, Errors: []int{400, 403, 408, 409, 410, 413, 415, 422, 429, 500, 503},
	}, c.edit)
	body := api.OpenAPI().Paths[reviewPath].Patch.RequestBody.Content
	body["application/json"] = body["application/merge-patch+json"] // as many clients call it
	handle(api, huma.Operation{
		Method: http.MethodDelete, Path: reviewPath, OperationID: "delete-review", Summary: "Delete a review, as its author",
		Description: "For ever: text, author and photos, with all that was made of them. Once it is done, the status URL answers 404. " +
			"To delete it again does nothing.",
		DefaultStatus: http.StatusAccepted, Errors: []int{403, 422, 429, 500, 503},
	}, c.delete)
	handle(api, huma.Operation{
		Method: http.MethodPost, Path: reviewPath + "/helpful", OperationID: "find-helpful", Summary: "Say that a review is helpful",
		Description:   "Counts once per visitor, who is known by a cookie that the first answer sets.",
		DefaultStatus: http.StatusAccepted, Errors: []int{404, 422, 429, 500, 503},
	}, c.helpful)
}

// AuthorInput is what an author names a review by. It is exported for huma.
type AuthorInput struct {
	ReviewInput
	Token string `header:"Author-Token" doc:"The author_token that the answer to the submission told."`
}

// check returns the name of the review, if the token is its author's. It tells nobody else whether there is such a
// review.
func (c *changes) check(in *AuthorInput) (wire.Key, error) {
	k := in.key()
	if !c.tokens.Valid(in.Token, k.Product, k.Review) {
		return k, problem.New(http.StatusForbidden, "the header Author-Token is not the token of this review's author")
	}
	return k, nil
}

// ReviewInput names a review. It is exported for huma.
type ReviewInput struct {
	ProductInput
	Review string `path:"review" pattern:"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" doc:"A UUID."`
}

func (in *ReviewInput) key() wire.Key { return wire.Key{Product: in.Product, Review: in.Review} }

type editInput struct {
	AuthorInput
	Body submission.Patch `contentType:"application/merge-patch+json"`
}

type editOutput struct {
	Body struct {
		Taken
		EditedAt *time.Time `json:"edited_at" doc:"What edited_at of the review will be; or a later one, when another edit comes after. null: it never was edited, and this changes nothing."`
	}
}

type takenOutput struct{ Body Taken }

// Taken is the answer to what will be done. It is exported for huma.
type Taken struct {
	ID        string `json:"id" format:"uuid"`
	StatusURL string `json:"status_url" doc:"Where to see whether it is done." example:"/v1/products/butter-cream-peaches/reviews/6f2c5c0e-8a53-5d2e-9d2b-1e6f0a4f7c11"`
}

func newTaken(k wire.Key) Taken {
	return Taken{k.Review, "/v1/products/" + k.Product + "/reviews/" + k.Review}
}

// edit answers PATCH /v1/products/{product}/reviews/{review}.
func (c *changes) edit(ctx context.Context, in *editInput) (*editOutput, error) {
	k, err := c.check(&in.AuthorInput)
	if err != nil {
		return nil, err
	}
	stored, err := c.contents.content(ctx, k)
	switch {
	case errors.Is(err, errErased):
		return nil, problem.New(http.StatusGone, "this review was deleted")
	case errors.Is(err, errNotFound):
		// Who has the token submitted it. 503 would say that something is wrong here.
		p := problem.New(http.StatusConflict, "this review is not stored yet")
		return nil, huma.ErrorWithHeaders(p, http.Header{"Retry-After": {"1"}})
	case err != nil:
		return nil, err
	}
	before := submission.FromReview(stored.Review)
	after, errs := in.Body.Apply(before)
	if len(errs) > 0 {
		return nil, huma.Error422UnprocessableEntity("validation failed", errs...)
	}
	r := stored.Review
	if !reflect.DeepEqual(before, after) {
		after.ApplyTo(&r)
		r.EditedAt = time.UnixMicro(max(c.now().UnixMicro(), stored.revision+1)).UTC() // clocks differ
		if err := c.publish(ctx, r); err != nil {
			return nil, err
		}
	}
	var out editOutput
	out.Body.Taken = newTaken(k)
	if !r.EditedAt.IsZero() {
		out.Body.EditedAt = &r.EditedAt
	}
	return &out, nil
}

// delete answers DELETE /v1/products/{product}/reviews/{review}. It does not look whether the review is
// stored: it may be on its way, and is not kept then.
func (c *changes) delete(ctx context.Context, in *AuthorInput) (*takenOutput, error) {
	k, err := c.check(in)
	if err != nil {
		return nil, err
	}
	if err := c.publish(ctx, wire.Erasure{Key: k}); err != nil {
		return nil, err
	}
	return &takenOutput{newTaken(k)}, nil
}

// cookieName is the cookie that a visitor is known by, and cookieAge how long a browser keeps it.
const (
	cookieName = "visitor"
	cookieAge  = 365 * 24 * time.Hour
)

var visitorCookie = regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)

type helpfulInput struct {
	ReviewInput
	Visitor string `cookie:"visitor" doc:"Set by the first answer."`
	Proto   string `header:"X-Forwarded-Proto" hidden:"true"`
}

type helpfulOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      Taken
}

// helpful answers POST /v1/products/{product}/reviews/{review}/helpful. A visitor without a cookie gets one, and
// that vote counts: who throws cookies away may vote again, as often as the load balancer lets anybody ask.
func (c *changes) helpful(ctx context.Context, in *helpfulInput) (*helpfulOutput, error) {
	k := in.key()
	stored, err := c.contents.content(ctx, k)
	if err != nil && !errors.Is(err, errNotFound) && !errors.Is(err, errErased) {
		return nil, err
	}
	if err != nil || stored.status != wire.Published {
		return nil, problem.New(http.StatusNotFound, "no published review "+k.Review+" of "+k.Product)
	}
	out := &helpfulOutput{Body: newTaken(k)}
	visitor := in.Visitor
	if !visitorCookie.MatchString(visitor) {
		b := make([]byte, 16)
		_, _ = rand.Read(b) // never fails
		visitor = base64.RawURLEncoding.EncodeToString(b)
		cookie := http.Cookie{
			Name: cookieName, Value: visitor, Path: "/", MaxAge: int(cookieAge.Seconds()),
			HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: in.Proto == "https",
		}
		out.SetCookie = cookie.String()
	}
	return out, c.publish(ctx, wire.Vote{Key: k, Visitor: visitorOf(visitor, k)})
}

// visitorOf returns what a vote knows a visitor by. The cookie is the key, so that nobody can tell from the votes for
// two reviews whether one visitor gave both.
func visitorOf(cookie string, k wire.Key) string {
	h := hmac.New(sha256.New, []byte(cookie))
	h.Write([]byte(k.Product + "/" + k.Review))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// publish hands a message to the one writer of reviews.
func (c *changes) publish(ctx context.Context, m wire.Message) error {
	if err := topic.Send(ctx, c.reviews, wire.Encode, m); err != nil {
		return fmt.Errorf("%T of review %s: %w", m, m.About().Review, err)
	}
	return nil
}

func (s spannerStore) content(ctx context.Context, k wire.Key) (found content, err error) {
	key := spanner.Key{k.Product, k.Review}
	err = s.snapshot(func(r reader) error {
		row, err := r.ReadRow(ctx, "Reviews", key, []string{"Status", "Rating", "Text", "Author", "Locale", "Photos", "SubmittedAt", "EditedAt", "Revision"})
		if errors.Is(err, spanner.ErrRowNotFound) {
			if _, gone := r.ReadRow(ctx, "Erased", key, []string{"Review"}); !errors.Is(gone, spanner.ErrRowNotFound) {
				return errors.Join(gone, errErased)
			}
		}
		if err != nil {
			return err
		}
		var rating int64
		var edited spanner.NullTime
		var revision spanner.NullInt64
		found.ID, found.Product = k.Review, k.Product
		err = row.Columns((*string)(&found.status), &rating, &found.Text, &found.Author, &found.Locale, &found.Photos, &found.SubmittedAt, &edited, &revision)
		found.Rating, found.EditedAt, found.revision = int(rating), edited.Time, revision.Int64
		if !revision.Valid { // stored before there were edits
			found.revision = found.Revision()
		}
		return err
	})
	return found, spannererr.Wrap(err, "read review %s of %q", k.Review, k.Product)
}
