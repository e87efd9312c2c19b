package main

import (
	"time"

	"github.com/hybrid-bts/functions/shared/pagetoken"
)

// cursor is the key of the last review of a page: the next page begins after it. It names a place, not
// a number of reviews, so that what is added meanwhile moves nothing.
type cursor struct {
	List    string    `json:"l"` // which list the place is in
	Product string    `json:"p"`
	Review  string    `json:"i"`
	At      time.Time `json:"t"` // by what the list is sorted
}

// decodeCursor returns the cursor of a page token of a list, which is nil when the token is empty.
func decodeCursor(token, list string) (*cursor, error) {
	if token == "" {
		return nil, nil
	}
	c, err := pagetoken.Decode[cursor](token)
	if err != nil {
		return nil, err
	}
	c.At = c.At.UTC()
	if c.List != list || c.Product == "" || len(c.Product) > 64 || c.Review == "" || len(c.Review) > 36 || c.At.Year() > 9999 || c.At.Year() < 1 {
		return nil, pagetoken.ErrToken
	}
	return &c, nil
}
