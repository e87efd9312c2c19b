package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/hybrid-bts/functions/scripts/model/train/corpus"
	"github.com/hybrid-bts/functions/shared/engine/sentiment"
)

// evidence is the logit of a labelled text before calibration.
type evidence struct {
	table    sentiment.Table // whose calibration applies
	logit    float64
	positive bool // label
}

// findEvidence returns the evidence that a model finds in a text.
func findEvidence(m *sentiment.Model, text string, positive bool) evidence {
	t, z := m.Logit(text)
	return evidence{t, z, positive}
}

// judgement is the probability, 0 to 1, of a labelled text to be positive, or to be abusive.
type judgement struct {
	probability float64
	positive    bool // label; also for abusive
}

// judge returns the judgement of a model on a text. A text that the model does not score has a probability of 0.5, so
// it counts as negative.
func judge(m *sentiment.Model, text string, positive bool) judgement {
	return judgement{(m.Analyze(text).Score + 1) / 2, positive}
}

// correct reports whether the judgement agrees with the label.
func (j judgement) correct() bool { return (j.probability > 0.5) == j.positive }

// platt is a Platt scaling (Platt, Probabilistic Outputs for Support Vector Machines, 1999): a linear map of logits to
// calibrated logits.
type platt struct{ slope, shift float64 }

// logit returns the calibrated logit of z.
func (p platt) logit(z float64) float64 { return p.slope*z + p.shift }

// fitPlatt fits a Platt scaling by gradient descent. Both classes have the same total weight, so a score of 0 does not
// depend on how many positive lines the corpus has. If one class has no examples, the result is the identity. The loss
// is convex, so the start has no influence on the minimum.
func fitPlatt(examples []evidence) platt {
	var n [2]float64
	for _, e := range examples {
		n[class(e.positive)]++
	}
	p := platt{slope: 1}
	if n[0] == 0 || n[1] == 0 {
		return p
	}
	for range 2000 {
		var slope, shift float64
		for _, e := range examples {
			d := (probability(p.logit(e.logit)) - float64(class(e.positive))) / 2 / n[class(e.positive)]
			slope += d * e.logit
			shift += d
		}
		p.slope -= slope
		p.shift -= shift
	}
	return p
}

// class returns the index of a class: 1 for positive, 0 for negative.
func class(positive bool) int {
	if positive {
		return 1
	}
	return 0
}

// calibration has the Platt scaling of each table.
type calibration [sentiment.Symbol]platt

// weights returns the calibration as scores, in the layout of sentiment.Model.Scores. A probability of 0 to 1 is a
// score of -1 to 1, in units of 1/127.
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

// quality has the quality metrics of judgements. A metric without texts is 0.
type quality struct {
	accuracy, balanced, f1 float64 // balanced is the mean recall, and f1 the mean F1, of both classes
	precision, recall      float64 // of the positive class
	// calibration is the expected calibration error in ten bins of equal width (Naeini et al., Obtaining Well
	// Calibrated Probabilities Using Bayesian Binning, 2015). It does not depend on the threshold.
	calibration float64
}

