package main

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/hybrid-bts/functions/scripts/model/train/corpus"
	"github.com/hybrid-bts/functions/shared/engine/sentiment"
)

// recipe is the set of training parameters. They were tuned on a held-out part of films and snippets and on the
// cross-validation of lines.
type recipe struct {
	// sizes is the number of buckets of each table, so of bytes in the binary. Fewer buckets make more features share a
	// weight.
	sizes     [sentiment.None]int
	abuse     int // buckets of the abuse table
	languages int // rows of the language weights; a row has a weight for each language

	// negativeFilm is the weight of a negative film review relative to a positive one, because positive ones are more
	// frequent.
	negativeFilm float32
	snippet      float32 // weight of a snippet relative to a film review
	// line is the weight of a line relative to a film review. A higher one improves shop reviews and degrades film
	// reviews.
	line float32

	passes     int     // over films and snippets
	rate       float32 // AdaGrad learning rate for films and snippets
	linePasses int     // over lines and replayed examples
	lineRate   float32 // AdaGrad learning rate for lines and replayed examples
	// replay is the number of films and snippets to repeat per line, so that training on lines does not unlearn them.
	replay int
	folds  int // of the cross-validations
}

// standard is the recipe of the shipped weights. REPORT.md has their accuracy; README.md of shared/engine/sentiment has
// the experiments with other values. The tables take 1.5 MB of the binary.
var standard = recipe{
	sizes:     [sentiment.None]int{sentiment.Hangul: 776 << 10, sentiment.Latin: 224 << 10, sentiment.Han: 224 << 10, sentiment.Symbol: 8 << 10},
	abuse:     128 << 10,
	languages: 6 << 10,

	negativeFilm: 4.5, snippet: 2, line: 12,
	passes: 12, rate: 0.1,
	linePasses: 5, lineRate: 0.4, replay: 6,
	folds: 5,
}

// filmExample returns the example of a film review, and false for a review in the middle of the scale, 5 to 8 of
// 10.
func (r recipe) filmExample(f corpus.Film) (example, bool) {
	switch {
	case f.Rating >= 9:
		return example{f.Text, 1, 0.5}, true
	case f.Rating <= 4:
		return example{f.Text, 0, 0.5 * r.negativeFilm}, true
	}
	return example{}, false
}

// snippetExample returns the example of a snippet, and false for a neutral snippet, whose mean grade is below 0.5 of 4.
// The weight grows with the mean grade up to 3.
func (r recipe) snippetExample(s corpus.Snippet) (example, bool) {
	e := example{s.Text, 0, r.snippet * float32(min(1.5, math.Abs(s.Mean)/2))}
	if s.Mean > 0 {
		e.target = 1
	}
	return e, math.Abs(s.Mean) >= 0.5
}

// lineExample returns the example of a line, and false for a line with three stars. Lines with two and four stars have
// a lower weight, because they may mix praise and blame.
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

