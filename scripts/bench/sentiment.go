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

// sentimentModel measures the embedded model on reviews of 80 letters, and compares it with VADER on the
// English lines that the weights were not made from.
func sentimentModel(_ context.Context, s *session) error {
	for _, of := range []struct{ language, text string }{
		{"Korean", "배송이 정말 빨랐고 포장도 꼼꼼해서 좋았어요. 다만 생각보다 색이 어둡고 재질이 조금 얇아서 아쉬워요. 그래도 딸이 좋아해서 만족해요 또 살게요"},
		{"English", "Arrived quickly, well packed, but the fabric isn't as soft as I hoped. Still OK!"},
	} {
		if n := utf8.RuneCountInString(of.text); n != 80 {
			return fmt.Errorf("the review in %s has %d letters", of.language, n)
		}
		took := fastest(1000, func() { sentiment.Analyze(of.text) })
		s.atMost(of.language+" review of 80 letters", took, 10, "µs")
		s.atMost(of.language+" review, allocations", testing.AllocsPerRun(1000, func() { sentiment.Analyze(of.text) }), 0, "a review")
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
	ours, accuracy := judge(lines, func(text string) float64 { return sentiment.Analyze(text).Score })
	theirs, theirAccuracy := judge(lines, func(text string) float64 { return vader.PolarityScores(text).Compound })
	s.add(fmt.Sprintf("accuracy on %d English lines", len(lines)), "%.3f, govader %.3f", accuracy, theirAccuracy)
	s.add("time of an English line", "%.1f µs, govader %.1f µs", ours, theirs)
	s.atLeast("speed against govader", theirs/ours, 1)
	return nil
}

// judge returns the time that a text takes in µs, and the share of lines that are told right: praise by a score
// above 0, all else is none. VADER gives 0 to what it knows no word of.
func judge(lines []corpus.Line, score func(string) float64) (µs, accuracy float64) {
	right := 0
	for _, l := range lines {
		if score(l.Text) > 0 == l.Positive() {
			right++
		}
	}
	took := fastest(1, func() {
		for _, l := range lines {
			score(l.Text)
		}
	})
	return took / float64(len(lines)), float64(right) / float64(len(lines))
}

// fastest returns what a call takes, in µs, in the fastest of many batches of n calls: what else the machine
// does comes between the others.
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
