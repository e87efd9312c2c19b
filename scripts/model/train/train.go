package main

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/hybrid-bts/functions/scripts/model/train/corpus"
	"github.com/hybrid-bts/functions/shared/engine/sentiment"
)

// recipe is how the model is made. It was chosen on a part of films and snippets that was kept for that,
// and on the cross-validation of lines.
type recipe struct {
	sizes        [sentiment.None]int // buckets of each table
	abuse        int                 // buckets of profanity and insults
	languages    int                 // rows of the language weights
	negativeFilm float32             // what a bad review of a film weighs against a good one, of which there are more
	snippet      float32             // what a snippet weighs against a film
	line         float32             // what a line weighs against a film
	passes       int                 // over films and snippets
	rate         float32
	linePasses   int // over lines, and what is learned again with them
	lineRate     float32
	replay       int // films and snippets that are learned again with each line, lest they are forgotten
	folds        int // of the cross-validation
}

var standard = recipe{
	sizes:     [sentiment.None]int{sentiment.Hangul: 776 << 10, sentiment.Latin: 224 << 10, sentiment.Han: 224 << 10, sentiment.Symbol: 8 << 10},
	abuse:     128 << 10,
	languages: 6 << 10,

	negativeFilm: 4.5, snippet: 2, line: 12,
	passes: 12, rate: 0.1,
	linePasses: 5, lineRate: 0.4, replay: 6,
	folds: 5,
}

// film makes an example of a review of a film. One in the middle of the scale is none.
func (r recipe) film(f corpus.Film) (example, bool) {
	switch {
	case f.Rating >= 9:
		return example{f.Text, 1, 0.5}, true
	case f.Rating <= 4:
		return example{f.Text, 0, 0.5 * r.negativeFilm}, true
	}
	return example{}, false
}

// snippet makes an example of a snippet that is not neutral.
func (r recipe) snippetExample(s corpus.Snippet) (example, bool) {
	e := example{s.Text, 0, r.snippet * float32(min(1.5, math.Abs(s.Mean)/2))}
	if s.Mean > 0 {
		e.target = 1
	}
	return e, math.Abs(s.Mean) >= 0.5
}

// lineExample makes an example of a line, and none of one with three stars.
func (r recipe) lineExample(l corpus.Line) (example, bool) {
	e := example{l.Text, 0, r.line}
	if l.Positive() {
		e.target = 1
	}
	if l.Stars == 2 || l.Stars == 4 {
		e.weight *= 0.7
	}
	return e, l.Stars != 3
}

// general returns the films and snippets of some parts.
func (r recipe) general(c *corpus.Corpus, in func(part int) bool) (films, snippets []example) {
	for _, f := range c.Films {
		if e, ok := r.film(f); ok && in(corpus.Part(f.Movie)) {
			films = append(films, e)
		}
	}
	for _, s := range c.Snippets {
		if e, ok := r.snippetExample(s); ok && in(corpus.Part(s.Text)) {
			snippets = append(snippets, e)
		}
	}
	return films, snippets
}

// generalist learns from films and snippets.
func (r recipe) generalist(examples []example, seed uint64) *learner {
	l := newLearner(r.sizes, 0)
	l.rate = r.rate
	l.passes(r.passes, examples, rand.New(rand.NewPCG(seed, 1)))
	return l
}

// specialist makes one that knows shops of a generalist.
func (r recipe) specialist(l *learner, general []example, lines []corpus.Line, seed uint64) *learner {
	l = l.clone()
	l.rate = r.lineRate
	order := rand.New(rand.NewPCG(seed, 2))
	var examples []example
	for _, n := range lines {
		if e, ok := r.lineExample(n); ok {
			examples = append(examples, e)
		}
	}
	for range len(examples) * r.replay {
		if len(general) > 0 {
			examples = append(examples, general[order.IntN(len(general))])
		}
	}
	l.passes(r.linePasses, examples, order)
	return l
}

// parallel calls f with 0 to n-1, on as many processors as there are.
func parallel(n int, f func(k int)) {
	var wg sync.WaitGroup
	free := make(chan bool, runtime.GOMAXPROCS(0))
	for k := range n {
		free <- true
		wg.Go(func() {
			f(k)
			<-free
		})
	}
	wg.Wait()
}

