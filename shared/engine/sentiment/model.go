package sentiment

import (
	"encoding/binary"
	"fmt"
	"math"
)

// headerSize is the length in bytes of the header of a table:
//
//	offset   bytes   field
//	0        8       magic
//	8        4       scale, a float32, little-endian
//	12       4       number of weights, a uint32, little-endian
const headerSize = 16

// magic is the start of a table: its format and version. Change it together with the layout of a table.
const magic = "HBTSw1\x00\x00"

// Weights is a stored table: a header, and one signed byte per bucket of features. All methods but Check panic or
// return nonsense for a table that Check refuses.
type Weights string

// NewWeights returns the table of weights in units of scale. It copies the weights.
func NewWeights(scale float32, weights []int8) Weights {
	b := make([]byte, headerSize, headerSize+len(weights))
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], math.Float32bits(scale))
	binary.LittleEndian.PutUint32(b[12:], uint32(len(weights)))
	for _, w := range weights {
		b = append(b, byte(w))
	}
	return Weights(b)
}

// Check returns an error if w is not a complete table. It does not check that weights and features belong together.
func (w Weights) Check() error {
	switch {
	case len(w) <= headerSize || w[:8] != magic:
		return fmt.Errorf("table of %d bytes has no valid header", len(w))
	case int(w.word(12)) != len(w)-headerSize:
		return fmt.Errorf("table header declares %d weights, table has %d", w.word(12), len(w)-headerSize)
	}
	return nil
}

// word returns the little-endian uint32 at a byte offset. It exists because encoding/binary reads slices, and the
// conversion of a string to a slice may copy it.
func (w Weights) word(at int) uint32 {
	return uint32(w[at]) | uint32(w[at+1])<<8 | uint32(w[at+2])<<16 | uint32(w[at+3])<<24
}

// scale returns the unit of the weights: a weight of 1 is scale logits.
func (w Weights) scale() float64 {
	return float64(math.Float32frombits(w.word(8)))
}

// Bucket returns the index, 0 to n-1, of the weight of a feature in a table of n weights. It multiplies and shifts
// instead of dividing (Lemire, Fast Random Integer Generation in an Interval, 2019), so n need not be a power of two.
// Features of one bucket share its weight.
func Bucket(hash uint32, n int) int { return int(uint64(hash) * uint64(n) >> 32) }

// at returns the weight of a feature in units of scale.
func (w Weights) at(hash uint32) int32 {
	return int32(int8(w[headerSize+Bucket(hash, len(w)-headerSize)]))
}

// Model is the set of tables of a sentiment model. It is safe for concurrent use.
//
// The zero value is not usable: each table must pass Check, which the methods do not repeat.
type Model struct {
	// Sentiment has the weights of features by Table. A positive weight is evidence for a positive text.
	Sentiment [None]Weights
	// Abuse has the weights of the features of all tables. A positive weight is evidence for abuse.
	Abuse Weights
	// Languages has a row of len(languages) weights for each bucket.
	Languages Weights
	// Scores is the calibration: for each table but Symbol, Knots scores in units of 1/127 for the logits from
	// -KnotRange to KnotRange at equal distances.
	Scores Weights
}

// Check returns an error if a table of the model is incomplete or has a wrong size. A test checks the embedded model,
// so the functions do not check it at their start.
func (m *Model) Check() error {
	for _, w := range append(m.Sentiment[:], m.Abuse, m.Languages, m.Scores) {
		if err := w.Check(); err != nil {
			return err
		}
	}
	if n := len(m.Scores) - headerSize; n != int(Symbol)*Knots {
		return fmt.Errorf("calibration has %d scores, want %d", n, int(Symbol)*Knots)
	}
	if n := len(m.Languages) - headerSize; n%len(languages) != 0 {
		return fmt.Errorf("%d language weights are not a multiple of %d", n, len(languages))
	}
	return nil
}

// Knots is the number of points of a calibration curve, a quarter of a logit apart; KnotRange is the largest logit of
// the curve. Larger logits have the score of KnotRange.
const (
	Knots     = 33
	KnotRange = 4.
)

// evidence is the sum of the weights of features. The zero value is the evidence of an empty text.
type evidence struct {
	// sums has a sum for each table, in units of the table's scale divided by Unit. int32 overflows for long documents.
	sums [None]int64
	// length is the number of features without Extra.
	length int64
}

// halve halves the evidence before a contrast. The halves are rounded towards zero, which keeps the sums integers.
func (e *evidence) halve() {
	for i := range e.sums {
		e.sums[i] /= 2
	}
	e.length /= 2
}

// add adds the evidence o.
func (e *evidence) add(o *evidence) {
	for i := range e.sums {
		e.sums[i] += o.sums[i]
	}
	e.length += o.length
}

