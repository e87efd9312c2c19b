// Package bucket reads originals, and writes and removes renditions with their manifests.
//
// Writers: functions/image and functions/resize; functions/sentiment removes photos of erased reviews.
package bucket

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"

	"github.com/hybrid-bts/functions/shared/schema/rendition"
)

// ErrNotExist is the error for an object, or a generation of it, that is not there.
var ErrNotExist = storage.ErrObjectNotExist

// Open returns a client of Cloud Storage. The client library reads STORAGE_EMULATOR_HOST; opts are
// for tests.
func Open(ctx context.Context, opts ...option.ClientOption) (*storage.Client, error) {
	client, err := storage.NewClient(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("open Cloud Storage: %w", err)
	}
	return client, nil
}

// Original is a generation of an object of the originals bucket.
type Original struct {
	Name       string
	Generation int64
	Size       int64

	handle *storage.ObjectHandle
}

// FindOriginal looks for a generation of an object, the live one when it is 0. ErrNotExist: it is gone.
func FindOriginal(ctx context.Context, originals *storage.BucketHandle, object string, generation int64) (Original, error) {
	h := originals.Object(object)
	if generation != 0 {
		h = h.Generation(generation)
	}
	attrs, err := h.Attrs(ctx)
	if err != nil {
		return Original{}, fmt.Errorf("look for %q: %w", object, err)
	}
	return Original{object, attrs.Generation, attrs.Size, originals.Object(object).Generation(attrs.Generation)}, nil
}

// Open opens it for reading, as stored: whatever encoding it says that it has, is not undone.
func (o Original) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := o.handle.ReadCompressed(true).NewReader(ctx)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", o.Name, err)
	}
	return r, nil
}

// CopyTo copies it to another bucket, unless that has the object already. Nothing that its owner said of
// it goes along.
func (o Original) CopyTo(ctx context.Context, bucket *storage.BucketHandle, name string) error {
	c := bucket.Object(name).If(storage.Conditions{DoesNotExist: true}).CopierFrom(o.handle)
	c.ContentType = "application/octet-stream"
	c.Metadata = map[string]string{"source-generation": strconv.FormatInt(o.Generation, 10)}
	if _, err := c.Run(ctx); err != nil && !Failed(err) {
		return fmt.Errorf("copy %q to %q: %w", o.Name, name, err)
	}
	return nil
}

// Bucket is the renditions bucket.
type Bucket struct{ Handle *storage.BucketHandle }

// Made is a rendition to store.
type Made struct {
	Preset, ContentType string
	Width, Height       int
	Data                []byte
}

// Put stores a rendition, unless it is there, and returns how a manifest lists it.
func (b Bucket) Put(ctx context.Context, o Original, thumbhash []byte, r Made) (rendition.Rendition, error) {
	sum := sha256.Sum256(r.Data)
	out := rendition.Rendition{
		Preset: r.Preset, Name: rendition.Name(o.Name, o.Generation, r.Preset, r.ContentType), ContentType: r.ContentType,
		Width: r.Width, Height: r.Height, Bytes: int64(len(r.Data)), SHA256: hex.EncodeToString(sum[:]),
	}
	attrs := storage.ObjectAttrs{
		ContentType: r.ContentType, CacheControl: "public, max-age=31536000, immutable",
		Metadata: map[string]string{
			"width": strconv.Itoa(r.Width), "height": strconv.Itoa(r.Height), "sha256": out.SHA256,
			"source-generation": strconv.FormatInt(o.Generation, 10), "thumbhash": base64.StdEncoding.EncodeToString(thumbhash),
		},
	}
	_, err := Write(ctx, b.Handle.Object(out.Name).If(storage.Conditions{DoesNotExist: true}), attrs, r.Data)
	if err != nil && !Failed(err) {
		return out, err
	}
	return out, nil
}

// Read reads a rendition. ErrNotExist: it is not there.
func (b Bucket) Read(ctx context.Context, name string) ([]byte, error) {
	data, _, err := read(ctx, b.Handle.Object(name))
	return data, err
}

