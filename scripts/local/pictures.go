package main

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"

	"github.com/hybrid-bts/functions/scripts/local/cover"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
)

// coverSize is the width and height of a seed picture, in pixels.
const coverSize = 1000

// uploadPictures draws a picture of every seed product, uploads it to the originals bucket, and returns once function image has
// published the manifest of its renditions.
func uploadPictures(ctx context.Context, storage *fakestorage.Server) error {
	products, err := catalogue()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, p := range products {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, cover.Draw(p.ID, p.Kind, p.Title, coverSize), &jpeg.Options{Quality: 92}); err != nil {
			return fmt.Errorf("draw the picture of product %s: %w", p.ID, err)
		}
		storage.CreateObject(fakestorage.Object{
			ObjectAttrs: fakestorage.ObjectAttrs{BucketName: originals, Name: rendition.OfProduct(p.ID), ContentType: "image/jpeg"},
			Content:     b.Bytes(),
		})
	}
	for _, p := range products {
		for {
			if _, err := storage.GetObject(renditions, rendition.ManifestName(rendition.OfProduct(p.ID))); err == nil {
				break
			}
			if ctx.Err() != nil {
				return fmt.Errorf("wait for function image to render gs://%s/%s: gs://%s/%s is missing: %w",
					originals, rendition.OfProduct(p.ID), renditions, rendition.ManifestName(rendition.OfProduct(p.ID)), ctx.Err())
			}
			sleep(ctx, 20*time.Millisecond)
		}
	}
	return nil
}
