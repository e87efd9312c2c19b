// Package bucket stores the objects of package rendition in Cloud Storage: it reads originals, and writes and removes
// renditions and their manifests. All writes carry a precondition, so that a repeated write changes nothing.
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

// ErrNotExist is the error for an object, or a generation of it, that does not exist.
var ErrNotExist = storage.ErrObjectNotExist

// ErrConflict is the error of PutManifest when another writer replaced the manifest first.
var ErrConflict = errors.New("manifest was replaced by another writer")

const (
	// cacheImmutable is the Cache-Control of renditions. A new picture has a new generation and so new names. RFC 2616,
	// section 14.21, recommended a year as the longest lifetime.
	cacheImmutable = "public, max-age=31536000, immutable"
	// cacheRevalidate is the Cache-Control of manifests.
	cacheRevalidate = "no-cache"
)

// maxObjectBytes bounds a read. Renditions are far smaller: the engine accepts originals of 25 MB.
const maxObjectBytes = 64 << 20

// Open returns a client of Cloud Storage. The client library reads STORAGE_EMULATOR_HOST. Tests pass opts to reach a
// fake server.
func Open(ctx context.Context, opts ...option.ClientOption) (*storage.Client, error) {
	client, err := storage.NewClient(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("open Cloud Storage: %w", err)
	}
	return client, nil
}

// Original is one generation of an object in the originals bucket. FindOriginal returns it.
type Original struct {
	Name       string // object name
	Generation int64  // Cloud Storage generation, never 0
	Size       int64  // bytes, as stored

	handle *storage.ObjectHandle
}

// FindOriginal returns the given generation of an object, or the live generation if generation is 0. It returns
// ErrNotExist if the bucket has no such generation.
func FindOriginal(ctx context.Context, originals *storage.BucketHandle, object string, generation int64) (Original, error) {
	h := originals.Object(object)
	if generation != 0 {
		h = h.Generation(generation)
	}
	attrs, err := h.Attrs(ctx)
	if err != nil {
		return Original{}, fmt.Errorf("read attributes of original %q: %w", object, err)
	}
	return Original{object, attrs.Generation, attrs.Size, originals.Object(object).Generation(attrs.Generation)}, nil
}

// Open opens the original for reading. The stored bytes are returned as they are: a declared Content-Encoding is not
// decoded, since the uploader chose it.
func (o Original) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := o.handle.ReadCompressed(true).NewReader(ctx)
	if err != nil {
		return nil, fmt.Errorf("open original %q: %w", o.Name, err)
	}
	return r, nil
}

// CopyTo copies the original to another bucket unless an object of that name exists there. The copy has the type
// application/octet-stream and none of the uploader's metadata.
func (o Original) CopyTo(ctx context.Context, bucket *storage.BucketHandle, name string) error {
	c := bucket.Object(name).If(storage.Conditions{DoesNotExist: true}).CopierFrom(o.handle)
	c.ContentType = "application/octet-stream"
	c.Metadata = map[string]string{"source-generation": strconv.FormatInt(o.Generation, 10)}
	if _, err := c.Run(ctx); err != nil && !IsPreconditionFailed(err) {
		return fmt.Errorf("copy original %q to %q: %w", o.Name, name, err)
	}
	return nil
}

// Bucket is the renditions bucket. It is safe for concurrent use.
type Bucket struct {
	// Handle is the bucket's handle in the client library.
	Handle *storage.BucketHandle
}

// Put stores an encoded image unless its rendition is stored already, and appends the rendition to m. The caller sets
// Preset, ContentType, Width and Height of r; Put sets the other fields. m must have its object, generation and
// thumbhash.
func (b Bucket) Put(ctx context.Context, m *rendition.Manifest, r rendition.Rendition, data []byte) error {
	sum := sha256.Sum256(data)
	r.Name = rendition.Name(m.Object, m.Generation, r.Preset, r.ContentType)
	r.Bytes, r.SHA256 = int64(len(data)), hex.EncodeToString(sum[:])
	attrs := storage.ObjectAttrs{
		ContentType: r.ContentType, CacheControl: cacheImmutable,
		Metadata: map[string]string{
			"width": strconv.Itoa(r.Width), "height": strconv.Itoa(r.Height), "sha256": r.SHA256,
			"source-generation": strconv.FormatInt(m.Generation, 10),
			"thumbhash":         base64.StdEncoding.EncodeToString(m.Thumbhash),
		},
	}
	_, err := Write(ctx, b.Handle.Object(r.Name).If(storage.Conditions{DoesNotExist: true}), attrs, data)
	if err != nil && !IsPreconditionFailed(err) {
		return err
	}
	m.Renditions = append(m.Renditions, r)
	return nil
}

// Read returns the bytes of a rendition. It returns ErrNotExist if the bucket has no such object.
func (b Bucket) Read(ctx context.Context, name string) ([]byte, error) {
	data, _, err := read(ctx, b.Handle.Object(name))
	return data, err
}

