package main

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// cursor is the key of the last review of a page: the next page begins after it. It names a place, not
// a number of reviews, so that what is added meanwhile moves nothing.
type cursor struct {
	List    string    `json:"l"` // which list the place is in
	Product string    `json:"p"`
	Review  string    `json:"i"`
	At      time.Time `json:"t"` // by what the list is sorted
}

// encode returns the page token of a cursor; callers treat it as opaque.
func (c cursor) encode() (string, error) {
	b, err := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(b), err
}

var errToken = errors.New("not a page token of this list")

// decodeCursor returns the cursor of a page token of a list, which is nil when the token is empty. A
// token is not secret, nor signed: it can do no more than skip.
func decodeCursor(token, list string) (*cursor, error) {
	if token == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || strings.ContainsAny(token, "\r\n") { // over which the decoder passes
		return nil, errToken
	}
	var c cursor
	if err := json.Unmarshal(b, &c, json.RejectUnknownMembers(true)); err != nil {
		return nil, errToken
	}
	c.At = c.At.UTC()
	if c.List != list || c.Product == "" || len(c.Product) > 64 || c.Review == "" || len(c.Review) > 36 || c.At.Year() > 9999 || c.At.Year() < 1 {
		return nil, errToken
	}
	return &c, nil
}
