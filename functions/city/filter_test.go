package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestFiltersSelectCustomersInAllFormats(t *testing.T) {
	engine := start(t)
	addPlaces(t, engine)
	h := checkedHandler(t, newServer(engine))
	for query, want := range map[string]int{
		"joined_from=2014-07-01": 3, "joined_from=2014-07-02": 1, "joined_to=2013-06-13": 3, "joined_to=2013-06-12": 0, "joined_from=2013-06-13&joined_to=2014-07-01": 5,
		"postcode_prefix=75": 6, "postcode_prefix=75015": 1, "postcode_prefix=75-0": 6, "postcode_prefix=7500": 5, "postcode_prefix=9": 0,
		"postcode_prefix=75015&joined_from=2015-01-31": 1, "postcode_prefix=75015&ambiguous=false": 0, "fields=id&postcode_prefix=75008": 2, "fields=name&joined_from=2014-07-01": 3,
	} {
		p := get200(t, h, at("Paris", query))
		if len(p.Customers) != want || p.count() != -1 {
			t.Errorf("%s: %d customers with the count %d, want %d without a count", query, len(p.Customers), p.count(), want)
		}
		for _, format := range []string{"ndjson", "csv", "parquet"} {
			w := do(h, http.MethodGet, at("Paris", query+"&format="+format))
			got := strings.Count(w.Body.String(), "\n")
			switch format {
			case "csv":
				got--
			case "parquet":
				got = len(readParquet(t, w.Body.Bytes()).rows)
			}
			if got != want || w.Header().Get("X-Customers-Count") != "" {
				t.Errorf("%s as %s: %d customers, want %d without a count", query, format, got, want)
			}
		}
		total := int64(0)
		for _, g := range get200(t, h, at("Paris", query+"&group=country")).Groups {
			total += g.Count
		}
		if total != int64(want) {
			t.Errorf("%s: groups of %d customers, want %d", query, total, want)
		}
	}
	for _, c := range get200(t, h, at("Paris", "fields=name&joined_from=2014-07-01")).Customers {
		if len(c) != 1 {
			t.Errorf("customer %v, want the selected field only", c)
		}
	}
}

// No page reads the whole city to find the customers of a rare value.
func TestPageWithAFilterReadsALimitedNumberOfRows(t *testing.T) {
	engine := start(t)
	const rows, n = 1000, 1500
	addCity(t, engine, "Paris", "FR", n, nil)
	s := newServer(engine)
	s.pageRows = rows
	h := checkedHandler(t, s)
	p := get200(t, h, at("Paris", "postcode_prefix=9"))
	if len(p.Customers) != 0 || p.Next == "" {
		t.Fatalf("%d customers and token %q, want an empty page with a next one", len(p.Customers), p.Next)
	}
	if p = get200(t, h, at("Paris", "postcode_prefix=9&page_token="+p.Next)); len(p.Customers) != 0 || p.Next != "" {
		t.Errorf("%d customers and token %q, want the empty last page", len(p.Customers), p.Next)
	}
	seen := map[string]bool{}
	for _, id := range ids(t, h, at("Paris", "postcode_prefix=75&page_size=1000&fields=id")) {
		seen[id] = true
	}
	if len(seen) != n {
		t.Errorf("%d customers, want %d", len(seen), n)
	}
	if p = get200(t, h, at("Paris", fmt.Sprintf("postcode_prefix=75&page_size=%d", 1))); len(p.Customers) != 1 || p.Next == "" {
		t.Errorf("%d customers and token %q, want one and a next page", len(p.Customers), p.Next)
	}
}
