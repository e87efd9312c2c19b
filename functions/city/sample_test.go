package main

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"strconv"

	"cloud.google.com/go/bigtable"

	"github.com/hybrid-bts/functions/shared/fake/customerstest"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// addNumbered writes a city with n customers whose postcodes are the numbers from 0. It returns the name.
func addNumbered(t testing.TB, engine *customerstest.Server, city string, n int) string {
	t.Helper()
	addCity(t, engine, city, "FR", 0, nil)
	var keys []string
	var rows []*bigtable.Mutation
	for i := range n {
		m := bigtable.NewMutation()
		m.Set("address", "postcode", 1000, []byte(strconv.Itoa(i)))
		m.Set("address", "city", 1000, []byte(city))
		keys, rows = append(keys, customers.Key{City: strings.ToLower(city), Country: "fr", Customer: "n-" + strconv.Itoa(i)}.String()), append(rows, m)
	}
	if errs, err := engine.Client.Open(customers.CustomersTable).ApplyBulk(t.Context(), keys, rows); err != nil || errs != nil {
		t.Fatal(err, errs)
	}
	setCount(t, engine, strings.ToLower(city)+"#fr#", n)
	return city
}

// setCount writes the count of a city.
func setCount(t testing.TB, engine *customerstest.Server, key string, n int) {
	t.Helper()
	m := bigtable.NewMutation()
	m.Set(customers.CityFamily, customers.CountColumn, bigtable.Now().TruncateToMilliseconds(), []byte(strconv.Itoa(n)))
	if err := engine.Client.Open(customers.CitiesTable).Apply(t.Context(), key, m); err != nil {
		t.Fatal(err)
	}
}

func TestSampleIsStableAndOfTheWholeQuery(t *testing.T) {
	engine := start(t)
	addPlaces(t, engine)
	name := addNumbered(t, engine, "Ville", 3000)
	h := checkedHandler(t, newServer(engine))
	sample := func(target string) []string {
		p := get200(t, h, target)
		if p.Next != "" {
			t.Errorf("%s: token %q, want one page", target, p.Next)
		}
		var all []string
		for _, c := range p.Customers {
			all = append(all, c["id"])
		}
		return all
	}
	first := sample(at(name, "sample=100"))
	if len(first) != 100 || !slices.IsSorted(first) || len(slices.Compact(slices.Clone(first))) != 100 {
		t.Fatalf("sample %v, want 100 customers in order", first)
	}
	check(t, sample(at(name, "sample=100")), first)
	early := 0
	for _, id := range first {
		if n, _ := strconv.Atoi(strings.TrimPrefix(id, "n-")); n < 1500 {
			early++
		}
	}
	if early < 30 || early > 70 {
		t.Errorf("%d of 100 sampled customers are in the first half of the city", early)
	}
	for _, id := range sample(at(name, "sample=10")) {
		if !slices.Contains(first, id) {
			t.Errorf("customer %s of the sample of 10 is not in the sample of 100", id)
		}
	}
	lines := do(h, http.MethodGet, at(name, "sample=100&fields=id&format=csv")).Body.String()
	if got := strings.Fields(lines); !slices.Equal(got[1:], first) {
		t.Errorf("sample as CSV is %v, want %v", got[1:], first)
	}
	if got := sample(at("Paris", "sample=100&ambiguous=false")); len(got) != 5 {
		t.Errorf("sample %v, want the 5 customers of the query", got)
	}
	if got := sample("/v1/customers?country=FR&sample=7"); len(got) != 7 {
		t.Errorf("sample %v, want 7 customers", got)
	}
}

// A sample keeps the customers with the smallest hashes, in whatever order they come.
func TestSampleDoesNotDependOnTheOrder(t *testing.T) {
	var all []customer
	for i := range 500 {
		id := strconv.Itoa(i)
		all = append(all, customer{key: "paris#fr#" + id, values: [len(fieldNames)]string{id}})
	}
	want, err := sampleOf(sequence(all), 20)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		got, err := sampleOf(sequence(all), 20)
		if err != nil || !slices.EqualFunc(got, want, func(a, b customer) bool { return a.key == b.key }) {
			t.Fatalf("sample is %v, %v, want %v", got, err, want)
		}
	}
}
