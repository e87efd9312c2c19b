package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/pagetoken"
)

// PageInput holds the paging parameters of a list. It is exported for huma, which reads exported fields only.
type PageInput struct {
	PageSize  int    `query:"page_size" minimum:"1" maximum:"100" default:"20"`
	PageToken string `query:"page_token" maxLength:"400" doc:"The next_page_token of the previous page of the same query."`
}

// cursor returns the cursor to begin the page after; nil begins the first page. A token of another query is a 422
// problem.
func (p *PageInput) cursor(q queryID) (*cursor, error) {
	c, err := decodeCursor(p.PageToken, q)
	if err != nil {
		detail := &huma.ErrorDetail{Location: "query.page_token", Message: err.Error()}
		return nil, huma.Error422UnprocessableEntity("validation failed", detail)
	}
	return c, nil
}

// queryID identifies a query by a hash of its parameters. It binds a page token to the query that returned it.
type queryID string

// newQueryID returns the id of a query. The parameters include the name of the list.
func newQueryID(parameters ...string) queryID {
	h := sha256.New()
	for _, p := range parameters {
		_ = binary.Write(h, binary.BigEndian, uint32(len(p))) // the length keeps ("a", "bc") and ("ab", "c") apart
		h.Write([]byte(p))
	}
	return queryID(base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9]))
}

// cursor holds the sort keys of the last item of a page; the next page begins after it. Because it is a position and not
// an offset, items inserted between two requests shift nothing. An item whose sort key changes between two
// requests, as by a vote, can appear twice or not at all.
type cursor struct {
	Query       queryID   `json:"l"`
	ID          string    `json:"i"`
	SubmittedAt time.Time `json:"t,omitzero"` // of a review
	SortValue   *float64  `json:"v,omitzero"` // of a review: its sortOrder.value
}

// maxSortValue is the largest absolute sort value of a cursor: float64 represents all integers up to it.
const maxSortValue = 1 << 53

// decodeCursor returns the cursor of a page token, nil for the empty token. The error is pagetoken.ErrToken for a token
// of another query and for values that encode never writes.
func decodeCursor(token string, q queryID) (*cursor, error) {
	if token == "" {
		return nil, nil
	}
	c, err := pagetoken.Decode[cursor](token)
	if err != nil {
		return nil, err
	}
	c.SubmittedAt = c.SubmittedAt.UTC()
	year := c.SubmittedAt.Year() // JSON and Spanner have the years 1 to 9999
	if c.Query != q || c.ID == "" || len(c.ID) > 64 || year > 9999 || year < 1 ||
		c.SortValue != nil && math.Abs(*c.SortValue) > maxSortValue {
		return nil, pagetoken.ErrToken
	}
	return &c, nil
}

// firstPage returns at most size of the items, and the token of the next page: empty if there are no more than size
// items. Stores therefore read one item more than a page shows.
func firstPage[T any](items []T, size int, cursorOf func(T) cursor) ([]T, string, error) {
	if len(items) <= size {
		return items, "", nil
	}
	token, err := pagetoken.Encode(cursorOf(items[size-1]))
	return items[:size], token, err
}
