package main

import (
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hybrid-bts/functions/shared/engine/place/gazetteer"
	"github.com/hybrid-bts/functions/shared/engine/place/spelling"
)

// regionsTable has codes and names of regions; see its first line.
//
//go:embed regions.tsv
var regionsTable string

// namesTable has names of places that the tables lack: the id of GeoNames and the names, separated by commas.
//
//go:embed names.tsv
var namesTable string

// placesTable has places that the tables lack; see its first line.
//
//go:embed places.tsv
var placesTable string

// firstOwnID is the id of the first place of placesTable. GeoNames has no such ids.
const firstOwnID = 1 << 30

// addPlaces adds the names and places of placesTable.
func (s *sources) addPlaces() error {
	// by country, part and name; and by country and name, if the name is not in Latin letters
	byName, byAlternate := map[string]*record{}, map[string]*record{}
	add := func(index map[string]*record, key string, r *record) {
		if old := index[key]; old == nil || old.population < r.population {
			index[key] = r
		}
	}
	for _, r := range s.records {
		for _, name := range []string{r.name, r.ascii} {
			add(byName, r.country+"."+r.admin1+"."+spelling.Key(name), r)
		}
		for _, name := range r.alternates {
			add(byAlternate, r.country+"."+r.admin1+"."+spelling.Key(name), r)
			if !isLatin(name) {
				add(byAlternate, r.country+"."+spelling.Key(name), r)
			}
		}
	}
	id := uint32(firstOwnID)
	for line := range strings.Lines(placesTable) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 4 {
			return fmt.Errorf("places.tsv: %q has %d columns instead of 4", line, len(f))
		}
		population, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			return fmt.Errorf("places.tsv: %w", err)
		}
		country, part, names := strings.ToLower(f[0]), strings.ToLower(f[1]), strings.Split(f[3], ",")
		find := func(latin bool, index map[string]*record, prefix string) *record {
			for _, name := range names {
				if r := index[prefix+"."+spelling.Key(name)]; r != nil && isLatin(name) == latin {
					return r
				}
			}
			return nil
		}
		r := cmp.Or(find(false, byAlternate, country+"."+part), find(true, byName, country+"."+part), find(true, byAlternate, country+"."+part), find(false, byAlternate, country))
		if r == nil {
			id++
			r = &record{id: id, country: country, class: "PPL"}
			if strings.HasSuffix(names[len(names)-1], "-gu") {
				r.class = "PPLX"
			}
			s.records = append(s.records, r)
		}
		r.alternates = append(append(r.alternates, r.name, r.ascii), names...)
		r.name, r.ascii, r.admin1, r.population = names[0], names[0], part, max(r.population, population)
		add(byName, country+"."+part+"."+spelling.Key(r.name), r)
	}
	return nil
}

// isLatin reports whether a name has Latin letters only.
func isLatin(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) })
}

// formerClasses are the feature classes of places without people.
var formerClasses = []string{"PPLH", "PPLQ", "PPLW", "PPLCH"}

// encode returns the gazetteer of the records with the given population.
func (s *sources) encode(minimum int64) ([]byte, error) {
	for line := range strings.Lines(namesTable) {
		text, names, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if id, err := strconv.ParseUint(text, 10, 32); err == nil && s.byID[uint32(id)] != nil {
			r := s.byID[uint32(id)]
			r.alternates = append(r.alternates, strings.Split(names, ",")...)
		}
	}
	if err := s.addPlaces(); err != nil {
		return nil, err
	}
	records := slices.DeleteFunc(slices.Clone(s.records), func(r *record) bool {
		isSeat := strings.HasPrefix(r.class, "PPLA") && r.class != "PPLA5" || r.class == "PPLC"
		return slices.Contains(formerClasses, r.class) || r.population < minimum && !(isSeat && r.population > 0) || spelling.Key(r.name) == ""
	})
	slices.SortFunc(records, func(a, b *record) int {
		return cmp.Or(cmp.Compare(isSection(a), isSection(b)), cmp.Compare(b.population, a.population), cmp.Compare(a.id, b.id))
	})
	records = withoutRepetitions(records)

	e := encoder{sources: s, index: map[string]int{}}
	local := map[string]gazetteer.Region{}
	for line := range strings.Lines(regionsTable) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) >= 3 && !strings.HasPrefix(line, "#") {
			names := ""
			if len(f) > 3 {
				names = f[3]
			}
			local[strings.ToLower(f[0]+"."+f[1])] = gazetteer.Region{ISO: strings.ToLower(f[2]), Names: strings.Split(names, ",")}
		}
	}
	e.local = local
	homonyms := map[string]int{}
	for _, r := range records {
		homonyms[r.country+spelling.Key(r.name)]++
	}
	taken := map[string]bool{}
	for _, r := range records {
		p := gazetteer.Source{
			Place: gazetteer.Place{Country: r.country, Part: e.region(r.country, r.admin1, ""), District: -1, Population: float64(r.population), Section: isSection(r) == 1, Name: r.name},
			Words: spelling.Words(r.name), Own: []string{spelling.Words(r.ascii)}, Also: map[string]string{},
		}
		if r.admin2 != "" && (homonyms[r.country+spelling.Key(r.name)] > 1 || districtCountries[r.country]) {
			p.District = e.region(r.country, r.admin1, r.admin2)
		}
		iso := ""
		if p.Part >= 0 {
			iso = e.regions[p.Part].ISO
		}
		key := strings.ToLower(r.name) + "#" + r.country + iso
		if taken[key] || taken[spelling.Key(r.name)+"#"+r.country+iso] {
			p.ID = r.id
		}
		taken[key], taken[spelling.Key(r.name)+"#"+r.country+iso] = true, true
		for _, a := range r.alternates {
			if spelling.Key(a) == spelling.Key(r.name) {
				continue
			}
			addName(p.Also, a)
			for _, bare := range withoutSuffix(a) {
				addName(p.Also, bare)
			}
		}
		for _, bare := range withoutSuffix(r.name) {
			addName(p.Also, bare)
		}
		e.places = append(e.places, p)
	}
	return gazetteer.Encode(e.regions, e.places, s.homonyms(e.places))
}

