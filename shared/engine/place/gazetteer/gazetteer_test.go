package gazetteer_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/shared/engine/place/gazetteer"
)

// source returns two regions and places with shared, own and alternate names, and enough others to fill several blocks.
func source() ([]gazetteer.Region, []gazetteer.Source) {
	regions := []gazetteer.Region{
		{Country: "us", Code: "tx", ISO: "tx", Names: []string{"texas"}},
		{Country: "fr", District: true, Code: "75", Names: []string{"paris"}},
	}
	places := []gazetteer.Source{
		{Place: gazetteer.Place{Country: "fr", Part: -1, District: 1, Population: 2e6, Name: "Paris"}, Words: "paris", Also: map[string]string{"파리": "파리", "lutece": "Lutèce"}},
		{Place: gazetteer.Place{ID: 7, Country: "us", Part: 0, District: -1, Population: 25_000, Name: "Paris"}, Words: "paris", Also: map[string]string{"pari": "Pari"}},
		{Place: gazetteer.Place{Country: "br", Part: -1, District: -1, Population: 1e7, Name: "São Paulo"}, Words: "sao paulo", Own: []string{"saopaulo", "sampa"}},
		{Place: gazetteer.Place{Country: "fr", Part: -1, District: -1, Section: true, Name: "L'Île"}, Words: "l ile", Also: map[string]string{"paris": "Paris"}},
	}
	for i := range 100 {
		places = append(places, gazetteer.Source{Place: gazetteer.Place{Country: "kr", Part: -1, District: -1, Name: fmt.Sprintf("Town %d", i)}, Words: fmt.Sprintf("town %d", i)})
	}
	return regions, places
}

// encode returns the file of source.
func encode() ([]byte, error) {
	regions, places := source()
	return gazetteer.Encode(regions, places, []string{"frville", "dedorf", "frville"})
}

func open(t testing.TB) *gazetteer.Gazetteer {
	t.Helper()
	file, err := encode()
	if err != nil {
		t.Fatal(err)
	}
	g, err := gazetteer.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestPlacesAreFoundByEveryName(t *testing.T) {
	g := open(t)
	regions, places := source()
	if !cmp.Equal(g.Regions, regions) || g.Len() != len(places) {
		t.Fatalf("regions %v, %d places", g.Regions, g.Len())
	}
	for _, want := range places {
		names := append([]string{want.Words}, want.Own...)
		for words := range want.Also {
			names = append(names, words)
		}
		for i, words := range names {
			key := strings.ReplaceAll(words, " ", "")
			found := false
			for _, ref := range g.Find(key) {
				got := g.Place(ref.Place)
				if got.Name != want.Name || got.Country != want.Country {
					continue
				}
				found = true
				if ref.Main != (i <= len(want.Own)) {
					t.Errorf("%q is the main name of %s: %v", words, want.Name, ref.Main)
				}
				if math.Abs(math.Log2((got.Population+1)/(want.Population+1))) > 1./8+0.01 && want.Population > 1 {
					t.Errorf("population of %s is %g, want about %g", want.Name, got.Population, want.Population)
				}
				got.Population = want.Population
				if got != want.Place {
					t.Errorf("place %q is %+v, want %+v", words, got, want.Place)
				}
			}
			if !found {
				t.Errorf("%q finds %v, want %s in %s", key, g.Find(key), want.Name, want.Country)
			}
		}
	}
	if !g.Homonym("fr", "ville") || !g.Homonym("de", "dorf") || g.Homonym("de", "ville") || g.Homonym("fr", "vill") {
		t.Error("homonyms are not those of the source")
	}
	for _, key := range []string{"", "a", "pariss", "par", "zzz", "town", "town1000", "\xff"} {
		if got := g.Find(key); got != nil {
			t.Errorf("Find(%q) = %v, want none", key, got)
		}
	}
}

func TestNamesOfAPlaceAreSorted(t *testing.T) {
	g := open(t)
	want := map[string][]gazetteer.Name{
		"fr": {{"lutece", "Lutèce"}, {"paris", "Paris"}, {"파리", "파리"}},
		"us": {{"pari", "Pari"}, {"paris", "Paris"}},
	}
	for _, ref := range g.Find("paris") {
		p := g.Place(ref.Place)
		if ref.Main && !slices.Equal(g.Names(ref.Place), want[p.Country]) {
			t.Errorf("names of Paris in %s are %q, want %q", p.Country, g.Names(ref.Place), want[p.Country])
		}
	}
}

func TestEqualPlacesHaveEqualFiles(t *testing.T) {
	a, err1 := encode()
	b, err2 := encode()
	if err := errors.Join(err1, err2); err != nil || !bytes.Equal(a, b) {
		t.Errorf("two files of the same places differ: %v", err)
	}
	if _, err := gazetteer.Encode(nil, []gazetteer.Source{{Words: strings.Repeat("x", 256)}}, nil); err == nil {
		t.Error("a place without an encodable name is lost")
	}
}

func TestDamagedFilesAreErrors(t *testing.T) {
	file, err := encode()
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(file) {
		if _, err := gazetteer.Decode(file[:n]); err == nil {
			t.Errorf("the first %d bytes of %d decode", n, len(file))
		}
	}
	if _, err := gazetteer.Decode(append([]byte("Q"), file...)); err == nil {
		t.Error("a file with another beginning decodes")
	}
}

// Damaged content must neither crash a look-up nor cost much memory. The fuzzer changes the content before its compression.
func FuzzDecode(f *testing.F) {
	file, err := encode()
	if err != nil {
		f.Fatal(err)
	}
	content, err := gazetteer.Content(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content, "paris")
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, content []byte, key string) {
		g, err := gazetteer.Parse(content)
		if err != nil {
			return
		}
		for _, ref := range g.Find(key) {
			g.Place(ref.Place)
		}
		for i := range min(g.Len(), 100) {
			for _, n := range g.Names(i) {
				g.Find(n.Key)
			}
		}
	})
}
