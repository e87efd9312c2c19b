package main

import (
	"time"

	"github.com/hybrid-bts/functions/shared/pagetoken"
)

// cursor is the key of the last review of a list page. The next page starts after it. Because it is a key and not an
// offset, reviews that arrive between two pages neither repeat nor hide others.
type cursor struct {
	List    string    `json:"l"` // filter of the list; a cursor is valid for one list only
	Product string    `json:"p"`
	Review  string    `json:"i"`
	At      time.Time `json:"t"` // sort key of the list: HeldAt or SubmittedAt
}

// cursorOf returns the cursor of a list after a review.
func cursorOf(list string, r moderated) *cursor {
	c := &cursor{list, r.Product, r.ID, r.SubmittedAt}
	if r.HeldAt != nil {
		c.At = *r.HeldAt
	}
	return c
}

// decodeCursor returns the cursor in a page token, nil if the token is empty. Its error is pagetoken.ErrToken if the
// token is invalid or belongs to another list.
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