// general returns the examples of films and snippets in the parts that in selects. All reviews of a film are in one
// part, so the test measures unseen films.
func (r recipe) general(c *corpus.Corpus, in func(part int) bool) (films, snippets []example) {
	for _, f := range c.Films {
		if e, ok := r.filmExample(f); ok && in(corpus.Part(f.Movie)) {
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

// generalist returns a learner that is trained with films and snippets. Its sequence of examples is stream 1 of the
// seed; the specialist has stream 2, abuse 3 and languages 4, so that a change of one training leaves the others
// unchanged.
func (r recipe) generalist(examples []example, seed uint64) *learner {
	l := newLearner(r.sizes, 0)
	l.rate = r.rate
	l.passes(r.passes, examples, rand.New(rand.NewPCG(seed, 1)))
	return l
}

// specialist returns a copy of a generalist that is trained further with lines, mixed with replayed examples of
// general. It keeps the sums of squared gradients, so weights that films and snippets have trained well move less. The
// generalist is unchanged, so specialists can be trained concurrently.
func (r recipe) specialist(generalist *learner, general []example, lines []corpus.Line, seed uint64) *learner {
	l := generalist.clone()
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

// parallel calls f with 0 to n-1, at most GOMAXPROCS calls at once, and returns after all of them. f may write only to
// data of its k. The order of the calls has no influence on the result of the training.
func parallel(n int, f func(k int)) {
	var wg sync.WaitGroup
	slots := make(chan bool, runtime.GOMAXPROCS(0))
	for k := range n {
		slots <- true
		wg.Go(func() {
			f(k)
			<-slots
		})
	}
	wg.Wait()
}

// train returns a trained model and its report. It trains the generalist first, then a specialist for each fold of the
// lines, which gives the calibration, and last the specialist to ship. logf writes a line of progress; train calls it
// from one goroutine.
func train(c *corpus.Corpus, r recipe, seed uint64, logf func(string, ...any)) (sentiment.Model, string) {
	films, snippets := r.general(c, func(p int) bool { return p != corpus.TestPart })
	filmTest, snippetTest := r.general(c, func(p int) bool { return p == corpus.TestPart })
	general := append(films, snippets...)
	base := r.generalist(general, seed)
	logf("trained on %d films and snippets", len(general))

	// Each line is scored by a model that was trained without the group of the line. The calibration must be fitted to
	// such logits: a model is too certain of the texts of its training.
	uncalibrated, judgements := make([]evidence, len(c.Lines)), make([]judgement, len(c.Lines))
	models := make([]sentiment.Model, r.folds)
	parallel(r.folds, func(k int) {
		training := c.Words[:len(c.Words):len(c.Words)] // without capacity, so append copies the words
		for _, n := range c.Lines {
			if corpus.Fold(n.Group, r.folds) != k {
				training = append(training, n)
			}
		}
		models[k] = emptyModel()
		models[k].Sentiment = r.specialist(base, general, training, seed).tables()
		for i, n := range c.Lines {
			if corpus.Fold(n.Group, r.folds) == k {
				uncalibrated[i] = findEvidence(&models[k], n.Text, n.Positive())
			}
		}
	})
	logf("cross-validated %d lines", len(c.Lines))

	var scores calibration
	for t := range scores {
		var ofTable []evidence
		for i, n := range c.Lines {
			if n.Stars != 3 && uncalibrated[i].table == sentiment.Table(t) {
				ofTable = append(ofTable, uncalibrated[i])
			}
		}
		scores[t] = fitPlatt(ofTable)
	}

	training := c.Words[:len(c.Words):len(c.Words)]
	for _, n := range c.Lines {
		if corpus.Part(n.Group) != corpus.TestPart {
			training = append(training, n)
		}
	}
	m := emptyModel()
	m.Sentiment, m.Scores = r.specialist(base, general, training, seed).tables(), scores.weights()
	logf("trained on %d lines and words", len(training))
	var abuse, languages string
	m.Abuse, abuse = trainAbuse(c, r, seed)
	logf("trained abuse")
	m.Languages, languages = trainLanguages(c, r, seed)
	logf("trained languages")
	// The judgements wait for the calibration, and for the language weights: a text is scored only in a known language.
	for i, n := range c.Lines {
		foldModel := models[corpus.Fold(n.Group, r.folds)]
		foldModel.Languages, foldModel.Scores = m.Languages, m.Scores
		judgements[i] = judge(&foldModel, n.Text, n.Positive())
	}
	return m, report(&m, c, judgements, filmTest, snippetTest) + abuse + languages + sizeReport(&m)
}

// emptyModel returns a model whose weights are 0. It passes sentiment.Model.Check, with one bucket in each table, so
// that a training can use the model with the table that it has trained and without the others.
func emptyModel() sentiment.Model {
	m := sentiment.Model{
		Abuse:     quantize(make([]float32, 1)),
		Languages: quantize(make([]float32, len(sentiment.Languages()))),
		Scores:    quantize(make([]float32, int(sentiment.Symbol)*sentiment.Knots)),
	}
	for t := range m.Sentiment {
		m.Sentiment[t] = quantize(make([]float32, 1))
	}
	return m
}

// tables returns the weights as the tables of a model, each with a scale of its own. It copies the weights.
func (l *learner) tables() [sentiment.None]sentiment.Weights {
	var all [sentiment.None]sentiment.Weights
	for t := range all {
		all[t] = quantize(l.weight[l.offset[t]:l.offset[t+1]])
	}
	return all
}

// quantize returns a table of the weights as bytes, -127 to 127. It clips the few extreme weights, so that the others
// are more precise. Weights of 0 are mostly those of unused buckets, so they do not count for the scale. The scale is
// never 0.
func quantize(weights []float32) sentiment.Weights {
	const deviations = 8 // root mean squares of the non-zero weights at which weights are clipped
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
