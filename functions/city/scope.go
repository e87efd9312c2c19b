package main

import (
	"context"
	"iter"
	"slices"
	"strings"

	"cloud.google.com/go/bigtable"
)

// scope is the part of table customers that a query reads: some places, or all places of a country.
type scope struct {
	places  []city // in the order of their row keys; those of a whole country are nil
	country string // folded, of a whole country
}

// rangesPerRead is the maximum number of places of a country in one read of Bigtable.
const rangesPerRead = 100

// newScope returns the scope of places, each once.
func newScope(places []city) scope {
	places = slices.Clone(places)
	slices.SortFunc(places, func(a, b city) int { return strings.Compare(a.key, b.key) })
	return scope{places: slices.CompactFunc(places, func(a, b city) bool { return a.key == b.key })}
}

// placeRange returns the row keys of the customers of a place from startKey on. ok is false if there are none. The row key of
// a place ends with the separator.
func placeRange(key, startKey string) (r bigtable.RowRange, ok bool) {
	end := key[:len(key)-1] + string(key[len(key)-1]+1)
	if startKey >= end {
		return r, false
	}
	return bigtable.NewRange(max(key, startKey), end), true
}

// ranges yields the ranges of a scope from startKey on, in the order of their keys, some at a time. It finds the places of a
// country in table cities, which has a row for a place before table customers has. It reads their keys between the reads of
// customers, so that no stream from Bigtable waits for a slow client.
func (s *server) ranges(ctx context.Context, in scope, startKey string) iter.Seq2[bigtable.RowRangeList, error] {
	return func(yield func(bigtable.RowRangeList, error) bool) {
		if in.country == "" {
			var list bigtable.RowRangeList
			for _, p := range in.places {
				if r, ok := placeRange(p.key, startKey); ok {
					list = append(list, r)
				}
			}
			if list != nil {
				yield(list, nil)
			}
			return
		}
		// The place of startKey precedes it, and has the same first two parts.
		firstKey := startKey
		if i := strings.LastIndexByte(startKey, '#'); i >= 0 {
			firstKey = startKey[:i+1]
		}
		for {
			var list bigtable.RowRangeList
			places := 0
			for p, err := range s.store.cities(ctx, bigtable.InfiniteRange(firstKey), citiesOf{country: in.country, limit: rangesPerRead, uncounted: true}) {
				if err != nil {
					yield(nil, err)
					return
				}
				places++
				firstKey = p.key + "\x00"
				if r, ok := placeRange(p.key, startKey); ok {
					list = append(list, r)
				}
			}
			if list != nil && !yield(list, nil) || places < rangesPerRead {
				return
			}
		}
	}
}

// scan yields the customers of a scope from startKey on, in the order of their keys. It reads at most limit rows; a limit of
// 0 is no limit.
func (s *server) scan(ctx context.Context, in scope, startKey string, limit int, read columns) iter.Seq2[customer, error] {
	return func(yield func(customer, error) bool) {
		n := 0
		for ranges, err := range s.ranges(ctx, in, startKey) {
			if err != nil {
				yield(customer{}, err)
				return
			}
			for c, err := range s.store.customers(ctx, ranges, max(limit-n, 0), read) {
				if !yield(c, err) || err != nil {
					return
				}
				if n++; n == limit {
					return
				}
			}
		}
	}
}

// allPlaces returns the places of a scope with their counters.
func (s *server) allPlaces(ctx context.Context, in scope) ([]city, error) {
	if in.country == "" {
		return in.places, nil
	}
	var places []city
	for p, err := range s.store.cities(ctx, bigtable.InfiniteRange(""), citiesOf{country: in.country}) {
		if err != nil {
			return nil, err
		}
		p.spellings, p.knownAs = nil, nil // they would take most of the memory
		places = append(places, p)
	}
	return places, nil
}
