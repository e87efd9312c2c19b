package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cloud.google.com/go/bigtable"

	"github.com/hybrid-bts/functions/shared/engine/place/spelling"
	"github.com/hybrid-bts/functions/shared/fake/customerstest"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// storedPlace is a place as loads store it: with aliases and counters.
type storedPlace struct {
	key   customers.Key
	name  string
	known []string // further names
	rows  []storedRow
}

// storedRow is a customer of a place, n times.
type storedRow struct {
	city, postcode, joined string
	n                      int
	ambiguous              bool
}

// addPlace writes a place as loads write it.
func addPlace(t testing.TB, engine *customerstest.Server, p storedPlace) {
	t.Helper()
	at := bigtable.Now().TruncateToMilliseconds()
	apply := func(table, row string, m *bigtable.Mutation) {
		if err := engine.Client.Open(table).Apply(t.Context(), row, m); err != nil {
			t.Fatal(err)
		}
	}
	as := map[string]string{}
	for _, name := range append([]string{p.name}, p.known...) {
		as[spelling.Key(name)] = name
	}
	for _, a := range customers.NewAliases(p.key, p.name, as) {
		m := bigtable.NewMutation()
		m.Set(customers.AliasFamily, a.Column(), at, a.Value())
		apply(customers.AliasesTable, a.Key, m)
	}
	var spellings []customers.SpellingCount
	count, ambiguous := 0, 0
	for _, r := range p.rows {
		for range r.n {
			k := p.key
			k.Customer = fmt.Sprintf("%s-%s-%04d", p.key.City, p.key.Country, count)
			count++
			m := bigtable.NewMutation()
			for column, value := range map[customers.Column]string{
				{Family: "profile", Name: "name"}: "민 " + k.Customer, {Family: "profile", Name: "joined"}: r.joined, {Family: "address", Name: "city"}: r.city,
				{Family: "address", Name: "country"}: strings.ToUpper(p.key.Country), {Family: "address", Name: "postcode"}: r.postcode,
			} {
				if value != "" {
					m.Set(column.Family, column.Name, at, []byte(value))
				}
			}
			if r.ambiguous {
				ambiguous++
				m.Set(customers.AmbiguousColumn.Family, customers.AmbiguousColumn.Name, at, []byte("1"))
			}
			apply(customers.CustomersTable, k.String(), m)
		}
		if i := slices.IndexFunc(spellings, func(s customers.SpellingCount) bool { return s.As == r.city }); i >= 0 {
			spellings[i].Count += int64(r.n)
		} else {
			spellings = append(spellings, customers.SpellingCount{As: r.city, Count: int64(r.n)})
		}
	}
	m := bigtable.NewMutation()
	m.Set(customers.CityFamily, customers.NameColumn, at, []byte(p.name))
	m.Set(customers.CityFamily, customers.CountColumn, at, []byte(strconv.Itoa(count)))
	m.Set(customers.CityFamily, customers.AmbiguousCountColumn, at, []byte(strconv.Itoa(ambiguous)))
	m.Set(customers.CityFamily, customers.SpellingsColumn, at, customers.EncodeSpellings(spellings))
	if p.known != nil {
		m.Set(customers.CityFamily, customers.KnownAsColumn, at, []byte(`["`+strings.Join(p.known, `","`)+`"]`))
	}
	apply(customers.CitiesTable, p.key.String(), m)
}

