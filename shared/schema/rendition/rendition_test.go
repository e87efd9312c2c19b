package rendition

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParsePresets(t *testing.T) {
	for list, want := range map[string]string{
		"":                            "[{thumb 200 false } {card 400 false } {page 800 false } {zoom 1600 false }]",
		" , poster=2400 ":             "[{thumb 200 false } {card 400 false } {page 800 false } {zoom 1600 false } {poster 2400 false }]",
		"products/:poster=1000+png":   "[{thumb 200 false } {card 400 false } {page 800 false } {poster 1000 true products/} {zoom 1600 false }]",
		"reviews/:poster=1000":        "[{thumb 200 false } {card 400 false } {page 800 false } {zoom 1600 false }]",
		"products/:card=500,page=800": "[{thumb 200 false } {card 500 false products/} {page 800 false } {zoom 1600 false }]",
	} {
		p, err := ParsePresets(list)
		if err != nil {
			t.Errorf("%q: %v", list, err)
			continue
		}
		if got := fmt.Sprint(p.For("products/butter.jpg")); got != want {
			t.Errorf("%q: %s, want %s", list, got, want)
		}
	}
	for _, list := range []string{"card", "card=", "card=0", "card=2401", "card=99999", "Card=1", "=1", "card=1+webp", "a b=1"} {
		if p, err := ParsePresets(list); err == nil {
			t.Errorf("ParsePresets(%q) = %v, want an error", list, p)
		}
	}
}

func TestNamesAreSafePaths(t *testing.T) {
	korean := strings.Repeat("가", 341) + "a" // 1,024 bytes
	for object, plain := range map[string]bool{
		"products/butter.jpg": true, "사진 1.jpg": true, "a": true, strings.Repeat("x", maxKey): true,
		strings.Repeat("x", maxKey+1): false, korean: false, "../../etc/passwd": false, "a/../b": false, "a//b": false, "./a": false,
		"a\x00b": false, "a\nb": false, "a\\b": false, "\xff": false, "": false, "/a": false, "a/": false, "hashed/a": false, "a\u202eb": false,
	} {
		name := Name(object, 1795166102310000, "card", "image/png")
		if got := name == object+"/1795166102310000/card.png"; got != plain {
			t.Errorf("name of %q = %q", object, name)
		}
		if len(name) > 1024 || len(ManifestName(object)) > 1024 || strings.Contains(name, "..") || strings.ContainsAny(name, "\x00\n") {
			t.Errorf("name of %q = %q", object, name)
		}
	}
	if Key("a/../b") == Key("a//b") {
		t.Error("two objects have the same key")
	}
}

func manifest() Manifest {
	return Manifest{
		Object: "products/butter.jpg", Generation: 1795166102310000, ContentType: "image/jpeg", Width: 3000, Height: 4000,
		Thumbhash: []byte{1, 2, 3}, MadeAt: time.Date(2026, 11, 20, 9, 15, 2, 0, time.UTC),
		Renditions: []Rendition{{
			Preset: "card", Name: "products/butter.jpg/1795166102310000/card.jpg", ContentType: "image/jpeg", Width: 400, Height: 533,
			Bytes: 20431, SHA256: "e3b0",
		}},
	}
}

func ExampleManifest() {
	b, _ := json.MarshalIndent(manifest(), "", "  ")
	fmt.Println(string(b))
	// Output:
	// {
	//   "object": "products/butter.jpg",
	//   "generation": "1795166102310000",
	//   "content_type": "image/jpeg",
	//   "width": 3000,
	//   "height": 4000,
	//   "thumbhash": "AQID",
	//   "made_at": "2026-11-20T09:15:02Z",
	//   "announced": false,
	//   "renditions": [
	//     {
	//       "preset": "card",
	//       "name": "products/butter.jpg/1795166102310000/card.jpg",
	//       "content_type": "image/jpeg",
	//       "width": 400,
	//       "height": 533,
	//       "bytes": 20431,
	//       "sha256": "e3b0"
	//     }
	//   ]
	// }
}

func TestDecodeRejectsInvalidManifests(t *testing.T) {
	for name, change := range map[string]func(*Manifest){
		"of another object":       func(m *Manifest) { m.Object = "other" },
		"without a generation":    func(m *Manifest) { m.Generation = 0 },
		"without a size":          func(m *Manifest) { m.Height = 0 },
		"with a rendition of 0×1": func(m *Manifest) { m.Renditions[0].Width = 0 },
		"with a foreign name":     func(m *Manifest) { m.Renditions[0].Name = "../secret" },
	} {
		m := manifest()
		change(&m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode("products/butter.jpg", b); err == nil {
			t.Errorf("a manifest %s was decoded, want an error", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	b, err := json.Marshal(manifest())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode("products/butter.jpg", b)
		if err != nil {
			return
		}
		for _, r := range m.Renditions {
			if !strings.HasPrefix(r.Name, "products/butter.jpg/") {
				t.Fatalf("rendition has the name %q outside its object", r.Name)
			}
		}
	})
}

func TestCovers(t *testing.T) {
	m := manifest()
	card, icon := Presets{{Name: "card"}}, Presets{{Name: "card"}, {Name: "icon"}}
	for name, tc := range map[string]struct {
		generation int64
		presets    Presets
		want       bool
	}{
		"the same generation with all presets": {m.Generation, card, true},
		"the same generation without a preset": {m.Generation, icon, false},
		"an earlier generation":                {m.Generation - 1, icon, true},
		"a later generation":                   {m.Generation + 1, card, false},
		"the same generation with no presets":  {m.Generation, nil, true},
	} {
		if got := m.Covers(tc.generation, tc.presets); got != tc.want {
			t.Errorf("%s: Covers = %v, want %v", name, got, tc.want)
		}
	}
}

func FuzzParsePresets(f *testing.F) {
	f.Add("", "products/butter.jpg")
	f.Add("poster=2400,reviews/:avatar=96,logos/:card=400+png", "logos/a.png")
	f.Add(" , a:b:c=1 ,card=99999", "a:b")
	f.Fuzz(func(t *testing.T, list, object string) {
		presets, err := ParsePresets(list)
		if err != nil {
			return
		}
		names := map[string]bool{}
		width := 0
		for _, p := range presets.For(object) {
			if p.Width < 1 || p.Width > maxWidth || p.Width < width || names[p.Name] || !strings.HasPrefix(object, p.Prefix) {
				t.Fatalf("%q for %q: preset %+v", list, object, p)
			}
			// A preset's name is part of rendition names.
			if name := Name(object, 1, p.Name, "image/jpeg"); name != Key(object)+"/1/"+p.Name+".jpg" || strings.ContainsAny(p.Name, "/.") {
				t.Fatalf("%q: rendition name %q", list, name)
			}
			names[p.Name], width = true, p.Width
		}
		for _, required := range []string{"thumb", "card", "page", "zoom"} {
			if !names[required] {
				t.Fatalf("%q for %q: default preset %s is missing", list, object, required)
			}
		}
	})
}

func FuzzKey(f *testing.F) {
	f.Add("a/../b")
	f.Fuzz(func(t *testing.T, object string) {
		key := Key(object)
		if len(key) > maxKey || key != Key(object) || strings.ContainsAny(key, "\x00\n\r") || strings.Contains("/"+key+"/", "/../") {
			t.Fatalf("%q has the key %q", object, key)
		}
	})
}