// measure returns the quality of judgements. A text whose probability is above the threshold is taken for positive.
func measure(judgements []judgement, threshold float64) quality {
	var correct, n [2]float64
	var bins [10]struct{ p, positive float64 }
	for _, j := range judgements {
		k, p := class(j.positive), j.probability
		n[k]++
		if (p > threshold) == j.positive {
			correct[k]++
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
	total, wrong := n[0]+n[1], [2]float64{n[0] - correct[0], n[1] - correct[1]}
	q := quality{
		accuracy:  ratio(correct[0]+correct[1], total),
		balanced:  (ratio(correct[0], n[0]) + ratio(correct[1], n[1])) / 2,
		precision: ratio(correct[1], correct[1]+wrong[0]),
		recall:    ratio(correct[1], n[1]),
	}
	for k := range correct {
		q.f1 += ratio(correct[k], 2*correct[k]+wrong[0]+wrong[1])
	}
	for _, b := range bins {
		q.calibration += ratio(math.Abs(b.p-b.positive), total)
	}
	return q
}

// languages are the languages of the lines in the order of the report.
var languages = []string{"ko", "en", "ja", "zh", "fr", "es"}

// reporter writes the sections of the report on sentiment.
type reporter struct {
	strings.Builder
	model      *sentiment.Model // with the weights to ship
	lines      []corpus.Line
	judgements []judgement // of the cross-validation, by line
}

// report returns the report on the model on the test part of all texts, and on the cross-validation of lines. films and
// snippets are those of the test part. judgements are those of the cross-validation, one for each of c.Lines. The text
// is Markdown.
func report(m *sentiment.Model, c *corpus.Corpus, judgements []judgement, films, snippets []example) string {
	r := &reporter{model: m, lines: c.Lines, judgements: judgements}
	r.WriteString("# Accuracy of the weights\n\n" +
		"Written by `go run ./scripts/model/train`. Texts in the middle of their scale are excluded. F1 is the mean of both\n" +
		"classes. The calibration error is the expected calibration error in ten bins.\n")
	r.testPart(films, snippets)
	r.crossValidation()
	r.pairs()
	return r.String()
}

// table starts a section with a table of quality metrics.
func (r *reporter) table(title string) {
	fmt.Fprintf(r, "\n## %s\n\n| texts | n | accuracy | F1 | balanced accuracy | calibration error |\n|---|---|---|---|---|---|\n", title)
}

// row adds a row to a table of quality metrics, unless there are no judgements.
func (r *reporter) row(name string, judgements []judgement) {
	if len(judgements) > 0 {
		q := measure(judgements, 0.5)
		fmt.Fprintf(r, "| %s | %d | %.3f | %.3f | %.3f | %.3f |\n", name, len(judgements), q.accuracy, q.f1, q.balanced, q.calibration)
	}
}

// selectLines returns the indices in r.lines of the lines of a language that match, in their order, without lines of
// three stars.
func (r *reporter) selectLines(language string, match func(corpus.Line) bool) []int {
	var selected []int
	for i, n := range r.lines {
		if n.Language == language && n.Stars != 3 && match(n) {
			selected = append(selected, i)
		}
	}
	return selected
}

// crossValidated returns the judgements of the cross-validation on the given lines.
func (r *reporter) crossValidated(lines []int) []judgement {
	var judgements []judgement
	for _, i := range lines {
		judgements = append(judgements, r.judgements[i])
	}
	return judgements
}

// testPart writes the section on the texts that the weights were not trained with.
func (r *reporter) testPart(films, snippets []example) {
	r.table("Shipped weights on the test part")
	for _, collection := range []struct {
		name     string
		examples []example
	}{{"films, ko", films}, {"snippets, en", snippets}} {
		var judgements []judgement
		for _, e := range collection.examples {
			judgements = append(judgements, judge(r.model, e.text, e.target == 1))
		}
		r.row(collection.name, judgements)
	}
	for _, l := range languages {
		var judgements []judgement
		for _, i := range r.selectLines(l, func(n corpus.Line) bool { return corpus.Part(n.Group) == corpus.TestPart }) {
			judgements = append(judgements, judge(r.model, r.lines[i].Text, r.lines[i].Positive()))
		}
		r.row("shops, "+l, judgements)
	}
}

// crossValidation writes the section on the cross-validation of lines.
func (r *reporter) crossValidation() {
	r.table("Lines, cross-validated by group")
	for _, l := range languages {
		for _, subset := range []struct {
			name  string
			match func(corpus.Line) bool
		}{
			{"shops, " + l, func(corpus.Line) bool { return true }},
			{"plain lines only", func(n corpus.Line) bool { return strings.Contains(n.Group, "plain") }},
			{"1 and 5 stars only", func(n corpus.Line) bool { return n.Stars == 1 || n.Stars == 5 }},
		} {
			r.row(subset.name, r.crossValidated(r.selectLines(l, subset.match)))
		}
	}
}

// pairs writes the section on pairs of an idea and its negation. A pair is two adjacent lines of a group with opposite
// labels.
func (r *reporter) pairs() {
	r.WriteString("\n## Ideas and their negations, cross-validated by group\n\n| language | lines | accuracy | pairs | both correct |\n|---|---|---|---|---|\n")
	for _, l := range languages {
		selected := r.selectLines(l, corpus.Line.Pair)
		pairs, bothCorrect := 0, 0
		for k := 0; k+1 < len(selected); k++ {
			i, j := selected[k], selected[k+1]
			if j != i+1 || r.lines[i].Group != r.lines[j].Group || r.lines[i].Positive() == r.lines[j].Positive() {
				continue
			}
			pairs++
			if r.judgements[i].correct() && r.judgements[j].correct() {
				bothCorrect++
			}
			k++
		}
		if pairs > 0 {
			fmt.Fprintf(r, "| %s | %d | %.3f | %d | %.3f |\n", l, len(selected),
				measure(r.crossValidated(selected), 0.5).accuracy, pairs, float64(bothCorrect)/float64(pairs))
		}
	}
}

// sizeReport returns the section of the report on the size of a model.
func sizeReport(m *sentiment.Model) string {
	total := len(m.Abuse) + len(m.Languages) + len(m.Scores)
	for _, w := range m.Sentiment {
		total += len(w)
	}
	return fmt.Sprintf("\n## Size\n\n%d bytes of weights.\n", total)
}
