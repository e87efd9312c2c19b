package main

import (
	"context"
	"errors"

	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
)

// removeIfDeleted removes the renditions of an object up to its generation, unless the object has a live generation.
// Renditions of a replaced generation stay, since pages may still link to them. Copies in the archive stay
// unless the object is personal.
func (p *processor) removeIfDeleted(ctx context.Context, o object) error {
	_, err := bucket.FindOriginal(ctx, p.originals, o.Name, 0)
	if !errors.Is(err, bucket.ErrNotExist) {
		return err
	}
	if err := p.pipeline.Renditions.Remove(ctx, o.Name, o.Generation); err != nil {
		return err
	}
	if !rendition.IsPersonal(o.Name) {
		return nil
	}
	if p.archive != nil {
		if err := bucket.RemoveGenerations(ctx, p.archive, archiveFolder+rendition.Key(o.Name), o.Generation); err != nil {
			return err
		}
	}
	return bucket.RemoveGenerations(ctx, p.failed, failedFolder+rendition.Key(o.Name), o.Generation)
}
