// Package place resolves the cities that customers write to places, so that all spellings of a place are one.
package place

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/hybrid-bts/functions/shared/engine/place/spelling"
)

// Address is the part of a postal address that decides its place, as the customer wrote it. Only City is required.
type Address struct {
	City     string
	Country  string // an ISO 3166-1 code such as "FR", or a subdivision code such as "US-TX"
	Part     string // a state, province or region: its code or its name
	Postcode string
}

// Place is a city.
type Place struct {
	// City and Country are folded and identify the place: "paris" and "fr", "paris" and "us-tx". They are the parts of the row
	// key of the place.
	City, Country string
	// Name is the name of the place for display. The name of an unknown place is the city as written.
	Name string
	// Known reports whether the gazetteer has the place. An unknown city is a place of its own.
	Known bool
	// Ambiguous reports that several places match the address equally. The place is the largest of them.
	Ambiguous bool

	index int // in the gazetteer, if the place is known
}

// Alias is a name of a place.
type Alias struct {
	Key  string // spelling.Key of the name
	Name string // for display
}

// ErrNoName is the error for a city without letters and digits, or longer than spelling.MaxBytes.
var ErrNoName = errors.New("contains no letter or digit, or is too long")

// Resolve returns the place of an address. It is deterministic and safe for concurrent use. Its first call decodes the
// gazetteer. The only error is ErrNoName.
//
// The readings of the city are tried in their order, and the first one that names a place in the country decides. Of several
// places the part and the postcode select; of the remaining ones the largest is the place. If the part or the postcode belongs to
// none of them, a later reading must name a place there; else the city is a place of its own, because small places share the
// names of large ones.
func Resolve(a Address) (Place, error) {
	if p, ok := recent.get(a); ok {
		return p, nil
	}
	p, err := resolve(a)
	if err == nil {
		recent.put(a, p)
	}
	return p, err
}

// subdivision matches the codes of subdivisions.
var subdivision = regexp.MustCompile(`^[a-z0-9]{1,3}$`)

// resolve is Resolve without its cache.
func resolve(a Address) (Place, error) {
	if spelling.Key(a.City) == "" {
		return Place{}, ErrNoName
	}
	d := load()
	country, code, _ := strings.Cut(strings.ToLower(strings.TrimSpace(a.Country)), "-")
	q := query{data: d, country: country, postcode: a.Postcode, words: spelling.Words(a.City), accented: accented(a.City)}
	for _, part := range []string{a.Part, code} {
		if key := spelling.Key(part); key != "" {
			q.parts = append(q.parts, key)
		}
	}
	for _, c := range q.countries() {
		q.country = c
		for reading := range spelling.All(a.City, a.Country) {
			if p, ok := q.choose(reading); ok {
				return p, nil
			}
		}
	}
	for reading := range spelling.All(a.City, a.Country) { // the city may name its region
		q.postcode = cmp.Or(q.postcode, reading.Postcode)
		if reading.Part != "" {
			q.parts = append(q.parts, reading.Part)
		}
	}
	plain := spelling.Plain(a.City, a.Country)
	p := Place{City: plain, Country: country, Name: strings.TrimSpace(a.City)}
	region := cmp.Or(q.elsewhere, q.namedRegion(country))
	switch {
	case subdivision.MatchString(code):
		p.Country += "-" + code
	case region != "" && d.keyed[country]:
		p.Country += "-" + region
	case q.elsewhere != "" || region != "" && d.Homonym(country, plain):
		p.City += homonymSign + region
	}
	return p, nil
}

// territories are countries of ISO 3166 that addresses of another country include.
var territories = map[string][]string{
	"us": {"pr", "gu", "vi", "as", "mp"}, "fr": {"re", "gp", "mq", "gf", "yt", "nc", "pf", "pm", "bl", "mf", "wf"}, "gb": {"im", "je", "gg", "gi"}, "cn": {"hk", "mo"},
	"nl": {"aw", "cw", "sx", "bq"}, "dk": {"gl", "fo"}, "fi": {"ax"}, "no": {"sj"}, "au": {"cx", "cc", "nf"}, "nz": {"ck", "nu"}, "rs": {"xk"},
}

// countries returns the countries in which an address may be: the territory that it names, its country, and the other territories
// unless it names a part of the country itself.
func (q *query) countries() []string {
	for _, c := range territories[q.country] {
		if slices.Contains(q.parts, c) || territoryOf(q.country, q.postcode) == c {
			return []string{c, q.country}
		}
	}
	if q.namedRegion(q.country) != "" {
		return []string{q.country}
	}
	return append([]string{q.country}, territories[q.country]...)
}

// Aliases returns the names of a place in the order of their keys, each key once. The key City of an unknown place is its only
// one.
func (p Place) Aliases() []Alias {
	if !p.Known {
		key, _, _ := strings.Cut(p.City, homonymSign)
		return []Alias{{key, p.Name}}
	}
	var aliases []Alias
	for _, n := range load().Names(p.index) {
		aliases = append(aliases, Alias{n.Key, n.Display})
	}
	return aliases
}
