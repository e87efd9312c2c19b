package main

import (
	"math"
	"math/rand/v2"

	"github.com/hybrid-bts/functions/shared/sentiment"
)

// example is a labelled text.
type example struct {
	text   string
	target float32 // the probability that it is positive, or abusive
	weight float32
}

// vector is what the features of a text are in the weights of a learner.
type vector struct {
	at    []uint32
	value []float32
}

// learner is a logistic regression over hashed features, trained by AdaGrad.
type learner struct {
	offset [sentiment.None + 1]int // of each table in weights
	weight []float32
	square []float32 // sums of squared gradients
	rate   float32
	single bool // one table for all scripts
	decay  float32
	v      vector
}

// newLearner returns a learner without knowledge. All tables share one of abuse.
func newLearner(sizes [sentiment.None]int) *learner {
	l := &learner{rate: 0.1, decay: 0}
	for t, n := range sizes {
		l.offset[t+1] = l.offset[t] + n
	}
	l.weight = make([]float32, l.offset[sentiment.None])
	l.square = make([]float32, l.offset[sentiment.None])
	return l
}

func (l *learner) clone() *learner {
	c := *l
	c.weight = append([]float32(nil), l.weight...)
	c.square = append([]float32(nil), l.square...)
	c.v = vector{}
	return &c
}

// read makes l.v of a text, as the model will see it.
func (l *learner) read(text string) {
	l.v.at, l.v.value = l.v.at[:0], l.v.value[:0]
	length, sentence, first := float32(0), float32(0), 0
	for x := sentiment.ReadFeatures(text); ; {
		step := x.Next()
		for _, f := range x.Found() {
			if f.Table >= sentiment.None {
				continue
			}
			table := f.Table
			if l.single {
				if f.Extra {
					continue
				}
				table, f.Value = 0, sentiment.Unit
			}
			size := l.offset[table+1] - l.offset[table]
			l.v.at = append(l.v.at, uint32(l.offset[table]+sentiment.Bucket(f.Hash, size)))
			l.v.value = append(l.v.value, float32(f.Value)/sentiment.Unit)
			if !f.Extra {
				sentence++
			}
		}
		switch step {
		case sentiment.Turn:
			if l.single {
				continue
			}
			for i := first; i < len(l.v.value); i++ {
				l.v.value[i] /= 2
			}
			sentence /= 2
		case sentiment.SentenceEnd:
			length += sentence
			sentence, first = 0, len(l.v.at)
		case sentiment.TextEnd:
			norm := 1 / float32(math.Sqrt(float64(length)+sentiment.Smoothing))
			for i := range l.v.value {
				l.v.value[i] *= norm
			}
			return
		}
	}
}

func (l *learner) logit() float32 {
	var z float32
	for i, at := range l.v.at {
		z += l.weight[at] * l.v.value[i]
	}
	return z
}

func sigmoid(z float32) float32 { return float32(1 / (1 + math.Exp(-float64(z)))) }

// pass learns from each example once, in an order that r gives.
func (l *learner) pass(examples []example, r *rand.Rand) {
	order := r.Perm(len(examples))
	for _, k := range order {
		e := &examples[k]
		l.read(e.text)
		g := (sigmoid(l.logit()) - e.target) * e.weight
		for i, at := range l.v.at {
			d := g*l.v.value[i] + l.decay*l.weight[at]
			l.square[at] += d * d
			l.weight[at] -= l.rate * d / float32(math.Sqrt(float64(l.square[at])+1e-6))
		}
	}
}
