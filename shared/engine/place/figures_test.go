package place

import (
	"hash/fnv"
	"runtime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/hybrid-bts/functions/shared/engine/place/gazetteer"
	"github.com/hybrid-bts/functions/shared/engine/place/spelling"
)

// Limits that the tests below check.
const (
	minFound  = 0.99
	maxMerged = 0.002
	maxFile   = 6 << 20
	maxHeap   = 64 << 20
)

// unseen reports whether a place is in the third that only the tests read. Rules and tables were written with the other two thirds.
func unseen(p gazetteer.Place) bool {
	h := fnv.New32a()
	h.Write([]byte(p.Country + p.Name))
	return h.Sum32()%3 == 0
}

// region returns the name of a place's part as an address may have it.
func region(d *data, p gazetteer.Place) string {
	switch {
	case p.Part < 0:
		return ""
	case d.Regions[p.Part].ISO != "":
		return strings.ToUpper(d.Regions[p.Part].ISO)
	case len(d.Regions[p.Part].Names) > 0:
		return d.Regions[p.Part].Names[0]
	}
	return d.Regions[p.Part].Code
}

// writtenForms returns forms of a name that post offices, forms and spreadsheets have.
func writtenForms(p gazetteer.Place, part string) []string {
	name := p.Name
	words := strings.ToUpper(spelling.Words(name))
	forms := []string{
		name, strings.ToUpper(name), words, "  " + strings.ToLower(name) + " ", strings.ReplaceAll(name, "-", " "), strings.ReplaceAll(name, " ", "-"),
		strings.ReplaceAll(strings.ReplaceAll(name, "'", "’"), "-", "‐"), name + ", " + strings.ToUpper(p.Country), name + ".",
	}
	for full, short := range map[string]string{"SAINT ": "ST ", "SAINTE ": "STE. "} {
		if strings.HasPrefix(words, full) {
			forms = append(forms, strings.Replace(words, full, short, 1))
		}
	}
	switch p.Country {
	case "fr":
		forms = append(forms, words+" CEDEX", words+" CEDEX 09", name+", France", name+" (France)")
	case "us", "ca", "au":
		forms = append(forms, words+" "+part, name+", "+part, "City of "+name)
	case "de", "at", "ch":
		forms = append(forms, "12345 "+name, p.Country+"-1234 "+name, strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue").Replace(name))
	case "kr", "jp":
		forms = append(forms, name+"-si", name+" City")
	case "br":
		forms = append(forms, name+"/"+part, name+" - "+part)
	}
	return forms
}

func TestWrittenFormsFindTheirPlace(t *testing.T) {
	d := load()
	forms, found := 0, 0
	for i := 0; i < d.Len(); i += 4 {
		p := d.Place(i)
		if !unseen(p) || p.Section {
			continue
		}
		part := region(d, p)
		want, err := resolve(Address{City: p.Name, Country: strings.ToUpper(p.Country), Part: part})
		if err != nil {
			t.Fatalf("%q: %v", p.Name, err)
		}
		written := writtenForms(p, part)
		if p.Population > 15_000 {
			for _, n := range d.Names(i) {
				written = append(written, n.Display)
			}
		}
		for _, form := range written {
			forms++
			got, err := resolve(Address{City: form, Country: strings.ToUpper(p.Country), Part: part})
			if err == nil && got.City == want.City && got.Country == want.Country {
				found++
			} else if testing.Verbose() && forms-found < 100 {
				t.Logf("%q of %q in %s, %s is %q in %s, want %q", form, p.Name, part, p.Country, got.City, got.Country, want.City)
			}
		}
	}
	t.Logf("%d of %d written forms find their place: %.2f %%", found, forms, 100*float64(found)/float64(forms))
	if forms < 50_000 || float64(found) < minFound*float64(forms) {
		t.Errorf("%d of %d written forms find their place, want %g", found, forms, minFound)
	}
}

func TestPlacesStayApart(t *testing.T) {
	d := load()
	places, merged := 0, 0
	keys := map[string]int{}
	for i := range d.Len() {
		p := d.Place(i)
		if p.Section {
			continue
		}
		places++
		got, err := resolve(Address{City: p.Name, Country: strings.ToUpper(p.Country), Part: region(d, p)})
		if err != nil {
			t.Fatalf("%q: %v", p.Name, err)
		}
		if got.index != i && !got.Ambiguous {
			merged++
			if testing.Verbose() && merged < 100 {
				t.Logf("%q in %s, %s is %q in %s", p.Name, region(d, p), p.Country, got.City, got.Country)
			}
		}
		k := (&query{data: d}).known(i)
		if other, ok := keys[k.City+"#"+k.Country]; ok {
			t.Errorf("places %d and %d have the key %q, %q", i, other, k.City, k.Country)
		}
		keys[k.City+"#"+k.Country] = i
	}
	t.Logf("%d of %d places are merged with another: %.3f %%", merged, places, 100*float64(merged)/float64(places))
	if places < 100_000 || float64(merged) > maxMerged*float64(places) {
		t.Errorf("%d of %d places are merged with another, want %g", merged, places, maxMerged)
	}
}

func TestEveryNameIsValidText(t *testing.T) {
	d := load()
	for i := range d.Len() {
		if name := d.Place(i).Name; name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
			t.Errorf("the name of place %d is %q", i, name)
		}
	}
}

func TestTheGazetteerFitsIntoMemory(t *testing.T) {
	if len(file) > maxFile {
		t.Errorf("the file has %d bytes, want at most %d", len(file), maxFile)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	g, err := gazetteer.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > maxHeap || g.Len() == 0 {
		t.Errorf("decoding allocates %d bytes, want at most %d", allocated, maxHeap)
	}
}

func BenchmarkOpen(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := gazetteer.Decode(file); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	load()
	for name, a := range map[string]Address{
		"name":    {City: "Lyon", Country: "FR", Postcode: "69002"},
		"cedex":   {City: "75008 PARIS CEDEX 08", Country: "FR"},
		"korean":  {City: "서울특별시 강남구", Country: "KR"},
		"unknown": {City: "Saint-Nulle-Part-sur-Rien", Country: "FR", Postcode: "23999"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := resolve(a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("repeated", func(b *testing.B) {
		for b.Loop() {
			if _, err := Resolve(Address{City: "Lyon", Country: "FR", Postcode: "69002"}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
