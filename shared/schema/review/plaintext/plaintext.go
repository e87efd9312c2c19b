// Package plaintext cleans texts and names that people wrote, and knows the names that are reserved for the shop.
//
// Writers: shared/schema/review/submission cleans reviews, functions/admin replies and reasons of decisions.
package plaintext

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	zeroWidthJoiner = '\u200d'
	blackFlag       = '\U0001F3F4' // begins the flags of regions, which continue with tag characters
	brailleBlank    = '\u2800'     // shows nothing, but Unicode counts it as a symbol
)

// Maximum numbers of combining marks in a row.
const (
	maxMarks          = 2 // Vietnamese, Thai, Arabic and keycaps use at most two
	maxSyllabicMarks  = 4 // in the scripts of syllabic, which write a syllable as a letter with marks: Burmese မြို့ has four
	maxCleaningPasses = 4 // bounds the work; two passes are enough for every text that the fuzz test found
)

var syllabic = []*unicode.RangeTable{unicode.Myanmar, unicode.Tibetan, unicode.Khmer, unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi,
	unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala}

// directionMarks are invisible letters with a direction: ALM, LRM and RLM. Texts in Arabic and Hebrew use them.
var directionMarks = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x061c, Hi: 0x061c, Stride: 1}, {Lo: 0x200e, Hi: 0x200f, Stride: 1}}}

// Clean returns s in NFC, without control characters except keep, without invisible characters and overrides of the text
// direction, with a bounded number of combining marks in a row, and without surrounding white space. It returns "" for a
// text that shows nothing. No character equals a keep of -1. Joiners, direction marks and variation selectors stay behind a
// visible character, because emoji and several scripts need them.
func Clean(s string, keep rune) string {
	for range maxCleaningPasses {
		before := s
		s = strings.TrimFunc(norm.NFC.String(filter(norm.NFC.String(s), keep)), isEdge)
		if s == before {
			break
		}
	}
	if strings.IndexFunc(s, func(r rune) bool { return !isEdge(r) && !unicode.In(r, unicode.M, unicode.Cc) }) < 0 {
		return ""
	}
	return s
}

// filter returns s without the characters that Clean removes anywhere in a text.
func filter(s string, keep rune) string {
	var last rune // the last character that the result has, 0 at its start
	marks, inFlag := 0, false
	return strings.Map(func(r rune) rune {
		if !isKept(r, last, inFlag, keep) {
			return -1
		}
		switch {
		case unicode.Is(unicode.M, r) && !unicode.Is(unicode.Variation_Selector, r):
			most := maxMarks
			if unicode.In(r, syllabic...) {
				most = maxSyllabicMarks
			}
			if marks++; marks > most {
				return -1
			}
		case !isInvisible(r):
			marks = 0
		}
		inFlag = r == blackFlag || inFlag && isTag(r)
		last = r
		return r
	}, s)
}

// isKept reports whether filter keeps r behind the character last. It ignores the number of marks.
func isKept(r, last rune, inFlag bool, keep rune) bool {
	switch {
	case unicode.IsControl(r):
		return r == keep
	case isTag(r):
		return inFlag
	case unicode.In(r, unicode.Join_Control, unicode.Variation_Selector, directionMarks):
		visible := !isInvisible(last) || r == zeroWidthJoiner && unicode.Is(unicode.Variation_Selector, last)
		return last != 0 && !unicode.IsSpace(last) && visible
	}
	return !isInvisible(r)
}

// isTag reports whether r is a tag character, which spells the region of a flag.
func isTag(r rune) bool { return r >= 0xe0020 && r <= 0xe007f }

// isInvisible reports whether r shows nothing itself: formats such as U+202E, fillers such as U+3164, and selectors.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
		!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// isEdge reports whether no text begins or ends with r, because it is blank there.
func isEdge(r rune) bool {
	return unicode.IsSpace(r) || r == brailleBlank || unicode.In(r, unicode.Join_Control, directionMarks)
}
