package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// A photo that no review names is deleted claimTime after the notice of its upload. A review that names it may still be
// on its way then, because the topic reviews has a backlog. So the photo stays until this instance has stored a review
// that was submitted backlogMargin later, which shows that the backlog has passed, or until Pub/Sub has dropped every
// message of that time: it retains messages for 7 days.
const (
	claimTime     = 24 * time.Hour
	backlogMargin = time.Hour
	retention     = 7 * 24 * time.Hour
)

// A sweep deletes at most expirySize photos, so that it fits into a delivery. An instance sweeps at most once in expiryPause.
const (
	expirySize  = 20
	expiryPause = time.Minute
)

// uploadExpiry decides when unclaimed photos are deleted. The zero value has seen no review. It is safe for concurrent use.
type uploadExpiry struct {
	now func() time.Time // nil: time.Now

	mu     sync.Mutex
	stored time.Time // latest submission that was stored
	last   time.Time // of the last sweep
}

// seen notes that a review with the given time of submission is stored.
func (u *uploadExpiry) seen(submitted time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if submitted.After(u.stored) && !submitted.After(u.clock()) { // a clock that is ahead proves nothing
		u.stored = submitted
	}
}

func (u *uploadExpiry) clock() time.Time {
	if u.now == nil {
		return time.Now()
	}
	return u.now()
}

// due returns the time before which uploads have expired. It returns false while the last sweep is recent.
func (u *uploadExpiry) due() (time.Time, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := u.clock()
	if now.Sub(u.last) < expiryPause {
		return time.Time{}, false
	}
	u.last = now
	before := now.Add(-claimTime - retention)
	if caughtUp := u.stored.Add(-claimTime - backlogMargin); caughtUp.After(before) {
		before = caughtUp
	}
	return before, true
}

// expireUploads deletes photos that no review has named in time. The function image deletes their renditions and copies. A
// photo keeps its row until the bucket has lost it, so the next sweep finishes an interrupted one, and a failure is logged
// only.
func (w *reviewWriter) expireUploads(ctx context.Context) {
	before, ok := w.expiry.due()
	if !ok {
		return
	}
	photos, err := w.store.unclaimed(ctx, before, expirySize)
	for _, photo := range photos {
		if err = w.expire(ctx, photo); err != nil {
			break
		}
	}
	if err != nil {
		slog.WarnContext(ctx, "unclaimed photos are not deleted; the next sweep tries again", "err", err)
	}
}

// expire deletes an unclaimed photo, unless a review has claimed it meanwhile.
func (w *reviewWriter) expire(ctx context.Context, photo string) error {
	erased, err := w.store.expireUpload(ctx, photo)
	if err != nil || !erased {
		return err
	}
	if err := w.photos.delete(ctx, photo); err != nil {
		return err
	}
	slog.InfoContext(ctx, "unclaimed photo deleted", "photo", photo, "cause", review.PhotoExpired)
	return w.store.removeUpload(ctx, photo)
}
