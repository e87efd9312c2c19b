package main

import (
	"cmp"
	"slices"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// judge updates the status, the reason and their times after a change of the history.
func (r *record) judge() {
	status, why := r.verdict()
	now := spanner.NullTime{Time: spanner.CommitTimestamp, Valid: true}
	switch {
	case status != review.Published:
		r.PublishedAt = spanner.NullTime{}
		if !r.HeldAt.Valid {
			r.HeldAt = now
		}
	case r.Status != review.Published:
		r.PublishedAt, r.HeldAt = now, spanner.NullTime{}
	}
	r.Status, r.ReasonText = status, nullString(why.Text())
	r.ReasonCode, r.OperatorReason = nullString(string(why.Code)), nullString(why.OperatorText)
}

// verdict returns the status that follows from the history, and the reason when the review is not published.
//
// It replays contents and decisions in the order of their own times, so the order of their arrival does not matter:
//   - A hold or rejection blocks the content of its time and all later content, until an operator publishes.
//   - A publication applies to the content of its time. It has no effect if it names another revision.
//   - Content that is neither blocked nor published by an operator is published unless it has a content flag.
//   - Content that would be published is held if review.ReportsToHold clients reported it, after its publication by an
//     operator if there is one.
func (r *record) verdict() (review.Status, reason.Reason) {
	type step struct {
		at       int64 // in microseconds since 1970
		decision int   // index of the decision, -1 for new content
		revision int64
	}
	var steps []step
	for _, revision := range r.Revisions {
		steps = append(steps, step{revision, -1, revision})
	}
	for i, at := range r.DecidedAt {
		// An operator decides on content that exists, so a clock that is behind does not put the decision before it.
		steps = append(steps, step{max(at.UnixMicro(), r.DecidedOn[i]), i, r.DecidedOn[i]})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	var current int64   // revision of the content at this step
	block := -1         // index of the decision that blocks, -1 for none
	edited := false     // content arrived after the block
	var published int64 // time at which an operator published the current content, 0 for none
	for _, s := range steps {
		switch {
		case s.decision < 0:
			current, edited, published = s.revision, true, 0
		case r.Verdicts[s.decision] != string(review.Publish):
			block, edited, published = s.decision, false, 0
		case s.revision == current:
			block, published = -1, s.at
		}
	}
	switch {
	case block >= 0:
		return r.blockedBy(block, edited)
	case published == 0 && r.ContentFlag.Valid:
		return review.Held, reason.Reason{Code: r.contentFlag()}
	case r.isReported(current, published):
		return review.Held, reason.Reason{Code: reason.Reported}
	}
	return review.Published, reason.Reason{}
}

// blockedBy returns the status and the reason of a review that the decision with the given index blocks. An edit turns a
// rejection into a hold, so that an operator looks at the new content.
func (r *record) blockedBy(decision int, edited bool) (review.Status, reason.Reason) {
	rejected := r.Verdicts[decision] == string(review.Reject)
	switch {
	case edited && rejected:
		return review.Held, reason.Reason{Code: reason.EditedAfterRejection}
	case edited:
		return review.Held, reason.Reason{Code: reason.EditedAfterHold}
	}
	status := review.Held
	if rejected {
		status = review.Rejected
	}
	return status, reason.Reason{Code: reason.Operator, OperatorText: r.Reasons[decision]}
}
