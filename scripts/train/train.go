package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"

	"github.com/hybrid-bts/functions/shared/sentiment"
)

// recipe is how the model is made. It was chosen on the development split.
type recipe struct {
	sizes        [sentiment.None]int // buckets of each table
	abuse        int                 // buckets
	rows         int                 // buckets of the language weights
	negativeFilm float32             // what a bad review of a film weighs against a good one
	snippet      float32             // what a snippet weighs against a film
	passes       int                 // over the films and snippets
	rate         float32             // of learning them
	line         float32             // what a line weighs against a film
	replay       int                 // films and snippets that are learned again with each line
	linePasses   int
	lineRate     float32
	folds        int // of the cross-validation
}

var standard = recipe{
	sizes: [sentiment.None]int{sentiment.Hangul: 704 << 10, sentiment.Latin: 224 << 10, sentiment.Han: 224 << 10, sentiment.Symbol: 8 << 10},
	abuse: 128 << 10, rows: 6 << 10,
	negativeFilm: 3, snippet: 2, passes: 2, rate: 0.1,
	line: 4, replay: 5, linePasses: 5, lineRate: 0.1,
	folds: 5,
}

// The films and snippets: 1 of 20 is for the choice of a recipe, 1 of 20 for the report.
const (
	parts      = 20
	testPart   = 0
	choicePart = 1
)

func (f film) example(r recipe) (example, bool) {
	switch {
	case f.rating >= 9:
		return example{f.text, 1, 0.5}, true
	case f.rating <= 4:
		return example{f.text, 0, 0.5 * r.negativeFilm}, true
	}
	return example{}, false
}

func (s snippet) example(r recipe) (example, bool) {
	if math.Abs(s.mean) < 0.5 {
		return example{}, false
	}
	e := example{s.text, 0, r.snippet * float32(min(1.5, math.Abs(s.mean)/2))}
	if s.mean > 0 {
		e.target = 1
	}
	return e, true
}

func (l line) example(r recipe) (example, bool) {
	if l.stars == 3 {
		return example{}, false
	}
	e := example{l.text, 0, r.line}
	if l.stars == 2 || l.stars == 4 {
		e.weight *= 0.7
	}
	if l.positive() {
		e.target = 1
	}
	return e, true
}

// general returns the films and snippets of some parts.
func (c *corpus) general(r recipe, in func(part int) bool) (films, snippets []example) {
	for _, f := range c.films {
		if e, ok := f.example(r); ok && in(fold(f.movie, parts)) {
			films = append(films, e)
		}
	}
	for _, s := range c.snippets {
		if e, ok := s.example(r); ok && in(fold(s.text, parts)) {
			snippets = append(snippets, e)
		}
	}
	return films, snippets
}

// generalist learns from films and snippets.
func generalist(r recipe, examples []example, seed uint64) *learner {
	l := newLearner(r.sizes)
	l.rate = r.rate
	order := rand.New(rand.NewPCG(seed, 1))
	for range r.passes {
		l.pass(examples, order)
	}
	return l
}

// tune makes a specialist of shops of a generalist.
func tune(r recipe, l *learner, general []example, lines []line, seed uint64) *learner {
	l = l.clone()
	l.rate = r.lineRate
	order := rand.New(rand.NewPCG(seed, 2))
	var examples []example
	for _, n := range lines {
		if e, ok := n.example(r); ok {
			examples = append(examples, e)
		}
	}
	for range len(examples) * r.replay {
		examples = append(examples, general[order.IntN(len(general))])
	}
	for range r.linePasses {
		l.pass(examples, order)
	}
	return l
}

// parallel calls f with 0 to n-1, on as many processors as there are.
func parallel(n int, f func(k int)) {
	var wg sync.WaitGroup
	free := make(chan bool, runtime.GOMAXPROCS(0))
	for k := range n {
		wg.Add(1)
		free <- true
		go func() {
			defer wg.Done()
			f(k)
			<-free
		}()
	}
	wg.Wait()
}

