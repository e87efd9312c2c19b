package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"cloud.google.com/go/storage"

	"github.com/hybrid-bts/functions/shared/engine/picture"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
)

// rejection is the content of the file beside a rejected picture, named as the picture with .reason.json appended.
type rejection struct {
	Object     string         `json:"object"`
	Generation int64          `json:"generation,string"`
	Bytes      int64          `json:"bytes"`
	Reason     picture.Reason `json:"reason"`
	Detail     string         `json:"detail"`
	At         time.Time      `json:"at"`
}

// isTooLarge reports whether a smaller picture would not have the reason.
func isTooLarge(r picture.Reason) bool {
	return r == picture.TooLarge || r == picture.TooManyPixels || r == picture.TooMuchMemory || r == picture.TooSlow
}

// keepRejected copies a rejected picture to the failed bucket, stores the reason beside it and publishes the notice. It does
// so at each delivery, so a notice may arrive twice.
func (p *processor) keepRejected(ctx context.Context, original bucket.Original, o object, r *picture.RejectedError) error {
	name := failedFolder + copyName(o)
	if err := original.CopyTo(ctx, p.failed, name); err != nil {
		return err
	}
	data, err := json.Marshal(rejection{o.Name, o.Generation, original.Size, r.Reason, r.Detail, time.Now().UTC()})
	if err != nil {
		return fmt.Errorf("encode rejection of %q: %w", o.Name, err)
	}
	file := p.failed.Object(name + ".reason.json").If(storage.Conditions{DoesNotExist: true})
	_, err = bucket.Write(ctx, file, storage.ObjectAttrs{ContentType: "application/json"}, data)
	if err != nil && !bucket.IsPreconditionFailed(err) {
		return err
	}
	slog.WarnContext(ctx, "picture rejected",
		"object", o.Name, "generation", o.Generation, "reason", r.Reason, "err", r.Detail)
	return p.images.publishRejected(ctx, o, r)
}
