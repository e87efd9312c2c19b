package spannerdb

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Words returns the words of texts for search: letters and digits, case-folded, in normal width, without accents, separated by
// single spaces. Column Words of Products holds them, and a query uses the same form.
func Words(texts ...string) string {
	folded := norm.NFKD.String(cases.Fold().String(norm.NFKC.String(strings.Join(texts, " "))))
	plain := norm.NFC.String(strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(accents, r):
			return -1
		case !unicode.In(r, unicode.L, unicode.M, unicode.N):
			return ' '
		}
		return r
	}, folded))
	return strings.Join(strings.Fields(plain), " ")
}

// accents are the combining marks of Latin, Greek and Cyrillic. Marks of other scripts change the letter, so they stay.
var accents = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x300, Hi: 0x36f, Stride: 1}}}
