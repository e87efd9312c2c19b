package customers

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// MaxCityBytes is the maximum length of a folded city. Bigtable limits row keys to 4 KiB, and escaping triples a byte at
// worst.
const MaxCityBytes = 512

// FoldCity returns the strict form of a city name. Spellings that differ only in case, Unicode composition, width, spacing or
// invisible characters have one form; accents and additions count. It is the form of the row keys that the writers before
// shared/engine/place stored, and the form in which exact queries compare names. FoldCity is idempotent. It returns an error
// if the name is empty, not UTF-8 or too long.
func FoldCity(name string) (string, error) {
	if !utf8.ValidString(name) {
		return "", errors.New("is not UTF-8")
	}
	if len(name) > 8*MaxCityBytes { // folding of long input is expensive
		return "", errTooLong
	}
	folded := fold(name)
	switch {
	case folded == "":
		return "", errors.New("is empty")
	case len(folded) > MaxCityBytes:
		return "", errTooLong
	}
	return folded, nil
}

// errTooLong is the error for a city whose folded form is too long for a row key.
var errTooLong = fmt.Errorf("is longer than %d bytes", MaxCityBytes)

// fold repeats its steps until the string is stable, because a step may enable an earlier one. Tests show that 8 rounds
// suffice.
func fold(s string) string {
	for range 8 {
		previous := s
		s = strings.Map(foldCherokee, cases.Fold().String(norm.NFKC.String(s)))
		s = norm.NFKC.String(strings.Map(dropIgnorable, s))
		// İ and ı are the Turkish capital of i and the lower case of I.
		s = strings.ReplaceAll(strings.ReplaceAll(s, "i\u0307", "i"), "ı", "i")
		s = strings.Join(strings.Fields(s), " ")
		if s == previous {
			break
		}
	}
	return s
}

// foldCherokee returns the capital of a Cherokee letter. Unicode folds only this script to capitals, and package cases
// toggles the case of its letters.
func foldCherokee(r rune) rune {
	if unicode.Is(unicode.Cherokee, r) {
		return unicode.ToUpper(r)
	}
	return r
}

// dropIgnorable returns -1 for the invisible characters that NFKC_Casefold drops (Unicode 3.13, R5).
func dropIgnorable(r rune) rune {
	if unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
		return -1
	}
	return r
}

// foldedCountry matches the results of FoldCountry.
var foldedCountry = regexp.MustCompile(`^[a-z]{2}(-[a-z0-9]{1,3})?$`)

// FoldCountry returns the form in row keys of a country code such as "FR" or a subdivision code such as "US-TX" (ISO 3166).
func FoldCountry(code string) (string, error) {
	folded := strings.ToLower(strings.TrimSpace(code))
	if !foldedCountry.MatchString(folded) {
		return "", errors.New("is neither a country code such as FR nor a subdivision code such as US-TX")
	}
	return folded, nil
}