// Smoothing is added to the length of a text before the evidence is divided by the square root of the length. It
// reduces the certainty of short texts. Training uses it too, so a new value needs new weights. Values of 2 to 25 did
// not improve the accuracy, see README.md.
const Smoothing = 8

// logit returns the logit of the evidence before calibration: the sum of weights divided by the square root of the
// number of features, so that long texts are not more certain only because they are long.
func (m *Model) logit(e *evidence) float64 {
	// The sums are integers, so the result does not depend on the order of the features.
	var sum float64
	for t, w := range m.Sentiment {
		sum += w.scale() * float64(e.sums[t])
	}
	return sum / Unit / math.Sqrt(float64(e.length)+Smoothing)
}

// score returns the score, -1 to 1, of a logit by linear interpolation in the calibration of a table. Symbol has the
// calibration of Latin.
func (m *Model) score(t Table, logit float64) float64 {
	if t >= Symbol {
		t = Latin
	}
	at := (logit + KnotRange) / (2 * KnotRange) * (Knots - 1)
	at = max(0, min(Knots-1, at))
	i := min(int(at), Knots-2)
	row := headerSize + int(t)*Knots
	lo, hi := float64(int8(m.Scores[row+i])), float64(int8(m.Scores[row+i+1]))
	return (lo + (hi-lo)*(at-float64(i))) / 127
}

// languages are the columns of the language weights: Latin languages with sentiment weights, other Latin languages,
// languages with Han characters. Their order is that of the stored weights; a change needs new weights and the
// constants below.
var languages = [...]string{"en", "fr", "es", "de", "pt", "it", "nl", "id", "vi", "tr", "pl", "tl", "sv", "ja", "zh", "zh-Hant"}

const (
	// scoredLatin is the number of Latin languages with sentiment weights.
	scoredLatin = 3
	// firstHan is the index of the first language with Han characters.
	firstHan = 13
	// foreignMargin is the logit by which a Latin language without sentiment weights must exceed all those with
	// weights. A missing score for an English review is worse than a useless score for a Dutch one.
	foreignMargin = 0.5
)

// Languages returns the languages that cues distinguish, in the order of the columns of Model.Languages.
func Languages() []string { return append([]string(nil), languages[:]...) }

// languageSums are the sums of the language weights by language, in units of the scale of Model.Languages. Unlike
// evidence, they are not divided by the length: only their differences matter.
type languageSums [len(languages)]int64

// addCue adds the language weights of a cue to sums. The row is the bucket of its hash, so cues
// may share a row.
func (m *Model) addCue(sums *languageSums, hash uint32) {
	n := (len(m.Languages) - headerSize) / len(sums)
	row := m.Languages[headerSize+Bucket(hash, n)*len(sums):][:len(sums)]
	for i := range sums {
		sums[i] += int64(int8(row[i]))
	}
}

// reading is the state of one pass over a text. It lives on the stack of the caller, so a pass does not allocate.
type reading struct {
	document  evidence // of the sentences that ended
	languages languageSums
	features  Features
}

// language returns the language of the text, its table, and whether the model has weights for the language. Call it at
// the end of the text.
//
// The most frequent script decides first. Cues decide among the languages of the script. A text of symbols and
// punctuation has no language ("und") but a score, because emoji are evidence.
func (m *Model) language(r *reading) (string, Table, bool) {
	c := &r.features.counts
	best := func(from, to int) int {
		b := from
		for i := from; i < to; i++ {
			if r.languages[i] > r.languages[b] {
				b = i
			}
		}
		return b
	}
	// A letter of the other scripts counts for several Latin letters, because their words have fewer letters.
	ko, cjk, la, fo := 3*c[hangul]+c[jamo], 3*(c[han]+c[kana]), c[latin], 2*c[foreign]
	switch top := max(ko, cjk, la, fo); {
	case top == 0:
		return "und", Symbol, r.document.length > 0 && c[symbol]+c[punctuation] > 0
	case top == ko:
		return "ko", Hangul, true
	case top == cjk:
		// Chinese has no kana, but Chinese reviews name Japanese products. So a fifth of the characters must be kana,
		// or the cues must agree with the few kana.
		switch {
		case c[kana]*5 >= c[han]+c[kana] || c[kana] > 0 && r.languages[firstHan] > max(r.languages[firstHan+1], r.languages[firstHan+2]):
			return "ja", Han, true
		}
		// One character that is traditional only outweighs any number of common ones.
		l := languages[best(firstHan, len(languages))]
		if l != "ja" && r.features.traditional > 0 {
			l = "zh-Hant"
		} else if l != "ja" {
			l = "zh"
		}
		return l, Han, true
	case top == fo:
		return foreignLanguage(r.features.foreignRune), None, false
	}
	l, other := best(0, scoredLatin), best(scoredLatin, firstHan)
	if m.Languages.scale()*float64(r.languages[other]-r.languages[l]) > foreignMargin {
		return languages[other], Latin, false
	}
	return languages[l], Latin, true
}

