package live

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// enqueue adds a notice to the pending notices of its product. It drops a notice that is older than the pending one
// of the same review. An erasure is newer than every other notice.
func (f *Feed) enqueue(n review.ChangeNotice) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.products[n.Product]
	if p == nil {
		return
	}
	for i, queued := range p.pending {
		if queued.Review == n.Review {
			if n.Revision < queued.Revision && n.Status != review.Erased || queued.Status == review.Erased {
				return
			}
			p.pending = append(p.pending[:i], p.pending[i+1:]...)
			break
		}
	}
	if p.pending = append(p.pending, n); len(p.pending) > pendingNotices {
		p.pending = p.pending[1:]
	}
	p.flushSoon()
}

// flushSoon makes Feed.run flush as soon as sendInterval allows it.
func (p *productFeed) flushSoon() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run sends the changes of a product to its streams until ctx ends, which is when the last stream is closed.
func (f *Feed) run(ctx context.Context, p *productFeed) {
	poll := f.currentPollInterval()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-time.After(poll):
		}
		poll = f.currentPollInterval()
		if err := f.flush(ctx, p); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "rating not sent to streams", "product", p.id, "err", err)
			poll = min(retryInterval, poll)
		}
		select {
		case <-ctx.Done():
		case <-time.After(f.sendInterval):
		}
	}
}

// flush sends the pending notices, and the rating if it changed, to the streams of a product. The error is that of
// the read of the rating; the notices are sent nevertheless.
func (f *Feed) flush(ctx context.Context, p *productFeed) error {
	f.mu.Lock()
	pending := p.pending
	p.pending = nil
	f.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	rating, err := f.rating(ctx, p.id) // read after taking the notices, so it includes their changes

	var batch bytes.Buffer
	for _, n := range pending {
		writeEvent(&batch, "review", "", marshal(reviewEvent{n.Review, n.Status, n.Revision}))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		data := marshal(rating)
		if tag := ratingTag(data); tag != p.ratingTag {
			p.ratingTag = tag
			writeEvent(&batch, "rating", tag, data)
		}
	}
	if batch.Len() == 0 {
		return err
	}
	for s := range p.streams {
		select {
		case s.batches <- batch.Bytes():
		default: // the client does not read; if it is still there, it reconnects
			f.remove(s)
		}
	}
	return err
}

// ratingEvent returns the event of the current rating. It is empty if its id is lastEventID.
func (f *Feed) ratingEvent(ctx context.Context, product, lastEventID string) ([]byte, error) {
	rating, err := f.rating(ctx, product)
	if err != nil {
		return nil, err
	}
	data := marshal(rating)
	tag := ratingTag(data)
	f.mu.Lock()
	if p := f.products[product]; p != nil && p.ratingTag == "" {
		p.ratingTag = tag
	}
	f.mu.Unlock()
	var b bytes.Buffer
	if tag != lastEventID {
		writeEvent(&b, "rating", tag, data)
	}
	return b.Bytes(), nil
}

// reviewEvent is the data of the event review.
type reviewEvent struct {
	ID       string        `json:"id"`
	Status   review.Status `json:"status"`
	Revision int64         `json:"revision"`
}

// ratingTag returns the id of a rating event, a hash of its data: equal ratings have equal ids on all instances.
func ratingTag(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// marshal returns v as JSON on one line. It panics if v has no JSON form, which is a mistake of ReadRating.
func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
