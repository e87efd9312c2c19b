package main

import (
	"context"
	"fmt"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// rescore replaces the score of the revision that from names. It keeps the content flag, and never replaces a score of
// the Natural Language API by one of the embedded model, which stands in while the API is down.
func (r *record) rescore(from review.Rescore, found assessment) {
	better := found.scored && (found.scoredBy == apiName || r.ScoredBy.StringVal != apiName)
	if r.revision() == from.Revision && better {
		r.setScore(found)
	}
}

// textOf returns the text of the review at a revision, "" when the content has another revision.
func (r *record) textOf(revision int64) string {
	if r.revision() != revision {
		return ""
	}
	return r.Text
}

// writeScore scores the text of a revision again.
func (w *reviewWriter) writeScore(ctx context.Context, m review.Rescore) (outcome, error) {
	stored, erased, err := w.store.load(ctx, m.Key)
	if err != nil {
		return outcome{}, err
	}
	var found assessment
	if erased == nil {
		if found, err = w.assessor.score(ctx, stored.textOf(m.Revision)); err != nil {
			return outcome{}, fmt.Errorf("score review %s: %w", m.Review, err)
		}
	}
	return w.store.rescore(ctx, m, found)
}
