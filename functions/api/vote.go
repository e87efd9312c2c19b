package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/hybrid-bts/functions/shared/problem"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// voteInput is the input of the operation find-helpful.
type voteInput struct {
	ReviewInput
	Revision int64  `query:"revision" minimum:"1" doc:"The revision of the review that the visitor saw. Without it, the vote is for the current one."`
	Visitor  string `cookie:"visitor" doc:"Set by identify-visitor."`

	request *http.Request
}

// Resolve keeps the request, which huma does not pass to handlers.
func (in *voteInput) Resolve(ctx huma.Context) []error {
	in.request, _ = humago.Unwrap(ctx)
	return nil
}

// vote answers POST /v1/products/{product}/reviews/{review}/helpful.
func (c *commands) vote(ctx context.Context, in *voteInput) (*takenOutput, error) {
	k := in.key()
	current, err := c.publishedRevision(ctx, k)
	if err != nil {
		return nil, err
	}
	if in.Revision != 0 && in.Revision != current.number {
		return nil, problem.New(http.StatusConflict, "the author edited the review; read it again before you vote")
	}
	return &takenOutput{newTaken(k)}, c.publish(ctx, wire.Vote{Key: k, Visitor: c.voter(in, k), Revision: current.number})
}

// voter returns the ID of a voter in votes for one review. A visitor with a cookie that the shop issued before has an ID of its
// own. All others, also those with an invented cookie, share one for each client network and day (UTC), so a client without
// cookies cannot vote repeatedly.
func (c *commands) voter(in *voteInput, k wire.Key) string {
	issued, ok := c.visitorIssued(in.Visitor)
	if ok && c.now().Sub(issued) >= visitorMinAge {
		return voterID(in.Visitor, k)
	}
	return c.tokens.Pseudonym(strings.Join([]string{"vote", c.client(in.request).String(), k.Product, k.Review, c.now().UTC().Format(time.DateOnly)}, "/"))
}

// voterID returns the ID of a visitor in votes for one review, an HMAC of the review keyed with the cookie. IDs of two
// reviews therefore do not reveal whether one visitor voted for both.
func voterID(cookie string, k wire.Key) string {
	h := hmac.New(sha256.New, []byte(cookie))
	h.Write([]byte(k.Product + "/" + k.Review))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
