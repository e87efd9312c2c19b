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
)

// deadline bounds the work on one delivery. It ends before the ack deadline, so that we answer before
// the event is delivered to another instance.
const deadline = 50 * time.Second

// announcing is how old a manifest is when who wrote it cannot be at it any more, even by a clock that is
// off by some seconds: the work on its delivery has a deadline.
const announcing = deadline + 10*time.Second

// ready is told of finished pictures.
type ready interface {
	// publish returns once the news of m cannot be lost any more.
	publish(ctx context.Context, m rendition.Manifest) error
}

// maker makes renditions.
type maker struct {
	bucket     string // the name of the originals bucket
	originals  *storage.BucketHandle
	renditions bucket.Bucket
	failed     *storage.BucketHandle
	archive    *storage.BucketHandle // nil: no copies
	presets    rendition.Presets
	renderer   *picture.Renderer
	ready      ready

	// flights lets deliveries of one event that are here at once be handled once.
	flights singleflight.Group
}

// object names a generation of an object.
type object struct {
	Bucket     string `json:"bucket"`
	Name       string `json:"name"`
	Generation int64  `json:"generation,string"`
}

// What Cloud Storage says of an object.
const (
	finalized = "google.cloud.storage.object.v1.finalized"      // as a CloudEvent
	deleted   = "google.cloud.storage.object.v1.deleted"        // as a CloudEvent
	published = "google.cloud.pubsub.topic.v1.messagePublished" // as a Pub/Sub notification, of one of the types below

	notifiedFinalized = "OBJECT_FINALIZE"
	notifiedDeleted   = "OBJECT_DELETE"
)

// change is what became of an object.
type change int

const (
	none   change = iota // nothing that matters here
	landed               // it is new
	gone                 // it is no more, or was replaced
)

// decode returns the object that an event is about, and what became of it.
func decode(e event.Event) (o object, what change, err error) {
	switch e.Type {
	case finalized:
		what = landed
	case deleted:
		what = gone
	case published:
		return decodeNotification(e)
	default:
		return o, none, nil
	}
	if err := json.Unmarshal(e.Data, &o); err != nil {
		return o, none, fmt.Errorf("decode event: %w", err)
	}
	return o, what, o.check()
}

// decodeNotification reads the attributes, which say it whatever the payload format.
func decodeNotification(e event.Event) (o object, what change, err error) {
	switch e.Attributes["eventType"] {
	case notifiedFinalized:
		what = landed
	case notifiedDeleted:
		what = gone
	case "":
		return o, none, errors.New("decode notification: it says no eventType")
	default:
		return o, none, nil
	}
	generation, err := strconv.ParseInt(e.Attributes["objectGeneration"], 10, 64)
	if err != nil {
		return o, none, fmt.Errorf("decode notification: generation %q", e.Attributes["objectGeneration"])
	}
	o = object{e.Attributes["bucketId"], e.Attributes["objectId"], generation}
	return o, what, o.check()
}

func (o object) check() error {
	if o.Name == "" || o.Generation < 1 {
		return fmt.Errorf("decode event: object %q of generation %d", o.Name, o.Generation)
	}
	return nil
}

// changed handles one delivery of what became of an object.
func (m *maker) changed(ctx context.Context, e event.Event) error {
	o, what, err := decode(e)
	if err != nil {
		return event.Permanent(err)
	}
	if what == none {
		return nil
	}
	if o.Bucket != m.bucket {
		return event.Permanent(fmt.Errorf("object %q is of bucket %q, want %q", o.Name, o.Bucket, m.bucket))
	}
	_, err, _ = m.flights.Do(fmt.Sprint(what, "/", o.Generation, "/", o.Name), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadline) // others may wait for the same
		defer cancel()
		if what == landed {
			if err := m.make(ctx, o); err != nil {
				return nil, err
			}
		}
		// Of a new one too: it may have been deleted meanwhile, when there was nothing to remove yet.
		return nil, m.remove(ctx, o)
	})
	return err
}

// remove removes what was made of an object up to a generation, if there is no such object any more. What
// was made of one that was replaced stays, since pages may show it for a while; so does a copy in the archive,
// unless the object is personal.
func (m *maker) remove(ctx context.Context, o object) error {
	_, err := bucket.FindOriginal(ctx, m.originals, o.Name, 0)
	if !errors.Is(err, bucket.ErrNotExist) {
		return err
	}
	if err := m.renditions.Remove(ctx, o.Name, o.Generation); err != nil {
		return err
	}
	if !rendition.IsPersonal(o.Name) {
		return nil
	}
	if m.archive != nil {
		if err := bucket.RemoveGenerations(ctx, m.archive, "originals/"+rendition.Key(o.Name), o.Generation); err != nil {
			return err
		}
	}
	return bucket.RemoveGenerations(ctx, m.failed, "failed/"+rendition.Key(o.Name), o.Generation)
}

