package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/storage"
	"golang.org/x/sync/singleflight"

	"github.com/hybrid-bts/functions/shared/engine/picture"
	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
	"github.com/hybrid-bts/functions/shared/schema/rendition/render"
)

// deliveryTimeout bounds the work on one delivery. It is shorter than the ack deadline of 60 s, so that the function
// answers before the event is redelivered to another instance.
const deliveryTimeout = 50 * time.Second

// processor handles the changes of the originals bucket.
type processor struct {
	bucket    string // name of the originals bucket
	originals *storage.BucketHandle
	failed    *storage.BucketHandle
	archive   *storage.BucketHandle // nil if originals are not archived
	pipeline  *render.Pipeline
	images    noticePublisher

	// flights merges concurrent deliveries of the same event.
	flights singleflight.Group
}

// handle handles one delivery of an event. It returns a permanent error for an event that can never be handled.
func (p *processor) handle(ctx context.Context, e event.Event) error {
	o, kind, err := decodeEvent(e)
	if err != nil {
		return event.Permanent(err)
	}
	if kind == changeNone {
		return nil
	}
	if o.Bucket != p.bucket {
		return event.Permanent(fmt.Errorf("object %q is in bucket %q, want %q", o.Name, o.Bucket, p.bucket))
	}
	_, err, _ = p.flights.Do(fmt.Sprint(kind, "/", o.Generation, "/", o.Name), func() (any, error) {
		// The merged deliveries share this work, so the end of one must not cancel it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deliveryTimeout)
		defer cancel()
		if kind == changeCreated {
			if err := p.render(ctx, o); err != nil {
				return nil, err
			}
		}
		// The check follows a rendering too: the deletion may have been handled before there was anything to remove.
		return nil, p.removeIfDeleted(ctx, o)
	})
	return err
}

// render renders a generation of an object, stores its manifest and publishes the notice. It does nothing more than
// the missing steps if the stored manifest covers the generation.
func (p *processor) render(ctx context.Context, o object) error {
	stored, err := p.storedManifest(ctx, o.Name)
	if err != nil {
		return err
	}
	if stored != nil && stored.Covers(o.Generation, p.pipeline.Presets.For(o.Name)) {
		return p.announceStored(ctx, o, stored)
	}
	original, err := bucket.FindOriginal(ctx, p.originals, o.Name, o.Generation)
	if errors.Is(err, bucket.ErrNotExist) {
		// A generation that replaced it has an event of its own.
		slog.InfoContext(ctx, "original no longer exists", "object", o.Name, "generation", o.Generation)
		return nil
	}
	if err != nil {
		return err
	}
	if original.Size == 0 && strings.HasSuffix(o.Name, "/") { // a folder made in the Cloud console
		return nil
	}
	if p.archive != nil {
		if err := original.CopyTo(ctx, p.archive, archiveFolder+copyName(o)); err != nil {
			return err
		}
	}
	m, _, err := p.pipeline.Render(ctx, original)
	var rejected *picture.RejectedError
	if errors.As(err, &rejected) {
		return p.keepRejected(ctx, original, o, rejected)
	}
	if err != nil {
		return err
	}
	return p.putManifest(ctx, o, stored, m)
}

// Folders of the copies: in the archive bucket, and in the bucket of rejected pictures.
const (
	archiveFolder = "originals/"
	failedFolder  = "failed/"
)

// copyName returns the name of a copy of an original within the folder of copies.
func copyName(o object) string {
	return rendition.Key(o.Name) + "/" + strconv.FormatInt(o.Generation, 10)
}