// train makes a model and the report of it.
func train(c *corpus, r recipe, seed uint64, logf func(string, ...any)) (sentiment.Model, string) {
	var rep report

	// What is reported comes from models that saw neither the test part of films and snippets nor, for a
	// line, any line of its group.
	films, snippets := c.general(r, func(p int) bool { return p != testPart })
	filmTest, snippetTest := c.general(r, func(p int) bool { return p == testPart })
	general := append(films, snippets...)
	base := generalist(r, general, seed)
	logf("learned %d films and snippets", len(general))

	logits := make([]judged, len(c.lines))
	tests := make([][2][]judged, r.folds)
	parallel(r.folds, func(k int) {
		var learn []line
		for _, n := range c.lines {
			if fold(n.group, uint32(r.folds)) != k {
				learn = append(learn, n)
			}
		}
		m := sentiment.Model{Sentiment: tune(r, base, general, learn, seed).tables()}
		for i, n := range c.lines {
			if fold(n.group, uint32(r.folds)) == k {
				t, z := m.Logit(n.text)
				logits[i] = judged{t, z, n.stars > 3}
			}
		}
		if k == 0 {
			tests[k][0], tests[k][1] = judge(&m, filmTest), judge(&m, snippetTest)
		}
	})
	logf("cross-validated %d lines", len(c.lines))

	var scores [sentiment.Symbol]platt
	for t := range scores {
		var of []judged
		for i, n := range c.lines {
			if n.stars != 3 && !n.words && logits[i].table == sentiment.Table(t) {
				of = append(of, logits[i])
			}
		}
		scores[t] = fitPlatt(of)
	}
	rep.sentiment(c, logits, scores, tests[0])

	// What ships learned from everything.
	allFilms, allSnippets := c.general(r, func(int) bool { return true })
	all := append(allFilms, allSnippets...)
	shipped := tune(r, generalist(r, all, seed), all, c.lines, seed)
	logf("learned %d films and snippets, and %d lines", len(all), len(c.lines))
	m := sentiment.Model{Sentiment: shipped.tables(), Scores: scoreTable(scores)}
	m.Abuse = trainAbuse(c, r, seed, &rep)
	logf("learned abuse")
	m.Languages = trainLanguages(c, r, seed, &rep)
	logf("learned languages")
	rep.sizes(m)
	return m, rep.String()
}

// judged is what a model says of a text, and what is true.
type judged struct {
	table    sentiment.Table
	logit    float64
	positive bool
}

func judge(m *sentiment.Model, examples []example) []judged {
	all := make([]judged, len(examples))
	for i, e := range examples {
		t, z := m.Logit(e.text)
		all[i] = judged{t, z, e.target > 0.5}
	}
	return all
}

// platt maps a logit to a probability.
type platt struct{ slope, shift float64 }

func (p platt) probability(z float64) float64 { return 1 / (1 + math.Exp(-p.slope*z-p.shift)) }

// fitPlatt fits by gradient descent, which the two classes weigh equally in.
func fitPlatt(of []judged) platt {
	var n [2]float64
	for _, j := range of {
		if j.positive {
			n[1]++
		} else {
			n[0]++
		}
	}
	p := platt{slope: 1}
	if n[0] == 0 || n[1] == 0 {
		return p
	}
	for range 2000 {
		var slope, shift float64
		for _, j := range of {
			d, w := p.probability(j.logit), 0.5/n[0]
			if j.positive {
				d, w = d-1, 0.5/n[1]
			}
			slope += w * d * j.logit
			shift += w * d
		}
		p.slope -= slope
		p.shift -= shift
	}
	return p
}

func scoreTable(scores [sentiment.Symbol]platt) sentiment.Weights {
	var all []int8
	for _, p := range scores {
		for k := range sentiment.Knots {
			z := (float64(k)/(sentiment.Knots-1)*2 - 1) * sentiment.KnotRange
			all = append(all, int8(math.Round(127*(2*p.probability(z)-1))))
		}
	}
	return sentiment.NewWeights(1./127, all)
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
	var square float64
	n := 0
	for _, w := range weights {
		if w != 0 {
			square += float64(w) * float64(w)
			n++
		}
	}
	scale := float32(8*math.Sqrt(square/float64(max(1, n)))/127) + 1e-9
	stored := make([]int8, len(weights))
	for i, w := range weights {
		stored[i] = int8(max(-127, min(127, math.Round(float64(w/scale)))))
	}
	return sentiment.NewWeights(scale, stored)
}

