package live

import (
	"context"
	"log/slog"
	"time"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// noticeSource delivers the change notices of reviews to one instance. Subscriptions implements it.
type noticeSource interface {
	// claim starts to retain notices for this instance.
	claim(ctx context.Context) (noticeClaim, error)
}

// noticeClaim is the right of one instance to a source of notices.
type noticeClaim interface {
	// receive calls deliver, from several goroutines, until ctx ends (nil), or the source or the right to it fails.
	receive(ctx context.Context, deliver func(review.ChangeNotice)) error
	// release ends the right. It is not called during receive.
	release(ctx context.Context) error
}

// claim claims a source and starts to receive from it, unless the feed has a claim or claims are paused. Concurrent callers
// share one attempt. A failed attempt is logged, and is no error: the error is that of ctx.
func (f *Feed) claim(ctx context.Context) error {
	if !f.needsClaim() {
		return nil
	}
	attempt := f.claiming.DoChan("", func() (any, error) {
		if f.needsClaim() { // no earlier attempt has ended meanwhile
			f.tryClaim(context.WithoutCancel(ctx))
		}
		return nil, nil
	})
	select {
	case <-attempt:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// needsClaim reports whether the feed should claim a source now.
func (f *Feed) needsClaim() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.streams > 0 && f.stopReceiving == nil && f.pause == nil
}

// tryClaim claims a source and starts to receive from it. After a failure it pauses claims.
func (f *Feed) tryClaim(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	c, err := f.source.claim(ctx)
	f.mu.Lock()
	switch {
	case err != nil:
		slog.WarnContext(ctx, "no subscription to change notices, ratings are polled", "err", err)
		f.pauseClaims()
	case f.streams > 0:
		f.receive(c)
		c = nil
	}
	f.mu.Unlock()
	if c != nil { // the last stream was closed meanwhile
		release(c)
	}
}

// release ends a claim. A lease that cannot be released expires.
func release(c noticeClaim) {
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	if err := c.release(ctx); err != nil {
		slog.WarnContext(ctx, "lease of a subscription left to expire", "err", err)
	}
}

// receive receives from a claim in the background until stopReceiving is called or the claim fails, and releases it. After a
// failure it pauses claims. The caller holds f.mu.
func (f *Feed) receive(c noticeClaim) {
	ctx, stop := context.WithCancel(context.Background())
	f.stopReceiving = stop
	f.receiving.Go(func() {
		defer stop()
		err := c.receive(ctx, f.enqueue)
		f.mu.Lock()
		if ctx.Err() == nil {
			slog.ErrorContext(ctx, "subscription to change notices ended", "err", err)
			f.stopReceiving = nil
			f.pauseClaims()
		}
		f.mu.Unlock()
		release(c)
	})
}

// pauseClaims closes all streams after claimInterval, and keeps the feed from claims until then. The caller holds f.mu.
func (f *Feed) pauseClaims() {
	if f.ended {
		return
	}
	f.pause = time.AfterFunc(claimInterval, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.pause = nil
		f.removeAll()
	})
	for _, p := range f.products {
		p.flushSoon() // which begins the shorter interval of polls
	}
}

// currentPollInterval returns the interval between two reads of a rating without change notices.
func (f *Feed) currentPollInterval() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopReceiving == nil {
		return min(soloInterval, f.pollInterval)
	}
	return f.pollInterval
}
