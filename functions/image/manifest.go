package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
)

// publishTimeout is the age after which the writer of an unannounced manifest must have timed out, including some
// seconds of clock skew.
const publishTimeout = deliveryTimeout + 10*time.Second

// storedManifest returns the manifest of an object, or nil if it has none.
func (p *processor) storedManifest(ctx context.Context, object string) (*rendition.Manifest, error) {
	m, err := p.pipeline.Renditions.Manifest(ctx, object)
	if errors.Is(err, bucket.ErrNotExist) {
		return nil, nil
	}
	return m, err
}

// putManifest replaces the stored manifest, nil for none, by m and announces m. If another delivery replaced the stored
// manifest first, it tries again unless that manifest is of the same or a later generation.
func (p *processor) putManifest(ctx context.Context, o object, stored, m *rendition.Manifest) error {
	for ctx.Err() == nil {
		m.Version = 0
		if stored != nil {
			m.Version = stored.Version
		}
		err := p.pipeline.Renditions.PutManifest(ctx, m)
		if err == nil {
			return p.announce(ctx, m)
		}
		if !errors.Is(err, bucket.ErrConflict) {
			return err
		}
		if stored, err = p.storedManifest(ctx, o.Name); err != nil {
			return err
		}
		if stored != nil && stored.Generation >= o.Generation {
			return p.announceStored(ctx, o, stored)
		}
	}
	return ctx.Err()
}

// announceStored announces a manifest of the same generation that another delivery stored and did not announce. It
// returns an error, for a redelivery, while that delivery may still be publishing.
func (p *processor) announceStored(ctx context.Context, o object, stored *rendition.Manifest) error {
	if stored.Generation != o.Generation || stored.Announced {
		return nil
	}
	if age := time.Since(stored.MadeAt); age < publishTimeout {
		return fmt.Errorf("manifest of %q is only %v old; its writer may be publishing it", o.Name, age.Round(time.Millisecond))
	}
	return p.announce(ctx, stored)
}

// announce publishes the notice of a stored manifest and marks the manifest as announced.
func (p *processor) announce(ctx context.Context, m *rendition.Manifest) error {
	m.Announced = true
	if err := p.images.publishReady(ctx, *m); err != nil {
		return err
	}
	err := p.pipeline.Renditions.PutManifest(ctx, m)
	if errors.Is(err, bucket.ErrConflict) { // a later manifest replaced m and has a notice of its own
		return nil
	}
	return err
}
