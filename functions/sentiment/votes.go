package main

import (
	"errors"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

// errEarlyVote is the error for a vote whose revision is not stored yet. The edit is usually still on its way.
var errEarlyVote = event.Premature(errors.New("revision of the vote is not stored"))

// takesVote reports whether a vote counts if its visitor has not voted yet: it is about the stored revision. The error asks for
// the redelivery of a vote for content that has not arrived.
//
// A vote without a revision, from a release that does not send it, counts unless the review was edited: it may be about the
// content before the edit.
func (r *record) takesVote(v review.Vote) (bool, error) {
	switch {
	case !r.isStored():
		return false, errNotStored
	case v.Revision > r.revision():
		return false, errEarlyVote
	case v.Revision == 0:
		return !r.EditedAt.Valid, nil
	}
	return v.Revision == r.revision(), nil
}

// addVote counts a vote. The store calls it only for a visitor that has not voted for the revision yet.
func (r *record) addVote() {
	r.Helpful = spanner.NullInt64{Int64: r.Helpful.Int64 + 1, Valid: true}
}

// clearVotes voids all votes, because the content that they are about was replaced. The store deletes their rows in the same
// transaction. The count is 0, not NULL, because an index sorts reviews by it.
func (r *record) clearVotes() { r.Helpful = spanner.NullInt64{Valid: true} }
