package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/limit"
)

// The visitor cookie identifies a browser for votes, and for nothing else. Its value has the random ID of the visitor, the time of
// issue and a MAC over both, so that nobody invents a cookie. Product pages are cached, so they set no cookie; their script
// requests one instead.
const (
	visitorCookie = "visitor"
	visitorPath   = "/v1/visitor"
	visitorBytes  = 16 // of randomness in an ID
	visitorAge    = 365 * 24 * time.Hour
	// visitorMinAge is the age from which a cookie counts: a person reads a review before the vote.
	visitorMinAge = 2 * time.Second
)

// visitorRate limits the cookies of one client. It bounds the votes of a client that collects cookies, and leaves enough for a
// household or an office.
var visitorRate = limit.Rate{Requests: 10, Per: time.Hour}

// limitVisitors returns a handler that limits the cookies of each client before h handles the requests.
func limitVisitors(l *limit.Limiter, h http.Handler) http.Handler {
	limited := l.Middleware(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == visitorPath {
			limited.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// registerVisitor adds the operation identify-visitor.
func (c *commands) registerVisitor(api huma.API) {
	handle(api, huma.Operation{
		Method: http.MethodPost, Path: visitorPath, OperationID: "identify-visitor", Summary: "Get the cookie of a visitor",
		Description: "Sets the cookie that identifies a browser for votes, unless the request has one. Votes without the cookie count once per client network, review and day.",
		Responses:   map[string]*huma.Response{"204": {Description: "The browser has the cookie"}},
		Errors:      []int{403, 429, 500, 503}, DefaultStatus: http.StatusNoContent,
	}, c.identifyVisitor)
}

// visitorInput is the input of the operation identify-visitor. Proto decides whether the cookie is Secure.
type visitorInput struct {
	Visitor string `cookie:"visitor"`
	Proto   string `header:"X-Forwarded-Proto" hidden:"true"`
}

// visitorOutput is the output of the operation identify-visitor.
type visitorOutput struct {
	SetCookie    string `header:"Set-Cookie"`
	CacheControl string `header:"Cache-Control"`
}

// identifyVisitor answers POST /v1/visitor.
func (c *commands) identifyVisitor(_ context.Context, in *visitorInput) (*visitorOutput, error) {
	out := &visitorOutput{CacheControl: cacheNoStore}
	if _, ok := c.visitorIssued(in.Visitor); !ok {
		cookie := http.Cookie{
			Name: visitorCookie, Value: c.newVisitor(), Path: "/", MaxAge: int(visitorAge.Seconds()),
			HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: in.Proto == "https",
		}
		out.SetCookie = cookie.String()
	}
	return out, nil
}

// newVisitor returns the value of a new visitor's cookie.
func (c *commands) newVisitor() string {
	b := make([]byte, visitorBytes, visitorBytes+8)
	_, _ = rand.Read(b) // never fails
	b = binary.BigEndian.AppendUint64(b, uint64(c.now().Unix()))
	id := base64.RawURLEncoding.EncodeToString(b)
	return id + c.visitorMAC(id)
}

// visitorMAC returns the MAC of a visitor's ID and time, in base64url.
func (c *commands) visitorMAC(id string) string { return c.tokens.Pseudonym("visitor cookie " + id) }

// visitorIssued returns the time at which this shop issued a cookie, and false if it did not issue it, or it is expired.
func (c *commands) visitorIssued(value string) (time.Time, bool) {
	n := base64.RawURLEncoding.EncodedLen(visitorBytes + 8)
	if len(value) <= n || !hmac.Equal([]byte(value[n:]), []byte(c.visitorMAC(value[:n]))) {
		return time.Time{}, false
	}
	b, err := base64.RawURLEncoding.DecodeString(value[:n])
	if err != nil || len(b) != visitorBytes+8 {
		return time.Time{}, false
	}
	issued := time.Unix(int64(binary.BigEndian.Uint64(b[visitorBytes:])), 0)
	return issued, c.now().Sub(issued) < visitorAge
}
