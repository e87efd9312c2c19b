package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/hybrid-bts/functions/scripts/model/train/corpus"
	"github.com/hybrid-bts/functions/shared/engine/sentiment"
)

// evidence is what a model finds in a text before it is calibrated, and what is true.
type evidence struct {
	table    sentiment.Table
	logit    float64
	positive bool
}

func weigh(m *sentiment.Model, text string, positive bool) evidence {
	t, z := m.Logit(text)
	return evidence{t, z, positive}
}

// judgement is how probable a model thinks that a text is positive, or abusive, and what is true.
type judgement struct {
	probability float64
	positive    bool
}

func judge(m *sentiment.Model, text string, positive bool) judgement {
	return judgement{(m.Analyze(text).Score + 1) / 2, positive}
}

func (j judgement) right() bool { return (j.probability > 0.5) == j.positive }

// platt maps the logit of a model to a calibrated one.
type platt struct{ slope, shift float64 }

func (p platt) logit(z float64) float64 { return p.slope*z + p.shift }

// fitPlatt fits by gradient descent. Praise and complaints weigh the same in all.
func fitPlatt(of []evidence) platt {
	var n [2]float64
	for _, j := range of {
		n[index(j.positive)]++
	}
	p := platt{slope: 1}
	if n[0] == 0 || n[1] == 0 {
		return p
	}
	for range 2000 {
		var slope, shift float64
		for _, j := range of {
			d := (probability(p.logit(j.logit)) - float64(index(j.positive))) / 2 / n[index(j.positive)]
			slope += d * j.logit
			shift += d
		}
		p.slope -= slope
		p.shift -= shift
	}
	return p
}

func index(positive bool) int {
	if positive {
		return 1
	}
	return 0
}

// calibration is what the logits of each script mean.
type calibration [sentiment.Symbol]platt

// weights are the scores of a calibration: a probability of praise from 0 to 1 is a score from -1 to 1.
func (c calibration) weights() sentiment.Weights {
	var all []int8
	for _, p := range c {
		for k := range sentiment.Knots {
			z := (float64(k)/(sentiment.Knots-1)*2 - 1) * sentiment.KnotRange
			all = append(all, int8(math.Round(math.MaxInt8*(2*probability(p.logit(z))-1))))
		}
	}
	return sentiment.NewWeights(1./math.MaxInt8, all)
}

// quality is how good judgements are.
type quality struct {
	accuracy, balanced, f1 float64 // F1 is the mean of both classes
	precision, recall      float64 // of the positive class
	calibration            float64 // expected calibration error, of ten bins
}

// measure compares probabilities with a threshold.
func measure(of []judgement, threshold float64) quality {
	var right, n [2]float64
	var bins [10]struct{ p, positive float64 }
	for _, j := range of {
		k, p := index(j.positive), j.probability
		n[k]++
		if (p > threshold) == j.positive {
			right[k]++
		}
		b := &bins[min(9, int(p*10))]
		b.p += p
		b.positive += float64(k)
	}
	ratio := func(a, b float64) float64 {
		if b == 0 {
			return 0
		}
		return a / b
	}
	total, wrong := n[0]+n[1], [2]float64{n[0] - right[0], n[1] - right[1]}
	q := quality{
		accuracy:  ratio(right[0]+right[1], total),
		balanced:  (ratio(right[0], n[0]) + ratio(right[1], n[1])) / 2,
		precision: ratio(right[1], right[1]+wrong[0]),
		recall:    ratio(right[1], n[1]),
	}
	for k := range right {
		q.f1 += ratio(right[k], 2*right[k]+wrong[0]+wrong[1])
	}
	for _, b := range bins {
		q.calibration += ratio(math.Abs(b.p-b.positive), total)
	}
	return q
}

// languages are those of the lines, in the order of the report.
var languages = []string{"ko", "en", "ja", "zh", "fr", "es"}

// report tells how good the model that ships is on the test part, and how good lines were judged in the
// cross-validation.
func report(m *sentiment.Model, c *corpus.Corpus, judged []judgement, films, snippets []example) string {
	var b strings.Builder
	row := func(name string, of []judgement) {
		if len(of) > 0 {
			q := measure(of, 0.5)
			fmt.Fprintf(&b, "| %s | %d | %.3f | %.3f | %.3f | %.3f |\n", name, len(of), q.accuracy, q.f1, q.balanced, q.calibration)
		}
	}
	table := func(title string) {
		fmt.Fprintf(&b, "\n## %s\n\n| texts | n | accuracy | F1 | balanced accuracy | calibration error |\n|---|---|---|---|---|---|\n", title)
	}
	b.WriteString("# How good the weights are\n\nWritten by `go run ./scripts/model/train`. Texts in the middle of their scale are left out; F1 is the mean of both\nclasses, the calibration error that of ten bins of probabilities.\n")
	table("The weights that ship, on the part that they have not seen")
	for _, of := range []struct {
		name     string
		examples []example
	}{{"films, ko", films}, {"snippets, en", snippets}} {
		var found []judgement
		for _, e := range of.examples {
			found = append(found, judge(m, e.text, e.target == 1))
		}
		row(of.name, found)
	}
	lines := func(language string, in func(i int, n corpus.Line) bool) []int {
		var of []int
		for i, n := range c.Lines {
			if n.Language == language && n.Stars != 3 && in(i, n) {
				of = append(of, i)
			}
		}
		return of
	}
	for _, l := range languages {
		var found []judgement
		for _, i := range lines(l, func(_ int, n corpus.Line) bool { return corpus.Part(n.Group) == corpus.TestPart }) {
			found = append(found, judge(m, c.Lines[i].Text, c.Lines[i].Positive()))
		}
		row("shops, "+l, found)
	}
	table("Lines, cross-validated by group")
	pick := func(of []int) []judgement {
		var found []judgement
		for _, i := range of {
			found = append(found, judged[i])
		}
		return found
	}
	for _, l := range languages {
		row("shops, "+l, pick(lines(l, func(int, corpus.Line) bool { return true })))
		row("of them plain", pick(lines(l, func(_ int, n corpus.Line) bool { return strings.Contains(n.Group, "plain") })))
		row("of them clear, 1 or 5 stars", pick(lines(l, func(_ int, n corpus.Line) bool { return n.Stars == 1 || n.Stars == 5 })))
	}
	b.WriteString("\n## Ideas and their negations, cross-validated by group\n\n| language | lines | accuracy | pairs | both right |\n|---|---|---|---|---|\n")
	for _, l := range languages {
		of := lines(l, func(_ int, n corpus.Line) bool { return n.Pair() })
		pairs, both := 0, 0
		for k := 0; k+1 < len(of); k++ {
			i, j := of[k], of[k+1]
			if j != i+1 || c.Lines[i].Group != c.Lines[j].Group || c.Lines[i].Positive() == c.Lines[j].Positive() {
				continue
			}
			pairs++
			if judged[i].right() && judged[j].right() {
				both++
			}
			k++
		}
		if pairs > 0 {
			fmt.Fprintf(&b, "| %s | %d | %.3f | %d | %.3f |\n", l, len(of), measure(pick(of), 0.5).accuracy, pairs, float64(both)/float64(pairs))
		}
	}
	return b.String()
}

func sizes(m *sentiment.Model) string {
	total := len(m.Abuse) + len(m.Languages) + len(m.Scores)
	for _, w := range m.Sentiment {
		total += len(w)
	}
	return fmt.Sprintf("\n## Size\n\n%d bytes of weights.\n", total)
}
