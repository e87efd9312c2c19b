package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// list is a list of items in an order: a hash of what was asked for, so that the page token of one query is
// none of another.
type list string

// listOf returns the list of a query.
func listOf(query ...string) list {
	h := sha256.New()
	for _, part := range query {
		_ = binary.Write(h, binary.BigEndian, uint32(len(part))) // no two queries are written alike
		h.Write([]byte(part))
	}
	return list(base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9]))
}

// cursor is the key of the last item of a page: the next page begins after it. It names a place, not
// a number of items, so that what is added meanwhile moves nothing. An item that itself moves meanwhile,
// as by a vote, may be met twice or not at all.
type cursor struct {
	List  list      `json:"l"` // which list the place is in
	ID    string    `json:"i"`
	At    time.Time `json:"t,omitzero"` // of a review: when it was submitted
	Value *float64  `json:"v,omitzero"` // of a review: what else it is sorted by; null: it has none
}

// encode returns the page token of a cursor; callers treat it as opaque.
func (c cursor) encode() (string, error) {
	b, err := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(b), err
}

var errToken = errors.New("not a page token of this query")

// decodeCursor returns the cursor of a page token of a list, which is nil when the token is empty. A
// token is not secret, nor signed: it can do no more than skip.
func decodeCursor(token string, l list) (*cursor, error) {
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
	if c.List != l || c.ID == "" || len(c.ID) > 64 || c.At.Year() > 9999 || c.At.Year() < 1 || c.Value != nil && math.Abs(*c.Value) > 1<<53 {
		return nil, errToken
	}
	return &c, nil
}
