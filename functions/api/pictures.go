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

// How long what is known of a picture is good for. One that is missing may be on its way; one that is
// there changes when a merchandiser replaces it.
const (
	goodFor     = time.Minute
	missingFor  = 2 * time.Second
	waitFor     = time.Second // at the most, for what is not known at all
	atOnce      = 16          // reads of the bucket for one request
	maxPictures = 20_000
)

type picture struct {
	Object    string `json:"object" doc:"The name of the uploaded object." example:"products/butter-cream-peaches.jpg"`
	Width     int    `json:"width" doc:"Of what was uploaded, in pixels."`
	Height    int    `json:"height"`
	Thumbhash []byte `json:"thumbhash" doc:"What it looks like from afar, until it is loaded: https://evanw.github.io/thumbhash/"`
	Sizes     []size `json:"sizes" nullable:"false" doc:"Narrowest first."`
}

type size struct {
	Width  int    `json:"width"`
	Height int    `json:"height"`
	URL    string `json:"url" doc:"May be kept for ever." example:"/img/products/butter-cream-peaches.jpg?p=card&g=1795166102310000"`
}

// manifests lists the renditions of pictures.
type manifests interface {
	Manifest(ctx context.Context, object string) (*rendition.Manifest, error) // bucket.ErrNotExist
}

// pictures knows the pictures of objects. It keeps what it has read, so that a list of products costs no
// reads of the bucket, and hands out what is old while it reads again: no page waits for storage
// twice. A page without a picture is better than no page, so trouble of storage is logged and no more.
//
// A subscriber of image.ready that wrote them to Spanner would take these reads away, and bring a
// function, a table and a second truth; a minute's delay is what that would save.
type pictures struct {
	manifests manifests
	now       func() time.Time

	mu      sync.Mutex
	known   map[string]known
	flights singleflight.Group
}

// known is what was read of an object.
type known struct {
	picture *picture // nil: there was none
	at      time.Time
}

func newPictures(m manifests) *pictures {
	return &pictures{manifests: m, now: time.Now, known: map[string]known{}}
}

// of returns the pictures of those of the objects that have one.
func (p *pictures) of(ctx context.Context, objects ...string) map[string]*picture {
	found := map[string]*picture{}
	if p == nil {
		return found
	}
	var unknown []string
	p.mu.Lock()
	for _, o := range objects {
		k, ok := p.known[o]
		age := p.now().Sub(k.at)
		switch {
		case !ok, k.picture == nil && age > missingFor:
			unknown = append(unknown, o)
		case k.picture != nil:
			found[o] = k.picture
			if age > goodFor {
				go p.read(context.WithoutCancel(ctx), o)
			}
		}
	}
	p.mu.Unlock()
	var mu sync.Mutex
	var reads errgroup.Group
	reads.SetLimit(atOnce)
	for _, o := range unknown {
		reads.Go(func() error {
			if k := p.read(ctx, o); k.picture != nil {
				mu.Lock()
				defer mu.Unlock()
				found[o] = k.picture
			}
			return nil
		})
	}
	_ = reads.Wait() // no read fails
	return found
}

// read reads the picture of an object, once for all who ask, and keeps it.
func (p *pictures) read(ctx context.Context, object string) known {
	v, _, _ := p.flights.Do(object, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), waitFor)
		defer cancel()
		k := known{at: p.now()}
		m, err := p.manifests.Manifest(ctx, object)
		switch {
		case err == nil:
			k.picture = newPicture(m)
		case !errors.Is(err, bucket.ErrNotExist):
			slog.WarnContext(ctx, "picture left out", "object", object, "err", err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if err != nil && !errors.Is(err, bucket.ErrNotExist) && p.known[object].picture != nil {
			k.picture = p.known[object].picture // what was there is better than nothing
		}
		if len(p.known) >= maxPictures {
			clear(p.known)
		}
		p.known[object] = k
		return k, nil
	})
	return v.(known)
}

func newPicture(m *rendition.Manifest) *picture {
	pic := &picture{Object: m.Object, Width: m.Width, Height: m.Height, Thumbhash: m.Thumbhash, Sizes: []size{}}
	for _, r := range m.Renditions {
		if n := len(pic.Sizes); n > 0 && pic.Sizes[n-1].Width == r.Width {
			continue // presets wider than the picture are the same
		}
		u := url.URL{Path: "/img/" + m.Object, RawQuery: "p=" + r.Preset + "&g=" + strconv.FormatInt(m.Generation, 10)}
		pic.Sizes = append(pic.Sizes, size{r.Width, r.Height, u.String()})
	}
	return pic
}

// illustrate adds the pictures of products.
func (s *server) illustrate(ctx context.Context, products []product) {
	objects := make([]string, len(products))
	for i, p := range products {
		objects[i] = rendition.OfProduct(p.ID)
	}
	found := s.pictures.of(ctx, objects...)
	for i := range products {
		products[i].Picture = found[objects[i]]
	}
}

// illustrateReviews adds the photos of reviews, those that are ready.
func (s *server) illustrateReviews(ctx context.Context, reviews []review) {
	var objects []string
	for _, r := range reviews {
		objects = append(objects, r.Objects...)
	}
	found := s.pictures.of(ctx, objects...)
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
