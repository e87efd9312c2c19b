package main

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// group is a number of customers with one value.
type group struct {
	Value string `json:"value" doc:"The country, the subdivision or country, the postcode as written, or the month such as 2013-06; empty for customers without the value."`
	Count int64  `json:"count"`
}

const (
	// maxGroups bounds the memory and the response of a query with group.
	maxGroups = 10_000
	// maxPassRows bounds the rows that a query with group or sample reads.
	maxPassRows = 1_000_000
)

// tooLarge returns the problem of a query that would read more than maxPassRows.
func tooLarge(parameter string) error {
	return parameterProblem(http.StatusBadRequest, parameter,
		fmt.Sprintf("reads at most %d customers; ask for fewer cities, or aggregate a stream such as format=ndjson", maxPassRows))
}

// groups returns the numbers of customers in a scope that filter selects, by the values of a group parameter, in the order of
// the values. It sums the counters of the places if they have the answer. Otherwise it reads the customers once.
func (s *server) groups(ctx context.Context, in scope, by string, filter rowFilter) ([]group, error) {
	counts := map[string]int64{}
	add := func(value string, n int64) error {
		if counts[value] += n; len(counts) > maxGroups {
			return parameterProblem(http.StatusBadRequest, "group", fmt.Sprintf("has more than %d values; filter the customers, for example by postcode_prefix", maxGroups))
		}
		return nil
	}
	var err error
	if (by == "country" || by == "part") && filter.exactCities == nil && !filter.filtersValues() {
		err = s.sumCounters(ctx, in, by, filter, add)
	} else {
		err = s.countRows(ctx, in, by, filter, add)
	}
	if err != nil {
		return nil, err
	}
	list := make([]group, 0, len(counts))
	for _, value := range slices.Sorted(maps.Keys(counts)) {
		if counts[value] > 0 {
			list = append(list, group{value, counts[value]})
		}
	}
	return list, nil
}

// sumCounters adds the counters of places by country or part.
func (s *server) sumCounters(ctx context.Context, in scope, by string, filter rowFilter, add func(string, int64) error) error {
	places, err := s.allPlaces(ctx, in)
	if err != nil {
		return err
	}
	for _, p := range places {
		n, _ := filter.count([]city{p})
		if err := add(regionOf(p.key, by), n); err != nil {
			return err
		}
	}
	return nil
}

// countRows reads the customers and counts them.
func (s *server) countRows(ctx context.Context, in scope, by string, filter rowFilter, add func(string, int64) error) error {
	selected := fields{}
	switch by {
	case "postcode":
		selected = fields{fieldIndex("postcode")}
	case "joined_month":
		selected = fields{fieldIndex("joined")}
	}
	maskPostcode := s.masking.rule("postcode")
	for c, err := range s.pass(ctx, in, filter, selected, "group") {
		if err != nil {
			return err
		}
		value := ""
		switch by {
		case "postcode":
			value = maskPostcode(c.value("postcode"))
		case "joined_month":
			value = monthOf(c.value("joined"))
		default:
			value = regionOf(c.key, by)
		}
		if err := add(value, 1); err != nil {
			return err
		}
	}
	return nil
}

// pass yields the customers in a scope that filter selects. It fails with the problem of a parameter if it would read more
// than maxPassRows.
func (s *server) pass(ctx context.Context, in scope, filter rowFilter, selected fields, parameter string) iter.Seq2[customer, error] {
	return func(yield func(customer, error) bool) {
		if counted, _ := (rowFilter{}).count(in.places); counted > maxPassRows {
			yield(customer{}, tooLarge(parameter))
			return
		}
		n := 0
		for c, err := range s.scan(ctx, in, "", maxPassRows+1, filter.columns(selected)) {
			if n++; err == nil && n > maxPassRows {
				err = tooLarge(parameter)
			}
			if err == nil && !filter.matches(&c) {
				continue
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// regionOf returns the country, or the subdivision for by "part", of a row key. A place whose subdivision is unknown is in
// the group of its country.
func regionOf(rowKey, by string) string {
	key, err := customers.ParseKey(rowKey)
	if err != nil {
		return "" // the store has parsed the key
	}
	region := strings.ToUpper(key.Country)
	if by == "country" {
		region, _, _ = strings.Cut(region, "-")
	}
	return region
}

// monthOf returns the month of a date of the form 2006-01-02, and "" for other values.
func monthOf(date string) string {
	if len(date) < len("2006-01-02") || date[4] != '-' || date[7] != '-' {
		return ""
	}
	for _, i := range []int{0, 1, 2, 3, 5, 6} {
		if date[i] < '0' || date[i] > '9' {
			return ""
		}
	}
	return date[:7]
}
