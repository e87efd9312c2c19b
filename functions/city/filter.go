package main

import (
	"slices"
	"strings"

	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// rowFilter selects rows of a scope. The zero value selects all of them. The function filters the rows that it reads, because
// no index has their values.
type rowFilter struct {
	exactCities    []string // folded by customers.FoldCity; the customer wrote one of them, and no other place matches
	unambiguous    bool     // without customers whose address several places match
	joinedFrom     string   // 2006-01-02, inclusive; "" is unbounded
	joinedTo       string   // 2006-01-02, inclusive; "" is unbounded
	postcodePrefix string   // of foldPostcode
}

// isZero reports whether the filter selects all rows.
func (f rowFilter) isZero() bool { return f.exactCities == nil && !f.unambiguous && !f.filtersValues() }

// filtersValues reports whether the filter depends on values that no counter has.
func (f rowFilter) filtersValues() bool {
	return f.joinedFrom != "" || f.joinedTo != "" || f.postcodePrefix != ""
}

// columns returns the columns of a read that selects fields and applies the filter.
func (f rowFilter) columns(selected fields) columns {
	read := columns{fields: slices.Clone(selected), ambiguous: f.unambiguous || f.exactCities != nil}
	for name, needed := range map[string]bool{
		"city": f.exactCities != nil, "joined": f.joinedFrom != "" || f.joinedTo != "", "postcode": f.postcodePrefix != "",
	} {
		if needed && !selected.contains(name) {
			read.fields = append(read.fields, fieldIndex(name))
		}
	}
	return read
}

// matches reports whether the filter selects a customer, who must have the values of the filter's columns.
func (f rowFilter) matches(c *customer) bool {
	if (f.unambiguous || f.exactCities != nil) && c.ambiguous {
		return false
	}
	if f.exactCities != nil {
		folded, err := customers.FoldCity(c.value("city"))
		if err != nil || !slices.Contains(f.exactCities, folded) {
			return false
		}
	}
	if f.joinedFrom != "" || f.joinedTo != "" {
		joined := c.value("joined")
		if joined == "" || joined < f.joinedFrom || f.joinedTo != "" && joined > f.joinedTo {
			return false
		}
	}
	return f.postcodePrefix == "" || strings.HasPrefix(foldPostcode(c.value("postcode")), f.postcodePrefix)
}

// foldPostcode returns a postcode without spaces and hyphens in upper case, so that the prefix SW1A1 has "sw1a 1aa".
func foldPostcode(s string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(s))
}

// count returns the number of customers of places that the filter selects, after the last completed load. ok is false if the
// counters of the places do not hold it.
func (f rowFilter) count(places []city) (n int64, ok bool) {
	if f.filtersValues() {
		return 0, false
	}
	for _, p := range places {
		switch {
		case f.exactCities == nil && f.unambiguous:
			n += p.Count - p.ambiguous
		case f.exactCities == nil:
			n += p.Count
		case p.ambiguous > 0:
			return 0, false // no counter has the ambiguous customers of a spelling
		default:
			stored := int64(0)
			for _, s := range p.spellings {
				stored += s.Count
				if folded, err := customers.FoldCity(s.As); err == nil && slices.Contains(f.exactCities, folded) {
					n += s.Count
				}
			}
			if stored != p.Count {
				return 0, false // only the most frequent spellings are stored
			}
		}
	}
	return n, true
}
