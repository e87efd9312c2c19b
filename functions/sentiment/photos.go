package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"cloud.google.com/go/storage"

	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

// photoOwners maps photos to the reviews that own them. A photo without an entry has no owner. The review that names a
// photo first owns it, so that erasing one review never deletes the photo of another.
type photoOwners map[string]review.Key

// available returns the distinct photos that the review owns or may claim.
func (o photoOwners) available(k review.Key, photos []string) (own []string) {
	for _, photo := range without(photos, nil) {
		if owner, owned := o[photo]; !owned || owner == k {
			own = append(own, photo)
		}
	}
	return own
}

// unowned returns the photos that no review owns.
func (o photoOwners) unowned(photos []string) (rest []string) {
	for _, photo := range photos {
		if _, owned := o[photo]; !owned {
			rest = append(rest, photo)
		}
	}
	return rest
}

// available returns the distinct photos that the review owns or may claim.
func (f contentFacts) available(k review.Key, photos []string) (own []string) {
	for _, photo := range f.owners.available(k, photos) {
		if _, erased := f.erased[photo]; !erased {
			own = append(own, photo)
		}
	}
	return own
}

// unclaimable returns the photos of superseded content that are to be deleted: those that no review owns and that are not
// erased yet.
func (f contentFacts) unclaimable(photos []string) (late []string) {
	for _, photo := range f.owners.unowned(photos) {
		if _, erased := f.erased[photo]; !erased {
			late = append(late, photo)
		}
	}
	return late
}

// setMissing stores why the review lacks photos that its content names.
func (r *record) setMissing(missing []string, facts contentFacts) {
	r.MissingPhotos, r.MissingCauses = missing, nil
	for _, photo := range missing {
		r.MissingCauses = append(r.MissingCauses, string(cmp.Or(facts.erased[photo], review.PhotoTaken)))
	}
}

// losePhoto takes a photo from the review, for the cause, and reports whether the review had it.
func (r *record) losePhoto(photo string, cause review.PhotoCause) bool {
	if !slices.Contains(r.Photos, photo) {
		return false
	}
	r.Photos = without(r.Photos, []string{photo})
	r.PendingDeletions = without(append(slices.Clone(r.PendingDeletions), photo), nil)
	r.MissingPhotos = append(slices.Clone(r.MissingPhotos), photo)
	r.MissingCauses = append(slices.Clone(r.MissingCauses), string(cause))
	return true
}

// ownershipChange lists photos whose owner changes with a review: claimed photos become its own, released ones nobody's, and
// nobody may claim these again.
type ownershipChange struct{ claimed, released []string }

// photoBucket is the bucket that shoppers upload photos to.
type photoBucket struct{ bucket *storage.BucketHandle }

// delete deletes a photo. A missing photo is no error. The bucket notifies the function image, which deletes the renditions.
func (p photoBucket) delete(ctx context.Context, name string) error {
	err := p.bucket.Object(name).Delete(ctx)
	if err != nil && !errors.Is(err, storage.ErrObjectNotExist) {
		return fmt.Errorf("delete photo %s: %w", name, err)
	}
	return nil
}

// markPhotos marks the photos of a review as published if the review is, and as private otherwise: the function resize
// serves marked photos only. Two deliveries may mark at the same time, and the one with the older state may be the last. So
// a delivery that changed a mark reads the review again, until its state is still the marked one.
func (w *reviewWriter) markPhotos(ctx context.Context, now outcome) error {
	for {
		changed := false
		for _, name := range now.photos {
			c, err := bucket.SetPublished(ctx, w.photos.bucket, name, now.Status == review.Published)
			if err != nil {
				return err
			}
			changed = changed || c
		}
		if !changed {
			return nil
		}
		r, erased, err := w.store.load(ctx, now.Key)
		if err != nil || erased != nil { // the delivery of the erasure deletes the photos
			return err
		}
		now = r.outcome()
	}
}
