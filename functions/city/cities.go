package main

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"cloud.google.com/go/bigtable"
	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/engine/place/spelling"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// listedCity is a place in the list of cities.
type listedCity struct {
	City        string   `json:"city" doc:"The name of the city." example:"Paris"`
	Country     string   `json:"country" example:"US-TX"`
	Count       int64    `json:"count" doc:"The number of customers after the last completed load."`
	AlsoKnownAs []string `json:"also_known_as" nullable:"false" doc:"Other names of the city. The list has it once, whichever of its names have the prefix."`
}

// citiesPage is the JSON of GET /v1/cities.
type citiesPage struct {
	Cities        []listedCity `json:"cities" nullable:"false"`
	NextPageToken string       `json:"next_page_token" doc:"The page_token of the next page; empty on the last page."`
}

// errPageFull ends a list of cities.
var errPageFull = errors.New("page is full")

// cityList is a page of a list of cities that grows.
type cityList struct {
	page     citiesPage
	size     int
	last     string // position of the last city of the page
	masking  masking
	nextPage func(last string) string // returns the token of the page after a position
}

// add adds a place at a position of the list. It returns errPageFull if the page has its size already.
func (l *cityList) add(p city, position, as string) error {
	if p.Count == 0 {
		return nil // all its customers moved to other cities
	}
	if len(l.page.Cities) == l.size {
		l.page.NextPageToken = l.nextPage(l.last)
		return errPageFull
	}
	names := []string{}
	// The name that has the prefix comes first, and may be none of the stored other names.
	for _, name := range append([]string{as}, p.knownAs...) {
		if name != "" && name != p.City && (len(names) == 0 || name != as) {
			names = append(names, l.masking.text("city", name))
		}
	}
	l.last = position
	l.page.Cities = append(l.page.Cities, listedCity{l.masking.text("city", p.City), p.Country, p.Count, names})
	return nil
}

// A list of cities by prefix has two parts, and a position in it starts with the part. Places by their aliases come first, in
// the order of the aliases; then follow places by their row keys that a release without table aliases stored.
const (
	aliasPart = "a"
	keyPart   = "k"
)

// listCities answers GET /v1/cities with the cities that have at least one customer.
func (s *server) listCities(ctx context.Context, in *listCitiesInput) (*huma.StreamResponse, error) {
	query := []string{"cities", in.prefix}
	last, err := in.lastKey(s.tokens, query...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	list := &cityList{
		page: citiesPage{Cities: []listedCity{}}, size: in.PageSize, masking: s.masking,
		nextPage: func(last string) string { return s.tokens.sign(last, query...) },
	}
	part, position := aliasPart, ""
	if last != "" {
		part, position = last[:1], last[1:]
	}
	prefix := spelling.Key(in.Prefix)
	if part == aliasPart && prefix != "" {
		err = s.listByAlias(ctx, list, prefix, position)
		position = ""
	}
	if err == nil {
		err = s.listByKey(ctx, list, in.prefix, position, prefix != "")
	}
	if err != nil && !errors.Is(err, errPageFull) {
		return nil, err
	}
	return jsonResponse(list.page)
}

// aliasesPerRead is the number of aliases whose places are read at once.
const aliasesPerRead = 100

// listByAlias adds the places that have a name with the prefix after position: the key of an alias, a line break, and the row key
// of a place.
func (s *server) listByAlias(ctx context.Context, list *cityList, prefix, position string) error {
	start, end := customers.PrefixRange(prefix)
	after, _, _ := strings.Cut(position, "\n")
	var batch []customers.Alias
	for a, err := range s.store.aliases(ctx, bigtable.NewRange(max(start, after), end)) {
		if err != nil {
			return err
		}
		if !a.First(prefix) || aliasPosition(a) <= position {
			continue
		}
		if batch = append(batch, a); len(batch) == aliasesPerRead {
			if err := s.listAliases(ctx, list, batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	return s.listAliases(ctx, list, batch)
}

// aliasPosition returns the position of an alias in its part of the list. Bigtable sorts rows by key and cells by column.
func aliasPosition(a customers.Alias) string { return a.Key + "\n" + a.Column() }

// listAliases adds the places of aliases.
func (s *server) listAliases(ctx context.Context, list *cityList, aliases []customers.Alias) error {
	keys, places := make([]string, len(aliases)), map[string]city{}
	for i, a := range aliases {
		keys[i] = a.Column()
	}
	if err := s.readPlaces(ctx, keys, places); err != nil {
		return err
	}
	for i, a := range aliases {
		if err := list.add(places[keys[i]], aliasPart+aliasPosition(a), a.As); err != nil {
			return err
		}
	}
	return nil
}

// listByKey adds the places whose row keys have the prefix after position, a row key. listed leaves out places that the list has by
// their aliases.
func (s *server) listByKey(ctx context.Context, list *cityList, prefix, position string, listed bool) error {
	start, end := customers.PrefixRange(prefix)
	if position != "" {
		start = position + "\x00"
	}
	rows := bigtable.InfiniteRange(cmp.Or(start, "\x00"))
	if end != "" {
		rows = bigtable.NewRange(start, end)
	}
	for p, err := range s.store.cities(ctx, rows, citiesOf{}) {
		if err != nil {
			return err
		}
		if listed && p.hasAliases {
			continue
		}
		if err := list.add(p, keyPart+p.key, ""); err != nil {
			return err
		}
	}
	return nil
}
