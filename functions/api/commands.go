package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/authortoken"
	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/problem/requestbody"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/topic"
)

// revisionStore reads the current revision of reviews.
type revisionStore interface {
	// currentRevision returns errErased for an erased review, and errNotFound for a review without a row: an unknown one,
	// or a submission that the review writer has not stored yet.
	currentRevision(ctx context.Context, k wire.Key) (revision, error)
}

// revision is a stored revision of a review. Only its author may read it, unless the status is published.
type revision struct {
	wire.Review
	number int64 // wire.Review.Revision
	status wire.Status
}

// commands validates the commands of authors and visitors and publishes them to the review writer. Success, 202, means
// that Pub/Sub stored the message; the review writer executes it soon after.
type commands struct {
	revisions revisionStore
	topic     topic.Publisher // topic of commands to the review writer
	tokens    authortoken.KeyRing
	client    func(*http.Request) netip.Prefix // identifies the client of a report
	now       func() time.Time
}

// reviewPath is the pattern of a review's URL path.
const reviewPath = "/v1/products/{product}/reviews/{review}"

// register adds the operations.
func (c *commands) register(api huma.API) {
	handleAuthor(api, c.tokens, huma.Operation{
		Method: http.MethodPatch, Path: reviewPath, OperationID: "edit-review", Summary: "Edit a review, as its author",
		Description: "A JSON merge patch (RFC 7396): fields that it does not contain keep their values. The text is scored again. " +
			"The review changes when its edited_at reaches the returned value; an edit sent before that starts from the unchanged review. " +
			"409: the review was accepted but is not stored yet. 410: it was deleted.",
		DefaultStatus: http.StatusAccepted, MaxBodyBytes: requestbody.MaxBytes + 1, Errors: []int{400, 403, 408, 409, 410, 413, 415, 422, 429, 500, 503},
	}, c.edit)
	body := api.OpenAPI().Paths[reviewPath].Patch.RequestBody.Content
	body["application/json"] = body["application/merge-patch+json"] // many clients send merge patches with this type
	handleAuthor(api, c.tokens, huma.Operation{
		Method: http.MethodDelete, Path: reviewPath, OperationID: "delete-review", Summary: "Delete a review, as its author",
		Description: "Erases text, author and photos with their renditions permanently. Afterwards the status URL returns 404; with the author's token it returns 410 for 30 days. " +
			"Repeated requests have no further effect.",
		DefaultStatus: http.StatusAccepted, Errors: []int{403, 422, 429, 500, 503},
	}, c.delete)
	handle(api, huma.Operation{
		Method: http.MethodPost, Path: reviewPath + "/helpful", OperationID: "find-helpful", Summary: "Vote a review helpful",
		Description: "Counts once per visitor, for the current content: an edit by the author voids all votes. The cookie of identify-visitor identifies a visitor; " +
			"votes without it, or with one of the last seconds, count once per client network, review and day. " +
			"409: the author edited the review after the given revision.",
		DefaultStatus: http.StatusAccepted, Errors: []int{403, 404, 409, 422, 429, 500, 503},
	}, c.vote)
	c.registerVisitor(api)
	c.registerReport(api)
}

// ReviewInput identifies a review. It is exported for huma.
type ReviewInput struct {
	ProductInput
	Review string `path:"review" pattern:"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" doc:"A UUID."`
}

// key returns the key of the review in messages.
func (in *ReviewInput) key() wire.Key { return wire.Key{Product: in.Product, Review: in.Review} }

// AuthorInput is the input of an operation that handleAuthor registers. It is exported for huma.
type AuthorInput struct {
	ReviewInput
	Token string `header:"Author-Token" doc:"The author_token from the response to the submission."`
}

// handleAuthor registers f with the deadline, for the author of the review in the path alone. The response to any other client
// is 403, which does not reveal whether the review exists. The check precedes the decoding and validation of the body.
func handleAuthor[I, O any](api huma.API, tokens authortoken.KeyRing, op huma.Operation, f func(context.Context, *I) (*O, error)) {
	const denied = "the header Author-Token is not the token of this review's author"
	op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
		if !tokens.Valid(ctx.Header("Author-Token"), ctx.Param("product"), ctx.Param("review")) {
			_ = huma.WriteErr(api, ctx, http.StatusForbidden, denied) // the client may have disconnected
			return
		}
		next(ctx)
	})
	handle(api, op, f)
}

// takenOutput is the output of operations whose response has nothing but a Taken.
type takenOutput struct{ Body Taken }

// Taken is the response to an accepted command. It is exported for huma.
type Taken struct {
	ID        string `json:"id" format:"uuid"`
	StatusURL string `json:"status_url" doc:"URL of the review, which shows the effect." example:"/v1/products/butter-cream-peaches/reviews/6f2c5c0e-8a53-5d2e-9d2b-1e6f0a4f7c11"`
}

// newTaken returns the response to an accepted command about a review.
func newTaken(k wire.Key) Taken {
	return Taken{k.Review, "/v1/products/" + k.Product + "/reviews/" + k.Review}
}

// publishedRevision returns the current revision of a review that is published, or a problem with status 404.
func (c *commands) publishedRevision(ctx context.Context, k wire.Key) (revision, error) {
	current, err := c.revisions.currentRevision(ctx, k)
	switch {
	case err != nil && !errors.Is(err, errNotFound) && !errors.Is(err, errErased):
		return revision{}, err
	case err != nil, current.status != wire.Published:
		return revision{}, problem.New(http.StatusNotFound, "no published review "+k.Review+" of "+k.Product)
	}
	return current, nil
}

// publish publishes a message to the review writer.
func (c *commands) publish(ctx context.Context, m wire.Message) error {
	if err := topic.Send(ctx, c.topic, wire.Encode, m); err != nil {
		return fmt.Errorf("%T of review %s: %w", m, m.About().Review, err)
	}
	return nil
}
