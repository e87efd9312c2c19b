package main

import (
	"context"
	"fmt"
	"slices"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// revision returns the revision of the newest content, in microseconds since 1970.
func (r *record) revision() int64 {
	if r.Revision.Valid {
		return r.Revision.Int64
	}
	return r.SubmittedAt.UnixMicro()
}

// isOlderThan reports whether from is newer than the stored content, or no content is stored. A submission is never newer
// than stored content: a client that submits again sends the same content with a later time.
func (r *record) isOlderThan(from review.Review) bool {
	if !r.isStored() {
		return true
	}
	return !from.EditedAt.IsZero() && (!r.EditedAt.Valid || from.Revision() > r.revision())
}

// hasSeen reports whether storing from would change nothing. Superseded content still adds its revision to the history and
// its photos to the pending deletions.
func (r *record) hasSeen(from review.Review) bool {
	known := from.EditedAt.IsZero() || slices.Contains(r.Revisions, from.Revision())
	return !r.isOlderThan(from) && known && len(without(from.Photos, slices.Concat(r.Photos, r.MissingPhotos))) == 0
}

// contentFacts are the facts outside a review that decide how its content is stored.
type contentFacts struct {
	productExists bool
	owners        photoOwners // of the content's photos
	erased        map[string]review.PhotoCause
}

// addContent stores the content of from, unless the record has newer content, and returns the change of photo ownership.
// The caller calls judge afterwards.
func (r *record) addContent(from review.Review, found assessment, facts contentFacts) ownershipChange {
	switch {
	case r.hasSeen(from):
		return ownershipChange{}
	case !r.isOlderThan(from):
		r.addRevisions(from)
		late := facts.unclaimable(without(from.Photos, r.Photos))
		r.PendingDeletions = without(slices.Concat(r.PendingDeletions, late), nil)
		return ownershipChange{released: late}
	}
	if !facts.productExists {
		found.flag = reason.UnknownProduct
	}
	photos := facts.available(from.About(), from.Photos)
	change := ownershipChange{claimed: facts.owners.unowned(photos), released: without(r.Photos, photos)}
	r.Rating, r.Text, r.Author, r.Locale, r.SubmittedAt = int64(from.Rating), from.Text, from.Author, from.Locale, from.SubmittedAt
	r.EditedAt = spanner.NullTime{Time: from.EditedAt, Valid: !from.EditedAt.IsZero()}
	r.PendingDeletions = without(slices.Concat(r.Photos, r.PendingDeletions), photos)
	r.Photos = photos
	r.setMissing(without(from.Photos, photos), facts)
	r.Revision = spanner.NullInt64{Int64: from.Revision(), Valid: true}
	r.addRevisions(from)
	if !r.isStored() {
		r.StoredAt = spanner.CommitTimestamp
	}
	r.clearVotes()
	r.setAssessment(found)
	return change
}

// addRevisions adds the revision of from, and of the submission that it is an edit of, to the history.
func (r *record) addRevisions(from review.Review) {
	if r.isStored() && from.EditedAt.IsZero() {
		return // a repeated submission: the record has its revision, from the first one
	}
	r.Revisions = append(without(r.Revisions, nil), from.SubmittedAt.UnixMicro(), from.Revision())
	slices.Sort(r.Revisions)
	r.Revisions = slices.Compact(r.Revisions)
}

// writeContent stores content. Superseded content changes the history and the photos only, so it is not assessed.
func (w *reviewWriter) writeContent(ctx context.Context, m review.Review) (outcome, error) {
	stored, erased, err := w.store.load(ctx, m.About())
	switch {
	case err != nil:
		return outcome{}, err
	case erased != nil:
		return w.store.erase(ctx, review.Erasure{Key: m.About()}, m.Photos...)
	case stored.hasSeen(m):
		return stored.outcome(), nil
	}
	var found assessment
	if stored.isOlderThan(m) {
		if found, err = w.assessor.assess(ctx, m); err != nil {
			return outcome{}, fmt.Errorf("assess review %s: %w", m.ID, err)
		}
	}
	now, err := w.store.add(ctx, m, found)
	if err == nil && now.Status == review.Erased { // erased during the assessment
		return w.store.erase(ctx, review.Erasure{Key: m.About()}, m.Photos...)
	}
	return now, err
}
