// Image makes the renditions of a picture that lands in the originals bucket, says when they are ready, and
// removes them when the picture is deleted.
//
// Trigger: Cloud Storage, google.cloud.storage.object.v1.finalized and .deleted of the originals bucket, by
// Eventarc; or Pub/Sub notifications of that bucket, OBJECT_FINALIZE and OBJECT_DELETE, by a push
// subscription, as an operator hands them to it again on topic originals. Either with an ack deadline of 60 s or more.
//
//	variable               meaning                                                      default
//	GOOGLE_CLOUD_PROJECT   the project of topics and traces                             required
//	ORIGINALS_BUCKET       where pictures land                                          required
//	RENDITIONS_BUCKET      what is made of them; another bucket, so that what we        required
//	                       write never triggers us
//	FAILED_BUCKET          takes what cannot be handled, below failed/, with the        required
//	                       reason; not public
//	ARCHIVE_BUCKET         takes a copy of every original, by generation; those of      no copies
//	                       shoppers' photos are deleted with them
//	IMAGES_TOPIC           id of the topic that is told of finished pictures            required
//	DEAD_LETTER_TOPIC      id of the topic that takes events that are none of ours      required
//	PRESETS                sizes besides thumb, card, page and zoom, such as            none
//	                       poster=2400,reviews/:avatar=96,logos/:card=400+png
//	MEMORY_MIB             the instance's memory, of which 96 are for the program       512
//	PORT                   where to listen, a port or host:port                         8080
//
// Roles: roles/storage.objectViewer on the originals, roles/storage.objectUser on the other buckets,
// roles/pubsub.publisher on both topics.
//
// Retried: trouble of storage and of Pub/Sub. A redelivery is safe: every write is conditional, and an
// older generation never takes the place of a newer one. A picture that can never be handled is copied
// to FAILED_BUCKET with its reason, and acknowledged. A bucket notification must not be a push of its own
// and an Eventarc trigger at once, though even that would only be work for nothing. A deletion may come before
// what it deletes has been rendered: who renders looks afterwards whether the picture is still there.
//
// image.ready is published once in effect: who writes a manifest publishes it, then marks the manifest
// as announced. A function that dies in between leaves an unmarked manifest, which the redelivery of
// the event announces once it is old enough that nobody else can be at it. So a second message comes only
// when a function dies after publishing and before marking, or when a preset was added and the event of
// an old picture is sent again; both have the same object and generation.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/hybrid-bts/functions/shared/cloudlog"
	"github.com/hybrid-bts/functions/shared/engine/picture"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
	"github.com/hybrid-bts/functions/shared/serve"
	"github.com/hybrid-bts/functions/shared/serve/framework"
	"github.com/hybrid-bts/functions/shared/topic"
)

// program is the memory that is not for pictures, in MiB.
const program = 96

// slow is how long a picture may take to render; a large one takes some seconds.
const slow = 20 * time.Second

func main() {
	slog.SetDefault(cloudlog.New(os.Stderr))
	serve.Main(run)
}

func run(ctx context.Context, lookup func(string) (string, bool)) error {
	e := env.Reader{Lookup: lookup}
	project := e.Required("GOOGLE_CLOUD_PROJECT")
	originals, renditions := e.Required("ORIGINALS_BUCKET"), e.Required("RENDITIONS_BUCKET")
	failed, archive := e.Required("FAILED_BUCKET"), e.String("ARCHIVE_BUCKET", "")
	images, deadLetters := e.Required("IMAGES_TOPIC"), e.Required("DEAD_LETTER_TOPIC")
	none, _ := rendition.ParsePresets("")
	presets := env.Parsed(&e, "PRESETS", none, rendition.PresetsForm, rendition.ParsePresets)
	memory := e.Int("MEMORY_MIB", 512, 2*program)
	port := e.String("PORT", "8080")
	err := errors.Join(e.Err(), checkBuckets(originals, renditions, failed, archive))
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(int64(memory-program/2) << 20) // collect garbage rather than be killed
	files, err := bucket.Open(ctx)
	if err != nil {
		return err
	}
	defer files.Close()
	messages, err := topic.Open(ctx, project)
	if err != nil {
		return err
	}
	defer messages.Close()
	m := &maker{
		bucket: originals, originals: files.Bucket(originals), renditions: bucket.Bucket{Handle: files.Bucket(renditions)},
		failed: files.Bucket(failed), presets: presets, ready: news{messages.Topic(images)},
		renderer: picture.NewRenderer(int64(memory-program)<<20, slow),
	}
	if archive != "" {
		m.archive = files.Bucket(archive)
	}
	h := event.Handler(m.changed, event.DeadLetterTopic(messages.Topic(deadLetters)))
	return framework.Serve(ctx, "Image", port, cloudlog.Trace(project, h))
}

// checkBuckets refuses buckets with which our own output would trigger us, or be public as it came.
func checkBuckets(originals, renditions, failed, archive string) error {
	var errs []error
	for name, b := range map[string]string{"RENDITIONS_BUCKET": renditions, "FAILED_BUCKET": failed, "ARCHIVE_BUCKET": archive} {
		if b != "" && b == originals {
			errs = append(errs, fmt.Errorf("variable %s is the originals bucket: what is written there would trigger this function", name))
		}
		if b != "" && b == renditions && name != "RENDITIONS_BUCKET" {
			errs = append(errs, fmt.Errorf("variable %s is the renditions bucket, which is public", name))
		}
	}
	return errors.Join(errs...)
}
