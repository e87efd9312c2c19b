package main

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
)

// score returns the output lines for the input in.
func score(t *testing.T, in string) []string {
	t.Helper()
	var out bytes.Buffer
	if err := run(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	if out.Len() == 0 {
		return nil
	}
	if !strings.HasSuffix(out.String(), "\n") {
		t.Fatalf("%q does not end with a newline", out.String())
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func TestEveryLineHasOneOutputLine(t *testing.T) {
	row := regexp.MustCompile(`^-?[01]\.\d{3}\t\d+\.\d{3}\t[A-Za-z-]+$`)
	in := []string{
		"배송 빨라요. 최고예요!", "", "terrible quality", "\xff\xfe", "a\x00b", strings.Repeat("좋아요 ", 100_000), "Хорошо", "\r",
	}
	got := score(t, strings.Join(in, "\n"))
	if len(got) != len(in) {
		t.Fatalf("%d output lines for %d lines", len(got), len(in))
	}
	for i, g := range got {
		if !row.MatchString(g) {
			t.Errorf("line %d: %q", i, g)
		}
	}
	for i, want := range map[int]string{1: "0.000\t0.000\tund", 3: "0.000\t0.000\tund", 6: "0.000\t0.000\tru", 7: "0.000\t0.000\tund"} {
		if got[i] != want {
			t.Errorf("line %d: %q, want %q", i, got[i], want)
		}
	}
	if strings.HasPrefix(got[0], "-") || !strings.HasSuffix(got[0], "\tko") {
		t.Errorf("positive review: %q", got[0])
	}
	if !strings.HasPrefix(got[2], "-") || !strings.HasSuffix(got[2], "\ten") {
		t.Errorf("negative review: %q", got[2])
	}
}

func TestFinalNewlineAddsNoLine(t *testing.T) {
	if got := score(t, "good\n"); len(got) != 1 {
		t.Errorf("output %q", got)
	}
	if got := score(t, ""); len(got) != 0 {
		t.Errorf("output %q", got)
	}
}

func TestReadErrorIsReturned(t *testing.T) {
	broken := errors.New("broken")
	if err := run(iotest.ErrReader(broken), &bytes.Buffer{}); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}
