package main

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// hasContact reports whether a text contains a phone number, a mail address or a URL. It also finds the spellings that evade
// a filter: digits as syllables or letters, signs between digits, 골뱅이 for @. Prices, sizes, dates and model numbers are
// no contact details.
//
// A library of numbering plans would not do: it validates numbers, so it accepts a price without its unit, and
// does not read 공일공 as digits.
func hasContact(text string) bool {
	text = strings.ToLower(normalize(text))
	shapes := contacts()
	for _, shape := range shapes.phones {
		for _, at := range shape.FindAllStringIndex(text, -1) {
			if !continuesNumber(text, at[0], at[1]) {
				return true
			}
		}
	}
	for _, shape := range shapes.addresses {
		if shape.MatchString(text) {
			return true
		}
	}
	return false
}

// normalize replaces full-width, circled and keycap digits by ASCII digits, and removes invisible characters and marks.
func normalize(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me) {
			return -1
		}
		return r
	}, norm.NFKC.String(text))
}

// continuesNumber reports whether text[from:to] is part of a longer number: a digit, or a decimal or thousands separator
// with a digit, touches it.
func continuesNumber(text string, from, to int) bool {
	before, n := utf8.DecodeLastRuneInString(text[:from])
	if before == '.' || before == ',' {
		before, _ = utf8.DecodeLastRuneInString(text[:from-n])
	}
	after, n := utf8.DecodeRuneInString(text[to:])
	if after == ',' {
		after, _ = utf8.DecodeRuneInString(text[to+n:])
	}
	return unicode.IsDigit(before) || unicode.IsDigit(after)
}

// contacts compiles the shapes of contact details. The first review triggers it, because it would take most of the
// time of a cold start.
var contacts = sync.OnceValue(func() (shapes struct{ phones, addresses []*regexp.Regexp }) {
	for _, p := range phones {
		shapes.phones = append(shapes.phones, regexp.MustCompile(p))
	}
	for _, a := range addresses {
		shapes.addresses = append(shapes.addresses, regexp.MustCompile(a))
	}
	return shapes
})

// digit matches a digit, or a letter or syllable that stands for one.
const digit = `[0-9oil공영빵일이둘삼사오육륙칠팔구〇一二三四五六七八九]`

// between matches the separator of two digits of a mobile number. The Korean vowel ㅡ, here in its NFKC form, serves as a
// dash, and so do the Korean words for one.
const between = `[^\p{L}\p{N}]{0,3}(?:\x{1173}|에|다시|하이픈)?[^\p{L}\p{N}]{0,2}`

// phones are the shapes of phone numbers.
var phones = []string{
	// Korean mobile numbers: 010-1234-5678 in any spelling or spacing, and the former 011-123-4567. A match that begins
	// with 01-0 is a date.
	`[0o공영빵〇](?:[1il일一]|[ .\-]{1,2}[1il일一][ .\-]{0,2})[0o공영빵〇](?:` + between + digit + `){8}`,
	`01[16789](?:` + between + `[0-9]){7,8}`,
	`82[^\p{L}\p{N}]{0,3}1[016789](?:[^\p{L}\p{N}]{0,3}[0-9]){7,8}`,
	// With a country code.
	`(?:\+|00)[1-9](?:[ \-.()]{0,3}[0-9]){8,14}`,
	// Domestic numbers in groups, as in Korea, Japan and the United Kingdom: 02-123-4567, 03 1234 5678.
	`\(?0[1-9][0-9]{0,3}[-. )]{1,2}[0-9]{3,4}[-. ][0-9]{4}`,
	`0[1-9][0-9]{3} [0-9]{6}`,
	// In other groups, as in Japan, 0463-12-3456 and 0120-123-456, and in China, 021-12345678.
	`0[1-9][0-9]{2}-[0-9]{2}-[0-9]{4}|0(?:120|570|800|990)-[0-9]{3}-[0-9]{3}|0[1-9][0-9]{1,2}-[0-9]{7,8}`,
	// In pairs, as in France and, after three digits, in Spain.
	`0[1-9](?:(?: [0-9]{2}){4}|(?:\.[0-9]{2}){4}|(?:-[0-9]{2}){4})|[67][0-9]{2}(?: [0-9]{2}){3}`,
	// Without separators: no price and no count begins with a zero.
	`0[1-9][0-9]{7,9}`,
	// A mobile number of China.
	`1[3-9][0-9](?:[0-9]{8}|[ -][0-9]{4}[ -][0-9]{4})`,
	// North America.
	`(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-.])[2-9][0-9]{2}[-.][0-9]{4}`,
	// Korean service numbers, except 1600 and 1800, because prices begin with these digits.
	`1(?:5(?:22|44|66|77|88|99)|6(?:44|61|66|70|88)|8(?:11|33|55|77|99))-[0-9]{4}`,
}

// addresses are the shapes of mail addresses and URLs.
var addresses = []string{
	`[\p{L}\p{N}._%+\-]+ ?@ ?[\p{L}\p{N}\-.]+\.[\p{L}]{2,}`,
	`[\p{L}\p{N}._%+\-]+` + atWord + `[\p{L}\p{N}\-]+(?:` + dotWord + `[\p{L}\p{N}\-]+)*` + dotWord + `(?:com|net|org|kr|jp|cn|컴|콤|넷|한국)`,
	// Without a dot. "bought at naver" names a shop, "me at gmail" is an address.
	`[a-z0-9._%+\-]+(?:` + atSign + `(?:gmail|naver|daum|hanmail|nate|kakao|yahoo|outlook|icloud|qq|네이버|지메일|한메일|카카오|야후)| at (?:gmail|hanmail|hotmail))`,
	`https?:/|www\.[\p{L}\p{N}]`,
	// Host names. Only top-level domains that are no words, because many shoppers leave out the space after a full stop.
	`[\p{L}\p{N}\-]{2,}[.。](?:com|net|org|biz|xyz|co\.kr|or\.kr|kr|co\.jp|jp|com\.cn|cn|co\.uk|fr|io|ru)(?:[^a-z0-9\-]|$)`,
	// The Korean top-level domain, unless the text before it ends a sentence: 좋아요.한국 is no host name.
	`[\p{L}\p{N}\-]+[^요다죠네음임함까지것\P{L}][.。]한국(?:[^\p{L}\p{N}]|$)`,
	// Top-level domains that are words, unless a Latin sentence continues after them.
	`[a-z0-9\-]{4,}\.(?:info|link|online|shop|site|store)(?:[^\s\p{Latin}\p{N}\-]|\s+[^\s\p{Latin}]|\s*$)`,
	// Top-level domains of short URLs, with a path.
	`[a-z0-9\-]\.(?:app|be|cc|club|co|dev|ee|gg|gl|gle|info|io|kr|la|link|ly|me|online|page|shop|site|so|store|to|top|tv)/[\p{L}\p{N}]{2}`,
	`[\p{L}\p{N}\-]{2,}(?:\s?(?:닷|쩜|\(dot\)|\[dot\])\s?|\s\.\s?| dot )(?:com|net|org|kr|컴|콤|넷)(?:[^a-z0-9\-]|$)`,
	`[\p{L}\p{N}\-]{2,}점(?:com|net|kr)(?:[^a-z0-9\-]|$)`,
}

const (
	atSign  = `\s?(?:@|골뱅이|\(at\)|\[at\]|\{at\}|\(골뱅이\))\s?`
	atWord  = `(?:` + atSign + `|\s? at \s?)`
	dotWord = `\s?(?:[.。]|닷|쩜|점|\(dot\)|\[dot\]| dot )\s?`
)
