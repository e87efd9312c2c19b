package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
)

// Limits of the manifest cache.
const (
	manifestTTL     = time.Minute     // a merchandiser may replace a picture
	missingTTL      = 2 * time.Second // the picture may be about to be rendered
	readTimeout     = time.Second     // bounds the wait of a request for an uncached manifest
	readConcurrency = 16              // concurrent bucket reads for one request
	maxPictures     = 20_000          // the cache is emptied at this size
)

// manifests reads manifests from the renditions bucket.
type manifests interface {
	// Manifest returns the manifest of an object, or bucket.ErrNotExist.
	Manifest(ctx context.Context, object string) (*rendition.Manifest, error)
}

// pictures is a cache of manifests. It returns an expired entry while it reads the manifest again, so a request waits for
// storage only for an uncached object. Errors of storage are logged and the picture is omitted, since a page without a
// picture is better than an error. pictures is safe for concurrent use; a nil pictures has no pictures.
//
// The alternative, a subscriber of image.ready that writes manifests to Spanner, would save the delay of a minute and
// add a function, a table and a second source of truth.
type pictures struct {
	manifests manifests
	now       func() time.Time

	mu      sync.Mutex
	entries map[string]pictureEntry // by object
	flights singleflight.Group
}

// pictureEntry is the cached result of one read.
type pictureEntry struct {
	picture *picture // nil if the object had no manifest
	at      time.Time
}

// newPictures returns an empty cache over m.
func newPictures(m manifests) *pictures {
	return &pictures{manifests: m, now: time.Now, entries: map[string]pictureEntry{}}
}

// byObject returns the pictures by object name. Objects without a picture are missing from the map.
func (p *pictures) byObject(ctx context.Context, objects ...string) map[string]*picture {
	found := map[string]*picture{}
	if p == nil {
		return found
	}
	var uncached []string
	p.mu.Lock()
	for _, o := range objects {
		entry, ok := p.entries[o]
		age := p.now().Sub(entry.at)
		switch {
		case !ok, entry.picture == nil && age > missingTTL:
			uncached = append(uncached, o)
		case entry.picture != nil:
			found[o] = entry.picture
			if age > manifestTTL {
				go p.read(context.WithoutCancel(ctx), o)
			}
		}
	}
	p.mu.Unlock()
	var mu sync.Mutex
	var reads errgroup.Group
	reads.SetLimit(readConcurrency)
	for _, o := range uncached {
		reads.Go(func() error {
			if entry := p.read(ctx, o); entry.picture != nil {
				mu.Lock()
				defer mu.Unlock()
				found[o] = entry.picture
			}
			return nil
		})
	}
	_ = reads.Wait() // read returns no error
	return found
}

// read reads the manifest of an object and caches the result. Concurrent calls for the same object share one read.
func (p *pictures) read(ctx context.Context, object string) pictureEntry {
	v, _, _ := p.flights.Do(object, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
		defer cancel()
		entry := pictureEntry{at: p.now()}
		m, err := p.manifests.Manifest(ctx, object)
		switch {
		case err == nil:
			entry.picture = newPicture(m)
		case !errors.Is(err, bucket.ErrNotExist):
			slog.WarnContext(ctx, "picture omitted", "object", object, "err", err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if err != nil && !errors.Is(err, bucket.ErrNotExist) && p.entries[object].picture != nil {
			entry.picture = p.entries[object].picture // an outdated picture is better than none
		}
		if len(p.entries) >= maxPictures {
			clear(p.entries)
		}
		p.entries[object] = entry
		return entry, nil
	})
	return v.(pictureEntry)
}
