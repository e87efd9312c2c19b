package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

// upload is the state of a photo after a notice of the function image.
type upload struct {
	erased bool       // the name may not be used again
	owner  review.Key // of the review that has the photo, or had it until this notice; the zero Key for none
}

// handleUpload handles a notice of the function image about an original: rendered or rejected. Notices about other pictures
// than photos of shoppers concern other subscribers.
func (w *reviewWriter) handleUpload(ctx context.Context, e event.Event) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	photo := e.Attributes[rendition.NoticeObject]
	if !review.IsPhoto(photo) {
		return nil
	}
	var found upload
	var err error
	switch e.Attributes[rendition.NoticeType] {
	case rendition.NoticeReady:
		found, err = w.addUpload(ctx, photo)
	case rendition.NoticeRejected:
		var r rendition.Rejection
		if err := json.Unmarshal(e.Data, &r); err != nil {
			return event.Permanent(fmt.Errorf("decode rejection of photo %s: %w", photo, err))
		}
		found, err = w.store.erasePhoto(ctx, photo, causeOf(r))
	default:
		return nil
	}
	if err != nil {
		return err
	}
	if found.erased {
		if err := w.photos.delete(ctx, photo); err != nil {
			return err
		}
	}
	if found.owner != (review.Key{}) {
		if err := w.finishStored(ctx, found.owner); err != nil {
			return err
		}
	}
	w.expireUploads(ctx)
	return nil
}

// addUpload stores an upload. Moderation has not seen a photo that is uploaded after its review was published, so addUpload
// judges it, and erases an unsafe one. A review that is not published keeps its photos for the operator.
func (w *reviewWriter) addUpload(ctx context.Context, photo string) (upload, error) {
	found, err := w.store.addUpload(ctx, photo)
	if err != nil || w.safeSearch == nil || found.erased || found.owner == (review.Key{}) {
		return found, err
	}
	r, _, err := w.store.load(ctx, found.owner)
	if err != nil || r == nil || r.Status != review.Published {
		return found, err
	}
	flag, err := w.safeSearch.judge(ctx, photo)
	if err != nil || flag == "" {
		return found, err
	}
	return w.store.erasePhoto(ctx, photo, review.PhotoUnsafe)
}

// finishStored finishes the delivery of a message about a review, as the database has it.
func (w *reviewWriter) finishStored(ctx context.Context, k review.Key) error {
	r, erased, err := w.store.load(ctx, k)
	switch {
	case err != nil:
		return err
	case erased != nil:
		return w.finish(ctx, erased.outcome())
	}
	return w.finish(ctx, r.outcome())
}

// causeOf returns the cause for which a review lacks a photo that the function image rejects.
func causeOf(r rendition.Rejection) review.PhotoCause {
	if r.TooLarge {
		return review.PhotoTooLarge
	}
	return review.PhotoUnreadable
}