// homonyms returns the countries and keys of the names that places of several regions share, none of them in the gazetteer.
func (s *sources) homonyms(places []gazetteer.Source) []string {
	known := map[string]bool{}
	for _, p := range places {
		known[p.Country+spelling.Key(p.Name)] = true
	}
	regions := map[string]string{}
	var shared []string
	add := func(country, name, region string) {
		key := country + spelling.Plain(name, country)
		if known[key] || len(key) == len(country) {
			return
		}
		if first, ok := regions[key]; ok && first != region {
			shared = append(shared, key)
		}
		regions[key] = region
	}
	for _, r := range s.records {
		if r.country != "fr" || len(s.communes) == 0 {
			add(r.country, r.name, r.admin1)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(s.communes)) {
		add("fr", s.communes[code], code[:2])
	}
	return shared
}

// addName adds a name by its words. Of several spellings the one with most letters outside ASCII stays, which is the original one.
func addName(names map[string]string, name string) {
	words := spelling.Words(name)
	if words == "" {
		return
	}
	key := strings.ReplaceAll(words, " ", "")
	if len(key) < 2 {
		return
	}
	if old, ok := names[words]; !ok || len(name)-utf8.RuneCountInString(name) > len(old)-utf8.RuneCountInString(old) {
		names[words] = name
	}
}

// isSection returns 1 for a section of a place, else 0.
func isSection(r *record) int {
	if r.class == "PPLX" || r.class == "PPLA5" {
		return 1
	}
	return 0
}

// districtCountries are the countries whose addresses name the district: by the postcode in France, by its code in Italy.
var districtCountries = map[string]bool{"fr": true, "es": true, "it": true}

// cityNames are the suffixes of the names of cities in Korean, Japanese and Chinese.
var cityNames = []string{"특별자치시", "특별시", "광역시", "시", "군", "市", "都", "府", "县", "縣", "町", "村"}

// withoutSuffix returns a Korean, Japanese or Chinese name without its suffix, which people leave out.
func withoutSuffix(name string) []string {
	if r, _ := utf8.DecodeLastRuneInString(name); !unicode.In(r, unicode.Hangul, unicode.Han) {
		return nil
	}
	for _, suffix := range cityNames {
		if bare, ok := strings.CutSuffix(name, suffix); ok && utf8.RuneCountInString(bare) >= 2 {
			return []string{bare}
		}
	}
	return nil
}

// nearKilometres is the distance within which two records of one name in one part of a country are one place.
const nearKilometres = 12

// withoutRepetitions drops a record if a larger one has its name nearby, and a numbered district if the larger city exists. The
// larger one takes the names. records are sorted by size.
func withoutRepetitions(records []*record) []*record {
	byName := map[string][]*record{}
	var kept []*record
	for _, r := range records {
		names := []string{spelling.Words(r.name)}
		if isSection(r) == 1 && strings.ContainsFunc(r.name, unicode.IsDigit) {
			for _, c := range spelling.Candidates(r.name, r.country) {
				names = append(names, c.Key)
			}
		}
		var larger *record
		for i, name := range names {
			for _, o := range byName[r.country+"."+r.admin1+"."+name] {
				if larger == nil && kilometres(r, o) < nearKilometres*float64(1+min(i, 1)) {
					larger = o
				}
			}
		}
		if larger != nil {
			if len(names) == 1 {
				larger.alternates = append(larger.alternates, r.alternates...)
			}
			continue
		}
		for _, name := range []string{spelling.Words(r.name), spelling.Key(r.name)} {
			byName[r.country+"."+r.admin1+"."+name] = append(byName[r.country+"."+r.admin1+"."+name], r)
		}
		kept = append(kept, r)
	}
	return kept
}

// kilometres returns the distance of two records, on a plane.
func kilometres(a, b *record) float64 {
	north := a.latitude - b.latitude
	east := (a.longitude - b.longitude) * math.Cos(a.latitude*math.Pi/180)
	return 111.2 * math.Hypot(north, east)
}

// encoder collects the regions that places refer to.
type encoder struct {
	*sources
	local   map[string]gazetteer.Region
	regions []gazetteer.Region
	index   map[string]int
	places  []gazetteer.Source
}

// region returns the index of a part of a country or of a district of a part, or -1 for an empty code.
func (e *encoder) region(country, part, district string) int {
	if part == "" || part == "00" {
		return -1
	}
	code, id := part, country+"."+part
	if district != "" {
		code, id = district, id+"."+district
	}
	if i, ok := e.index[id]; ok {
		return i
	}
	r := gazetteer.Region{Country: country, District: district != "", Code: code, ISO: e.local[id].ISO}
	if country == "us" && district == "" {
		r.ISO = code
	}
	for _, name := range append(slices.Clone(e.regionNames[id]), e.local[id].Names...) {
		if key := spelling.Key(name); key != "" && !slices.Contains(r.Names, key) {
			r.Names = append(r.Names, key)
		}
	}
	e.index[id] = len(e.regions)
	e.regions = append(e.regions, r)
	return len(e.regions) - 1
}
