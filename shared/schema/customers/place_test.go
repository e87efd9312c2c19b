package customers_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/hybrid-bts/functions/shared/schema/customers"
)

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
