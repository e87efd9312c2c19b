// Resize serves renditions, and makes those that are missing on the first request for one.
//
// Trigger: HTTP behind a CDN; a Cloud Run handler that owns its server.
//
//	GET /img/{object}?p={preset}&g={generation}     a rendition of an object of the originals bucket; with the
//	                                                generation, which is optional, it may be kept for ever, or
//	                                                a day when it is a shopper's photo
//	GET /healthz                                    200 while the program serves (Cloud Run hides it from the outside)
//
//	variable               meaning                                                      default
//	GOOGLE_CLOUD_PROJECT   the project of the traces                                    required
//	ORIGINALS_BUCKET       where pictures land                                          required
//	RENDITIONS_BUCKET      what is made of them                                         required
//	PRESETS                sizes besides thumb, card, page and zoom, as image has them  none
//	MEMORY_MIB             the instance's memory, of which 96 are for the program       512
//	PORT                   where to listen, a port or host:port                         8080
//
// Roles: roles/storage.objectViewer on the originals, roles/storage.objectUser on the renditions.
//
// Retried: nothing; a request that fails is made again by who sent it. An original is never served as it
// is, and no size but a preset. The CDN's cache key holds p and g, and no other parameter.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/hybrid-bts/functions/shared/cloudlog"
	"github.com/hybrid-bts/functions/shared/engine/picture"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
	"github.com/hybrid-bts/functions/shared/serve"
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
	none, _ := rendition.ParsePresets("")
	presets := env.Parsed(&e, "PRESETS", none, rendition.PresetsForm, rendition.ParsePresets)
	memory := e.Int("MEMORY_MIB", 512, 2*program)
	port := e.String("PORT", "8080")
	err := e.Err()
	if originals != "" && originals == renditions {
		err = errors.Join(err, errors.New("variable RENDITIONS_BUCKET is the originals bucket"))
	}
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(int64(memory-program/2) << 20) // collect garbage rather than be killed
	files, err := bucket.Open(ctx)
	if err != nil {
		return err
	}
	defer files.Close()
	s := &server{
		originals: files.Bucket(originals), renditions: bucket.Bucket{Handle: files.Bucket(renditions)}, presets: presets,
		renderer: picture.NewRenderer(int64(memory-program)<<20, slow),
	}
	return serve.HTTP(ctx, port, cloudlog.Trace(project, s.handler()))
}
