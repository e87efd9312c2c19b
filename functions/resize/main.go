// Resize serves renditions over HTTP and renders a missing one on its first request.
//
// Trigger: HTTP behind a CDN; a Cloud Run handler that runs its own server.
//
//	GET /img/{object}?p={preset}&g={generation}   a rendition of an object in the originals bucket. The optional
//	                                              generation allows caching for a year. A shopper's photo is found
//	                                              while its review is published, and cached for a minute.
//	GET /healthz                                  200 while the function serves; Cloud Run hides the path from clients
//
//	variable               meaning                                                      default
//	GOOGLE_CLOUD_PROJECT   project of the traces                                        required
//	ORIGINALS_BUCKET       bucket of the uploaded pictures                              required
//	RENDITIONS_BUCKET      bucket of the renditions                                     required
//	PRESETS                presets besides thumb, card, page and zoom; the value of     none
//	                       function image
//	MEMORY_MIB             memory of the instance in MiB, 96 of them for the program    512
//	PORT                   port or host:port to listen on                               8080
//
// Roles: roles/storage.objectViewer on the originals bucket, roles/storage.objectUser on the renditions bucket.
//
// Retried: nothing; the client repeats a failed request. The function never serves an original, and no size other than
// a preset. The cache key of the CDN consists of the path, p and g.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/hybrid-bts/functions/shared/cloudlog"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
	"github.com/hybrid-bts/functions/shared/schema/rendition/render"
	"github.com/hybrid-bts/functions/shared/serve"
)

func main() {
	slog.SetDefault(cloudlog.New(os.Stderr))
	serve.Main(run)
}

func run(ctx context.Context, lookup func(string) (string, bool)) error {
	e := env.Reader{Lookup: lookup}
	project := e.Required("GOOGLE_CLOUD_PROJECT")
	originals, renditions := e.Required("ORIGINALS_BUCKET"), e.Required("RENDITIONS_BUCKET")
	presets := env.Parsed(&e, "PRESETS", rendition.DefaultPresets(), rendition.PresetsForm, rendition.ParsePresets)
	memory := e.Int("MEMORY_MIB", render.DefaultMemoryMiB, render.MinMemoryMiB)
	port := e.String("PORT", "8080")
	err := e.Err()
	if originals != "" && originals == renditions {
		err = errors.Join(err, errors.New("variable RENDITIONS_BUCKET is the originals bucket"))
	}
	if err != nil {
		return err
	}
	render.LimitMemory(memory)
	files, err := bucket.Open(ctx)
	if err != nil {
		return err
	}
	defer files.Close()
	s := &server{
		originals: files.Bucket(originals),
		pipeline:  render.NewPipeline(memory, presets, bucket.Bucket{Handle: files.Bucket(renditions)}),
	}
	return serve.HTTP(ctx, port, cloudlog.Trace(project, s.handler()))
}