// read reads an object, and returns its generation.
func read(ctx context.Context, h *storage.ObjectHandle) ([]byte, int64, error) {
	const most = 64 << 20
	r, err := h.NewReader(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("open %q: %w", h.ObjectName(), err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return nil, 0, fmt.Errorf("read %q: %w", h.ObjectName(), err)
	}
	return data, r.Attrs.Generation, nil
}

// Manifest is a manifest as it is stored.
type Manifest struct {
	rendition.Manifest
	generation int64 // of the manifest itself
}

// Manifest returns the manifest of an object. ErrNotExist: it has none.
func (b Bucket) Manifest(ctx context.Context, object string) (*Manifest, error) {
	data, generation, err := read(ctx, b.Handle.Object(rendition.ManifestName(object)))
	if err != nil {
		return nil, err
	}
	m, err := rendition.Decode(object, data)
	if err != nil {
		return nil, err
	}
	return &Manifest{*m, generation}, nil
}

// PutManifest stores m in place of before, or as the first one when that is nil. It returns nil when
// another one came between.
func (b Bucket) PutManifest(ctx context.Context, before *Manifest, m rendition.Manifest) (*Manifest, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode manifest of %q: %w", m.Object, err)
	}
	conditions := storage.Conditions{DoesNotExist: true}
	if before != nil {
		conditions = storage.Conditions{GenerationMatch: before.generation}
	}
	attrs := storage.ObjectAttrs{ContentType: "application/json", CacheControl: "no-cache"}
	generation, err := Write(ctx, b.Handle.Object(rendition.ManifestName(m.Object)).If(conditions), attrs, data)
	if Failed(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &Manifest{m, generation}, nil
}

// Remove removes the renditions of an object up to a generation, and its manifest, unless that is of a later one.
func (b Bucket) Remove(ctx context.Context, object string, generation int64) error {
	m, err := b.Manifest(ctx, object)
	switch {
	case err == nil && m.Generation <= generation:
		// First, so that nothing lists what is not there.
		h := b.Handle.Object(rendition.ManifestName(object)).If(storage.Conditions{GenerationMatch: m.generation})
		if err := remove(ctx, h); err != nil { // one that was written meanwhile may be of this generation too
			return err
		}
	case err != nil && !errors.Is(err, ErrNotExist):
		return err
	}
	return RemoveGenerations(ctx, b.Handle, rendition.Key(object), generation)
}

var (
	ofGeneration = regexp.MustCompile(`^([0-9]+)(/|\.reason\.json)?$`)
	aRendition   = regexp.MustCompile(`^[a-z][a-z0-9-]*\.(jpg|png)$`)
)

// RemoveGenerations removes what is of the generations up to the given one in a folder: FOLDER/123, FOLDER/123.reason.json
// and FOLDER/123/card.jpg are of generation 123.
func RemoveGenerations(ctx context.Context, bucket *storage.BucketHandle, folder string, upTo int64) error {
	return list(ctx, bucket, folder+"/", func(name string) error {
		match := ofGeneration.FindStringSubmatch(name)
		if match == nil {
			return nil
		}
		if g, err := strconv.ParseInt(match[1], 10, 64); err != nil || g > upTo {
			return nil
		}
		if match[2] != "/" {
			return remove(ctx, bucket.Object(folder+"/"+name))
		}
		return list(ctx, bucket, folder+"/"+name, func(file string) error {
			if !aRendition.MatchString(file) { // of an object whose name goes on there
				return nil
			}
			return remove(ctx, bucket.Object(folder+"/"+name+file))
		})
	})
}

// list calls f with each file in a folder, and each folder with a slash after it, by their names there.
func list(ctx context.Context, bucket *storage.BucketHandle, folder string, f func(name string) error) error {
	it := bucket.Objects(ctx, &storage.Query{Prefix: folder, Delimiter: "/"})
	for {
		o, err := it.Next()
		if errors.Is(err, iterator.Done) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list %q: %w", folder, err)
		}
		if err := f(strings.TrimPrefix(o.Name+o.Prefix, folder)); err != nil {
			return err
		}
	}
}

// remove removes an object, if it is there.
func remove(ctx context.Context, h *storage.ObjectHandle) error {
	if err := h.Delete(ctx); err != nil && !errors.Is(err, ErrNotExist) {
		return fmt.Errorf("remove %q: %w", h.ObjectName(), err)
	}
	return nil
}

// Write writes an object in one request, and returns its generation.
func Write(ctx context.Context, h *storage.ObjectHandle, attrs storage.ObjectAttrs, data []byte) (int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // gives up what Close did not get to
	w := h.NewWriter(ctx)
	w.ContentType, w.CacheControl, w.Metadata = attrs.ContentType, attrs.CacheControl, attrs.Metadata
	w.ChunkSize = 0 // else it takes 16 MiB
	_, err := w.Write(data)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return 0, fmt.Errorf("write %q: %w", h.ObjectName(), err)
	}
	return w.Attrs().Generation, nil
}

// Failed reports whether err says that a condition of the request does not hold.
func Failed(err error) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && e.Code == http.StatusPreconditionFailed
}
