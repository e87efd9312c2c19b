package place

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/hybrid-bts/functions/shared/engine/place/gazetteer"
	"github.com/hybrid-bts/functions/shared/engine/place/spelling"
)

const (
	// alternateWeight is the factor by which the population of a place counts less under an alternate name than under its own,
	// and that of a section of a place. A place of less than this part of the largest one's population does not make it ambiguous.
	alternateWeight = 1. / 100
	// cityPopulation is the population from which a postcode of another region does not make a place of its own: people give
	// the city for its suburbs.
	cityPopulation = 50_000
	// stateCityPopulation is the same in countries with a subdivision in their keys, whose post office names the city of each postcode.
	stateCityPopulation = 500_000
	// homonymSign separates the name of a place from the number that distinguishes it from a larger place of that name. No
	// folded name has it.
	homonymSign = "@"
)

// query is the choice among places of one name.
type query struct {
	*data
	country   string
	parts     []string // keys of the part, which the row names
	postcode  string
	words     string // spelling.Words of the city
	accented  string // the folded city if it has accents or is not in Latin letters, else ""
	elsewhere string // set by choose: the region that the address names and no place of that name is in
}

// match is a place that has the name.
type match struct {
	gazetteer.Ref
	place  gazetteer.Place
	tier   int     // number of texts of the address that the place agrees with, weighted
	weight float64 // population
}

// choose returns the place that a reading names. If the reading names places, but all in other regions than the address, it sets
// elsewhere.
func (q *query) choose(reading spelling.Candidate) (Place, bool) {
	if q.country != "" && reading.Country != "" && q.country != reading.Country {
		return Place{}, false
	}
	parts, postcode := q.parts, q.postcode
	if reading.Part != "" {
		parts = append(parts[:len(parts):len(parts)], reading.Part)
	}
	if postcode == "" {
		postcode = reading.Postcode
	}
	var matches []match
	for _, ref := range q.Find(reading.Key) {
		p := q.Summary(ref.Place)
		if q.country != "" && p.Country != q.country || reading.Country != "" && p.Country != reading.Country {
			continue
		}
		matches = append(matches, q.rate(ref, p, parts, postcode))
	}
	if len(matches) == 0 {
		return Place{}, false
	}
	best := 0
	for i, m := range matches {
		if b := matches[best]; m.tier > b.tier || m.tier == b.tier && m.weight > b.weight {
			best = i
		}
	}
	winner := matches[best]
	if q.elsewhere != "" && winner.tier < postcodeAgrees {
		return Place{}, false
	}
	if region := q.contradiction(winner, parts, postcode); region != "" {
		q.elsewhere = cmp.Or(q.elsewhere, region)
		return Place{}, false
	}
	p := q.known(winner.Place)
	p.Ambiguous = winner.tier < postcodeAgrees && len(areas(p.Country[:2], postcode)) > 0
	for i, m := range matches {
		p.Ambiguous = p.Ambiguous || i != best && m.tier == winner.tier && !m.place.Section && (m.Main || !winner.Main) && m.weight > winner.weight*alternateWeight
	}
	return p, true
}

// The agreement of an address with a place. A higher one outweighs all lower ones.
const (
	wordsAgree = 1 << iota
	accentsAgree
	postcodeAgrees
	partAgrees
)

// rate returns the match of a place.
func (q *query) rate(ref gazetteer.Ref, p gazetteer.Place, parts []string, postcode string) match {
	m := match{ref, p, 0, p.Population}
	if !ref.Main {
		m.weight *= alternateWeight
	}
	if p.Section {
		m.weight *= alternateWeight
	}
	for _, part := range parts {
		if q.isIn(p, part) {
			m.tier |= partAgrees
		}
	}
	for _, area := range areas(p.Country, postcode) {
		if q.isInArea(p, area) {
			m.tier |= postcodeAgrees
		}
	}
	name := q.Place(ref.Place).Name
	if q.accented != "" && accented(name) == q.accented {
		m.tier |= accentsAgree
	}
	if spelling.Words(name) == q.words {
		m.tier |= wordsAgree
	}
	return m
}

// isIn reports whether a place is in the part or the district with a code or a name.
func (q *query) isIn(p gazetteer.Place, region string) bool {
	return q.isCalled(p.Part, region) || q.isCalled(p.District, region)
}

// isInArea reports whether a place is in the area of a postcode.
func (q *query) isInArea(p gazetteer.Place, area string) bool {
	if districtPostcodes[p.Country] {
		return q.isCalled(p.District, area)
	}
	return q.isCalled(p.Part, area)
}

// isCalled reports whether a region has a code or the key of a name. No region, -1, has none.
func (q *query) isCalled(region int, key string) bool {
	if region < 0 {
		return false
	}
	r := &q.Regions[region]
	return r.Code == key || r.ISO == key && key != "" || slices.Contains(r.Names, key)
}

// contradiction returns the region that an address names if the place is in another one, else "". Numbers are codes of too many
// kinds to contradict.
func (q *query) contradiction(m match, parts []string, postcode string) string {
	if m.tier&partAgrees == 0 {
		for _, part := range parts {
			if _, err := strconv.Atoi(part); err != nil && q.regions[m.place.Country+part] != "" {
				return q.regions[m.place.Country+part]
			}
		}
	}
	if in := areas(m.place.Country, postcode); len(in) > 0 && m.tier < postcodeAgrees && m.place.Population < q.maxVillage(m.place.Country) && m.place.Part >= 0 {
		if districtPostcodes[m.place.Country] {
			return in[0]
		}
		return cmp.Or(q.regions[m.place.Country+in[0]], in[0])
	}
	return ""
}

// maxVillage returns the population from which a postcode of another region does not make a place of its own.
func (q *query) maxVillage(country string) float64 {
	if q.keyed[country] {
		return stateCityPopulation
	}
	return cityPopulation
}

// known returns a place of the gazetteer.
func (q *query) known(i int) Place {
	p := q.Place(i)
	city := cases.Fold().String(norm.NFKC.String(p.Name))
	if p.ID != 0 {
		city += homonymSign + strconv.Itoa(int(p.ID))
	}
	country := p.Country
	if p.Part >= 0 && q.Regions[p.Part].ISO != "" {
		country += "-" + q.Regions[p.Part].ISO
	}
	return Place{City: strings.Join(strings.Fields(city), " "), Country: country, Name: p.Name, Known: true, index: i}
}

// namedRegion returns the region of a country that the address names by its postcode or its part, or "". Of a country whose places
// have subdivisions in their keys it is the subdivision.
func (q *query) namedRegion(country string) string {
	in := areas(country, q.postcode)
	if len(in) > 0 && districtPostcodes[country] {
		return in[0]
	}
	if len(in) == 1 && q.regions[country+in[0]] != "" {
		return q.regions[country+in[0]]
	}
	for _, part := range q.parts {
		if region := q.regions[country+part]; region != "" {
			return region
		}
	}
	return ""
}

// accented returns a folded name if it has letters outside ASCII, else "". The accents that a person writes are evidence, their
// absence is none.
func accented(name string) string {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return strings.TrimSpace(cases.Fold().String(norm.NFKC.String(name)))
		}
	}
	return ""
}
