package main

import (
	"regexp"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// normalize returns the form of a text in which moderation looks for patterns: in lower case and NFKC, so that full-width,
// circled and keycap digits are ASCII digits and separate jamo are syllables; without invisible characters, marks and
// accents of Latin letters; with Latin letters instead of their look-alikes, and the word dot instead of a dot in brackets. A single
// consonant is a leading consonant: U+1107 instead of U+3142. The time is linear in the length of the text.
func normalize(text string) string {
	text = strings.Map(func(r rune) rune {
		if isInvisible(r) {
			return -1
		}
		return r
	}, text)
	text = strings.Map(func(r rune) rune {
		switch {
		case r < unicode.MaxASCII:
			return unicode.ToLower(r)
		case unicode.In(r, unicode.Mn, unicode.Me) || isInvisible(r):
			return -1
		}
		r = unicode.ToLower(r)
		if plain, ok := accented[r]; ok {
			return plain
		}
		return r
	}, norm.NFKC.String(text))
	return bracketedDots().Replace(foldLookAlikes(text))
}

// isInvisible reports whether r is a format character or a Hangul filler, which shows as nothing or as a blank.
func isInvisible(r rune) bool {
	switch r {
	case '\u115F', '\u1160', '\u3164', '\uFFA0':
		return true
	}
	return r >= 0xAD && unicode.Is(unicode.Cf, r)
}

// bracketedDots replaces a dot in brackets, as a sign or as a word, by the word dot. The host names of an ordinary text have
// none, so the word keeps the trace of the disguise.
var bracketedDots = sync.OnceValue(func() *strings.Replacer {
	var pairs []string
	for _, dot := range []string{".", ",", "dot", "닷", "쩜", "점", "點", "点", "ドット", "punto", "point"} {
		for _, brackets := range [][2]string{{"[", "]"}, {"(", ")"}, {"{", "}"}, {"<", ">"}, {"【", "】"}, {"「", "」"}} {
			pairs = append(pairs, brackets[0]+dot+brackets[1], " dot ")
		}
	}
	return strings.NewReplacer(pairs...)
})

// accented maps Latin letters of Spanish and French to their letters without marks.
var accented = lettersOf(map[rune]string{'a': "àáâãäåā", 'c': "ç", 'e': "èéêëē", 'i': "ìíîïī", 'n': "ñ", 'o': "òóôõöō", 'u': "ùúûüū", 'y': "ýÿ"})

// lookAlikes maps Cyrillic and Greek letters to the Latin letters that look the same. They are a part of the confusables in
// https://www.unicode.org/reports/tr39/.
var lookAlikes = lettersOf(map[rune]string{
	'a': "аα", 'c': "с", 'd': "ԁ", 'e': "е", 'h': "һ", 'i': "іι", 'j': "ј", 'k': "кκ", 'l': "ӏ", 'm': "м", 'o': "оο", 'p': "рρ", 'q': "ԛ",
	's': "ѕ", 't': "тτ", 'u': "υ", 'v': "ѵν", 'w': "ԝ", 'x': "хχ", 'y': "у",
})

// lettersOf returns a map of each letter to the Latin letter that lists it.
func lettersOf(lists map[rune]string) map[rune]rune {
	letters := make(map[rune]rune)
	for latin, list := range lists {
		for _, r := range list {
			letters[r] = latin
		}
	}
	return letters
}

var words = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\p{L}+`) })

// foldLookAlikes replaces look-alikes by Latin letters in each word that has Latin letters too. If a text has no Cyrillic
// or Greek letter except look-alikes, it replaces all of them, because no text in these languages is such.
func foldLookAlikes(text string) string {
	isForeign := func(r rune) bool { return r > unicode.MaxASCII && unicode.In(r, unicode.Cyrillic, unicode.Greek) }
	if !strings.ContainsFunc(text, isForeign) {
		return text
	}
	isOther := func(r rune) bool { return isForeign(r) && lookAlikes[r] == 0 }
	isLatin := func(r rune) bool { return r >= 'a' && r <= 'z' }
	everywhere := !strings.ContainsFunc(text, isOther)
	return words().ReplaceAllStringFunc(text, func(word string) string {
		if !everywhere && !strings.ContainsFunc(word, isLatin) {
			return word
		}
		return strings.Map(func(r rune) rune {
			if latin, ok := lookAlikes[r]; ok {
				return latin
			}
			return r
		}, word)
	})
}

// hinted is a pattern with the substrings of which a text must have one to match. A substring search is much faster than
// the pattern.
type hinted struct {
	hints   []string
	pattern string
}

// shape is a compiled hinted pattern.
type shape struct {
	hints   []string
	pattern *regexp.Regexp
}

// compile compiles the patterns. A pattern that does not compile panics.
func compile(list []hinted) (shapes []shape) {
	for _, h := range list {
		shapes = append(shapes, shape{h.hints, regexp.MustCompile(h.pattern)})
	}
	return shapes
}

// matchesAny reports whether a text matches one of the shapes.
func matchesAny(text string, shapes []shape) bool {
	for _, s := range shapes {
		if containsAny(text, s.hints) && s.pattern.MatchString(text) {
			return true
		}
	}
	return false
}

// containsAny reports whether a text has one of the substrings.
func containsAny(text string, substrings []string) bool {
	for _, s := range substrings {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}
