package bucket

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/storage"
)

// publishedKey is the key of the metadata entry that marks a photo as part of a published review. A generation of a photo
// has no entry when it is uploaded: the upload policy of functions/review allows no metadata. So a photo is private until
// functions/sentiment marks it, and a photo that is uploaded again is private again.
const publishedKey = "published"

// publishedValue is the value of the metadata entry; any other means private.
const publishedValue = "true"

// PublishedGeneration returns the live generation of a photo that is marked as published. It returns ErrNotExist for
// any other photo.
func PublishedGeneration(ctx context.Context, originals *storage.BucketHandle, photo string) (int64, error) {
	attrs, err := originals.Object(photo).Attrs(ctx)
	if err != nil {
		return 0, fmt.Errorf("read attributes of photo %q: %w", photo, err)
	}
	if attrs.Metadata[publishedKey] != publishedValue {
		return 0, fmt.Errorf("photo %q is not published: %w", photo, ErrNotExist)
	}
	return attrs.Generation, nil
}

// SetPublished marks the live generation of a photo as published or as private, and reports whether that changed the
// photo. A missing photo, or one that is uploaded again meanwhile, does not change and is no error.
func SetPublished(ctx context.Context, originals *storage.BucketHandle, photo string, published bool) (changed bool, err error) {
	h := originals.Object(photo)
	attrs, err := h.Attrs(ctx)
	switch {
	case errors.Is(err, ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read attributes of photo %q: %w", photo, err)
	case (attrs.Metadata[publishedKey] == publishedValue) == published:
		return false, nil
	}
	value := "false"
	if published {
		value = publishedValue
	}
	_, err = h.If(storage.Conditions{GenerationMatch: attrs.Generation}).Update(ctx, storage.ObjectAttrsToUpdate{
		Metadata: map[string]string{publishedKey: value},
	})
	switch {
	case errors.Is(err, ErrNotExist), IsPreconditionFailed(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("write metadata of photo %q: %w", photo, err)
	}
	return true, nil
}
