// Package place resolves the cities that customers write to places, so that all spellings of a place are one.
package place

import (
	"errors"
	"regexp"
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
}

// Alias is a name of a place.
type Alias struct {
	Key  string // spelling.Key of the name
	Name string // for display
}

// ErrNoName is the error for a city without letters and digits.
var ErrNoName = errors.New("contains no letter or digit")

// subdivision matches the codes of subdivisions.
var subdivision = regexp.MustCompile(`^[a-z0-9]{1,3}$`)

// Resolve returns the place of an address. It is deterministic and safe for concurrent use. The only error is ErrNoName.
func Resolve(a Address) (Place, error) {
	city := spelling.Plain(a.City, a.Country)
	if city == "" {
		return Place{}, ErrNoName
	}
	country := strings.ToLower(strings.TrimSpace(a.Country))
	if part := strings.ToLower(strings.TrimSpace(a.Part)); len(country) == 2 && subdivision.MatchString(part) {
		country += "-" + part
	}
	return Place{City: city, Country: country, Name: strings.TrimSpace(a.City)}, nil
}

// Aliases returns the names of a place in the order of their keys, each key once. The key City of an unknown place is its only
// one.
func (p Place) Aliases() []Alias { return []Alias{{p.City, p.Name}} }
