package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/hybrid-bts/functions/scripts/model/train/corpus"
	"github.com/hybrid-bts/functions/shared/engine/sentiment"
)

// trainAbuse learns what is profanity or an insult, and reports how well.
func trainAbuse(c *corpus.Corpus, r recipe, seed uint64) (sentiment.Weights, string) {
	const (
		passes = 8
		rate   = 0.2
		own    = 6   // what a line of the filter weighs against a comment
		clean  = 0.5 // and what a review does, none of which is abusive
		every  = 4   // reviews, one of which is learned
	)
	var examples []example
	var groups []string
	add := func(text, group string, abusive bool, weight float32) {
		e := example{text, 0, weight}
		if abusive {
			e.target = 1
		}
		examples, groups = append(examples, e), append(groups, group)
	}
	for _, n := range c.Comments {
		add(n.Text, n.Text, n.Abusive, 1)
	}
	for _, n := range c.Abuse {
		add(n.Text, n.Group, n.Stars == 1, own)
	}
	for i, n := range c.Lines {
		if i%every == 0 {
			add(n.Text, n.Group, false, clean)
		}
	}
	learn := func(in func(group string) bool) sentiment.Weights {
		var of []example
		for i, e := range examples {
			if in(groups[i]) {
				of = append(of, e)
			}
		}
		l := newLearner([sentiment.None]int{}, r.abuse)
		l.rate = rate
		l.passes(passes, of, rand.New(rand.NewPCG(seed, 3)))
		return quantize(l.weight)
	}
	judged := make([]judgement, len(examples))
	parallel(r.folds, func(k int) {
		m := blank()
		m.Abuse = learn(func(group string) bool { return corpus.Fold(group, r.folds) != k })
		for i, e := range examples {
			if corpus.Fold(groups[i], r.folds) == k {
				judged[i] = judgement{probability(m.AbuseLogit(e.text)), e.target == 1}
			}
		}
	})
	text := "\n## Abuse, cross-validated\n\n" +
		"| texts | n | abusive | precision | recall | above 0.8: precision | recall | above 0.2: recall | clean ones |\n|---|---|---|---|---|---|---|---|---|\n"
	row := func(name string, of []judgement) {
		if len(of) == 0 {
			return
		}
		var abusive, unsure int
		for _, j := range of {
			if j.positive {
				abusive++
			} else if j.probability > 0.2 {
				unsure++
			}
		}
		half, sure, unsafe := measure(of, 0.5), measure(of, 0.8), measure(of, 0.2)
		text += fmt.Sprintf("| %s | %d | %d | %.3f | %.3f | %.3f | %.3f | %.3f | %.3f |\n", name, len(of), abusive,
			half.precision, half.recall, sure.precision, sure.recall, unsafe.recall, float64(unsure)/float64(len(of)-abusive))
	}
	lines := judged[len(c.Comments):]
	row("comments, Korean", judged[:len(c.Comments)])
	for _, language := range []string{"ko", "en"} {
		var of []judgement
		for i, n := range c.Abuse {
			if n.Language == language {
				of = append(of, lines[i])
			}
		}
		row("lines, "+language, of)
	}
	row("reviews", lines[len(c.Abuse):])
	return learn(func(group string) bool { return corpus.Part(group) != corpus.TestPart }), text
}
