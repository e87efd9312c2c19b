package main

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/hybrid-bts/functions/shared/engine/sentiment"
)

// example is a labelled text.
type example struct {
	text   string
	target float32 // 1 if the text is positive or abusive, else 0
	weight float32
}

// learner trains a logistic regression over hashed features with AdaGrad (Duchi et al., 2011). Its arithmetic has a fixed
// order, so equal examples give equal bits. It is not safe for concurrent use.
type learner struct {
	offset [sentiment.None + 1]int // start of each table in weight
	abuse  bool                    // one table for all scripts, and no negations
	weight []float32
	square []float32 // sums of squared gradients
	rate   float32

	// Features of the text of the last read.
	at    []uint32 // indices in weight
	value []float32
}

// newLearner returns an untrained learner with tables of the given sizes, or with one table of size abuse if abuse is not 0.
func newLearner(sizes [sentiment.None]int, abuse int) *learner {
	l := &learner{abuse: abuse > 0}
	if l.abuse {
		sizes = [sentiment.None]int{abuse}
	}
	for t, n := range sizes {
		l.offset[t+1] = l.offset[t] + n
	}
	l.weight = make([]float32, l.offset[sentiment.None])
	l.square = make([]float32, l.offset[sentiment.None])
	return l
}

// clone returns a copy that shares no weights with l.
func (l *learner) clone() *learner {
	c := *l
	c.weight, c.square = slices.Clone(l.weight), slices.Clone(l.square)
	c.at, c.value = nil, nil
	return &c
}

// read reads the features of a text like sentiment.Model does.
func (l *learner) read(text string) {
	l.at, l.value = l.at[:0], l.value[:0]
	var length, sentence float32
	first := 0 // index of the first feature of the sentence
	for x := sentiment.ReadFeatures(text); ; {
		step := x.Next()
		for _, f := range x.Found() {
			t := f.Table
			if t == sentiment.None || l.abuse && f.Extra {
				continue
			}
			if l.abuse {
				t, f.Value = 0, sentiment.Unit
			}
			l.at = append(l.at, uint32(l.offset[t]+sentiment.Bucket(f.Hash, l.offset[t+1]-l.offset[t])))
			l.value = append(l.value, float32(f.Value)/sentiment.Unit)
			if !f.Extra {
				sentence++
			}
		}
		switch {
		case step == sentiment.Contrast && !l.abuse:
			for i := range l.value[first:] {
				l.value[first+i] /= 2
			}
			sentence /= 2
		case step == sentiment.SentenceEnd:
			length += sentence
			sentence, first = 0, len(l.at)
		case step == sentiment.TextEnd:
			norm := 1 / float32(math.Sqrt(float64(length)+sentiment.Smoothing))
			for i := range l.value {
				l.value[i] *= norm
			}
			return
		}
	}
}

// logit returns the logit of the text of the last read.
func (l *learner) logit() float32 {
	var z float32
	if l.abuse {
		z = sentiment.AbusePrior
	}
	for i, at := range l.at {
		z += l.weight[at] * l.value[i]
	}
	return z
}

// pass learns from each example once, in random order.
func (l *learner) pass(examples []example, r *rand.Rand) {
	for _, k := range r.Perm(len(examples)) {
		e := &examples[k]
		l.read(e.text)
		g := (float32(probability(float64(l.logit()))) - e.target) * e.weight
		for i, at := range l.at {
			d := g * l.value[i]
			l.square[at] += d * d
			l.weight[at] -= l.rate * d / float32(math.Sqrt(float64(l.square[at])+1e-6))
		}
	}
}

// passes learns from all examples n times. The result is the mean of the weights after each pass but the first, which depends
// less on the last examples than the last weights do.
func (l *learner) passes(n int, examples []example, r *rand.Rand) {
	l.pass(examples, r)
	if n == 1 {
		return
	}
	mean := make([]float32, len(l.weight))
	for range n - 1 {
		l.pass(examples, r)
		for i, w := range l.weight {
			mean[i] += w / float32(n-1)
		}
	}
	l.weight = mean
}

// probability returns the probability of a logit.
func probability(logit float64) float64 { return 1 / (1 + math.Exp(-logit)) }
