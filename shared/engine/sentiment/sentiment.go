// Package sentiment tells how content the writer of a text is, offline and in microseconds. It has
// weights for Korean, English, Japanese, Chinese, French and Spanish; how it works, how it is trained and
// how good it is stands in README.md.
//
// Nothing here allocates, blocks or is warmed up, and all of it may be called by many goroutines at once
// with any bytes.
package sentiment

import (
	_ "embed"
	"math"
)

// Name names the model with its version, as scored_by has it. It changes whenever the weights do.
const Name = "embedded-2"

// Result is the sentiment of a text.
type Result struct {
	Language  string  // BCP 47, of the greater part of the text; "und" when it cannot be told
	Scored    bool    // false when the model has no weights for the language
	Score     float64 // -1 (one star) to 1 (five stars), the mean of the sentences' scores
	Magnitude float64 // sum of the absolute scores of the sentences
}

// Sentence is a sentence of a text, with what follows it and is no word: "Nice! ㅋㅋ 💜" is one.
type Sentence struct {
	Start, End int     // byte offsets, without the space around it
	Score      float64 // -1 to 1
	Magnitude  float64 // the absolute score
}

// Analyze returns the sentiment of a text.
func Analyze(text string) Result {
	m := embedded()
	return m.Analyze(text)
}

// AppendSentences appends the sentences of a text to dst. They are scored by the script of their letters,
// also where Analyze would not score the text.
func AppendSentences(dst []Sentence, text string) []Sentence {
	m := embedded()
	return m.AppendSentences(dst, text)
}

// Abuse returns how sure the filter is that a text in Korean or English holds profanity or an insult, 0 to 1.
func Abuse(text string) float64 {
	m := embedded()
	return 1 / (1 + math.Exp(-m.AbuseLogit(text)))
}

//go:embed weights/hangul.bin
var hangulWeights string

//go:embed weights/latin.bin
var latinWeights string

//go:embed weights/han.bin
var hanWeights string

//go:embed weights/symbol.bin
var symbolWeights string

//go:embed weights/abuse.bin
var abuseWeights string

//go:embed weights/languages.bin
var languageWeights string

//go:embed weights/scores.bin
var scoreWeights string

// embedded is the model of this package. It points to its weights where they are in the binary.
func embedded() Model {
	return Model{
		Sentiment: [None]Weights{Hangul: Weights(hangulWeights), Latin: Weights(latinWeights), Han: Weights(hanWeights), Symbol: Weights(symbolWeights)},
		Abuse:     Weights(abuseWeights),
		Languages: Weights(languageWeights),
		Scores:    Weights(scoreWeights),
	}
}