// read returns the bytes of an object and its generation.
func read(ctx context.Context, h *storage.ObjectHandle) ([]byte, int64, error) {
	r, err := h.NewReader(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("open %q: %w", h.ObjectName(), err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxObjectBytes))
	if err != nil {
		return nil, 0, fmt.Errorf("read %q: %w", h.ObjectName(), err)
	}
	return data, r.Attrs.Generation, nil
}

// Manifest returns the stored manifest of an object. It returns ErrNotExist if there is none.
func (b Bucket) Manifest(ctx context.Context, object string) (*rendition.Manifest, error) {
	data, version, err := read(ctx, b.Handle.Object(rendition.ManifestName(object)))
	if err != nil {
		return nil, err
	}
	m, err := rendition.Decode(object, data)
	if err != nil {
		return nil, err
	}
	m.Version = version
	return m, nil
}

// PutManifest stores m in place of the manifest with m.Version, or as the object's first manifest if m.Version is 0,
// and sets m.Version to the new one. It returns ErrConflict, and leaves m as it is, if the stored manifest has
// another version.
func (b Bucket) PutManifest(ctx context.Context, m *rendition.Manifest) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode manifest of %q: %w", m.Object, err)
	}
	conditions := storage.Conditions{DoesNotExist: true}
	if m.Version != 0 {
		conditions = storage.Conditions{GenerationMatch: m.Version}
	}
	attrs := storage.ObjectAttrs{ContentType: "application/json", CacheControl: cacheRevalidate}
	version, err := Write(ctx, b.Handle.Object(rendition.ManifestName(m.Object)).If(conditions), attrs, data)
	if IsPreconditionFailed(err) {
		return fmt.Errorf("write manifest of %q: %w", m.Object, ErrConflict)
	}
	if err != nil {
		return err
	}
	m.Version = version
	return nil
}

// Remove removes the renditions of an object up to and including a generation. It removes the manifest too, unless
// that lists a later generation.
func (b Bucket) Remove(ctx context.Context, object string, generation int64) error {
	m, err := b.Manifest(ctx, object)
	switch {
	case err == nil && m.Generation <= generation:
		// The manifest goes first, so that no manifest lists a removed rendition. A failed precondition is an error: the
		// manifest that replaced m may list a generation to remove too.
		h := b.Handle.Object(rendition.ManifestName(object)).If(storage.Conditions{GenerationMatch: m.Version})
		if err := remove(ctx, h); err != nil {
			return err
		}
	case err != nil && !errors.Is(err, ErrNotExist):
		return err
	}
	return RemoveGenerations(ctx, b.Handle, rendition.Key(object), generation)
}

var (
	generationName = regexp.MustCompile(`^([0-9]+)(/|\.reason\.json)?$`)
	renditionName  = regexp.MustCompile(`^[a-z][a-z0-9-]*\.(jpg|png)$`)
)

// RemoveGenerations removes the files of a folder that belong to the generations up to and including upTo. Files of
// generation 123 are FOLDER/123, FOLDER/123.reason.json and renditions such as FOLDER/123/card.jpg.
func RemoveGenerations(ctx context.Context, bucket *storage.BucketHandle, folder string, upTo int64) error {
	return forEachEntry(ctx, bucket, folder+"/", func(entry string) error {
		match := generationName.FindStringSubmatch(entry)
		if match == nil {
			return nil
		}
		if g, err := strconv.ParseInt(match[1], 10, 64); err != nil || g > upTo {
			return nil
		}
		if match[2] != "/" {
			return remove(ctx, bucket.Object(folder+"/"+entry))
		}
		return forEachEntry(ctx, bucket, folder+"/"+entry, func(file string) error {
			if !renditionName.MatchString(file) { // belongs to another object, whose name continues with a number
				return nil
			}
			return remove(ctx, bucket.Object(folder+"/"+entry+file))
		})
	})
}

// forEachEntry calls f with the name of each file and subfolder directly in folder, relative to it. The names of
// subfolders end in a slash. An error of f ends the listing.
func forEachEntry(ctx context.Context, bucket *storage.BucketHandle, folder string, f func(entry string) error) error {
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

// remove removes an object. A missing object is no error.
func remove(ctx context.Context, h *storage.ObjectHandle) error {
	if err := h.Delete(ctx); err != nil && !errors.Is(err, ErrNotExist) {
		return fmt.Errorf("remove %q: %w", h.ObjectName(), err)
	}
	return nil
}

// Write writes an object in a single request and returns its generation. It uses ContentType, CacheControl and
// Metadata of attrs.
func Write(ctx context.Context, h *storage.ObjectHandle, attrs storage.ObjectAttrs, data []byte) (int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // aborts the upload if Close was not reached
	w := h.NewWriter(ctx)
	w.ContentType, w.CacheControl, w.Metadata = attrs.ContentType, attrs.CacheControl, attrs.Metadata
	w.ChunkSize = 0 // the default allocates a buffer of 16 MiB for each writer
	_, err := w.Write(data)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return 0, fmt.Errorf("write %q: %w", h.ObjectName(), err)
	}
	return w.Attrs().Generation, nil
}

// IsPreconditionFailed reports whether Cloud Storage rejected a request because its precondition does not hold.
func IsPreconditionFailed(err error) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && e.Code == http.StatusPreconditionFailed
}
