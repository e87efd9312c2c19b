package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/hybrid-bts/functions/scripts/model/train/corpus"
	"github.com/hybrid-bts/functions/shared/engine/sentiment"
)

// trainAbuse trains the weights for profanity and insults. It returns them and their section of the report, a
// cross-validation. The returned weights are trained without corpus.TestPart.
//
// Columns of the report: precision and recall are those of abusive texts. The threshold is a probability of 0.5 unless
// the column names another. 0.8 is a threshold at which functions/sentiment holds a review.
func trainAbuse(c *corpus.Corpus, r recipe, seed uint64) (sentiment.Weights, string) {
	const (
		passes       = 8
		rate         = 0.2
		lineWeight   = 6   // weight of a labelled line relative to a comment
		reviewWeight = 0.5 // weight of a review, none of which is abusive
		reviewStride = 4   // one of this many reviews is used
	)
	// The examples are the comments, then the labelled lines, then the reviews; the rows of the report rely on the
	// order.
	var examples []example
	var groups []string // by example
	add := func(text, group string, abusive bool, weight float32) {
		e := example{text, 0, weight}
		if abusive {
			e.target = 1
		}
		examples, groups = append(examples, e), append(groups, group)
	}
	for _, n := range c.Comments {
		add(n.Text, n.Text, n.Abusive, 1) // comments have no group; equal ones stay together
	}
	for _, n := range c.Abuse {
		add(n.Text, n.Group, n.Stars == 1, lineWeight)
	}
	for i, n := range c.Lines {
		if i%reviewStride == 0 {
			add(n.Text, n.Group, false, reviewWeight)
		}
	}
	learn := func(in func(group string) bool) sentiment.Weights {
		var selected []example
		for i, e := range examples {
			if in(groups[i]) {
				selected = append(selected, e)
			}
		}
		l := newLearner([sentiment.None]int{}, r.abuse)
		l.rate = rate
		l.passes(passes, selected, rand.New(rand.NewPCG(seed, 3)))
		return quantize(l.weight)
	}
	judgements := make([]judgement, len(examples))
	parallel(r.folds, func(k int) {
		m := emptyModel()
		m.Abuse = learn(func(group string) bool { return corpus.Fold(group, r.folds) != k })
		for i, e := range examples {
			if corpus.Fold(groups[i], r.folds) == k {
				judgements[i] = judgement{probability(m.AbuseLogit(e.text)), e.target == 1}
			}
		}
	})
	text := "\n## Abuse, cross-validated\n\n" +
		"| texts | n | abusive | precision | recall | precision above 0.8 | recall above 0.8 | recall above 0.2 | clean texts above 0.2 |\n|---|---|---|---|---|---|---|---|---|\n"
	row := func(name string, judgements []judgement) {
		if len(judgements) == 0 {
			return
		}
		var abusive, unsure int
		for _, j := range judgements {
			if j.positive {
				abusive++
			} else if j.probability > 0.2 {
				unsure++
			}
		}
		half, high, low := measure(judgements, 0.5), measure(judgements, 0.8), measure(judgements, 0.2)
		text += fmt.Sprintf("| %s | %d | %d | %.3f | %.3f | %.3f | %.3f | %.3f | %.3f |\n", name, len(judgements), abusive,
			half.precision, half.recall, high.precision, high.recall, low.recall, float64(unsure)/float64(len(judgements)-abusive))
	}
	lines := judgements[len(c.Comments):]
	row("comments, Korean", judgements[:len(c.Comments)])
	for _, language := range []string{"ko", "en"} {
		var selected []judgement
		for i, n := range c.Abuse {
			if n.Language == language {
				selected = append(selected, lines[i])
			}
		}
		row("lines, "+language, selected)
	}
	row("reviews", lines[len(c.Abuse):])
	return learn(func(group string) bool { return corpus.Part(group) != corpus.TestPart }), text
}
