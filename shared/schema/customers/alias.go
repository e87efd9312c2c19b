package customers

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Alias is a name of a place: a cell of table aliases. The row key is the key of the name, so the places that share a name are
// in one row, and writers of different places never change the same cell.
type Alias struct {
	Key   string // the key of the name: spelling.Key of shared/engine/place/spelling
	Place Key    // without a customer
	Name  string // of the place, for display
	As    string // the alias, for display
	// Previous is the key before Key among the names of the place, or "" for the first one. See First.
	Previous string
}

// aliasValue is the value of a cell of table aliases.
type aliasValue struct {
	Name     string `json:"name"`
	As       string `json:"as"`
	Previous string `json:"previous,omitempty"`
}

// NewAliases returns the cells of a place's names. It takes the alias for display by key. Equal names have equal cells, so that
// a repeated write changes nothing.
func NewAliases(place Key, name string, as map[string]string) []Alias {
	place.Customer = ""
	keys := make([]string, 0, len(as))
	for key := range as {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	aliases := make([]Alias, len(keys))
	previous := ""
	for i, key := range keys {
		aliases[i] = Alias{key, place, name, as[key], previous}
		previous = key
	}
	return aliases
}

// First reports whether the alias is the first name of the place in a scan of the row keys with a prefix. A list of the places
// by prefix shows each place once, at its first name.
func (a Alias) First(prefix string) bool {
	return a.Previous == "" || !strings.HasPrefix(a.Previous, prefix)
}

// Column returns the column of the cell in family AliasFamily: the row key of the place in table cities.
func (a Alias) Column() string { return Key{City: a.Place.City, Country: a.Place.Country}.String() }

// Value returns the value of the cell.
func (a Alias) Value() []byte {
	value, err := json.Marshal(aliasValue{a.Name, a.As, a.Previous})
	if err != nil {
		panic(err) // strings always encode
	}
	return value
}

// ParseAlias returns the alias of a cell of table aliases. column may have the prefix of its family.
func ParseAlias(row, column string, value []byte) (Alias, error) {
	place, err := ParseKey(strings.TrimPrefix(column, AliasFamily+":"))
	if err == nil && place.Customer != "" {
		err = fmt.Errorf("row key %q has a customer", column)
	}
	var v aliasValue
	if err == nil {
		err = json.Unmarshal(value, &v)
	}
	if err != nil {
		return Alias{}, fmt.Errorf("decode alias %q: %w", row, err)
	}
	return Alias{row, place, v.Name, v.As, v.Previous}, nil
}

// SpellingCount is the number of customers of a place who write it in one way.
type SpellingCount struct {
	As    string `json:"as"`
	Count int64  `json:"count"`
}

// EncodeSpellings returns the value of SpellingsColumn.
func EncodeSpellings(spellings []SpellingCount) []byte {
	value, err := json.Marshal(spellings)
	if err != nil {
		panic(err) // strings and integers always encode
	}
	return value
}

// DecodeSpellings is the inverse of EncodeSpellings.
func DecodeSpellings(value []byte) ([]SpellingCount, error) {
	var spellings []SpellingCount
	if err := json.Unmarshal(value, &spellings); err != nil {
		return nil, fmt.Errorf("decode spellings: %w", err)
	}
	return spellings, nil
}
