// Api is the web API that the front end reads, and the pages of the shop.
//
// Trigger: HTTP; a Cloud Run handler that owns its server.
//
//	GET /v1/products                                the catalogue
//	GET /v1/products/{product}                      one product
//	GET /v1/products/{product}/rating               its rating
//	GET /v1/products/{product}/reviews              its published reviews, newest first
//	GET /v1/products/{product}/reviews/{review}     one review, published or held
//	GET /healthz                                    200 while the program serves (Cloud Run hides it from the outside)
//	GET /                                           the page: products, and at /#!/review the review form
//
//	variable               meaning                                     default
//	GOOGLE_CLOUD_PROJECT   the project of the database and the traces  required
//	SPANNER_INSTANCE       id of the Spanner instance                  required
//	SPANNER_DATABASE       id of its database                          required
//	RENDITIONS_BUCKET      where the manifests of pictures are         no pictures
//	UPLOAD_ORIGIN          where the page sends photos to              https://storage.googleapis.com
//	PORT                   where to listen, a port or host:port        8080
//
// Roles: roles/spanner.databaseReader on the database, roles/storage.objectViewer on the bucket. Retried: nothing; it only reads.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/hybrid-bts/functions/shared/cloudlog"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/rendition/bucket"
	"github.com/hybrid-bts/functions/shared/serve"
	"github.com/hybrid-bts/functions/shared/spannerdb"
)

func main() {
	slog.SetDefault(cloudlog.New(os.Stderr))
	serve.Main(run)
}

func run(ctx context.Context, lookup func(string) (string, bool)) error {
	e := env.Reader{Lookup: lookup}
	project := e.Required("GOOGLE_CLOUD_PROJECT")
	instance, database := e.Required("SPANNER_INSTANCE"), e.Required("SPANNER_DATABASE")
	renditions := e.String("RENDITIONS_BUCKET", "")
	uploads := env.Parsed(&e, "UPLOAD_ORIGIN", "https://storage.googleapis.com", parseOrigin)
	port := e.String("PORT", "8080")
	if err := e.Err(); err != nil {
		return err
	}
	db, err := spannerdb.Open(ctx, spannerdb.Name(project, instance, database))
	if err != nil {
		return err
	}
	defer db.Close()
	s := &server{store: spannerStore{db}, uploads: uploads}
	if renditions != "" {
		files, err := bucket.Open(ctx)
		if err != nil {
			return err
		}
		defer files.Close()
		s.pictures = newPictures(bucket.Bucket{Handle: files.Bucket(renditions)})
	}
	return serve.HTTP(ctx, port, cloudlog.Trace(project, s.handler()))
}
