// Score reads one text a line and prints what the embedded model says of it:
//
//	go run ./scripts/model/score < lines
//
// A line of the output is score, magnitude and language, with tabs between them: -0.912	0.912	ko. A text
// whose language has no weights has a score of 0; that of an empty line is "und".
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

func run(in io.Reader, out io.Writer) error {
	r, w := bufio.NewReader(in), bufio.NewWriter(out)
	for {
		line, err := r.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read texts: %w", err)
		}
		if line != "" {
			found := sentiment.Analyze(strings.TrimRight(line, "\r\n"))
			fmt.Fprintf(w, "%.3f\t%.3f\t%s\n", thousandths(found.Score), thousandths(found.Magnitude), found.Language)
		}
		if err != nil {
			return w.Flush()
		}
	}
}

// thousandths rounds as it is printed, without a zero that is less than zero.
func thousandths(f float64) float64 { return math.Round(f*1000)/1000 + 0 }