// addPlaces writes places with names and spellings as customers write them.
func addPlaces(t testing.TB, engine *customerstest.Server) {
	t.Helper()
	for _, p := range []storedPlace{
		{customers.Key{City: "paris", Country: "fr"}, "Paris", []string{"파리", "Parigi", "巴黎"}, []storedRow{
			{"Paris", "75001", "2013-06-13", 3, false}, {"PARIS CEDEX 08", "75008", "2014-07-01", 2, false}, {"PARIS", "75 015", "2015-01-31", 1, true},
		}},
		{customers.Key{City: "paris", Country: "us-tx"}, "Paris", nil, []storedRow{{"Paris", "75460", "2013-06-13", 2, false}}},
		{customers.Key{City: "seoul", Country: "kr"}, "서울", []string{"서울특별시", "Seoul", "ソウル", "首尔"}, []storedRow{
			{"서울", "04524", "2013-06-13", 4, false}, {"Seoul", "04524", "2013-07-09", 1, false},
		}},
		{customers.Key{City: "são paulo", Country: "br"}, "São Paulo", nil, []storedRow{{"Sao Paulo", "01310-100", "", 2, false}}},
		{customers.Key{City: "lyon", Country: "fr"}, "Lyon", []string{"Lione"}, []storedRow{{"Lyon", "69001", "2014-07-01", 2, false}, {"LYON 3", "69003", "2014-07-02", 1, false}}},
		{customers.Key{City: "bangtan", Country: "kr"}, "Bangtan", nil, []storedRow{{"Bangtan", "1", "2020-02-02", 1, false}}},
	} {
		addPlace(t, engine, p)
	}
}

// at returns the target of the customers of a city.
func at(city, query string) string {
	return "/v1/cities/" + url.PathEscape(city) + "/customers?" + query
}

func TestAllNamesOfAPlaceFindItsCustomers(t *testing.T) {
	engine := start(t)
	addPlaces(t, engine)
	h := checkedHandler(t, newServer(engine))
	for name, want := range map[string]string{
		"Paris": "Paris FR 6", "paris": "Paris FR 6", "PARIS": "Paris FR 6", "75015 Paris": "Paris FR 6", "PARIS CEDEX 08": "Paris FR 6", "Paris 15e Arrondissement": "Paris FR 6",
		"Paris, France": "Paris FR 6", "파리": "Paris FR 6", "Parigi": "Paris FR 6", "巴黎": "Paris FR 6", "Paris 08": "Paris FR 6", "Paris, United States": "Paris US-TX 2", "Paris, TX": "Paris US-TX 2",
		"Paris, Texas": "Paris US-TX 2", "Paris Texas": "Paris US-TX 2",
		"서울": "서울 KR 5", "서울특별시": "서울 KR 5", "Seoul": "서울 KR 5", "seoul": "서울 KR 5", "ソウル": "서울 KR 5", "首尔": "서울 KR 5", "서울시": "서울 KR 5", "Sŏul": "Sŏul  0",
		"Sao Paulo": "São Paulo BR 2", "são paulo": "São Paulo BR 2", "SÃO-PAULO": "São Paulo BR 2", "Lione": "Lyon FR 3", "Bangtan": "Bangtan KR 1", "Atlantis": "Atlantis  0",
	} {
		p := get200(t, h, at(name, ""))
		if got := fmt.Sprintf("%s %s %d", p.City, p.Country, p.count()); got != want || len(p.Customers) != int(p.count()) {
			t.Errorf("%q: %s with %d customers, want %s", name, got, len(p.Customers), want)
		}
	}
	for target, want := range map[string]string{
		at("Paris", "country=US"): "Paris US-TX 2", at("Paris", "country=us-tx"): "Paris US-TX 2", at("Paris", "country=FR"): "Paris FR 6", at("Paris", "country=DE"): "Paris  0",
	} {
		p := get200(t, h, target)
		if got := fmt.Sprintf("%s %s %d", p.City, p.Country, p.count()); got != want || len(p.Others) != 0 {
			t.Errorf("%s: %s with others %v, want %s alone", target, got, p.Others, want)
		}
	}
}

func TestPlaceListsItsSpellingsAndOtherPlaces(t *testing.T) {
	engine := start(t)
	addPlaces(t, engine)
	h := checkedHandler(t, newServer(engine))
	p := get200(t, h, at("Paris", "page_size=1"))
	check(t, p.Place, Place{"Paris", "FR", 1, []spellingCount{{"Paris", 3}, {"PARIS CEDEX 08", 2}, {"PARIS", 1}}, []otherPlace{{"Paris", "US-TX", 2}}})
	w := do(h, http.MethodGet, at("Paris", "format=csv"))
	for name, want := range map[string]string{"X-Customers-Count": "6", "X-Ambiguous-Count": "1", "X-Other-Places": "1"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("stream has %s %q, want %q", name, got, want)
		}
	}
}

