package customers_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

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

func TestSpellingsOfACityFoldToOneName(t *testing.T) {
	for want, spellings := range map[string][]string{
		"paris":      {"Paris", "PARIS", " paris ", "\tparis\u00a0", "Ｐａｒｉｓ", "par\u200bis", "\u202bparis\u202c", "\ufeffParis"},
		"são paulo":  {"São Paulo", "Sa\u0303o Paulo", "SÃO\u3000PAULO"},
		"서울":         {"서울", "\u1109\u1165\u110b\u116e\u11af"},
		"strasse":    {"Straße", "STRASSE"},
		"istanbul":   {"İstanbul", "Istanbul", "I\u0307STANBUL"},
		"diyarbakir": {"Diyarbakır", "DİYARBAKIR", "diyarbakir"},
		"ofi#1":      {"oﬁ＃1"},
		"💜 city":     {"💜\ufe0f City"},
		"القاهرة":    {"القاهرة", "\u200fالقاهرة"},
		"..":         {"..", "‥"},
		"a\x00b":     {"A\x00b"},
	} {
		for _, s := range spellings {
			if got, err := customers.FoldCity(s); got != want || err != nil {
				t.Errorf("FoldCity(%q) = %q, %v, want %q", s, got, err, want)
			}
		}
	}
	for _, different := range []string{"Sao Paulo", "Sãopaulo", "Parı\u0308s"} {
		if got, _ := customers.FoldCity(different); got == "são paulo" || got == "paris" {
			t.Errorf("FoldCity(%q) = %q, want another city", different, got)
		}
	}
}

func TestFoldingIsIdempotentForEveryCharacter(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if r == 0x30000 {
			r = 0xe0000 // Unicode assigns only ideographs in between
		}
		once, err := customers.FoldCity("a" + string(r))
		if err != nil {
			continue
		}
		if twice, _ := customers.FoldCity(once); twice != once {
			t.Errorf("FoldCity of %U is %q, folded again %q", r, once, twice)
		}
		if r > 0xe1000 {
			break
		}
	}
}

func TestInvalidCitiesAndCountriesAreErrors(t *testing.T) {
	for _, s := range []string{"", " ", "\t\u3000", "\u200b\ufeff", "\xff", "Par\xedis", strings.Repeat("x", 513), strings.Repeat(" ", 1<<20)} {
		if got, err := customers.FoldCity(s); err == nil {
			t.Errorf("FoldCity(%.20q) = %.20q, want an error", s, got)
		}
	}
	if _, err := customers.FoldCity(strings.Repeat("서", 170)); err != nil {
		t.Errorf("FoldCity of 510 bytes: %v", err)
	}
	for _, s := range []string{"", "F", "FRA", "US-", "US-TEXAS", "US#TX", "ФР", "us--t"} {
		if got, err := customers.FoldCountry(s); err == nil {
			t.Errorf("FoldCountry(%q) = %q, want an error", s, got)
		}
	}
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

func FuzzFoldCity(f *testing.F) {
	for _, s := range []string{"São Paulo", "İ\u0307", "ẞ\u0345ͅ", "ㅅㅓ울", "\u1fb7\u0345", "# %23 \x00", "ﷺ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := customers.FoldCity(s)
		if err != nil {
			return
		}
		if twice, err := customers.FoldCity(once); twice != once || err != nil {
			t.Errorf("FoldCity(%q) = %q, folded again %q, %v", s, once, twice, err)
		}
	})
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
