package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maskMailPattern masks each mail address in a text: characters on both sides of an at sign.
func maskMailPattern(s string) string {
	if !strings.ContainsAny(s, "@＠") {
		return s
	}
	var out strings.Builder
	for s != "" {
		at := strings.IndexAny(s, "@＠")
		if at < 0 {
			break
		}
		_, size := utf8.DecodeRuneInString(s[at:])
		start := at
		for start > 0 {
			r, n := utf8.DecodeLastRuneInString(s[:start])
			if endsAddress(r) {
				break
			}
			start -= n
		}
		end := at + size
		for end < len(s) {
			r, n := utf8.DecodeRuneInString(s[end:])
			if endsAddress(r) {
				break
			}
			end += n
		}
		if start == at || end == at+size {
			out.WriteString(s[:end])
		} else {
			out.WriteString(s[:start] + maskText + "@" + maskText)
		}
		s = s[end:]
	}
	return out.String() + s
}

// endsAddress reports whether a character ends a mail address in a text. Other characters of an address are masked even if
// RFC 5322 forbids them.
func endsAddress(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`,;:<>()[]"|`, r) }

// Numbers of digits from which a text is a telephone number.
const (
	minInternationalDigits = 8  // after a plus sign
	minAreaDigits          = 9  // with an area code in parentheses
	minTrunkDigits         = 10 // with a leading 0; ZIP+4 codes of New England have 9 digits and a leading 0
	minPhoneDigits         = 10
	minLongCodeDigits      = 11 // in a postcode, because those of Iran have 10 digits, or in a date with its hour
)

// maskPhonePattern masks each telephone number in a text of a field: digits with spaces, dots, hyphens, slashes and
// parentheses between them. An id is masked only if all of it is a number that is written like a telephone number, because
// ids of digits alone are common.
func maskPhonePattern(field, s string) string {
	if strings.IndexFunc(s, unicode.IsDigit) < 0 {
		return s
	}
	var out strings.Builder
	for s != "" {
		start := strings.IndexFunc(s, func(r rune) bool { return unicode.IsDigit(r) || strings.ContainsRune("+＋(", r) })
		if start < 0 {
			break
		}
		end := start + numberLength(s[start:])
		number := s[start:end]
		whole := out.Len() == 0 && start == 0 && end == len(s)
		out.WriteString(s[:start])
		switch {
		case number == "": // a parenthesis or a plus sign before other text
			_, end = utf8.DecodeRuneInString(s[start:])
			end += start
			out.WriteString(s[start:end])
		case isPhone(field, number) && (field != "id" || whole):
			out.WriteString(maskText)
		default:
			out.WriteString(number)
		}
		s = s[end:]
	}
	return out.String() + s
}

// numberLength returns the length of the number at the start of s: it ends with its last digit. 0 means no number.
func numberLength(s string) int {
	length := 0
	for i, r := range s {
		switch {
		case unicode.IsDigit(r):
			length = i + utf8.RuneLen(r)
		case i == 0 && strings.ContainsRune("+＋(", r), strings.ContainsRune(" \u00a0.-/()‐‑–", r):
		default:
			return length
		}
	}
	return length
}

// isPhone reports whether a number in a field is written like a telephone number.
func isPhone(field, number string) bool {
	digits, first, separated := 0, rune(-1), false
	for _, r := range number {
		if !unicode.IsDigit(r) {
			separated = true
			continue
		}
		if digits++; first < 0 {
			first = r
		}
	}
	switch {
	case strings.HasPrefix(number, "+") || strings.HasPrefix(number, "＋"):
		return digits >= minInternationalDigits
	case strings.Contains(number, "(") && digits >= minAreaDigits:
		return true
	case field == "id":
		return separated && first == '0' && digits >= minTrunkDigits
	case first == '0' && digits >= minTrunkDigits:
		return true
	case field == "postcode" || field == "joined":
		return digits >= minLongCodeDigits
	}
	return digits >= minPhoneDigits
}
