package spannerdb_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

func ExampleWords() {
	fmt.Println(spannerdb.Words("BTS Single Album BUTTER [Cream + Peaches Ver.]", "방탄소년단 버터"))
	fmt.Println(spannerdb.Words("Ｔ－Ｓｈｉｒｔ, Édition 100% ﾊﾞﾀｰ 💜"))
	// Output:
	// bts single album butter cream peaches ver 방탄소년단 버터
	// t shirt edition 100 バター
}

// FuzzWords checks that any text becomes words that the column can hold, and that a title contains the words of its parts.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"버터 \u1107\u1165", "T-Shirt %_\\", "\xff\x00", "ẞ ﬁ ½ İ", "e\u0301\u0301", "\u0301", "ͅα"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words := spannerdb.Words(s)
		if !utf8.ValidString(words) || strings.ContainsAny(words, "%_\\\"'\x00") || words != strings.Join(strings.Fields(words), " ") {
			t.Errorf("Words(%q) = %q", s, words)
		}
		title := spannerdb.Words("BTS", s, "앨범")
		for w := range strings.FieldsSeq(words) {
			if !strings.Contains(title, w) {
				t.Errorf("%q is not in %q", w, title)
			}
		}
	})
}
