package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// ids returns the ids of all pages of a query.
func ids(t testing.TB, h http.Handler, target string) []string {
	t.Helper()
	var all []string
	for token := ""; ; {
		p := get200(t, h, target+"&page_token="+token)
		for _, c := range p.Customers {
			all = append(all, c["id"])
		}
		if token = p.Next; token == "" {
			return all
		}
	}
}

func TestSeveralCitiesAndCountriesAreOneQuery(t *testing.T) {
	engine := start(t)
	addPlaces(t, engine)
	for i := range 230 { // more places than one read has
		addPlace(t, engine, storedPlace{customers.Key{City: fmt.Sprintf("ville%03d", i), Country: "fr"}, "V", nil, []storedRow{{"V", "1", "2000-01-01", 1 + i%2, false}}})
	}
	h := checkedHandler(t, newServer(engine))
	for _, tc := range []struct {
		query string
		want  int
		count int64
	}{
		{"city=Paris&city=Lyon", 9, 9}, {"city=Lyon&city=Paris", 9, 9}, {"city=Paris&city=PARIS+CEDEX+08&city=파리", 6, 6}, {"city=Paris", 6, 6},
		{"city=Paris&city=Atlantis", 6, 6}, {"city=Atlantis", 0, 0}, {"city=Paris&city=Lyon&country=US", 2, 2}, {"city=Paris,+France&city=서울", 11, 11},
		{"country=FR", 9 + 345, 9 + 345}, {"country=US", 2, 2}, {"country=US-TX", 2, 2}, {"country=US-CA", 0, 0}, {"country=DE", 0, 0},
		{"country=FR&ambiguous=false", 8 + 345, 8 + 345}, {"city=Paris&city=Lyon&exact=true", 5, -1},
	} {
		first := get200(t, h, "/v1/customers?"+tc.query)
		if first.count() != tc.count {
			t.Errorf("%s: count %d, want %d", tc.query, first.count(), tc.count)
		}
		var want []string
		for _, size := range []int{1000, 7, 101} {
			got := ids(t, h, fmt.Sprintf("/v1/customers?%s&page_size=%d", tc.query, size))
			if want == nil {
				want = got
			}
			unique := slices.Compact(slices.Sorted(slices.Values(got)))
			if len(got) != tc.want || len(unique) != tc.want || !slices.Equal(got, want) {
				t.Errorf("%s in pages of %d: %d customers, %d of them unique, want %d in one order", tc.query, size, len(got), len(unique), tc.want)
			}
		}
		lines := strings.Fields(do(h, http.MethodGet, "/v1/customers?fields=id&format=ndjson&"+tc.query).Body.String())
		if len(lines) != tc.want {
			t.Errorf("%s: stream of %d lines, want %d", tc.query, len(lines), tc.want)
		}
	}
	p := get200(t, h, "/v1/customers?city=Lione&city=Paris")
	if len(p.Cities) != 2 || p.Cities[0].City != "Lyon" || len(p.Cities[1].Others) != 1 {
		t.Errorf("cities %+v, want Lyon, then Paris with another place", p.Cities)
	}
	if p := get200(t, h, "/v1/customers?country=FR&page_size=10"); p.Next == "" || get200(t, h, "/v1/customers?country=FR&page_size=10&page_token="+p.Next).count() != -1 {
		t.Error("the second page of a country has a count, want none")
	}
}
