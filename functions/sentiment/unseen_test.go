package main

import (
	"os"
	"strings"
	"testing"
)

// The lines of these files were written after the patterns, in other words and partly in other languages (German, Portuguese and
// Indonesian), and no pattern was changed after them. The spam avoids the words of the tables on purpose: 20 % of it is held
// (16 of 81), and none of the 223 ordinary lines. The goals are 90 % and 0.5 %. A change of patterns by these lines moves them to
// spam.tsv and ordinary.tsv, and needs new ones.
func TestPatternsKeepTheirRecallOnUnseenLines(t *testing.T) {
	count := func(file string, atLeast int) (held, all int) {
		b, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			all++
			if text := strings.TrimSpace(line); hasContact(text) || isSolicitation(text) {
				held++
			}
		}
		if all < atLeast {
			t.Fatalf("%s has %d lines, want %d", file, all, atLeast)
		}
		return held, all
	}
	if held, all := count("spam-unseen.txt", 60); held < 16 {
		t.Errorf("%d of %d lines of unseen spam are held, want 16 or more", held, all)
	}
	if held, all := count("ordinary-unseen.txt", 200); held > all/200 {
		t.Errorf("%d of %d unseen ordinary lines are held, want 0.5 %% or less", held, all)
	}
}
