package main

import (
	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// setReply stores a merchant's reply, unless a later one is stored. An empty text removes the reply.
func (r *record) setReply(from review.Reply) {
	if from.At.After(r.RepliedAt.Time) {
		r.Reply, r.RepliedAt = nullString(from.Text), spanner.NullTime{Time: from.At, Valid: true}
		r.RepliedOn = spanner.NullInt64{Int64: from.Revision, Valid: from.Revision != 0}
	}
}
