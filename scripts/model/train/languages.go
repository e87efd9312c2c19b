package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/hybrid-bts/functions/scripts/model/train/corpus"
	"github.com/hybrid-bts/functions/shared/engine/sentiment"
)

// languageTrainer trains the language weights, a softmax regression over language cues: the probability of a language
// is proportional to e to the sum of its weights. Its methods do not change it, so they may run concurrently.
type languageTrainer struct {
	names []string       // languages in the order of the columns of the weights
	index map[string]int // indices of names
	texts []corpus.Line
	rows  int    // of the weights, one row of len(names) weights for each bucket of cues
	seed  uint64 // of the order of examples
}

// trainLanguages trains the language weights. It returns them and their section of the report, a cross-validation.
// Unlike the other weights, the returned ones are trained with all texts: some languages have about 30 texts only.
func trainLanguages(c *corpus.Corpus, r recipe, seed uint64) (sentiment.Weights, string) {
	t := newLanguageTrainer(c, r.languages, seed)
	detected := make([]string, len(t.texts))
	parallel(r.folds, func(k int) {
		m := emptyModel()
		m.Languages = t.train(func(group string) bool { return corpus.Fold(group, r.folds) != k })
		for i, n := range t.texts {
			if corpus.Fold(n.Group, r.folds) == k {
				detected[i] = m.Analyze(n.Text).Language
			}
		}
	})
	return t.train(func(string) bool { return true }), t.report(detected)
}

// newLanguageTrainer returns a trainer with the texts of the corpus whose language is in sentiment.Languages. Korean is
// not: its script alone decides. Chinese texts with a traditional character are "zh-Hant", as in sentiment.Model.
func newLanguageTrainer(c *corpus.Corpus, rows int, seed uint64) *languageTrainer {
	t := &languageTrainer{names: sentiment.Languages(), index: map[string]int{}, rows: rows, seed: seed}
	for i, l := range t.names {
		t.index[l] = i
	}
	for _, n := range slices.Concat(c.Foreign, c.Words, c.Lines) {
		if n.Language == "zh" && sentiment.Traditional(n.Text) {
			n.Language = "zh-Hant"
		}
		if _, ok := t.index[n.Language]; ok {
			t.texts = append(t.texts, n)
		}
	}
	return t
}

// train returns weights that are trained with the texts of the selected groups. The examples are always in the same
// order for the same seed and groups, so equal data give equal bytes.
func (t *languageTrainer) train(selected func(group string) bool) sentiment.Weights {
	const passes = 8
	texts := t.balanced(selected)
	weights := make([]float32, t.rows*len(t.names))
	squares := make([]float32, len(weights)) // sums of squared gradients
	p := make([]float64, len(t.names))
	order := rand.New(rand.NewPCG(t.seed, 4))
	for range passes {
		for _, i := range order.Perm(len(texts)) {
			t.learn(weights, squares, p, t.index[texts[i].Language], readCues(texts[i].Text))
		}
	}
	return quantize(weights)
}

// balanced returns the texts of the selected groups. It repeats texts of rare languages, so that languages have about
// equal numbers of texts.
func (t *languageTrainer) balanced(selected func(group string) bool) []corpus.Line {
	const maxRepeats = 20 // of one text
	count := make([]int, len(t.names))
	total := 0
	for _, n := range t.texts {
		if selected(n.Group) {
			count[t.index[n.Language]]++
			total++
		}
	}
	var texts []corpus.Line
	for _, n := range t.texts {
		if selected(n.Group) {
			repeats := max(1, min(maxRepeats, total/len(t.names)/count[t.index[n.Language]]))
			texts = append(texts, slices.Repeat([]corpus.Line{n}, repeats)...)
		}
	}
	return texts
}

// learn takes one AdaGrad step with a text of a language, the index in t.names. weights and squares are rows of one
// element per language, which learn changes. p is a buffer with one element per language.
func (t *languageTrainer) learn(weights, squares []float32, p []float64, language int, cues []uint32) {
	const rate = 0.1
	var sum float64
	for j := range p {
		var z float64
		for _, h := range cues {
			z += float64(weights[sentiment.Bucket(h, t.rows)*len(p)+j])
		}
		// A long text may have a logit at which the exponential overflows.
		p[j] = math.Exp(max(-30, min(30, z)))
		sum += p[j]
	}
	for j := range p {
		g := float32(p[j] / sum)
		if j == language {
			g--
		}
		for _, h := range cues {
			at := sentiment.Bucket(h, t.rows)*len(p) + j
			squares[at] += g * g
			weights[at] -= rate * g / float32(math.Sqrt(float64(squares[at])+1e-6))
		}
	}
}

// report returns the section of the report for the detected languages of the texts, by text. A text that is detected as
// a language without weights gets no score, which is worse than a confusion of two languages with weights.
func (t *languageTrainer) report(detected []string) string {
	var b strings.Builder
	b.WriteString("\n## Languages, cross-validated\n\n| language | n | recognized | detected as a language without weights |\n|---|---|---|---|\n")
	for _, l := range t.names {
		var n, correct, unscored int
		for i, text := range t.texts {
			if text.Language != l {
				continue
			}
			n++
			switch detected[i] {
			case l:
				correct++
			case "en", "fr", "es", "ja", "zh", "zh-Hant":
			default:
				unscored++
			}
		}
		if n > 0 {
			fmt.Fprintf(&b, "| %s | %d | %.3f | %.3f |\n", l, n, float64(correct)/float64(n), float64(unscored)/float64(n))
		}
	}
	return b.String()
}

// readCues returns the hashes of the language cues of a text, a cue as often as it occurs.
func readCues(text string) []uint32 {
	var cues []uint32
	for x := sentiment.ReadFeatures(text); ; {
		step := x.Next()
		for _, f := range x.Found() {
			if f.Cue {
				cues = append(cues, f.Hash)
			}
		}
		if step == sentiment.TextEnd {
			return cues
		}
	}
}
