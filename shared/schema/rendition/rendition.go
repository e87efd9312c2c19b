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
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Preset is a named size. The writers render every picture in each preset that applies to its object.
type Preset struct {
	Name    string // a lower-case letter, then at most 31 lower-case letters, digits and hyphens
	Width   int    // largest width in pixels; a narrower picture keeps its width
	KeepPNG bool   // keep an opaque PNG as PNG instead of converting it to JPEG
	Prefix  string // the preset applies to objects whose names start with it; "" applies to all
}

// Presets is a list of presets. A later entry overrides an earlier one of the same name for the objects that both
// apply to.
type Presets []Preset

// DefaultPresets returns the presets that every deployment has.
func DefaultPresets() Presets {
	return Presets{
		{Name: "thumb", Width: 200}, {Name: "card", Width: 400}, {Name: "page", Width: 800}, {Name: "zoom", Width: 1600},
	}
}

// maxWidth is the largest width of a preset in pixels. Rendering memory grows with it.
const maxWidth = 2400

var presetSyntax = regexp.MustCompile(`^(?:(.+):)?([a-z][a-z0-9-]{0,31})=([0-9]{1,5})(\+png)?$`)

// PresetsForm describes the input of ParsePresets.
const PresetsForm = "a list of presets such as poster=2400,logos/:card=400+png"

// ParsePresets returns the default presets followed by the entries of a comma-separated list, such as
// "poster=2400,reviews/:avatar=96,logos/:card=400+png". Each entry has the form [PREFIX:]NAME=WIDTH[+png]. Blank
// entries are ignored, so that an empty list returns the defaults.
func ParsePresets(list string) (Presets, error) {
	presets := DefaultPresets()
	for entry := range strings.SplitSeq(list, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		match := presetSyntax.FindStringSubmatch(entry)
		if match == nil {
			return nil, fmt.Errorf("parse preset %q: want [PREFIX:]NAME=WIDTH[+png]", entry)
		}
		width, err := strconv.Atoi(match[3])
		if err != nil || width < 1 || width > maxWidth {
			return nil, fmt.Errorf("parse preset %q: width must be 1 to %d", entry, maxWidth)
		}
		presets = append(presets, Preset{Name: match[2], Width: width, KeepPNG: match[4] != "", Prefix: match[1]})
	}
	return presets, nil
}

// For returns the presets that apply to an object, narrowest first. Their names are unique.
func (p Presets) For(object string) Presets {
	byName := map[string]Preset{}
	for _, preset := range p {
		if strings.HasPrefix(object, preset.Prefix) {
			byName[preset.Name] = preset
		}
	}
	var applicable Presets
	for _, preset := range byName {
		applicable = append(applicable, preset)
	}
	slices.SortFunc(applicable, func(a, b Preset) int {
		return cmp.Or(cmp.Compare(a.Width, b.Width), cmp.Compare(a.Name, b.Name))
	})
	return applicable
}

// photoPrefix starts the object names of photos that shoppers attach to reviews.
const photoPrefix = "reviews/"

// IsPersonal reports whether an object is a shopper's photo. Deleting such an object deletes every copy of it.
func IsPersonal(object string) bool { return strings.HasPrefix(object, photoPrefix) }

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
