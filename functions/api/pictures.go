package main

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strconv"
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

// picture is the part of a manifest that the web API shows.
type picture struct {
	Object    string `json:"object" doc:"Object name of the upload." example:"products/butter-cream-peaches.jpg"`
	Width     int    `json:"width" doc:"Width of the upload in pixels."`
	Height    int    `json:"height" doc:"Height of the upload in pixels."`
	Thumbhash []byte `json:"thumbhash" doc:"Blurred placeholder, a ThumbHash: https://evanw.github.io/thumbhash/"`
	Sizes     []size `json:"sizes" nullable:"false" doc:"Narrowest first."`
}

// size is one rendition.
type size struct {
	Width  int    `json:"width" doc:"Pixels."`
	Height int    `json:"height" doc:"Pixels."`
	URL    string `json:"url" doc:"Its content never changes." example:"/img/products/butter-cream-peaches.jpg?p=card&g=1795166102310000"`
}

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

// newPicture returns the picture of a manifest with the URLs of its renditions.
func newPicture(m *rendition.Manifest) *picture {
	pic := &picture{Object: m.Object, Width: m.Width, Height: m.Height, Thumbhash: m.Thumbhash, Sizes: []size{}}
	for _, r := range m.Renditions {
		if n := len(pic.Sizes); n > 0 && pic.Sizes[n-1].Width == r.Width {
			continue // all presets wider than the picture have the same image
		}
		u := url.URL{Path: "/img/" + m.Object, RawQuery: "p=" + r.Preset + "&g=" + strconv.FormatInt(m.Generation, 10)}
		pic.Sizes = append(pic.Sizes, size{r.Width, r.Height, u.String()})
	}
	return pic
}

// addPictures sets the pictures of products.
func (s *server) addPictures(ctx context.Context, products []product) {
	objects := make([]string, len(products))
	for i, p := range products {
		objects[i] = rendition.OfProduct(p.ID)
	}
	found := s.pictures.byObject(ctx, objects...)
	for i := range products {
		products[i].Picture = found[objects[i]]
	}
}

// addPhotos sets the photos of reviews. Photos that are not rendered yet are omitted.
func (s *server) addPhotos(ctx context.Context, reviews []review) {
	var objects []string
	for _, r := range reviews {
		objects = append(objects, r.Objects...)
	}
	found := s.pictures.byObject(ctx, objects...)
	for i := range reviews {
		r := &reviews[i]
		r.Photos = []picture{}
		for _, o := range r.Objects {
			if p := found[o]; p != nil {
				r.Photos = append(r.Photos, *p)
			}
		}
	}
}