// Analyze returns the sentiment of a text.
func (m *Model) Analyze(text string) Result {
	r := reading{features: ReadFeatures(text)}
	var score, magnitude, n float64 // a text that is scored has a sentence, so n is not 0 then
	var s Sentence
	for m.sentence(&r, &s) {
		score += s.Score
		magnitude += s.Magnitude
		n++
	}
	language, _, scored := m.language(&r)
	if !scored {
		return Result{Language: language}
	}
	return Result{Language: language, Scored: true, Score: score / n, Magnitude: magnitude}
}

// AppendSentences appends the sentences of a text to dst, in their order and without overlap. A text without a letter,
// digit, symbol or punctuation mark has none.
func (m *Model) AppendSentences(dst []Sentence, text string) []Sentence {
	r := reading{features: ReadFeatures(text)}
	for {
		var s Sentence
		if !m.sentence(&r, &s) {
			return dst
		}
		dst = append(dst, s)
	}
}

// sentence reads the next sentence into s and adds its evidence to r.document. It returns false at the end of the text
// and leaves s unchanged then. scripts/model/train repeats this arithmetic in learner.read; change both together.
func (m *Model) sentence(r *reading, s *Sentence) bool {
	var e evidence
	for {
		step := r.features.Next()
		for i := range r.features.n {
			f := &r.features.found[i]
			if f.Table < None {
				e.sums[f.Table] += int64(int32(f.Value) * m.Sentiment[f.Table].at(f.Hash))
				if !f.Extra {
					e.length++
				}
			}
			if f.Cue {
				m.addCue(&r.languages, f.Hash)
			}
		}
		switch step {
		case Contrast:
			e.halve()
		case SentenceEnd:
			r.document.add(&e)
			score := m.score(r.features.Script, m.logit(&e))
			*s = Sentence{Start: r.features.Start, End: r.features.End, Score: score, Magnitude: math.Abs(score)}
			return true
		case TextEnd:
			return false
		}
	}
}

// AbusePrior is the abuse logit of a text without features: a probability of 0.18. Training starts from it, so a new
// value needs new weights.
const AbusePrior = -1.5

// AbuseLogit returns the logit of the probability that a text is abusive. Each occurrence of a feature counts once:
// negations and contrasts do not make an insult milder.
func (m *Model) AbuseLogit(text string) float64 {
	x := ReadFeatures(text)
	var sum, n int64
	for {
		step := x.Next()
		for i := range x.n {
			if f := &x.found[i]; f.Table < None && !f.Extra {
				sum += int64(m.Abuse.at(f.Hash))
				n++
			}
		}
		if step == TextEnd {
			return AbusePrior + m.Abuse.scale()*float64(sum)/math.Sqrt(float64(n)+Smoothing)
		}
	}
}

// foreignLanguage returns the language of a letter by its Unicode block, "und" for other blocks. A block stands for its
// most frequent language, such as Hindi for Devanagari; of Cyrillic letters, only the Ukrainian ones are not taken for
// Russian.
func foreignLanguage(r rune) string {
	switch {
	case r == 'і' || r == 'ї' || r == 'є' || r == 'ґ':
		return "uk"
	case r >= 0x400 && r <= 0x52F:
		return "ru"
	case r >= 0x370 && r <= 0x3FF:
		return "el"
	case r >= 0x590 && r <= 0x5FF:
		return "he"
	case r >= 0x600 && r <= 0x6FF:
		return "ar"
	case r >= 0x900 && r <= 0x97F:
		return "hi"
	case r >= 0xE00 && r <= 0xE7F:
		return "th"
	}
	return "und"
}

// Logit returns the table whose calibration applies to a text, and the logit of the text before calibration. Training
// fits the calibration to it. The logit is that of all sentences together, while Analyze scores each sentence;
// README.md compares both.
func (m *Model) Logit(text string) (Table, float64) {
	r := reading{features: ReadFeatures(text)}
	var s Sentence
	for m.sentence(&r, &s) {
	}
	_, t, _ := m.language(&r)
	return t, m.logit(&r.document)
}

// Traditional reports whether a Chinese text has a character that is traditional only. Japanese texts may have such
// characters too, so the caller must know that the text is Chinese.
func Traditional(text string) bool {
	for _, r := range text {
		if _, ok := simplified(r); ok {
			return true
		}
	}
	return false
}
