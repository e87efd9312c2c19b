// Package sentiment scores the sentiment of texts with an embedded model, in microseconds and without a network. It has
// weights for Korean, English, Japanese, Chinese, French and Spanish. README.md describes the algorithm, the training
// and the accuracy.
//
// The functions do not allocate or block, need no initialization, are safe for concurrent use and accept any bytes.
// Only AppendSentences allocates if dst lacks capacity.
package sentiment

import (
	_ "embed"
	"math"
)

// Name is the name of the model with its version, the value of scored_by in reviews. Change it together with the
// weights.
const Name = "embedded-2"

// Result is the sentiment of a text.
type Result struct {
	Language  string  // BCP 47, the main language of the text; "und" if unknown
	Scored    bool    // whether the model has weights for the language; if false, Score and Magnitude are 0
	Score     float64 // -1 (one star) to 1 (five stars), the mean of the sentences' scores
	Magnitude float64 // sum of the absolute scores of the sentences
}

// Sentence is a sentence of a text with the symbols that follow it: "Nice! ㅋㅋ 💜" is one sentence.
type Sentence struct {
	Start, End int     // byte offsets without surrounding space
	Score      float64 // -1 to 1
	Magnitude  float64 // absolute value of Score
}

// Analyze returns the sentiment of a text. The time is linear in the length of the text; see README.md for a
// measurement. An empty text is not scored.
func Analyze(text string) Result {
	m := embedded()
	return m.Analyze(text)
}

// AppendSentences appends the sentences of a text to dst. The script of a sentence selects its calibration, even if
// Analyze does not score the text because of its language.
func AppendSentences(dst []Sentence, text string) []Sentence {
	m := embedded()
	return m.AppendSentences(dst, text)
}

// Abuse returns the probability, 0 to 1, that a Korean or English text contains profanity or an insult. The training
// has no abusive texts in other languages. REPORT.md in scripts/model/train has the precision and recall of thresholds.
func Abuse(text string) float64 {
	m := embedded()
	return 1 / (1 + math.Exp(-m.AbuseLogit(text)))
}

// The weights are strings, because the linker puts the bytes of strings into the read-only part of the binary: they
// cost no time at the start. scripts/model/train writes the files; do not edit them.

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

// embedded returns the embedded model. It refers to the weights in the binary and copies nothing.
func embedded() Model {
	return Model{
		Sentiment: [None]Weights{Hangul: Weights(hangulWeights), Latin: Weights(latinWeights), Han: Weights(hanWeights), Symbol: Weights(symbolWeights)},
		Abuse:     Weights(abuseWeights),
		Languages: Weights(languageWeights),
		Scores:    Weights(scoreWeights),
	}
}
