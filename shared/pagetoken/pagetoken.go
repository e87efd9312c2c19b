// Package pagetoken writes the place that a page of a list ended at as a token, which callers treat as opaque. A token is
// not secret, nor signed: whoever makes one can do no more than skip.
package pagetoken

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
)

// ErrToken is the error for a text that is no token.
var ErrToken = errors.New("not a page token of this query")

// Encode returns the token of a place, which JSON can have. It stands in an address as it is.
func Encode[T any](place T) (string, error) {
	b, err := json.Marshal(place)
	return base64.RawURLEncoding.EncodeToString(b), err
}

// Decode returns the place of a token. What it holds is the caller's to check. The error is ErrToken.
func Decode[T any](token string) (place T, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || strings.ContainsAny(token, "\r\n") { // over which the decoder passes
		return place, ErrToken
	}
	if err := json.Unmarshal(b, &place, json.RejectUnknownMembers(true)); err != nil {
		return place, ErrToken
	}
	return place, nil
}
