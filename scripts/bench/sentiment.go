package main

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jonreiter/govader"

	"github.com/hybrid-bts/functions/scripts/model/train/corpus"
	"github.com/hybrid-bts/functions/shared/engine/sentiment"
)

// sentimentModel measures the embedded model on reviews of 80 characters, and compares it with VADER on the English
// lines of the test part, with which the model was not trained. VADER knows English only. Lines of three stars have no
// sign to predict and are excluded. The command must run in the root of the repository, where it reads the lines.
func sentimentModel(_ context.Context, s *session) error {
	for _, review := range []struct{ language, text string }{
		{"Korean", "배송이 정말 빨랐고 포장도 꼼꼼해서 좋았어요. 다만 생각보다 색이 어둡고 재질이 조금 얇아서 아쉬워요. 그래도 딸이 좋아해서 만족해요 또 살게요"},
		{"English", "Arrived quickly, well packed, but the fabric isn't as soft as I hoped. Still OK!"},
	} {
		if n := utf8.RuneCountInString(review.text); n != 80 {
			return fmt.Errorf("the %s review has %d characters, want 80", review.language, n)
		}
		took := fastest(1000, func() { sentiment.Analyze(review.text) })
		s.atMost(review.language+" review of 80 characters", took, 10, "µs")
		s.atMost(review.language+" review, allocations", testing.AllocsPerRun(1000, func() { sentiment.Analyze(review.text) }), 0, "per review")
	}

	var c corpus.Corpus
	if err := c.ReadLines("scripts/model/train/lines"); err != nil {
		return err
	}
	var lines []corpus.Line
	for _, l := range c.Lines {
		if l.Language == "en" && l.Stars != 3 && corpus.Part(l.Group) == corpus.TestPart {
			lines = append(lines, l)
		}
	}
	if len(lines) == 0 {
		return fmt.Errorf("no English lines in part %d", corpus.TestPart)
	}
	vader := govader.NewSentimentIntensityAnalyzer()
	ourTime, accuracy := evaluate(lines, func(text string) float64 { return sentiment.Analyze(text).Score })
	vaderTime, vaderAccuracy := evaluate(lines, func(text string) float64 { return vader.PolarityScores(text).Compound })
	s.add(fmt.Sprintf("accuracy on %d English lines", len(lines)), "%.3f, govader %.3f", accuracy, vaderAccuracy)
	s.add("time per English line", "%.1f µs, govader %.1f µs", ourTime, vaderTime)
	s.atLeast("speed relative to govader", vaderTime/ourTime, 1)
	return nil
}

// evaluate returns the time per text in µs and the accuracy, 0 to 1, of a score of -1 to 1. A score above 0 is
// positive; 0 is negative, because VADER returns 0 for a text without a known word. lines must not be empty.
func evaluate(lines []corpus.Line, score func(string) float64) (µs, accuracy float64) {
	correct := 0
	for _, l := range lines {
		if score(l.Text) > 0 == l.Positive() {
			correct++
		}
	}
	took := fastest(1, func() {
		for _, l := range lines {
			score(l.Text)
		}
	})
	return took / float64(len(lines)), float64(correct) / float64(len(lines))
}

// fastest returns the time per call in µs of the fastest of 200 batches of n calls. The minimum excludes interruptions
// by other processes.
func fastest(n int, call func()) float64 {
	best := time.Duration(math.MaxInt64)
	for range 200 {
		began := time.Now()
		for range n {
			call()
		}
		best = min(best, time.Since(began))
	}
	return best.Seconds() * 1e6 / float64(n)
}