// trainAbuse learns what is profanity or an insult.
func trainAbuse(c *corpus, r recipe, seed uint64, rep *report) sentiment.Weights {
	var examples []example
	var parts []int
	var isLine []bool
	add := func(text, group string, abusive bool, weight float32, own bool) {
		e := example{text, 0, weight}
		if abusive {
			e.target = 1
		}
		examples, parts, isLine = append(examples, e), append(parts, fold(group, uint32(r.folds))), append(isLine, own)
	}
	for _, n := range c.comments {
		add(n.text, n.text, n.abusive, 1, false)
	}
	for _, n := range c.abuse {
		add(n.text, n.group, n.stars == 1, 3, true)
	}
	for i, n := range c.lines {
		if i%4 == 0 { // reviews that are harsh but clean
			add(n.text, n.group, false, 0.5, false)
		}
	}
	learn := func(k int) *learner {
		l := newLearner([sentiment.None]int{r.abuse})
		l.single = true
		var of []example
		for i, e := range examples {
			if parts[i] != k {
				of = append(of, e)
			}
		}
		order := rand.New(rand.NewPCG(seed, 3))
		for range 6 {
			l.pass(of, order)
		}
		return l
	}
	found := make([]float64, len(examples))
	parallel(r.folds, func(k int) {
		m := sentiment.Model{Abuse: quantize(learn(k).weight)}
		for i, e := range examples {
			if parts[i] == k {
				found[i] = m.AbuseLogit(e.text)
			}
		}
	})
	var comments, own []judged
	for i, e := range examples {
		j := judged{0, found[i], e.target > 0.5}
		if i < len(c.comments) {
			comments = append(comments, j)
		} else if isLine[i] {
			own = append(own, j)
		}
	}
	rep.abuse(comments, own)
	return quantize(learn(-1).weight)
}

// trainLanguages learns which cues are of which language, by a softmax regression.
func trainLanguages(c *corpus, r recipe, seed uint64, rep *report) sentiment.Weights {
	lanes := sentiment.Lanes()
	lane := map[string]int{}
	for i, l := range lanes {
		lane[l] = i
	}
	texts := append([]line(nil), c.foreign...)
	for _, n := range c.lines {
		if n.language == "zh" && sentiment.Traditional(n.text) {
			n.language = "zh-Hant"
		}
		if _, ok := lane[n.language]; ok {
			texts = append(texts, n)
		}
	}
	learn := func(k int) sentiment.Weights {
		var of []line
		for _, n := range texts {
			if fold(n.group, uint32(r.folds)) != k {
				of = append(of, n)
			}
		}
		weights := make([]float32, r.rows*len(lanes))
		squares := make([]float32, len(weights))
		order := rand.New(rand.NewPCG(seed, 4))
		var count [32]float32
		for _, n := range of {
			count[lane[n.language]]++
		}
		p := make([]float64, len(lanes))
		for range 8 {
			for _, i := range order.Perm(len(of)) {
				n := of[i]
				cues := readCues(n.text)
				var sum float64
				for j := range p {
					var z float64
					for _, h := range cues {
						z += float64(weights[sentiment.Bucket(h, r.rows)*len(lanes)+j])
					}
					p[j] = math.Exp(max(-30, min(30, z)))
					sum += p[j]
				}
				share := float32(math.Sqrt(float64(len(of)) / float64(len(lanes)) / float64(count[lane[n.language]])))
				for j := range p {
					g := float32(p[j] / sum)
					if j == lane[n.language] {
						g--
					}
					g *= share
					for _, h := range cues {
						at := sentiment.Bucket(h, r.rows)*len(lanes) + j
						squares[at] += g * g
						weights[at] -= 0.1 * g / float32(math.Sqrt(float64(squares[at])+1e-6))
					}
				}
			}
		}
		return quantize(weights)
	}
	type answer struct{ right, of int }
	found := make([]map[string]answer, r.folds)
	parallel(r.folds, func(k int) {
		m := sentiment.Model{Languages: learn(k)}
		found[k] = map[string]answer{}
		for _, n := range texts {
			if fold(n.group, uint32(r.folds)) == k {
				a := found[k][n.language]
				a.of++
				if m.Language(n.text) == n.language {
					a.right++
				}
				found[k][n.language] = a
			}
		}
	})
	rep.line("\n## Languages\n")
	for _, l := range lanes {
		var a answer
		for _, f := range found {
			a.right += f[l].right
			a.of += f[l].of
		}
		if a.of > 0 {
			rep.line(fmt.Sprintf("- %s: %d of %d", l, a.right, a.of))
		}
	}
	return learn(-1)
}

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

