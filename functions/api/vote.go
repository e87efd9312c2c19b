package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"regexp"
	"time"

	"github.com/hybrid-bts/functions/shared/problem"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// The visitor cookie identifies a browser for votes, and for nothing else.
const (
	visitorCookie    = "visitor"
	visitorCookieAge = 365 * 24 * time.Hour
	visitorBytes     = 16 // of randomness in a value
)

// visitorPattern matches base64url of visitorBytes bytes.
var visitorPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)

// voteInput is the input of the operation find-helpful. Proto decides whether the cookie is Secure.
type voteInput struct {
	ReviewInput
	Revision int64  `query:"revision" minimum:"1" doc:"The revision of the review that the visitor saw. Without it, the vote is for the current one."`
	Visitor  string `cookie:"visitor" doc:"Set by the first response."`
	Proto    string `header:"X-Forwarded-Proto" hidden:"true"`
}

// voteOutput is the output of the operation find-helpful.
type voteOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      Taken
}

// vote answers POST /v1/products/{product}/reviews/{review}/helpful. A visitor without a valid cookie receives one
// and the vote counts, so a client that drops cookies can vote repeatedly; only the rate limiter bounds that.
func (c *commands) vote(ctx context.Context, in *voteInput) (*voteOutput, error) {
	k := in.key()
	current, err := c.revisions.currentRevision(ctx, k)
	if err != nil && !errors.Is(err, errNotFound) && !errors.Is(err, errErased) {
		return nil, err
	}
	if err != nil || current.status != wire.Published {
		return nil, problem.New(http.StatusNotFound, "no published review "+k.Review+" of "+k.Product)
	}
	if in.Revision != 0 && in.Revision != current.number {
		return nil, problem.New(http.StatusConflict, "the author edited the review; read it again before you vote")
	}
	out := &voteOutput{Body: newTaken(k)}
	visitor := in.Visitor
	if !visitorPattern.MatchString(visitor) {
		b := make([]byte, visitorBytes)
		_, _ = rand.Read(b) // never fails
		visitor = base64.RawURLEncoding.EncodeToString(b)
		cookie := http.Cookie{
			Name: visitorCookie, Value: visitor, Path: "/", MaxAge: int(visitorCookieAge.Seconds()),
			HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: in.Proto == "https",
		}
		out.SetCookie = cookie.String()
	}
	return out, c.publish(ctx, wire.Vote{Key: k, Visitor: voterID(visitor, k), Revision: current.number})
}

// voterID returns the id of a visitor in votes for one review, an HMAC of the review keyed with the cookie. Ids of two
// reviews therefore do not reveal whether one visitor voted for both.
func voterID(cookie string, k wire.Key) string {
	h := hmac.New(sha256.New, []byte(cookie))
	h.Write([]byte(k.Product + "/" + k.Review))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
