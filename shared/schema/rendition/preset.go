package rendition

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
