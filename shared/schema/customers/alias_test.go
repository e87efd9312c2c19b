package customers_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/shared/schema/customers"
)

func TestCellsOfAliasesDecode(t *testing.T) {
	paris := customers.Key{City: "paris", Country: "us-tx", Customer: "dropped"}
	aliases := customers.NewAliases(paris, "Paris", map[string]string{"paris": "Paris", "파리": "파리", "pari": "Pari \"x\""})
	var keys []string
	for _, a := range aliases {
		keys = append(keys, a.Key)
		got, err := customers.ParseAlias(a.Key, customers.AliasFamily+":"+a.Column(), a.Value())
		if err != nil || !cmp.Equal(got, a) {
			t.Errorf("ParseAlias = %+v, %v, want %+v", got, err, a)
		}
		if a.Place != (customers.Key{City: "paris", Country: "us-tx"}) || a.Column() != "paris#us-tx#" {
			t.Errorf("the place of %q is %q, column %q", a.Key, a.Place, a.Column())
		}
	}
	if !slices.Equal(keys, []string{"pari", "paris", "파리"}) {
		t.Errorf("keys are %q", keys)
	}
}

func TestAPrefixHasOneFirstName(t *testing.T) {
	aliases := customers.NewAliases(customers.Key{City: "seoul", Country: "kr"}, "Seoul", map[string]string{"seoul": "", "seul": "", "soul": "", "서울": "", "首尔": ""})
	for prefix, want := range map[string]string{"": "seoul", "s": "seoul", "se": "seoul", "seu": "seul", "so": "soul", "서": "서울", "首尔": "首尔", "x": ""} {
		var first []string
		for _, a := range aliases {
			if len(a.Key) >= len(prefix) && a.Key[:len(prefix)] == prefix && a.First(prefix) {
				first = append(first, a.Key)
			}
		}
		if want == "" && len(first) == 0 || slices.Equal(first, []string{want}) {
			continue
		}
		t.Errorf("the first names with prefix %q are %q, want %q", prefix, first, want)
	}
}

func TestInvalidAliasesAreErrors(t *testing.T) {
	for _, tc := range []struct{ column, value string }{
		{"", "{}"},
		{"paris#fr", "{}"},
		{"paris#fr#customer", "{}"},
		{"paris#fr#", ""},
		{"paris#fr#", "Paris"},
	} {
		if a, err := customers.ParseAlias("paris", tc.column, []byte(tc.value)); err == nil {
			t.Errorf("ParseAlias(%q, %q) = %+v, want an error", tc.column, tc.value, a)
		}
	}
}

func TestSpellingsDecode(t *testing.T) {
	want := []customers.SpellingCount{{As: "PARIS CEDEX 08", Count: 12}, {As: "Paris", Count: 3}}
	got, err := customers.DecodeSpellings(customers.EncodeSpellings(want))
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("DecodeSpellings = %v, %v, want %v", got, err, want)
	}
	if got, err := customers.DecodeSpellings([]byte("12")); err == nil {
		t.Errorf("DecodeSpellings(12) = %v, want an error", got)
	}
}