// train makes a model and the report of it.
func train(c *corpus.Corpus, r recipe, seed uint64, logf func(string, ...any)) (sentiment.Model, string) {
	films, snippets := r.general(c, func(p int) bool { return p != corpus.TestPart })
	filmTest, snippetTest := r.general(c, func(p int) bool { return p == corpus.TestPart })
	general := append(films, snippets...)
	base := r.generalist(general, seed)
	logf("learned %d films and snippets", len(general))

	// Every line is judged by a model that learned nothing of its group.
	found, judged := make([]evidence, len(c.Lines)), make([]judgement, len(c.Lines))
	models := make([]sentiment.Model, r.folds)
	parallel(r.folds, func(k int) {
		learn := c.Words[:len(c.Words):len(c.Words)]
		for _, n := range c.Lines {
			if corpus.Fold(n.Group, r.folds) != k {
				learn = append(learn, n)
			}
		}
		models[k] = blank()
		models[k].Sentiment = r.specialist(base, general, learn, seed).tables()
		for i, n := range c.Lines {
			if corpus.Fold(n.Group, r.folds) == k {
				found[i] = weigh(&models[k], n.Text, n.Positive())
			}
		}
	})
	logf("cross-validated %d lines", len(c.Lines))

	var scores calibration
	for t := range scores {
		var of []evidence
		for i, n := range c.Lines {
			if n.Stars != 3 && found[i].table == sentiment.Table(t) {
				of = append(of, found[i])
			}
		}
		scores[t] = fitPlatt(of)
	}

	learn := c.Words[:len(c.Words):len(c.Words)]
	for _, n := range c.Lines {
		if corpus.Part(n.Group) != corpus.TestPart {
			learn = append(learn, n)
		}
	}
	m := blank()
	m.Sentiment, m.Scores = r.specialist(base, general, learn, seed).tables(), scores.weights()
	logf("learned %d lines and words", len(learn))
	var abuse, languages string
	m.Abuse, abuse = trainAbuse(c, r, seed)
	logf("learned abuse")
	m.Languages, languages = trainLanguages(c, r, seed)
	logf("learned languages")
	for i, n := range c.Lines {
		of := models[corpus.Fold(n.Group, r.folds)]
		of.Languages, of.Scores = m.Languages, m.Scores
		judged[i] = judge(&of, n.Text, n.Positive())
	}
	return m, report(&m, c, judged, filmTest, snippetTest) + abuse + languages + sizes(&m)
}

// blank is a model that knows nothing.
func blank() sentiment.Model {
	m := sentiment.Model{
		Abuse:     quantize(make([]float32, 1)),
		Languages: quantize(make([]float32, len(sentiment.Lanes()))),
		Scores:    quantize(make([]float32, int(sentiment.Symbol)*sentiment.Knots)),
	}
	for t := range m.Sentiment {
		m.Sentiment[t] = quantize(make([]float32, 1))
	}
	return m
}

// tables returns the weights as the model stores them.
func (l *learner) tables() [sentiment.None]sentiment.Weights {
	var all [sentiment.None]sentiment.Weights
	for t := range all {
		all[t] = quantize(l.weight[l.offset[t]:l.offset[t+1]])
	}
	return all
}

// quantize stores weights in bytes. The few that are far out are cut, so that the others are precise.
func quantize(weights []float32) sentiment.Weights {
	const deviations = 8 // of the weights that are not 0, up to the largest byte
	var square float64
	n := 0
	for _, w := range weights {
		if w != 0 {
			square += float64(w) * float64(w)
			n++
		}
	}
	scale := float32(deviations*math.Sqrt(square/float64(max(1, n)))/math.MaxInt8) + 1e-9
	stored := make([]int8, len(weights))
	for i, w := range weights {
		stored[i] = int8(max(-math.MaxInt8, min(math.MaxInt8, math.Round(float64(w/scale)))))
	}
	return sentiment.NewWeights(scale, stored)
}
