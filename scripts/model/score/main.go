// Score scores texts with the embedded sentiment model, one text per line of standard input:
//
//	go run ./scripts/model/score < lines
//
// Each line of the output is the score, the magnitude and the language of a text, separated by tabs: -0.912       0.912
// ko. The score of a text is 0 if the model has no weights for its language. The language of an empty line is "und".
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/hybrid-bts/functions/shared/engine/sentiment"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "score:", err)
		os.Exit(1)
	}
}

// run writes a line to out for each line of in, the last one too if it lacks a line break. Lines may have any length.
// out is buffered and complete only when run returns.
func run(in io.Reader, out io.Writer) error {
	lines, w := bufio.NewReader(in), bufio.NewWriter(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read texts: %w", err)
		}
		if line != "" {
			r := sentiment.Analyze(strings.TrimRight(line, "\r\n"))
			fmt.Fprintf(w, "%.3f\t%.3f\t%s\n", thousandths(r.Score), thousandths(r.Magnitude), r.Language)
		}
		if err != nil {
			return w.Flush()
		}
	}
}

// thousandths rounds f to three decimals. It returns 0 instead of negative zero, which would print as -0.000.
func thousandths(f float64) float64 { return math.Round(f*1000)/1000 + 0 }
