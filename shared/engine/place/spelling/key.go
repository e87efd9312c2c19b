// Package spelling reads the names of cities as people and post offices write them. It holds rules and no gazetteer, so
// that a function that only looks names up stays small.
//
// Key merges the spellings of one name. Candidates also reads names with additions, such as a postcode, a country or the
// number of a district, and returns the keys under which a gazetteer or a table may know the city.
package spelling

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// MaxBytes is the maximum length of a name, and MaxKeyBytes that of its key. The key of a longer name is "", and it has no
// candidates.
const (
	MaxBytes    = 1024
	MaxKeyBytes = 512
)

// Key returns the alias key of a name: all spellings that differ in case, width, Unicode form, accents, or in hyphens,
// apostrophes, dots and spaces have one key, and so have "St.", "Ste" and "Saint", Greek final sigma, and Arabic letter forms.
// It has no separators: the key of "Saint-Denis" is "saintdenis". The key of a name without letters and digits is "".
func Key(name string) string { return compact(words(name)) }

// compact joins words without separators.
func compact(w []string) string {
	s := strings.Join(w, "")
	if isASCII(s) {
		return s
	}
	return norm.NFC.String(s)
}

// Words returns the words of a name as Key reads them, separated by spaces. Without the spaces it is the key of the name.
func Words(name string) string { return strings.Join(words(name), " ") }

// words returns the folded words of a name, with abbreviations spelled out.
func words(name string) []string {
	if len(name) > MaxBytes {
		return nil
	}
	w := expand(strings.Fields(fold(name)))
	n := 0
	for _, s := range w {
		n += len(s)
	}
	if n > MaxKeyBytes {
		return nil
	}
	return w
}

// abbreviations maps words before other words to their full forms, and firstAbbreviations the first word of a name. Elsewhere
// MT is Montana.
var (
	abbreviations      = map[string]string{"st": "saint", "ste": "sainte", "sankt": "saint", "sint": "saint", "snt": "saint", "sta": "santa", "sto": "santo"}
	firstAbbreviations = map[string]string{"ft": "fort", "mt": "mount", "mtn": "mountain", "pte": "pointe", "gde": "grande", "gd": "grand"}
)

// expand replaces abbreviations in place.
func expand(w []string) []string {
	for i := range max(0, len(w)-1) {
		full := abbreviations[w[i]]
		if i == 0 {
			full = cmp.Or(full, firstAbbreviations[w[i]])
		}
		w[i] = cmp.Or(full, w[i])
	}
	return w
}

// fold returns a name in lower case without accents and with spaces as the only separators.
func fold(name string) string {
	if isASCII(name) {
		return strings.Map(foldASCII, name)
	}
	s := norm.NFKD.String(cases.Fold().String(norm.NFKC.String(strings.ToValidUTF8(name, " "))))
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		switch {
		case isDropped(r):
		case letters[r] != "":
			b.WriteString(letters[r])
		case unicode.IsLetter(r), unicode.IsMark(r), unicode.IsDigit(r), unicode.IsSymbol(r) && r > unicode.MaxLatin1 && !isModifier(r):
			b.WriteRune(r)
		default:
			b.WriteByte(' ')
		}
	}
	return norm.NFC.String(b.String())
}

// foldASCII returns the lower case of an ASCII letter, a digit unchanged, and a space for all other characters.
func foldASCII(r rune) rune {
	switch {
	case 'A' <= r && r <= 'Z':
		return r + 'a' - 'A'
	case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
		return r
	}
	return ' '
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isModifier reports whether r is a spacing accent.
func isModifier(r rune) bool { return unicode.Is(unicode.Sk, r) }

// isDropped reports whether r is an accent or a vowel point, which people omit, or invisible. Marks of other scripts
// distinguish syllables: "か" and "が" are two letters.
func isDropped(r rune) bool {
	switch {
	case r < 0x300:
		return r == 0xad
	case r <= 0x36f, 0x591 <= r && r <= 0x5c7, 0x610 <= r && r <= 0x61a, r == 0x640, 0x64b <= r && r <= 0x65f, r == 0x670, 0x6d6 <= r && r <= 0x6ed:
		return true
	}
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// letters maps letters that have no decomposition, and forms of one letter, to the letters that people write for them.
var letters = map[rune]string{
	'ø': "o", 'đ': "d", 'ð': "d", 'ł': "l", 'ħ': "h", 'ŧ': "t", 'ŋ': "n", 'ı': "i", 'ĸ': "k", 'æ': "ae", 'œ': "oe", 'þ': "th", 'ß': "ss", 'ə': "a",
	'ɓ': "b", 'ɗ': "d", 'ƙ': "k", 'ɖ': "d", 'ɛ': "e", 'ɔ': "o", 'ƴ': "y", 'ɨ': "i", 'ʉ': "u", 'ƶ': "z",
	// Arabic, Persian, Urdu, Kurdish and Uyghur forms of one letter.
	'ى': "ي", 'ی': "ي", 'ې': "ي", 'ے': "ي", 'ە': "ه", 'ة': "ه", 'ہ': "ه", 'ھ': "ه", 'ۃ': "ه", 'ک': "ك", 'ګ': "گ", 'ٱ': "ا", 'ء': "",
	// Ukrainian, Belarusian and Kazakh letters stay; the hard sign and Russian yo follow usage.
	'ё': "е",
	// Han characters that Taiwan and Japan write in two ways, and Katakana that are written in two sizes.
	'臺': "台", '龍': "竜", '龙': "竜", '澤': "沢", '泽': "沢", '濱': "浜", '滨': "浜", '廣': "広", '广': "広", '國': "国", '嶋': "島", '岛': "島",
	'ヶ': "ケ", 'ヵ': "カ", 'ｹ': "ケ",
	// Apostrophes and letter-like separators that transcriptions insert inside a word.
	'ʹ': "", 'ʺ': "", 'ʻ': "", 'ʼ': "", 'ʽ': "", 'ʾ': "", 'ʿ': "", 'ˈ': "", 'ꞌ': "", '´': "", '·': "", '・': "", 'ー': "ー",
}
