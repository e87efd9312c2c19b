// Image renders each picture that is uploaded to the originals bucket, publishes a notice when the renditions are
// stored, and removes the renditions when the picture is deleted.
//
// Trigger: Cloud Storage events of the originals bucket, google.cloud.storage.object.v1.finalized and .deleted,
// through Eventarc; or Pub/Sub notifications of that bucket, OBJECT_FINALIZE and OBJECT_DELETE, through a push
// subscription to topic originals, on which operators also replay events. Either needs an ack deadline of 60 s or more.
//
//	variable               meaning                                                      default
//	GOOGLE_CLOUD_PROJECT   project of the topics and traces                             required
//	ORIGINALS_BUCKET       bucket of the uploaded pictures                              required
//	RENDITIONS_BUCKET      bucket of the renditions; must differ from the originals,    required
//	                       or each rendition would trigger the function
//	FAILED_BUCKET          bucket of rejected pictures and their reasons, below         required
//	                       failed/; must not be public
//	ARCHIVE_BUCKET         bucket for a copy of each generation of each original;       no copies
//	                       copies of shoppers' photos are deleted with the photo
//	IMAGES_TOPIC           ID of the topic for notices image.ready and image.rejected   required
//	DEAD_LETTER_TOPIC      ID of the topic for events that can never be handled         required
//	PRESETS                presets besides thumb, card, page and zoom, such as          none
//	                       poster=2400,reviews/:avatar=96,logos/:card=400+png
//	MEMORY_MIB             memory of the instance in MiB, 96 of them for the program    512
//	PORT                   port or host:port to listen on                               8080
//
// Roles: roles/storage.objectViewer on the originals bucket, roles/storage.objectUser on the other buckets,
// roles/pubsub.publisher on both topics.
//
// Retried: errors of Cloud Storage and Pub/Sub, by redelivery of the event. A redelivery is safe: each write has a
// precondition, and an older generation never replaces a newer manifest. A picture that can never be rendered is not
// retried: the function copies it to FAILED_BUCKET with the reason and acknowledges the event. A bucket with both an
// Eventarc trigger and a push subscription causes duplicate work but no wrong result. A deletion may be delivered
// before the picture is rendered, so the function checks after each rendering that the picture still exists.
//
// image.rejected is published at each delivery of the event of a picture that can never be rendered. The function sentiment
// deletes such a photo and reports the cause to its author.
//
// image.ready is published at least once for each generation, and twice only in two cases. The writer of a manifest
// publishes the notice and then marks the manifest as announced. If an instance stops before it marks the manifest, the
// redelivered event publishes the notice once the manifest is older than any delivery can run, so a notice published
// just before the stop has a duplicate. If a preset is added, a replayed event of an old picture publishes a notice of
// the new manifest. A duplicate has the same object and generation.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/hybrid-bts/functions/shared/cloudlog"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
	"github.com/hybrid-bts/functions/shared/schema/rendition/render"
	"github.com/hybrid-bts/functions/shared/serve"
	"github.com/hybrid-bts/functions/shared/serve/framework"
	"github.com/hybrid-bts/functions/shared/topic"
)

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
	presets := env.Parsed(&e, "PRESETS", rendition.DefaultPresets(), rendition.PresetsForm, rendition.ParsePresets)
	memory := e.Int("MEMORY_MIB", render.DefaultMemoryMiB, render.MinMemoryMiB)
	port := e.String("PORT", "8080")
	err := errors.Join(e.Err(), checkBuckets(originals, renditions, failed, archive))
	if err != nil {
		return err
	}
	render.LimitMemory(memory)
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
	p := &processor{
		bucket: originals, originals: files.Bucket(originals), failed: files.Bucket(failed),
		images:   noticePublisher{messages.Topic(images)},
		pipeline: render.NewPipeline(memory, presets, bucket.Bucket{Handle: files.Bucket(renditions)}),
	}
	if archive != "" {
		p.archive = files.Bucket(archive)
	}
	h := event.Handler(p.handle, event.DeadLetterTopic(messages.Topic(deadLetters)))
	return framework.Serve(ctx, "Image", port, cloudlog.Trace(project, h))
}

// checkBuckets rejects a configuration in which the function's output would trigger it, or in which copies of uploaded
// files would be public.
func checkBuckets(originals, renditions, failed, archive string) error {
	var errs []error
	outputs := map[string]string{"RENDITIONS_BUCKET": renditions, "FAILED_BUCKET": failed, "ARCHIVE_BUCKET": archive}
	for name, b := range outputs {
		if b != "" && b == originals {
			errs = append(errs, fmt.Errorf("variable %s is the originals bucket; writes would trigger this function", name))
		}
		if b != "" && b == renditions && name != "RENDITIONS_BUCKET" {
			errs = append(errs, fmt.Errorf("variable %s is the renditions bucket, which is public", name))
		}
	}
	return errors.Join(errs...)
}