// report is what is told of a model.
type report struct{ b strings.Builder }

func (r *report) line(s string)  { r.b.WriteString(s + "\n") }
func (r *report) String() string { return r.b.String() }

// quality is how good judgements are.
type quality struct {
	n                           int
	accuracy, balanced, f1, ece float64
	precision, recall           float64
}

func measure(of []judged, p platt) quality {
	var right, n [2]float64
	var bins [10]struct{ n, p, positive float64 }
	for _, j := range of {
		k := 0
		if j.positive {
			k = 1
		}
		n[k]++
		prob := p.probability(j.logit)
		if (prob > 0.5) == j.positive {
			right[k]++
		}
		b := &bins[min(9, int(prob*10))]
		b.n++
		b.p += prob
		b.positive += float64(k)
	}
	q := quality{n: len(of)}
	total := n[0] + n[1]
	q.accuracy = (right[0] + right[1]) / total
	q.balanced = (right[0]/n[0] + right[1]/n[1]) / 2
	wrongPositive := n[0] - right[0]
	q.precision, q.recall = right[1]/(right[1]+wrongPositive), right[1]/n[1]
	f := func(hit, miss, wrong float64) float64 { return 2 * hit / (2*hit + miss + wrong) }
	q.f1 = (f(right[1], n[1]-right[1], wrongPositive) + f(right[0], wrongPositive, n[1]-right[1])) / 2
	for _, b := range bins {
		q.ece += math.Abs(b.p-b.positive) / total
	}
	return q
}

func (r *report) row(name string, q quality) {
	r.line(fmt.Sprintf("| %s | %d | %.3f | %.3f | %.3f | %.3f |", name, q.n, q.accuracy, q.f1, q.balanced, q.ece))
}

func (r *report) sentiment(c *corpus, logits []judged, scores [sentiment.Symbol]platt, tests [2][]judged) {
	r.line("# How good the weights are\n")
	r.line("| texts | n | accuracy | F1 | balanced | calibration error |")
	r.line("|---|---|---|---|---|---|")
	r.row("films, Korean", measure(tests[0], scores[sentiment.Hangul]))
	r.row("snippets, English", measure(tests[1], scores[sentiment.Latin]))
	tables := map[string]sentiment.Table{"ko": sentiment.Hangul, "en": sentiment.Latin, "fr": sentiment.Latin, "es": sentiment.Latin, "ja": sentiment.Han, "zh": sentiment.Han}
	for _, l := range []string{"ko", "en", "fr", "es", "ja", "zh"} {
		for _, which := range []string{"", " plain", " pairs", " words"} {
			var of []judged
			for i, n := range c.lines {
				in := map[string]bool{"": !n.words, " plain": strings.Contains(n.group, "plain"), " pairs": n.pair(), " words": n.words}[which]
				if n.language == l && n.stars != 3 && in {
					of = append(of, logits[i])
				}
			}
			if len(of) > 0 {
				r.row(l+which, measure(of, scores[tables[l]]))
			}
		}
	}
}

func (r *report) abuse(comments, own []judged) {
	r.line("\n## Abuse\n")
	for _, of := range [][]judged{comments, own} {
		if len(of) > 0 {
			q := measure(of, platt{slope: 1})
			r.line(fmt.Sprintf("- n %d, accuracy %.3f, precision %.3f, recall %.3f, ECE %.3f", q.n, q.accuracy, q.precision, q.recall, q.ece))
		}
	}
}

func (r *report) sizes(m sentiment.Model) {
	total := len(m.Abuse) + len(m.Languages) + len(m.Scores)
	for _, w := range m.Sentiment {
		total += len(w)
	}
	r.line(fmt.Sprintf("\n%d bytes of weights.", total))
}
