package main

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sentence is a sentence of a text: its offsets in bytes, and its score from -1 to 1.
type sentence struct {
	Start int     `json:"start"`
	End   int     `json:"end"`
	Score float64 `json:"score"`
}

// findAspects returns the aspects that a text mentions, in the order of the lexicon. The score of an aspect is the mean of
// the sentences that mention it. Sentences outside the text are ignored.
func findAspects(text string, sentences []sentence) []aspect {
	sums, mentions := make([]float64, len(matchers)), make([]int, len(matchers))
	for _, s := range sentences {
		if s.Start < 0 || s.End > len(text) || s.Start >= s.End {
			continue
		}
		lower := strings.ToLower(text[s.Start:s.End])
		for i, m := range matchers {
			if m.match(lower) {
				sums[i] += s.Score
				mentions[i]++
			}
		}
	}
	var found []aspect
	for i, m := range matchers {
		if mentions[i] > 0 {
			found = append(found, aspect{m.aspect, roundToMicros(sums[i] / float64(mentions[i]))})
		}
	}
	return found
}

// aspectMatcher finds one aspect.
type aspectMatcher struct {
	aspect string
	words  []word
	except *strings.Replacer
}

// word is a word of the lexicon. atStart and atEnd require a word boundary of the text at that end.
type word struct {
	text           string
	atStart, atEnd bool
}

// matchers are compiled from the lexicon.
var matchers = func() (all []aspectMatcher) {
	for _, entry := range lexicon {
		m := aspectMatcher{aspect: entry.aspect}
		for _, w := range entry.words {
			m.words = append(m.words, word{strings.Trim(w, "|"), strings.HasPrefix(w, "|"), strings.HasSuffix(w, "|")})
		}
		var blanks []string
		for _, e := range entry.except {
			blanks = append(blanks, e, "#") // a sign, not a letter: it keeps the boundary of the next word
		}
		m.except = strings.NewReplacer(blanks...)
		all = append(all, m)
	}
	return all
}()

// match reports whether a sentence in lower case mentions the aspect.
func (m aspectMatcher) match(sentence string) bool {
	sentence = m.except.Replace(sentence)
	for _, w := range m.words {
		if w.match(sentence) {
			return true
		}
	}
	return false
}

// match reports whether a sentence in lower case contains the word with the boundaries that it requires.
func (w word) match(sentence string) bool {
	for from := 0; ; {
		i := strings.Index(sentence[from:], w.text)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(w.text)
		if (!w.atStart || isWordStart(sentence, start)) && (!w.atEnd || isWordEnd(sentence, end)) {
			return true
		}
		_, n := utf8.DecodeRuneInString(sentence[start:])
		from = start + n
	}
}

// isWordStart reports whether no letter precedes s[at:].
func isWordStart(s string, at int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:at])
	return at == 0 || !unicode.IsLetter(before)
}

// isWordEnd reports whether the word ends at s[at:], apart from an inflection.
func isWordEnd(s string, at int) bool {
	rest := s[at:]
	if i := strings.IndexFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) }); i >= 0 {
		rest = rest[:i]
	}
	return inflection.MatchString(rest)
}

// inflection matches the letters that may follow a noun within its word: in English a plural; in Korean up to two particles
// or forms of the copula, then jamo that spell a laugh or a sigh.
var inflection = regexp.MustCompile(`^(?:s|es|(?:은|는|이|가|을|를|도|만|의|에|로|으로|와|과|랑|이랑|나|이나|까지|마저|조차|부터|보다|처럼|에서|대비|정도|` +
	`치고|치곤|감|쪽|이라|라|라서|이라서|인데|이고|고|이며|이면|면|예요|이에요|에요|입니다|이네요|네요|네|였|이었|임|요|이요|야|이야|다|이다|하고|하며|` +
	`이란|란|든|이든){0,2}[ㄱ-ㅎㅏ-ㅣ]*)$`)