// make makes what is missing of an object's renditions.
func (m *maker) make(ctx context.Context, o object) error {
	listed, err := m.manifest(ctx, o.Name)
	if err != nil {
		return err
	}
	presets := m.presets.For(o.Name)
	if listed != nil && (listed.Generation > o.Generation || listed.Generation == o.Generation && listed.Lists(presets)) {
		return m.announce(ctx, o, listed)
	}
	original, err := bucket.FindOriginal(ctx, m.originals, o.Name, o.Generation)
	if errors.Is(err, bucket.ErrNotExist) {
		slog.InfoContext(ctx, "original is gone", "object", o.Name, "generation", o.Generation)
		return nil // deleted or replaced; what replaced it has an event of its own
	}
	if err != nil {
		return err
	}
	if original.Size == 0 && strings.HasSuffix(o.Name, "/") { // a folder of the console
		return nil
	}
	if m.archive != nil {
		if err := original.CopyTo(ctx, m.archive, "originals/"+copyName(o)); err != nil {
			return err
		}
	}
	p, err := m.renderer.Render(ctx, original.Size, original.Open, engine(presets))
	var refusal *picture.Refusal
	if errors.As(err, &refusal) {
		return m.fail(ctx, original, o, refusal)
	}
	if err != nil {
		return fmt.Errorf("render %q: %w", o.Name, err)
	}
	made, err := m.store(ctx, original, presets, p)
	if err != nil {
		return err
	}
	return m.list(ctx, o, listed, made)
}

// engine tells the engine what the presets are.
func engine(presets []rendition.Preset) []picture.Preset {
	out := make([]picture.Preset, len(presets))
	for i, p := range presets {
		out[i] = picture.Preset{Width: p.Width, KeepPNG: p.KeepPNG}
	}
	return out
}

// manifest returns the manifest of an object, nil when it has none.
func (m *maker) manifest(ctx context.Context, object string) (*bucket.Manifest, error) {
	listed, err := m.renditions.Manifest(ctx, object)
	if errors.Is(err, bucket.ErrNotExist) {
		return nil, nil
	}
	return listed, err
}

// store stores renditions, and returns their manifest.
func (m *maker) store(ctx context.Context, original bucket.Original, presets []rendition.Preset, p *picture.Picture) (rendition.Manifest, error) {
	width, height := p.Size()
	made := rendition.Manifest{
		Object: original.Name, Generation: original.Generation, ContentType: string(p.Type), Width: width, Height: height,
		Thumbhash: p.Thumbhash, MadeAt: time.Now().UTC(),
	}
	for i, r := range p.Renditions {
		put, err := m.renditions.Put(ctx, original, p.Thumbhash, bucket.Made{
			Preset: presets[i].Name, ContentType: string(r.Type), Width: r.Width, Height: r.Height, Data: r.Data,
		})
		if err != nil {
			return made, err
		}
		made.Renditions = append(made.Renditions, put)
	}
	return made, nil
}

// list puts a manifest in the place of listed, unless that place is taken by a newer one.
func (m *maker) list(ctx context.Context, o object, listed *bucket.Manifest, made rendition.Manifest) error {
	for ctx.Err() == nil {
		put, err := m.renditions.PutManifest(ctx, listed, made)
		if err != nil {
			return err
		}
		if put != nil {
			return m.publish(ctx, put)
		}
		// Another one came between.
		if listed, err = m.manifest(ctx, o.Name); err != nil {
			return err
		}
		if listed != nil && listed.Generation >= o.Generation {
			return m.announce(ctx, o, listed)
		}
	}
	return ctx.Err()
}

// announce publishes the news of a manifest that another delivery wrote, if that one did not.
func (m *maker) announce(ctx context.Context, o object, listed *bucket.Manifest) error {
	if listed.Generation != o.Generation || listed.Announced {
		return nil
	}
	if age := time.Since(listed.MadeAt); age < announcing {
		return fmt.Errorf("the manifest of %q is %v old, and who wrote it may be publishing it", o.Name, age.Round(time.Millisecond))
	}
	return m.publish(ctx, listed)
}

// publish publishes the news of a manifest and marks it.
func (m *maker) publish(ctx context.Context, listed *bucket.Manifest) error {
	news := listed.Manifest
	news.Announced = true
	if err := m.ready.publish(ctx, news); err != nil {
		return err
	}
	// When a newer one has come between, that has news of its own.
	_, err := m.renditions.PutManifest(ctx, listed, news)
	return err
}

// reason is what is told of a picture that cannot be handled.
type reason struct {
	Object     string         `json:"object"`
	Generation int64          `json:"generation,string"`
	Bytes      int64          `json:"bytes"`
	Reason     picture.Reason `json:"reason"`
	Detail     string         `json:"detail"`
	At         time.Time      `json:"at"`
}

// fail keeps a picture that cannot be handled, with the reason.
func (m *maker) fail(ctx context.Context, original bucket.Original, o object, r *picture.Refusal) error {
	name := "failed/" + copyName(o)
	if err := original.CopyTo(ctx, m.failed, name); err != nil {
		return err
	}
	data, err := json.Marshal(reason{o.Name, o.Generation, original.Size, r.Reason, r.Detail, time.Now().UTC()})
	if err != nil {
		return fmt.Errorf("encode the reason of %q: %w", o.Name, err)
	}
	file := m.failed.Object(name + ".reason.json").If(storage.Conditions{DoesNotExist: true})
	if _, err := bucket.Write(ctx, file, storage.ObjectAttrs{ContentType: "application/json"}, data); err != nil && !bucket.Failed(err) {
		return err
	}
	slog.WarnContext(ctx, "picture refused", "object", o.Name, "generation", o.Generation, "reason", r.Reason, "err", r.Detail)
	return nil
}

// copyName is what a copy of an original is called.
func copyName(o object) string {
	return rendition.Key(o.Name) + "/" + strconv.FormatInt(o.Generation, 10)
}
