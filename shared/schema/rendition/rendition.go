// Package rendition is the layout of the renditions bucket, which functions fill from the originals bucket.
//
//	{object}/{generation}/{preset}.{jpg|png}   a rendition, never written twice
//	{object}/manifest.json                     the list of the newest ones
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

// Preset is a size that pictures are rendered in.
type Preset struct {
	Name    string
	Width   int    // pixels, at most
	KeepPNG bool   // an opaque PNG stays PNG
	Prefix  string // of the objects that it is for
}

// Presets are all of them.
type Presets []Preset

// defaults are for every picture.
var defaults = []Preset{
	{Name: "thumb", Width: 200}, {Name: "card", Width: 400}, {Name: "page", Width: 800}, {Name: "zoom", Width: 1600},
}

// maxWidth bounds a preset, so that what a rendition takes in memory is within what the engine reckons with.
const maxWidth = 2400

var preset = regexp.MustCompile(`^(?:(.+):)?([a-z][a-z0-9-]{0,31})=([0-9]{1,5})(\+png)?$`)

// PresetsForm describes the input of ParsePresets.
const PresetsForm = "a list of presets such as poster=2400,logos/:card=400+png"

// ParsePresets returns the default presets and those of a list such as
// "poster=2400,reviews/:avatar=96,logos/:card=400+png": a name and a width, with the prefix of the
// objects that it is for, and "+png" when opaque PNG stays PNG. What comes later wins over the same name.
func ParsePresets(list string) (Presets, error) {
	all := slices.Clone(Presets(defaults))
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		m := preset.FindStringSubmatch(item)
		if m == nil {
			return nil, fmt.Errorf("preset %q is not [PREFIX:]NAME=WIDTH[+png]", item)
		}
		width, err := strconv.Atoi(m[3])
		if err != nil || width < 1 || width > maxWidth {
			return nil, fmt.Errorf("preset %q: its width is not 1 to %d", item, maxWidth)
		}
		all = append(all, Preset{Name: m[2], Width: width, KeepPNG: m[4] != "", Prefix: m[1]})
	}
	return all, nil
}

// For returns the presets of an object, by width.
func (p Presets) For(object string) []Preset {
	byName := map[string]Preset{}
	for _, one := range p {
		if strings.HasPrefix(object, one.Prefix) {
			byName[one.Name] = one
		}
	}
	var all []Preset
	for _, one := range byName {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Preset) int {
		return cmp.Or(cmp.Compare(a.Width, b.Width), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// photos begins the names of shoppers' photos.
const photos = "reviews/"

// IsPersonal reports whether an object is a shopper's photo, of which nothing is kept once it is deleted.
func IsPersonal(object string) bool { return strings.HasPrefix(object, photos) }

// OfProduct returns the name of the object that is a product's picture.
func OfProduct(product string) string { return "products/" + product + ".jpg" }

// maxKey leaves room for what a name has besides its key: Cloud Storage takes names of 1,024 bytes.
const maxKey = 900

// hashed begins the keys of objects whose names cannot be keys.
const hashed = "hashed/"

// Key returns what stands for an object in the names of what is made of it: its name, unless that is so
// long, or so strange, that it would not be safe in a path; then a hash of it.
func Key(object string) string {
	if plain(object) {
		return object
	}
	sum := sha256.Sum256([]byte(object))
	return hashed + hex.EncodeToString(sum[:])
}

func plain(object string) bool {
	if len(object) > maxKey || !utf8.ValidString(object) || strings.HasPrefix(object, hashed) {
		return false
	}
	for segment := range strings.SplitSeq(object, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return !strings.ContainsFunc(object, func(r rune) bool { return !unicode.IsPrint(r) || r == '\\' })
}

// Name returns the name of a rendition of the given Content-Type.
func Name(object string, generation int64, preset, contentType string) string {
	ext := "jpg"
	if contentType == "image/png" {
		ext = "png"
	}
	return Key(object) + "/" + strconv.FormatInt(generation, 10) + "/" + preset + "." + ext
}

// ManifestName returns the name of the manifest of an object.
func ManifestName(object string) string { return Key(object) + "/manifest.json" }

// Manifest lists the renditions of an object.
type Manifest struct {
	Object      string      `json:"object"`
	Generation  int64       `json:"generation,string"` // of the object that they are of
	ContentType string      `json:"content_type"`      // of the object, by its bytes
	Width       int         `json:"width"`             // of the object, as shown
	Height      int         `json:"height"`
	Thumbhash   []byte      `json:"thumbhash"` // https://evanw.github.io/thumbhash/
	MadeAt      time.Time   `json:"made_at"`
	Announced   bool        `json:"announced"` // image.ready has been published
	Renditions  []Rendition `json:"renditions"`
}

// Rendition is one of them.
type Rendition struct {
	Preset      string `json:"preset"`
	Name        string `json:"name"` // in the renditions bucket
	ContentType string `json:"content_type"`
	Width       int    `json:"width"`
	Height      int    `json:"height"`
	Bytes       int64  `json:"bytes"`
	SHA256      string `json:"sha256"` // in hex
}

// Find returns the rendition of a preset.
func (m *Manifest) Find(preset string) (Rendition, bool) {
	i := slices.IndexFunc(m.Renditions, func(r Rendition) bool { return r.Preset == preset })
	if i < 0 {
		return Rendition{}, false
	}
	return m.Renditions[i], true
}

// Lists reports whether the manifest has a rendition for every one of the presets.
func (m *Manifest) Lists(presets []Preset) bool {
	return !slices.ContainsFunc(presets, func(p Preset) bool { _, ok := m.Find(p.Name); return !ok })
}

// Decode reads the manifest of an object.
func Decode(object string, data []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("decode manifest of %q: %w", object, err)
	}
	if err := m.check(object); err != nil {
		return nil, fmt.Errorf("decode manifest of %q: %w", object, err)
	}
	return &m, nil
}

func (m *Manifest) check(object string) error {
	if m.Object != object {
		return fmt.Errorf("it is of %q", m.Object)
	}
	if m.Generation < 1 || m.Width < 1 || m.Height < 1 {
		return errors.New("its picture has no generation or no size")
	}
	for _, r := range m.Renditions {
		if r.Width < 1 || r.Height < 1 || r.Name != Name(object, m.Generation, r.Preset, r.ContentType) {
			return fmt.Errorf("rendition %q is named %q, of %d×%d", r.Preset, r.Name, r.Width, r.Height)
		}
	}
	return nil
}
