package main

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"cloud.google.com/go/bigtable"
	"golang.org/x/sync/errgroup"

	"github.com/hybrid-bts/functions/shared/engine/place/spelling"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// resolve returns the places that a written name means, the one with the most customers first. country is folded, and "" for
// all countries. folded is the name folded by customers.FoldCity.
//
// The readings of the name decide in their order: the first one that is an alias of a place with customers. A city that is
// stored under the folded name itself counts, too, because releases before table aliases wrote no aliases. The result is empty
// if no place has the name.
func (s *server) resolve(ctx context.Context, name, folded, country string) ([]city, error) {
	candidates := spelling.Candidates(name, country)
	aliases := map[string][]customers.Alias{}
	places := map[string]city{}
	reads, readsCtx := errgroup.WithContext(ctx)
	reads.Go(func() error {
		var keys bigtable.RowList
		for _, c := range candidates {
			if !slices.Contains(keys, c.Key) {
				keys = append(keys, c.Key)
			}
		}
		for a, err := range s.store.aliases(readsCtx, keys) {
			if err != nil {
				return err
			}
			aliases[a.Key] = append(aliases[a.Key], a)
		}
		return nil
	})
	var strict []string
	reads.Go(func() error {
		start, end := customers.CityRange(folded, country)
		for p, err := range s.store.cities(readsCtx, bigtable.NewRange(start, end), citiesOf{}) {
			if err != nil {
				return err
			}
			places[p.key] = p
			strict = append(strict, p.key)
		}
		return nil
	})
	if err := reads.Wait(); err != nil {
		return nil, err
	}
	var first []string // the places of the first reading that has any
	for _, c := range candidates {
		keys := placesOf(aliases[c.Key], c, country)
		if err := s.readPlaces(ctx, keys, places); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(keys, func(key string) bool { return places[key].Count > 0 }) {
			return ordered(append(keys, strict...), places), nil
		}
		if first == nil {
			first = keys
		}
	}
	return ordered(append(first, strict...), places), nil
}

// placesOf returns the row keys of the places that a reading of a name means, of those that have the name.
func placesOf(aliases []customers.Alias, c spelling.Candidate, country string) []string {
	var all, inPart []string
	for _, a := range aliases {
		in, part, _ := strings.Cut(a.Place.Country, "-")
		if c.Country != "" && c.Country != in || country != "" && country != in && country != a.Place.Country {
			continue
		}
		all = append(all, a.Column())
		if c.Part != "" && spelling.PartCode(c.Part) == part {
			inPart = append(inPart, a.Column())
		}
	}
	if inPart != nil {
		return inPart
	}
	return all
}

// readPlaces adds the places with the given row keys to places, in one read of those that are not there. A place without a row
// in table cities has a count of 0: a load writes aliases first.
func (s *server) readPlaces(ctx context.Context, keys []string, places map[string]city) error {
	var missing bigtable.RowList
	for _, key := range keys {
		if _, ok := places[key]; !ok {
			k, err := customers.ParseKey(key)
			if err != nil {
				return err
			}
			places[key] = city{City: k.City, Country: strings.ToUpper(k.Country), key: key}
			missing = append(missing, key)
		}
	}
	for p, err := range s.store.cities(ctx, missing, citiesOf{}) {
		if err != nil {
			return err
		}
		places[p.key] = p
	}
	return nil
}

// ordered returns the places with the given keys, each once, the one with the most customers first. It leaves out places
// without customers unless all are.
func ordered(keys []string, places map[string]city) []city {
	slices.Sort(keys)
	var list []city
	for _, key := range slices.Compact(keys) {
		list = append(list, places[key])
	}
	slices.SortStableFunc(list, func(a, b city) int { return cmp.Compare(b.Count, a.Count) })
	empty := slices.IndexFunc(list, func(p city) bool { return p.Count == 0 })
	if empty > 0 {
		list = list[:empty]
	}
	return list
}
