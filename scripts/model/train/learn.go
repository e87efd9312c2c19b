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
	weight float32 // factor of the gradient, above 0
}

// learner trains a logistic regression over hashed features with AdaGrad (Duchi et al., 2011). Its arithmetic has a
// fixed order, so equal examples give equal bits. It is not safe for concurrent use.
//
// A step of AdaGrad subtracts rate·g/√s from each weight of the text, where g is the gradient and s the sum of all
// squared gradients of the weight. So rare features learn faster than frequent ones.
type learner struct {
	offset [sentiment.None + 1]int // start of each table in weight; the last element is the end
	abuse  bool                    // one table for all scripts, and no negations
	weight []float32               // in logits, at offset + sentiment.Bucket
	square []float32               // sums of squared gradients, by weight
	rate   float32                 // set it before a pass

	// Features of the text of the last read.
	at    []uint32  // indices in weight; features of one bucket have equal ones
	value []float32 // 1 for a feature that occurs alone, divided by the square root of the length plus Smoothing
}

// newLearner returns an untrained learner with tables of the given sizes, or with one table of size abuse if abuse is
// not 0. Its rate is 0. It takes 8 bytes for each bucket, and passes take 4 more.
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

// read reads the features of a text like sentiment.Model does: negated, halved before a contrast, divided by the square
// root of the length. The model must score a text with the logit that training has seen, so change both together.
// Unlike the model, it pools the sentences, because a label is that of the whole text.
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

// logit returns the logit of the text of the last read, before calibration.
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

// pass learns from each example once, in random order. The time is linear in the number of features of all examples.
func (l *learner) pass(examples []example, r *rand.Rand) {
	for _, k := range r.Perm(len(examples)) {
		e := &examples[k]
		l.read(e.text)
		g := (float32(probability(float64(l.logit()))) - e.target) * e.weight
		for i, at := range l.at {
			d := g * l.value[i]
			l.square[at] += d * d // before the step, so a first step is not larger than the rate
			l.weight[at] -= l.rate * d / float32(math.Sqrt(float64(l.square[at])+1e-6))
		}
	}
}

// passes learns from all examples n times. The result is the mean of the weights after each pass but the first, which
// depends less on the last examples than the last weights do. n must be at least 1; for n = 1 the result is that of the
// pass. The sums of squared gradients stay, for further passes.
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

// probability returns the probability, 0 to 1, of a logit: the logistic function.
func probability(logit float64) float64 { return 1 / (1 + math.Exp(-logit)) }
