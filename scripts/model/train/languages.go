package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/hybrid-bts/functions/scripts/model/train/corpus"
	"github.com/hybrid-bts/functions/shared/engine/sentiment"
)

// trainLanguages learns which cues are of which language, by softmax regression, and reports how well.
func trainLanguages(c *corpus.Corpus, r recipe, seed uint64) (sentiment.Weights, string) {
	const (
		passes = 8
		rate   = 0.1
		often  = 20 // how often a text is learned in a pass at most, however few its language has
	)
	names := sentiment.Lanes()
	lanes := map[string]int{}
	for i, l := range names {
		lanes[l] = i
	}
	var texts []corpus.Line
	for _, of := range [][]corpus.Line{c.Foreign, c.Words, c.Lines} {
		for _, n := range of {
			if n.Language == "zh" && sentiment.Traditional(n.Text) {
				n.Language = "zh-Hant"
			}
			if _, ok := lanes[n.Language]; ok {
				texts = append(texts, n)
			}
		}
	}
	learn := func(in func(group string) bool) sentiment.Weights {
		count := make([]int, len(names))
		total := 0
		for _, n := range texts {
			if in(n.Group) {
				count[lanes[n.Language]]++
				total++
			}
		}
		var of []corpus.Line
		for _, n := range texts {
			if in(n.Group) {
				of = append(of, slices.Repeat([]corpus.Line{n}, max(1, min(often, total/len(names)/count[lanes[n.Language]])))...)
			}
		}
		weights := make([]float32, r.languages*len(names))
		squares := make([]float32, len(weights))
		p := make([]float64, len(names))
		order := rand.New(rand.NewPCG(seed, 4))
		for range passes {
			for _, i := range order.Perm(len(of)) {
				lane := lanes[of[i].Language]
				cues := readCues(of[i].Text)
				var sum float64
				for j := range p {
					var z float64
					for _, h := range cues {
						z += float64(weights[sentiment.Bucket(h, r.languages)*len(names)+j])
					}
					p[j] = math.Exp(max(-30, min(30, z)))
					sum += p[j]
				}
				for j := range p {
					g := float32(p[j] / sum)
					if j == lane {
						g--
					}
					for _, h := range cues {
						at := sentiment.Bucket(h, r.languages)*len(names) + j
						squares[at] += g * g
						weights[at] -= rate * g / float32(math.Sqrt(float64(squares[at])+1e-6))
					}
				}
			}
		}
		return quantize(weights)
	}
	found := make([]string, len(texts))
	parallel(r.folds, func(k int) {
		m := blank()
		m.Languages = learn(func(group string) bool { return corpus.Fold(group, r.folds) != k })
		for i, n := range texts {
			if corpus.Fold(n.Group, r.folds) == k {
				found[i] = m.Analyze(n.Text).Language
			}
		}
	})
	text := "\n## Languages, cross-validated\n\n| language | n | told | taken for one without weights |\n|---|---|---|---|\n"
	for _, l := range names {
		var n, right, lost int
		for i, t := range texts {
			if t.Language != l {
				continue
			}
			n++
			switch found[i] {
			case l:
				right++
			case "en", "fr", "es", "ja", "zh", "zh-Hant":
			default:
				lost++
			}
		}
		if n > 0 {
			text += fmt.Sprintf("| %s | %d | %.3f | %.3f |\n", l, n, float64(right)/float64(n), float64(lost)/float64(n))
		}
	}
	return learn(func(string) bool { return true }), text
}

// readCues returns the features of a text that tell its language.
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
