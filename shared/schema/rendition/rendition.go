// Package rendition defines the layout of the renditions bucket and the format of its manifests.
//
//	{object}/{generation}/{preset}.{jpg|png}   a rendition; immutable
//	{object}/manifest.json                     the manifest of the newest rendered generation
//
// {object} is the Key of an object in the originals bucket, {generation} its Cloud Storage generation. The message
// image.ready carries the same manifest.
//
// Writers: functions/image and functions/resize.
package rendition

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// photoPrefix starts the object names of photos that shoppers attach to reviews.
const photoPrefix = "reviews/"

// IsPersonal reports whether an object is a shopper's photo. Deleting such an object deletes every copy of it.
func IsPersonal(object string) bool { return strings.HasPrefix(object, photoPrefix) }

// PhotoCacheTime is the time for which a CDN or browser may keep a shopper's photo. It bounds the time for which a photo
// stays visible after its review was held, rejected or erased.
const PhotoCacheTime = time.Minute

// OfProduct returns the object name of a product's picture.
func OfProduct(product string) string { return "products/" + product + ".jpg" }

// maxKey is the longest key in bytes. Cloud Storage limits object names to 1,024 bytes; the difference leaves room
// for the generation, the preset and the extension.
const maxKey = 900

// hashPrefix starts the keys of objects whose names are unsafe in a path.
const hashPrefix = "hashed/"

// Key returns the path prefix under which everything derived from an object is stored. It is the object's name when
// that is a safe path of at most 900 bytes, else hashed/ and the hexadecimal SHA-256 of the name.
func Key(object string) string {
	if isSafePath(object) {
		return object
	}
	sum := sha256.Sum256([]byte(object))
	return hashPrefix + hex.EncodeToString(sum[:])
}

// isSafePath reports whether an object's name can be its own key: printable, without empty or dot segments, and
// distinct from every hashed key.
func isSafePath(object string) bool {
	if len(object) > maxKey || !utf8.ValidString(object) || strings.HasPrefix(object, hashPrefix) {
		return false
	}
	for segment := range strings.SplitSeq(object, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return !strings.ContainsFunc(object, func(r rune) bool { return !unicode.IsPrint(r) || r == '\\' })
}

// Name returns the name of a rendition in the renditions bucket. The extension is png for the Content-Type
// image/png and jpg for any other.
func Name(object string, generation int64, preset, contentType string) string {
	ext := "jpg"
	if contentType == "image/png" {
		ext = "png"
	}
	return Key(object) + "/" + strconv.FormatInt(generation, 10) + "/" + preset + "." + ext
}

// ManifestName returns the name of an object's manifest in the renditions bucket.
func ManifestName(object string) string { return Key(object) + "/manifest.json" }

// Manifest lists the renditions of one generation of an object.
type Manifest struct {
	Object      string      `json:"object"`            // name in the originals bucket
	Generation  int64       `json:"generation,string"` // generation of the original
	ContentType string      `json:"content_type"`      // of the original, detected from its bytes
	Width       int         `json:"width"`             // of the original in pixels, after its EXIF orientation
	Height      int         `json:"height"`            // of the original in pixels, after its EXIF orientation
	Thumbhash   []byte      `json:"thumbhash"`         // placeholder image: https://evanw.github.io/thumbhash/
	MadeAt      time.Time   `json:"made_at"`           // time of rendering
	Announced   bool        `json:"announced"`         // image.ready has been published
	Renditions  []Rendition `json:"renditions"`        // narrowest preset first

	// Version is the Cloud Storage generation of the stored manifest, for optimistic concurrency. Zero is a manifest
	// that is not stored. The encoding omits it.
	Version int64 `json:"-"`
}

// Rendition describes one stored rendition.
type Rendition struct {
	Preset      string `json:"preset"`       // name of the preset
	Name        string `json:"name"`         // object name in the renditions bucket
	ContentType string `json:"content_type"` // image/jpeg or image/png
	Width       int    `json:"width"`        // pixels
	Height      int    `json:"height"`       // pixels
	Bytes       int64  `json:"bytes"`        // length of the encoded image
	SHA256      string `json:"sha256"`       // of the encoded image, in hexadecimal
}

// Find returns the rendition of a preset. The second result is false if the manifest lists none.
func (m *Manifest) Find(preset string) (Rendition, bool) {
	i := slices.IndexFunc(m.Renditions, func(r Rendition) bool { return r.Preset == preset })
	if i < 0 {
		return Rendition{}, false
	}
	return m.Renditions[i], true
}

// Covers reports whether the manifest makes rendering a generation of its object unnecessary: it is of a later
// generation, or of the same one with a rendition for each of the presets.
func (m *Manifest) Covers(generation int64, presets Presets) bool {
	if m.Generation != generation {
		return m.Generation > generation
	}
	return !slices.ContainsFunc(presets, func(p Preset) bool { _, ok := m.Find(p.Name); return !ok })
}

// Decode decodes and validates the manifest of an object. It rejects renditions with names outside the object's
// own prefix, so that callers can read them without another check.
func Decode(object string, data []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("decode manifest of %q: %w", object, err)
	}
	if err := m.validate(object); err != nil {
		return nil, fmt.Errorf("decode manifest of %q: %w", object, err)
	}
	return &m, nil
}

func (m *Manifest) validate(object string) error {
	if m.Object != object {
		return fmt.Errorf("manifest names object %q", m.Object)
	}
	if m.Generation < 1 || m.Width < 1 || m.Height < 1 {
		return errors.New("generation, width and height must be positive")
	}
	for _, r := range m.Renditions {
		if r.Width < 1 || r.Height < 1 || r.Name != Name(object, m.Generation, r.Preset, r.ContentType) {
			return fmt.Errorf("rendition %q has the name %q and %d×%d pixels", r.Preset, r.Name, r.Width, r.Height)
		}
	}
	return nil
}
