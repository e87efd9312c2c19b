package main

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// hasContact reports whether a text holds a phone number, a mail address or a URL, also as those write
// them who expect a filter: digits as syllables or letters, signs between them, 골뱅이 for @. Prices,
// sizes, dates and the numbers of models are none.
//
// The shapes are our own. A library of numbering plans says whether a number is valid, which is not the
// question here: it takes a price without its unit for a number, and 공일공 for a word.
func hasContact(text string) bool {
	text = strings.ToLower(norm.NFKC.String(text)) // full-width and circled digits become plain ones
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

// continuesNumber reports whether digits, or a decimal or thousands sign with a digit, touch text[from:to]:
// it is then a part of a longer number.
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

// contacts are the shapes of contact details. They are compiled by the first review, not at the start: that
// takes longer than all else there.
var contacts = sync.OnceValue(func() (shapes struct{ phones, addresses []*regexp.Regexp }) {
	for _, p := range phones {
		shapes.phones = append(shapes.phones, regexp.MustCompile(p))
	}
	for _, a := range addresses {
		shapes.addresses = append(shapes.addresses, regexp.MustCompile(a))
	}
	return shapes
})

// digit is a digit, or what stands for one in a number that is to be read by people alone.
const digit = `[0-9oil공영빵일이둘삼사오육륙칠팔구〇一二三四五六七八九]`

// between is what may stand between two digits of a mobile number. The Korean vowel ㅡ, here as NFKC has
// it, serves as a dash.
const between = `[^\p{L}\p{N}]{0,3}\x{1173}?[^\p{L}\p{N}]{0,2}`

// phones are the shapes of phone numbers.
var phones = []string{
	// Korean mobile numbers, 010-1234-5678 however it is spelled or spaced, and of old 011-123-4567.
	`[0o공영빵〇][ \-]{0,2}[1il일一][ \-]{0,2}[0o공영빵〇](?:` + between + digit + `){8}`,
	`01[16789](?:` + between + `[0-9]){7,8}`,
	`82[^\p{L}\p{N}]{0,3}1[016789](?:[^\p{L}\p{N}]{0,3}[0-9]){7,8}`,
	// With a country code.
	`(?:\+|00)[1-9](?:[ \-.()]{0,3}[0-9]){8,14}`,
	// In groups, as Korea, Japan and the United Kingdom write them within the country: 02-123-4567, 03 1234 5678.
	`\(?0[1-9][0-9]{0,3}[-. )]{1,2}[0-9]{3,4}[-. ][0-9]{4}`,
	`0[1-9][0-9]{3} [0-9]{6}`,
	// In pairs, as in France.
	`0[1-9](?:(?: [0-9]{2}){4}|(?:\.[0-9]{2}){4}|(?:-[0-9]{2}){4})`,
	// Without any sign: no price and no count begins with a zero.
	`0[1-9][0-9]{7,9}`,
	// A mobile number of China.
	`1[3-9][0-9](?:[0-9]{8}|[ -][0-9]{4}[ -][0-9]{4})`,
	// North America.
	`(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-.])[2-9][0-9]{2}[-.][0-9]{4}`,
	// A Korean service number; 1600 and 1800 are left out, being what prices begin with.
	`1(?:5(?:22|44|66|77|88|99)|6(?:44|61|66|70|88)|8(?:11|33|55|77|99))-[0-9]{4}`,
}

// addresses are the shapes of mail addresses and URLs.
var addresses = []string{
	`[\p{L}\p{N}._%+\-]+ ?@ ?[\p{L}\p{N}\-.]+\.[\p{L}]{2,}`,
	`[\p{L}\p{N}._%+\-]+` + at + `[\p{L}\p{N}\-]+(?:` + dot + `[\p{L}\p{N}\-]+)*` + dot + `(?:com|net|org|kr|jp|cn|컴|콤|넷|한국)`,
	`[a-z0-9._%+\-]+` + at + `(?:gmail|naver|daum|hanmail|nate|kakao|yahoo|outlook|icloud|qq|네이버|지메일|한메일|카카오|야후)`,
	`https?:/|www\.[\p{L}\p{N}]`,
	// What ends like a host's name. Only ends that are no words: many shoppers leave out the space after a full stop.
	`[\p{L}\p{N}\-]{2,}[.。](?:com|net|org|biz|xyz|co\.kr|or\.kr|kr|co\.jp|jp|com\.cn|cn|한국)(?:[^a-z0-9\-]|$)`,
	// Other ends that are in use for short addresses, when a path follows.
	`[a-z0-9\-]\.(?:app|be|cc|club|co|dev|gg|gl|gle|info|io|kr|la|link|ly|me|online|page|shop|site|so|store|to|top|tv)/[\p{L}\p{N}]{2}`,
	`[\p{L}\p{N}\-]{2,}(?:\s?(?:닷|쩜|\(dot\)|\[dot\])\s?|\s\.\s| dot )(?:com|net|org|kr|컴|콤|넷)(?:[^a-z0-9\-]|$)`,
}

const (
	at  = `\s?(?:@|골뱅이|\(at\)|\[at\]|\{at\}|\(골뱅이\)| at )\s?`
	dot = `\s?(?:[.。]|닷|쩜|점|\(dot\)|\[dot\]| dot )\s?`
)
