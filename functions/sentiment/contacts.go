package main

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// hasContact reports whether a text contains a phone number, a mail address or a URL. It also finds the spellings that evade
// a filter: digits as syllables or letters, signs between digits, 골뱅이 for @, a dot in brackets. Prices, sizes, dates,
// birthdays, and numbers of orders and products are no contact details.
//
// A library of numbering plans would not do: it validates numbers, so it accepts a price without its unit, and
// does not read 공일공 as digits.
func hasContact(text string) bool {
	text = normalize(text)
	shapes := contacts()
	for _, shape := range shapes.mobiles {
		for _, at := range shape.FindAllStringIndex(text, -1) {
			if !continuesNumber(text, at[0], at[1]) {
				return true
			}
		}
	}
	if hasPhone(text) {
		return true
	}
	for _, shape := range shapes.addresses {
		if shape.MatchString(text) {
			return true
		}
	}
	return matchesAny(text, shapes.hosts)
}

// minPhoneDigits is the number of digits of the shortest of phones: 1588-1234.
const minPhoneDigits = 8

// hasPhone reports whether a text, in its normalized form, has one of phones.
func hasPhone(text string) bool {
	digits := 0
	for _, b := range []byte(text) {
		if b >= '0' && b <= '9' {
			digits++
		}
	}
	if digits < minPhoneDigits {
		return false
	}
	for _, shape := range contacts().phones {
		for _, at := range shape.FindAllStringIndex(text, -1) {
			if !continuesNumber(text, at[0], at[1]) && !isOtherNumber(text, at[0], at[1]) {
				return true
			}
		}
	}
	return false
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

// isOtherNumber reports whether text[from:to], which has the shape of a phone number, is the number of an order or a
// product, part of a longer code or list of numbers, a list of birthdays such as 0309 0218, or a list of sizes.
func isOtherNumber(text string, from, to int) bool {
	before, after := text[max(0, from-labelLength):from], text[to:min(len(text), to+2)]
	shapes := contacts()
	if shapes.label.MatchString(before) || shapes.codeBefore.MatchString(before) && !shapes.phoneLabel.MatchString(before) || shapes.codeAfter.MatchString(after) {
		return true
	}
	groups := strings.FieldsFunc(text[from:to], func(r rune) bool { return !unicode.IsDigit(r) })
	return areDates(groups) || len(groups) > 3 && areMultiplesOfFive(groups)
}

// areDates reports whether groups of digits have two or more of four digits, and each of those is a month and a day.
func areDates(groups []string) bool {
	dates := 0
	for _, g := range groups {
		if len(g) != 4 {
			continue
		}
		if month, day := g[:2], g[2:]; month < "01" || month > "12" || day < "01" || day > "31" {
			return false
		}
		dates++
	}
	return dates >= 2
}

// areMultiplesOfFive reports whether the last digit of each group is 0 or 5, as in sizes.
func areMultiplesOfFive(groups []string) bool {
	for _, g := range groups {
		if last := g[len(g)-1]; last != '0' && last != '5' {
			return false
		}
	}
	return true
}

// contacts compiles the shapes of contact details. The first review triggers it, because it would take most of the
// time of a cold start.
var contacts = sync.OnceValue(func() (shapes contactShapes) {
	for _, m := range mobiles {
		shapes.mobiles = append(shapes.mobiles, regexp.MustCompile(m))
	}
	for _, p := range phones {
		shapes.phones = append(shapes.phones, regexp.MustCompile(p))
	}
	for _, a := range addresses {
		shapes.addresses = append(shapes.addresses, regexp.MustCompile(a))
	}
	shapes.hosts = compile(disguisedHosts)
	shapes.label, shapes.phoneLabel = regexp.MustCompile(numberLabel), regexp.MustCompile(`(?:tel|phone|mobile|fax)[ \-]$`)
	shapes.codeBefore, shapes.codeAfter = regexp.MustCompile(`[a-z]$|[a-z0-9][\-_]$|[0-9][ ./]$`), regexp.MustCompile(`^(?:[ ./][0-9]|[\-_][a-z0-9])`)
	return shapes
})

// contactShapes are the compiled shapes of contact details. label, phoneLabel, codeBefore and codeAfter match the text around
// a number.
type contactShapes struct {
	mobiles, phones, addresses               []*regexp.Regexp
	hosts                                    []shape
	label, phoneLabel, codeBefore, codeAfter *regexp.Regexp
}

// numberLabel matches the end of a text before a number that is no phone number, and labelLength is its maximum length in
// bytes.
const (
	numberLabel = `(?:주문|송장|접수|상품|제품|일련|예약|품번|모델명?|바코드|sku|order|tracking|invoice|item|serial|model|reference|referencia|pedido|commande|` +
		`注文|追跡|商品|型番|订单|快递|货|單|单|#)(?: ?(?:번호|코드|number|num|no|n\.?o|id|code|番号|コード|号码?|單號|单号))?[ :.#°]{0,4}$`
	labelLength = 40
)

// digit matches a digit, or a letter or syllable that stands for one.
const digit = `[0-9oil공영빵일이둘삼사오육륙칠팔구〇一二三四五六七八九]`

// between matches the separator of two digits of a mobile number. The Korean vowel ㅡ, here in its NFKC form, serves as a
// dash, and so do the Korean words for one.
const between = `[^\p{L}\p{N}]{0,3}(?:\x{1173}|에|다시|하이픈)?[^\p{L}\p{N}]{0,2}`

// mobiles are the shapes of mobile numbers whose prefix is the proof that they are no other numbers.
var mobiles = []string{
	// Korean mobile numbers: 010-1234-5678 in any spelling or spacing, and the former 011-123-4567. A match that begins
	// with 01-0 is a date.
	`[0o공영빵〇](?:[1il일一]|[ .\-]{1,2}[1il일一][ .\-]{0,2})[0o공영빵〇](?:` + between + digit + `){8}`,
	`01[16789](?:` + between + `[0-9]){7,8}`,
	`82[^\p{L}\p{N}]{0,3}1[016789](?:[^\p{L}\p{N}]{0,3}[0-9]){7,8}`,
}

// phones are the shapes of other phone numbers. isOtherNumber rejects some of their matches.
var phones = []string{
	// With a country code.
	`(?:\+|00)[1-9](?:[ \-.()]{0,3}[0-9]){8,14}`,
	// Domestic numbers in groups, as in Korea, Japan and the United Kingdom: 02-123-4567, 03 1234 5678.
	// A group of four digits has three digits after it, except that Korean personal numbers, 050x, have four.
	`\(?0[1-9][0-9]?[-. )]{1,2}[0-9]{3,4}[-. ][0-9]{4}|\(?0[1-9][0-9]{2}[-. )]{1,2}[0-9]{3}[-. ][0-9]{4}|050[2-8][-. ][0-9]{3,4}[-. ][0-9]{4}`,
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
	// A space before the sign alone makes it the mention of an account: seen on @bts.bighitofficial.
	`[\p{L}\p{N}._%+\-]+(?:@ ?| @ )[\p{L}\p{N}\-.]+\.[\p{L}]{2,}`,
	`[\p{L}\p{N}._%+\-]+` + atWord + `[\p{L}\p{N}\-]+(?:` + dotWord + `[\p{L}\p{N}\-]+)*` + dotWord + `(?:com|net|org|kr|jp|cn|컴|콤|넷|한국)`,
	// Without a dot. "bought at naver" names a shop, "me at gmail" is an address.
	`[a-z0-9._%+\-]+(?:` + atSign + `(?:gmail|naver|daum|hanmail|nate|kakao|yahoo|outlook|icloud|qq|네이버|지메일|한메일|카카오|야후)| at (?:gmail|hanmail|hotmail))`,
	`https?:/|www\.[\p{L}\p{N}]`,
	// Host names. Only top-level domains that are no words, because many shoppers leave out the space after a full stop.
	`[\p{L}\p{N}\-]{2,}[.。](?:com|net|org|biz|xyz|co\.kr|or\.kr|kr|co\.jp|jp|com\.cn|cn|co\.uk|fr|io|ru)(?:[^a-z0-9\-]|$)`,
	// The Korean top-level domain, unless the text before it ends a sentence: 좋아요.한국 is no host name.
	`[\p{L}\p{N}\-]+[^요다죠네음임함까지것\P{L}][.。]한국(?:[^\p{L}\p{N}]|$)`,
	// Top-level domains that are words, unless a Latin sentence continues after them.
	`[a-z0-9\-]{4,}[.。](?:info|link|online|shop|site|store)(?:[^\s\p{Latin}\p{N}\-]|\s+[^\s\p{Latin}]|\s*$)`,
	// Top-level domains of short URLs, with a path.
	`[a-z0-9\-]\.(?:app|be|cc|boutique|club|co|deals|dev|ee|gg|gl|gle|info|io|kr|la|link|ly|me|online|page|shop|site|so|store|to|top|tv)/[\p{L}\p{N}]{2}`,
	`[\p{L}\p{N}\-]{2,}(?:\s?(?:닷|쩜|\(dot\)|\[dot\])\s?|\s\.\s?| dot )(?:com|net|org|kr|컴|콤|넷)(?:[^a-z0-9\-]|$)`,
	`[\p{L}\p{N}\-]{2,}점(?:com|net|kr)(?:[^a-z0-9\-]|$)`,
}

const (
	atSign  = `\s?(?:@|골뱅이|\(at\)|\[at\]|\{at\}|\(골뱅이\))\s?`
	atWord  = `(?:` + atSign + `|\s? at \s?)`
	dotWord = `\s?(?:[.。]|닷|쩜|점|\(dot\)|\[dot\]| dot )\s?`
)

// disguisedHosts are the shapes of host names that are spelled to evade a filter.
var disguisedHosts = []hinted{
	{[]string{".do/", ".gd/", ".ng/"}, `[a-z0-9\-]{2,}\.(?:do|gd|ng)/[\p{L}\p{N}]`},
	{[]string{"w w w "}, `\bw w w [\p{L}\p{N}\-]{3,} (?:com|net|org|kr|jp|shop|store)\b`},
	{[]string{"www"}, `\bwww[ .,]+[\p{L}\p{N}\-]{3,}[ .,]+(?:com|net|org|kr|jp|shop|store)(?:[^a-z0-9\-]|$)`},
	{[]string{"hxxp", "t p"}, `\bhxxps?[: /]|\bh t t p\b`},
	{[]string{"com", "net", "org", "kr", "컴", "콤"}, `[a-z0-9\-]{4,}(?: ?(?:점|닷|쩜|點|点|ドット) ?| (?:punto|point) |-dot-)(?:com|net|org|kr|jp|fr|컴|콤|닷컴)(?:[^a-z0-9\-]|$)`},
	{[]string{"com", "net", "kr", "c o m"}, `[a-z0-9\-]{4,}(?:[,·•・*](?:com|net|kr)| ?\. ?c o m)(?:[^a-z0-9\-]|$)`},
	// "polka dot shop" is no host name: the label has six letters or more.
	{[]string{" dot "}, `[a-z0-9\-]{6,} {1,2}dot {1,2}(?:shop|store|xyz|online|site|info|link|club|top|vip)(?:[^a-z0-9\-]|$)|[\p{L}\p{N}\-]{2,} {1,2}dot {1,2}(?:com|net|org|kr|jp|cn|fr|es|io)(?:[^a-z0-9\-]|$)`},
	{[]string{"닷", "쩜", "점", "点", "點", "ドット"}, `[a-z0-9\-]{4,} ?(?:닷|쩜|점|点|點|ドット) ?(?:shop|store|xyz|online|site|kr|jp|cn)(?:[^a-z0-9\-]|$)`},
	{[]string{"dot"}, `\b[a-z0-9]{1,12} dot (?:me|ly|gg|cc|to|gl) (?:slash|/) ?[a-z0-9]`},
	{[]string{"com best", ". com"}, `[a-z0-9\-]{6,}\. com(?: |$)`},
	{[]string{"bit ", "tinyurl", "cutt "}, `\b(?:bit|cutt) ly ?/ ?[a-z0-9]|\btinyurl[ .]com`},
}
