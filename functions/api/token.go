package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"time"

	"github.com/hybrid-bts/functions/shared/pagetoken"
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

// decodeCursor returns the cursor of a page token of a list, which is nil when the token is empty.
func decodeCursor(token string, l list) (*cursor, error) {
	if token == "" {
		return nil, nil
	}
	c, err := pagetoken.Decode[cursor](token)
	if err != nil {
		return nil, err
	}
	c.At = c.At.UTC()
	if c.List != l || c.ID == "" || len(c.ID) > 64 || c.At.Year() > 9999 || c.At.Year() < 1 || c.Value != nil && math.Abs(*c.Value) > 1<<53 {
		return nil, pagetoken.ErrToken
	}
	return &c, nil
}
