// Train makes the weights of shared/engine/sentiment, and a report of how good they are on texts that they
// were not made from.
//
//	go run ./scripts/model/train [-data DIR] [-out shared/engine/sentiment/weights] [-seed N]
//
// data/ holds public labelled texts, see its README.md for sources and licences; lines/ holds shop reviews written for
// this model. Training leaves out one part in 12 of all texts, on which the report measures the weights. The same data, seed and processor
// architecture give the same bytes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/hybrid-bts/functions/scripts/model/train/corpus"
	"github.com/hybrid-bts/functions/shared/engine/sentiment"
)

func main() {
	err := run(os.Args[1:], os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(args []string, stderr io.Writer) error {
	f := flag.NewFlagSet("train", flag.ContinueOnError)
	f.SetOutput(stderr)
	data := f.String("data", "scripts/model/train/data", "`folder` of nsmc.tsv.xz, vader.tsv.xz and curse.txt.xz")
	lines := f.String("lines", "scripts/model/train/lines", "`folder` of the labelled lines")
	out := f.String("out", "shared/engine/sentiment/weights", "`folder` that the weights are written into")
	report := f.String("report", "scripts/model/train/REPORT.md", "`file` that the report is written to")
	seed := f.Uint64("seed", 1, "of the order of examples")
	if err := f.Parse(args); err != nil {
		return err
	}
	began := time.Now()
	c, err := corpus.Read(*data, *lines)
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "read %d films, %d snippets, %d comments, %d lines in %v\n",
		len(c.Films), len(c.Snippets), len(c.Comments), len(c.Lines), time.Since(began).Round(time.Second))
	model, text := train(c, standard, *seed, func(format string, args ...any) {
		fmt.Fprintf(stderr, "%6v  "+format+"\n", append([]any{time.Since(began).Round(time.Second)}, args...)...)
	})
	if err := write(*out, model); err != nil {
		return err
	}
	return os.WriteFile(*report, []byte(text), 0o644)
}

// write stores a model as the package embeds it.
func write(dir string, m sentiment.Model) error {
	for name, w := range map[string]sentiment.Weights{
		"hangul": m.Sentiment[sentiment.Hangul], "latin": m.Sentiment[sentiment.Latin], "han": m.Sentiment[sentiment.Han],
		"symbol": m.Sentiment[sentiment.Symbol], "abuse": m.Abuse, "languages": m.Languages, "scores": m.Scores,
	} {
		if err := w.Check(); err != nil {
			return fmt.Errorf("weights %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".bin"), []byte(w), 0o644); err != nil {
			return err
		}
	}
	return nil
}
