package main

import (
	"cloud.google.com/go/spanner"
)

// addVote counts a vote. The store calls it only for a visitor that has not voted yet.
func (r *record) addVote() {
	r.Helpful = spanner.NullInt64{Int64: r.Helpful.Int64 + 1, Valid: true}
}
