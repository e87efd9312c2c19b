package customers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/shared/fake/customerstest"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

func ExampleKey() {
	city, _ := customers.FoldCity(" SÃO  Paulo ")
	country, _ := customers.FoldCountry("BR")
	fmt.Println(customers.Key{City: city, Country: country, Customer: "ab-1"})
	start, end := customers.CityRange("paris", "us")
	fmt.Println(start, end)
	// Output:
	// são paulo#br#ab-1
	// paris#us# paris#us.
}

func TestRangeOfACityHoldsItsKeysOnly(t *testing.T) {
	keys := []customers.Key{
		{"par", "fr", "1"}, {"paris", "fr", "1"}, {"paris", "us", "1"}, {"paris", "us-tx", "1"}, {"paris", "ut", "1"}, {"paris", "ua", "z"},
		{"paris 2", "fr", "1"}, {"paris#us-tx", "fr", "1"}, {"paris%", "fr", "1"}, {"paris\x00", "fr", "1"}, {"paris!", "fr", "1"}, {"parisé", "fr", "1"},
	}
	for _, tc := range []struct {
		city, country string
		want          []int
	}{
		{"paris", "", []int{1, 2, 3, 4, 5}}, {"paris", "fr", []int{1}}, {"paris", "us", []int{2, 3}}, {"paris", "us-tx", []int{3}},
		{"par", "", []int{0}}, {"paris#us-tx", "", []int{7}}, {"paris", "de", nil}, {"pari", "", nil},
	} {
		start, end := customers.CityRange(tc.city, tc.country)
		var got []int
		for i, k := range keys {
			if s := k.String(); start <= s && s < end {
				got = append(got, i)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(tc.want) {
			t.Errorf("CityRange(%q, %q) holds %v, want %v", tc.city, tc.country, got, tc.want)
		}
	}
}

func TestInvalidRowKeysAreErrors(t *testing.T) {
	for _, key := range []string{"", "paris", "paris#fr", "a#b#c#d", "a%#b#c", "a%2#b#c", "a%2f#b#c", "a%2F#b#c", "a\x00#b#c", "\xff#b#c", "%C3#b#c"} {
		if k, err := customers.ParseKey(key); err == nil {
			t.Errorf("ParseKey(%q) = %q, want an error", key, k)
		}
	}
}

func TestCreateKeepsExistingTables(t *testing.T) {
	server, err := customerstest.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if err := customerstest.Create(t.Context(), server.Addr, customerstest.Project, customerstest.Instance); err != nil {
		t.Error(err)
	}
}

func FuzzKey(f *testing.F) {
	f.Add("paris", "us-tx", "0f2c5f0e-4e5b-4b0a-9b1d-7f1f5a3c9d10", "par")
	f.Add("a#b%\x00\x7f..", "%23#", "é", "a#b")
	f.Fuzz(func(t *testing.T, city, country, customer, other string) {
		for _, s := range []*string{&city, &country, &customer, &other} {
			*s = strings.ToValidUTF8(*s, "?")
		}
		k := customers.Key{City: city, Country: country, Customer: customer}
		key := k.String()
		if got, err := customers.ParseKey(key); got != k || err != nil {
			t.Errorf("ParseKey(%q) = %q, %v, want %q", key, got, err, k)
		}
		if start, end := customers.CityRange(city, ""); key < start || key >= end {
			t.Errorf("%q outside the range of its city, %q to %q", key, start, end)
		}
		if start, end := customers.CityRange(other, ""); other != city && start <= key && key < end {
			t.Errorf("%q inside the range of %q, %q to %q", key, other, start, end)
		}
	})
}

func FuzzParseKey(f *testing.F) {
	f.Add("paris#us-tx#1")
	f.Add("a%23%25%00#b#c")
	f.Fuzz(func(t *testing.T, key string) {
		if k, err := customers.ParseKey(key); err == nil && k.String() != key {
			t.Errorf("ParseKey(%q) = %q, whose row key is %q", key, k, k.String())
		}
	})
}
