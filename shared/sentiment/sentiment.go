// Package sentiment tells how content the writer of a text is, without a network and in microseconds.
// It speaks Korean, English, Japanese, Chinese, French and Spanish; see README.md.
package sentiment

import (
	_ "embed"
	"math"
)

// Name names the model with its version.
const Name = "embedded-1"

// Result is the sentiment of a text.
type Result struct {
	Language  string // BCP 47, "und" when it cannot be told
	Scored    bool   // false when the model has no weights for the language
	Score     float64
	Magnitude float64
}

// Sentence is a part of a text.
type Sentence struct {
	Start, End       int // byte offsets
	Score, Magnitude float64
}

// Analyze returns the sentiment of a text.
func Analyze(text string) Result { m := embedded(); return m.Analyze(text) }

// AppendSentences appends the sentences of a text to dst.
func AppendSentences(dst []Sentence, text string) []Sentence {
	m := embedded()
	return m.AppendSentences(dst, text)
}

// Abuse returns how sure the filter is that a text holds profanity or an insult, 0 to 1.
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

// embedded is the model of this package. It only points to its weights.
func embedded() Model {
	return Model{
		Sentiment: [None]Weights{Weights(hangulWeights), Weights(latinWeights), Weights(hanWeights), Weights(symbolWeights)},
		Abuse:     Weights(abuseWeights),
		Languages: Weights(languageWeights),
		Scores:    Weights(scoreWeights),
	}
}
