package main

import (
	"slices"
	"time"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// tombstone marks an erased review: a row of table Erased. It outlives every message about the review, so that a late
// message does not bring the review back.
type tombstone struct {
	Product, Review string
	Photos          []string // to be deleted from the bucket
	ErasedAt        time.Time
}

// tombstone returns the tombstone that replaces the review. It holds all photos that the bucket may have.
func (r *record) tombstone() *tombstone {
	return &tombstone{Product: r.Product, Review: r.Review, Photos: slices.Concat(r.Photos, r.PendingDeletions)}
}

// addPhotos adds photos that a late message about the erased review names, except those of other reviews. It reports
// whether the tombstone changed.
func (t *tombstone) addPhotos(photos []string, owners photoOwners) bool {
	late := owners.unowned(without(photos, t.Photos))
	t.Photos = append(t.Photos, late...)
	return len(late) > 0
}

// outcome returns the state that the review writer announces and cleans up after.
func (t *tombstone) outcome() outcome {
	return outcome{review.ChangeNotice{Key: review.Key{Product: t.Product, Review: t.Review}, Status: review.Erased}, t.Photos, nil}
}
