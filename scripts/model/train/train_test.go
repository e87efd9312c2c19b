package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"

	"github.com/hybrid-bts/functions/scripts/model/train/corpus"
	"github.com/hybrid-bts/functions/shared/engine/sentiment"
)

// compressed returns text compressed with xz.
func compressed(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// writeData writes a small corpus in the formats of the real one.
func writeData(t *testing.T) (data, lines string) {
	t.Helper()
	data, lines = t.TempDir(), t.TempDir()
	var films, own, snippets, comments strings.Builder
	films.WriteString("rating\tmovie\tid\ttext\n")
	for i := range 60 {
		fmt.Fprintf(&films, "10\t%d\t%d\t정말 재미있고 감동적인 영화 %d\n1\t%d\t%d\t지루하고 최악인 영화 %d\n", i, 2*i, i, i, 2*i+1, i)
	}
	snippets.WriteString("source\tmean\ttext\n")
	for i := range 40 {
		fmt.Fprintf(&snippets, "tweets\t2.5\tlovely number %d\ntweets\t-2.5\tawful number %d\n", i, i)
		fmt.Fprintf(&comments, "나쁜 놈 %d|1\n좋은 사람 %d|0\n", i, i)
		fmt.Fprintf(&own, "ko-%d-pairs\t5\t튼튼해요 %d\nko-%d-pairs\t1\t튼튼하지 않아요 %d\n", i, i, i, i)
	}
	for name, content := range map[string]string{
		filepath.Join(data, corpus.FilmsFile):    compressed(t, films.String()),
		filepath.Join(data, corpus.SnippetsFile): compressed(t, snippets.String()),
		filepath.Join(data, corpus.CommentsFile): compressed(t, comments.String()),
		filepath.Join(lines, "ko.tsv"):           own.String(),
		filepath.Join(lines, "words-en.tsv"):     "en-words\t5\tsturdy\nen-words\t1\tflimsy\n",
		filepath.Join(lines, "abuse-en.tsv"):     "en-abuse\t1\tyou fool\nen-abuse\t0\tfoolish price\n",
		filepath.Join(lines, "languages.tsv"):    "de\tsehr gut\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return data, lines
}

func TestEqualDataAndSeedGiveEqualBytes(t *testing.T) {
	data, lines := writeData(t)
	trainFiles := func(seed string) map[string]string {
		out := t.TempDir()
		if err := run([]string{"-data", data, "-lines", lines, "-out", out, "-report", filepath.Join(out, "REPORT.md"), "-seed", seed}, io.Discard); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(out, "*"))
		if err != nil {
			t.Fatal(err)
		}
		contents := map[string]string{}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			contents[filepath.Base(f)] = string(b)
		}
		return contents
	}
	first, second, other := trainFiles("1"), trainFiles("1"), trainFiles("2")
	if len(first) != 8 {
		t.Errorf("%d files", len(first))
	}
	for name, b := range first {
		if second[name] != b {
			t.Errorf("%s differs between two runs", name)
		}
	}
	if other["hangul.bin"] == first["hangul.bin"] {
		t.Error("different seeds give equal weights")
	}
	if !strings.Contains(first["REPORT.md"], "| shops, ko | 80 |") {
		t.Errorf("the report does not count all lines:\n%s", first["REPORT.md"])
	}
}

func TestLearnerSeparatesClasses(t *testing.T) {
	r := standard
	var examples []example
	for i := range 50 {
		examples = append(examples, example{fmt.Sprint("sturdy and warm ", i), 1, 1}, example{fmt.Sprint("flimsy and cold ", i), 0, 1})
	}
	l := r.generalist(examples, 1)
	for text, want := range map[string]bool{"so warm": true, "cold, flimsy": false, "not sturdy": false} {
		if l.read(text); (l.logit() > 0) != want {
			t.Errorf("%q: %v", text, l.logit())
		}
	}
	m := emptyModel()
	m.Sentiment = l.tables()
	l.read("so warm")
	if _, z := m.Logit("so warm"); z < 0.9*float64(l.logit()) || z > 1.1*float64(l.logit()) {
		t.Errorf("logit of the model %v, logit of the learner %v", z, l.logit())
	}
}

func TestCalibrationReducesTheCalibrationError(t *testing.T) {
	var examples []evidence
	for i := range 1000 { // three of four texts with the logit 2 are positive
		examples = append(examples, evidence{sentiment.Hangul, 2, i%4 != 0}, evidence{sentiment.Hangul, -2, i%4 == 0})
	}
	p := fitPlatt(examples)
	if got := probability(p.logit(2)); got < 0.74 || got > 0.76 {
		t.Errorf("probability %v, want 0.75", got)
	}
	for name, tc := range map[string]struct {
		p    platt
		want bool
	}{"before": {platt{slope: 1}, false}, "after": {p, true}} {
		var judgements []judgement
		for _, e := range examples {
			judgements = append(judgements, judgement{probability(tc.p.logit(e.logit)), e.positive})
		}
		if q := measure(judgements, 0.5); (q.calibration < 0.01) != tc.want || q.accuracy != 0.75 {
			t.Errorf("%s: %+v", name, q)
		}
	}
}

func TestMeasureComputesEachMetric(t *testing.T) {
	q := measure([]judgement{{0.7, true}, {0.7, true}, {0.7, false}, {0.3, false}, {0.3, true}, {0.3, true}, {0.7, true}, {0.7, true}}, 0.5)
	for metric, v := range map[string][2]float64{
		"accuracy": {q.accuracy, 5. / 8}, "precision": {q.precision, 4. / 5}, "recall": {q.recall, 4. / 6},
		"balanced": {q.balanced, (4./6 + 1./2) / 2}, "F1": {q.f1, (8./11 + 2./5) / 2},
	} {
		if math.Abs(v[0]-v[1]) > 1e-9 {
			t.Errorf("%s is %v, want %v", metric, v[0], v[1])
		}
	}
}

func TestErrorNamesMissingData(t *testing.T) {
	if err := run([]string{"-data", t.TempDir()}, io.Discard); err == nil || !strings.Contains(err.Error(), "nsmc.tsv.xz") {
		t.Error(err)
	}
}

func TestReportDescribesTheShippedWeights(t *testing.T) {
	report, err := os.ReadFile("REPORT.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../../shared/engine/sentiment/weights/*.bin")
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		size += len(b)
	}
	if want := fmt.Sprintf("%d bytes of weights.", size); !strings.Contains(string(report), want) {
		t.Errorf("REPORT.md does not contain %q", want)
	}
}

func TestReadmeListsTheTrainingData(t *testing.T) {
	readme, err := os.ReadFile("../../../shared/engine/sentiment/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"e9t/nsmc", "CC0", "cjhutto/vaderSentiment", "2runo/Curse-detection-data", "MIT", "scripts/model/train/lines"} {
		if !strings.Contains(string(readme), want) {
			t.Errorf("README.md does not contain %s", want)
		}
	}
}
