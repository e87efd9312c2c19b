package main

import (
	"context"
	"encoding/json"
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

// publishTimeout is the age after which the writer of an unannounced manifest must have timed out, including some
// seconds of clock skew.
const publishTimeout = deliveryTimeout + 10*time.Second

// processor handles the changes of the originals bucket.
type processor struct {
	bucket    string // name of the originals bucket
	originals *storage.BucketHandle
	failed    *storage.BucketHandle
	archive   *storage.BucketHandle // nil if originals are not archived
	pipeline  *render.Pipeline
	ready     readyPublisher

	// flights merges concurrent deliveries of the same event.
	flights singleflight.Group
}

// object identifies a generation of an object. Its JSON form is the part of a Cloud Storage object resource that the
// function reads: https://cloud.google.com/storage/docs/json_api/v1/objects#resource
type object struct {
	Bucket     string `json:"bucket"`
	Name       string `json:"name"`
	Generation int64  `json:"generation,string"`
}

// Types of the CloudEvents that the function handles.
const (
	eventFinalized    = "google.cloud.storage.object.v1.finalized"
	eventDeleted      = "google.cloud.storage.object.v1.deleted"
	eventNotification = "google.cloud.pubsub.topic.v1.messagePublished" // a Pub/Sub notification
)

// Values of the attribute eventType of Pub/Sub notifications: https://cloud.google.com/storage/docs/pubsub-notifications#events
const (
	notificationFinalized = "OBJECT_FINALIZE"
	notificationDeleted   = "OBJECT_DELETE"
)

// change is the kind of a change to an object.
type change int

const (
	changeNone    change = iota // irrelevant to renditions, such as new metadata
	changeCreated               // the generation became live
	changeDeleted               // the generation was deleted or replaced
)

// decodeEvent returns the object of an event and the kind of its change.
func decodeEvent(e event.Event) (object, change, error) {
	var kind change
	switch e.Type {
	case eventFinalized:
		kind = changeCreated
	case eventDeleted:
		kind = changeDeleted
	case eventNotification:
		return decodeNotification(e)
	default:
		return object{}, changeNone, nil
	}
	var o object
	if err := json.Unmarshal(e.Data, &o); err != nil {
		return object{}, changeNone, fmt.Errorf("decode event: %w", err)
	}
	return o, kind, o.validate()
}

// decodeNotification decodes a Pub/Sub notification. It reads the attributes alone, since the payload may be empty.
func decodeNotification(e event.Event) (object, change, error) {
	var kind change
	switch e.Attributes["eventType"] {
	case notificationFinalized:
		kind = changeCreated
	case notificationDeleted:
		kind = changeDeleted
	case "":
		return object{}, changeNone, errors.New("decode notification: attribute eventType is missing")
	default:
		return object{}, changeNone, nil
	}
	generation, err := strconv.ParseInt(e.Attributes["objectGeneration"], 10, 64)
	if err != nil {
		return object{}, changeNone, fmt.Errorf("decode notification: parse objectGeneration: %w", err)
	}
	o := object{e.Attributes["bucketId"], e.Attributes["objectId"], generation}
	return o, kind, o.validate()
}

func (o object) validate() error {
	if o.Name == "" || o.Generation < 1 {
		return fmt.Errorf("decode event: invalid object name %q or generation %d", o.Name, o.Generation)
	}
	return nil
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
	if err := p.ready.publish(ctx, *m); err != nil {
		return err
	}
	err := p.pipeline.Renditions.PutManifest(ctx, m)
	if errors.Is(err, bucket.ErrConflict) { // a later manifest replaced m and has a notice of its own
		return nil
	}
	return err
}

// Folders of the copies: in the archive bucket, and in the bucket of rejected pictures.
const (
	archiveFolder = "originals/"
	failedFolder  = "failed/"
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

// keepRejected copies a rejected picture to the failed bucket and stores the reason beside it.
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
	return nil
}

// copyName returns the name of a copy of an original within the folder of copies.
func copyName(o object) string {
	return rendition.Key(o.Name) + "/" + strconv.FormatInt(o.Generation, 10)
}
