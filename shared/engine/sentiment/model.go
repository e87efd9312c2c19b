package sentiment

import (
	"encoding/binary"
	"fmt"
	"math"
)

// headerSize is the bytes before the weights of a table: a magic word, a version, and the scale of a weight.
const headerSize = 16

const magic = "HBTSw1\x00\x00"

// Weights are a table as it is stored: a header, and a signed byte for each bucket of features.
type Weights string

// NewWeights stores weights, which are in units of scale.
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

// Check reports what is wrong with a table.
func (w Weights) Check() error {
	switch {
	case len(w) <= headerSize || w[:8] != magic:
		return fmt.Errorf("%d bytes that are no table of weights", len(w))
	case int(w.word(12)) != len(w)-headerSize:
		return fmt.Errorf("a table of %d weights in %d bytes", w.word(12), len(w))
	}
	return nil
}

func (w Weights) word(at int) uint32 {
	return uint32(w[at]) | uint32(w[at+1])<<8 | uint32(w[at+2])<<16 | uint32(w[at+3])<<24
}

func (w Weights) scale() float64 {
	return float64(math.Float32frombits(w.word(8)))
}

// Bucket returns which of n weights a feature has.
func Bucket(hash uint32, n int) int { return int(uint64(hash) * uint64(n) >> 32) }

func (w Weights) at(hash uint32) int32 {
	return int32(int8(w[headerSize+Bucket(hash, len(w)-headerSize)]))
}

// Model is a set of weights.
type Model struct {
	Sentiment [None]Weights
	Abuse     Weights
	// Languages has a row of len(languages) weights for each bucket.
	Languages Weights
	// Scores has a row of Knots scores for each table but Symbol's, in units of 1/127: what the evidence
	// from -KnotRange to KnotRange means.
	Scores Weights
}

// Check reports what is wrong with a model.
func (m *Model) Check() error {
	for _, w := range append(m.Sentiment[:], m.Abuse, m.Languages, m.Scores) {
		if err := w.Check(); err != nil {
			return err
		}
	}
	if n := len(m.Scores) - headerSize; n != int(Symbol)*Knots {
		return fmt.Errorf("a calibration of %d scores, want %d", n, int(Symbol)*Knots)
	}
	if n := len(m.Languages) - headerSize; n%len(languages) != 0 {
		return fmt.Errorf("%d weights of languages in rows of %d", n, len(languages))
	}
	return nil
}

// Knots is the number of points that a calibration is given at.
const (
	Knots     = 33
	KnotRange = 4.
)

// evidence is what features say.
type evidence struct {
	sums   [None]int64 // what a long document says does not fit into less
	length int64
}

func (e *evidence) halve() {
	for i := range e.sums {
		e.sums[i] /= 2
	}
	e.length /= 2
}

func (e *evidence) add(o *evidence) {
	for i := range e.sums {
		e.sums[i] += o.sums[i]
	}
	e.length += o.length
}

// Smoothing is what the length of a text is increased by before evidence is divided by its root, so
// that a text of a few letters is no more certain than it should be.
const Smoothing = 8

// logit returns the evidence of e as one number.
func (m *Model) logit(e *evidence) float64 {
	var sum float64
	for t, w := range m.Sentiment {
		sum += w.scale() * float64(e.sums[t])
	}
	return sum / Unit / math.Sqrt(float64(e.length)+Smoothing)
}

// score maps a logit to -1..1 by the calibration of a script.
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

// languages are the lanes of the language weights.
var languages = [...]string{"en", "fr", "es", "de", "pt", "it", "nl", "id", "vi", "tr", "pl", "tl", "sv", "ja", "zh", "zh-Hant"}

// supported is the number of Latin lanes that have weights of sentiment. A language that has none must be
// more likely by foreignMargin, as a logit: an English review without a score is worse than one in Dutch
// with a useless score.
const (
	supported     = 3
	foreignMargin = 0.5
)

// firstHan is the first lane of those that are written with Han characters.
const firstHan = 13

// Lanes are the languages that cues tell apart.
func Lanes() []string { return append([]string(nil), languages[:]...) }

type lanes [len(languages)]int64

func (m *Model) tell(l *lanes, hash uint32) {
	n := (len(m.Languages) - headerSize) / len(l)
	row := m.Languages[headerSize+Bucket(hash, n)*len(l):][:len(l)]
	for i := range l {
		l[i] += int64(int8(row[i]))
	}
}

// reading is one pass over a text.
type reading struct {
	document evidence
	lanes    lanes
	features Features
}

// language returns the language of what was read, the script that it has, and whether it has weights.
func (m *Model) language(r *reading) (string, Table, bool) {
	c := &r.features.counts
	best := func(from, to int) int {
		b := from
		for i := from; i < to; i++ {
			if r.lanes[i] > r.lanes[b] {
				b = i
			}
		}
		return b
	}
	// A letter of these scripts is worth several Latin ones.
	ko, cjk, la, fo := 3*c[hangul]+c[jamo], 3*(c[han]+c[kana]), c[latin], 2*c[foreign]
	switch top := max(ko, cjk, la, fo); {
	case top == 0:
		return "und", Symbol, r.document.length > 0 && c[symbol]+c[punctuation] > 0
	case top == ko:
		return "ko", Hangul, true
	case top == cjk:
		switch {
		case c[kana]*5 >= c[han]+c[kana] || c[kana] > 0 && r.lanes[firstHan] > max(r.lanes[firstHan+1], r.lanes[firstHan+2]):
			return "ja", Han, true
		}
		// One character that is only traditional tells more than many that are both.
		l := languages[best(firstHan, len(languages))]
		if l != "ja" && r.features.traditional > 0 {
			l = "zh-Hant"
		} else if l != "ja" {
			l = "zh"
		}
		return l, Han, true
	case top == fo:
		return foreignLanguage(r.features.other), None, false
	}
	l, other := best(0, supported), best(supported, firstHan)
	if m.Languages.scale()*float64(r.lanes[other]-r.lanes[l]) > foreignMargin {
		return languages[other], Latin, false
	}
	return languages[l], Latin, true
}

// Analyze scores a text.
func (m *Model) Analyze(text string) Result {
	r := reading{features: ReadFeatures(text)}
	var score, magnitude, n float64
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

// AppendSentences appends the sentences of a text.
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

// sentence reads the next sentence.
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
				m.tell(&r.lanes, f.Hash)
			}
		}
		switch step {
		case Turn:
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

// AbusePrior is the logit of a text without letters to be abusive.
const AbusePrior = -1.5

// AbuseLogit returns the logit of a text to be abusive.
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

// foreignLanguage returns the language of a letter whose script tells it.
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

// Logit returns the evidence of a text before calibration, and the script whose calibration it needs.
func (m *Model) Logit(text string) (Table, float64) {
	r := reading{features: ReadFeatures(text)}
	var s Sentence
	for m.sentence(&r, &s) {
	}
	_, t, _ := m.language(&r)
	return t, m.logit(&r.document)
}

// Traditional reports whether Chinese text is written with traditional characters.
func Traditional(text string) bool {
	for _, r := range text {
		if _, ok := simplified(r); ok {
			return true
		}
	}
	return false
}
