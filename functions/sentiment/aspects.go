package main

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sentence is a part of a text with its score; start and end are offsets in bytes.
type sentence struct {
	Start int     `json:"start"`
	End   int     `json:"end"`
	Score float64 `json:"score"`
}

// findAspects returns the aspects that a text speaks of, each with the mean of the scores of the
// sentences that do, in the order of the lexicon. Sentences that lie outside the text are passed over.
func findAspects(text string, sentences []sentence) []aspect {
	sums, mentions := make([]float64, len(subjects)), make([]int, len(subjects))
	for _, s := range sentences {
		if s.Start < 0 || s.End > len(text) || s.Start >= s.End {
			continue
		}
		said := strings.ToLower(text[s.Start:s.End])
		for i, t := range subjects {
			if t.in(said) {
				sums[i] += s.Score
				mentions[i]++
			}
		}
	}
	var found []aspect
	for i, t := range subjects {
		if mentions[i] > 0 {
			found = append(found, aspect{t.name, millionths(sums[i] / float64(mentions[i]))})
		}
	}
	return found
}

// subject finds one aspect.
type subject struct {
	name   string
	words  []word
	except *strings.Replacer
}

// word is one of the lexicon's; begins and ends say which of its ends are those of a word of the text.
type word struct {
	text         string
	begins, ends bool
}

// subjects are those of the lexicon.
var subjects = func() (all []subject) {
	for _, entry := range lexicon {
		t := subject{name: entry.aspect}
		for _, w := range entry.words {
			t.words = append(t.words, word{strings.Trim(w, "|"), strings.HasPrefix(w, "|"), strings.HasSuffix(w, "|")})
		}
		var blanks []string
		for _, e := range entry.except {
			blanks = append(blanks, e, "#") // no letter: what is left of the word begins anew
		}
		t.except = strings.NewReplacer(blanks...)
		all = append(all, t)
	}
	return all
}()

func (t subject) in(said string) bool {
	said = t.except.Replace(said)
	for _, w := range t.words {
		if w.in(said) {
			return true
		}
	}
	return false
}

func (w word) in(said string) bool {
	for from := 0; ; {
		i := strings.Index(said[from:], w.text)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(w.text)
		if (!w.begins || beginsWord(said, start)) && (!w.ends || endsWord(said, end)) {
			return true
		}
		_, n := utf8.DecodeRuneInString(said[start:])
		from = start + n
	}
}

func beginsWord(s string, at int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:at])
	return at == 0 || !unicode.IsLetter(before)
}

func endsWord(s string, at int) bool {
	rest := s[at:]
	if i := strings.IndexFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) }); i >= 0 {
		rest = rest[:i]
	}
	return inflection.MatchString(rest)
}

// inflection is what follows a noun within its word: a plural in English; in Korean at most two particles
// or forms of the copula, and the jamo of a laugh or a sigh.
var inflection = regexp.MustCompile(`^(?:s|es|(?:은|는|이|가|을|를|도|만|의|에|로|으로|와|과|랑|이랑|나|이나|까지|마저|조차|부터|보다|처럼|에서|대비|정도|` +
	`치고|치곤|감|쪽|이라|라|라서|이라서|인데|이고|고|이며|이면|면|예요|이에요|에요|입니다|이네요|네요|네|였|이었|임|요|이요|야|이야|다|이다|하고|하며|` +
	`이란|란|든|이든){0,2}[ㄱ-ㅎㅏ-ㅣ]*)$`)
