package main

import (
	"testing"

	"github.com/hybrid-bts/functions/scripts/model/train/corpus"
)

func TestZeroScoreCountsAsNotPositive(t *testing.T) {
	lines := []corpus.Line{{Stars: 5, Text: "good"}, {Stars: 1, Text: "bad"}, {Stars: 2, Text: "meh"}, {Stars: 4, Text: "ok"}}
	scores := map[string]float64{"good": 0.5, "bad": -0.5}
	if _, accuracy := evaluate(lines, func(text string) float64 { return scores[text] }); accuracy != 0.75 {
		t.Errorf("accuracy %v, want 0.75: meh is correct and ok is wrong", accuracy)
	}
}
