package rendition

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestPresets(t *testing.T) {
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
			t.Errorf("%q is taken for %v", list, p)
		}
	}
}

func TestNames(t *testing.T) {
	korean := strings.Repeat("가", 341) + "a" // 1,024 bytes
	for object, plain := range map[string]bool{
		"products/butter.jpg": true, "사진 1.jpg": true, "a": true, strings.Repeat("x", maxKey): true,
		strings.Repeat("x", maxKey+1): false, korean: false, "../../etc/passwd": false, "a/../b": false, "a//b": false, "./a": false,
		"a\x00b": false, "a\nb": false, "a\\b": false, "\xff": false, "": false, "/a": false, "a/": false, "hashed/a": false, "a\u202eb": false,
	} {
		name := Name(object, 1795166102310000, "card", "image/png")
		if got := name == object+"/1795166102310000/card.png"; got != plain {
			t.Errorf("%q becomes %q", object, name)
		}
		if len(name) > 1024 || len(ManifestName(object)) > 1024 || strings.Contains(name, "..") || strings.ContainsAny(name, "\x00\n") {
			t.Errorf("%q becomes %q", object, name)
		}
	}
	if Key("a/../b") == Key("a//b") {
		t.Error("two objects share a key")
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

func TestDecodeRefusesWhatIsNoManifestOfTheObject(t *testing.T) {
	for name, change := range map[string]func(*Manifest){
		"of another object":       func(m *Manifest) { m.Object = "other" },
		"without a generation":    func(m *Manifest) { m.Generation = 0 },
		"without a size":          func(m *Manifest) { m.Height = 0 },
		"with a rendition of 0×1": func(m *Manifest) { m.Renditions[0].Width = 0 },
		"with a name elsewhere":   func(m *Manifest) { m.Renditions[0].Name = "../secret" },
	} {
		m := manifest()
		change(&m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode("products/butter.jpg", b); err == nil {
			t.Errorf("a manifest %s is taken", name)
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
				t.Fatalf("a rendition is named %q", r.Name)
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