func TestExactAndAmbiguousNarrowAPlace(t *testing.T) {
	engine := start(t)
	addPlaces(t, engine)
	h := checkedHandler(t, newServer(engine))
	for _, tc := range []struct {
		city, query string
		rows        int
		count       int64
	}{
		{"Paris", "ambiguous=false", 5, 5}, {"Paris", "ambiguous=true", 6, 6}, {"Paris", "exact=true", 3, -1}, {"Paris", "exact=true&ambiguous=false", 3, -1}, {"PARIS  CEDEX 08", "exact=true", 2, -1},
		{"Seoul", "exact=true", 1, 1}, {"서울", "exact=true", 4, 4}, {"서울특별시", "exact=true", 0, 0}, {"São Paulo", "exact=true", 0, 0}, {"sao paulo", "exact=true", 2, 2}, {"Atlantis", "exact=true", 0, 0},
	} {
		p := get200(t, h, at(tc.city, tc.query))
		if len(p.Customers) != tc.rows || p.count() != tc.count {
			t.Errorf("%s?%s: %d customers with the count %d, want %d and %d", tc.city, tc.query, len(p.Customers), p.count(), tc.rows, tc.count)
		}
		lines := do(h, http.MethodGet, at(tc.city, tc.query+"&format=ndjson")).Body.String()
		if strings.Count(lines, "\n") != tc.rows {
			t.Errorf("%s?%s: stream %q, want %d lines", tc.city, tc.query, lines, tc.rows)
		}
	}
}

// A load writes aliases, then customers, then counts.
func TestUncountedPlaceIsFound(t *testing.T) {
	engine := start(t)
	addPlaces(t, engine)
	m := bigtable.NewMutation()
	m.DeleteRow()
	if err := engine.Client.Open(customers.CitiesTable).Apply(t.Context(), "seoul#kr#", m); err != nil {
		t.Fatal(err)
	}
	p := get200(t, checkedHandler(t, newServer(engine)), at("ソウル", ""))
	if len(p.Customers) != 5 || p.count() != 0 {
		t.Errorf("%d customers with the count %d, want 5 and 0", len(p.Customers), p.count())
	}
}

// A place that a release without table aliases stored is found beside places with aliases.
func TestPlacesWithoutAliasesAreFound(t *testing.T) {
	engine := start(t)
	addPlaces(t, engine)
	addCity(t, engine, "Paris", "DE", 9, nil)
	addCity(t, engine, "서울특별시", "JP", 1, nil)
	h := checkedHandler(t, newServer(engine))
	p := get200(t, h, at("Paris", ""))
	check(t, p.Place, Place{"Paris", "DE", 0, []spellingCount{}, []otherPlace{{"Paris", "FR", 6}, {"Paris", "US-TX", 2}}})
	p = get200(t, h, at("서울특별시", ""))
	check(t, p.Others, []otherPlace{{"서울특별시", "JP", 1}})
}

func TestSpellingsAreMaskedByPattern(t *testing.T) {
	engine := start(t)
	addPlace(t, engine, storedPlace{customers.Key{City: "jiminexamplecom", Country: "kr"}, "jimin@example.com", nil, []storedRow{{"jimin@example.com", "", "", 1, false}}})
	h := checkedHandler(t, newServer(engine))
	for _, target := range []string{at("jimin@example.com", ""), "/v1/cities?prefix=jimin", "/v1/cities", "/v1/customers?city=jiminexamplecom"} {
		body := do(h, http.MethodGet, target).Body.String()
		if strings.Contains(body, "jimin@") || !strings.Contains(body, `"***@***"`) {
			t.Errorf("%s: %s, want the address masked", target, body)
		}
	}
}
