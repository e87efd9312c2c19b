// Train trains the weights of shared/engine/sentiment and writes a report of their accuracy on unseen texts.
//
//	go run ./scripts/model/train [-data DIR] [-lines DIR] [-out DIR] [-report FILE] [-seed N]
//
// The folder data has public labelled texts; its README.md lists sources and licences. The folder lines has shop
// reviews written for this model. Training excludes one of 12 parts of the texts, on which the report measures the
// weights. Equal data, seed and processor architecture give equal bytes.
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

// run trains a model with the given arguments, without the name of the program, and writes its weights and report. It
// writes progress and usage to stderr. It takes less than a minute on 2 cores.
func run(args []string, stderr io.Writer) error {
	f := flag.NewFlagSet("train", flag.ContinueOnError)
	f.SetOutput(stderr)
	data := f.String("data", "scripts/model/train/data", "`folder` with nsmc.tsv.xz, vader.tsv.xz and curse.txt.xz")
	lines := f.String("lines", "scripts/model/train/lines", "`folder` with the labelled lines")
	out := f.String("out", "shared/engine/sentiment/weights", "`folder` for the weights")
	report := f.String("report", "scripts/model/train/REPORT.md", "`file` for the report")
	seed := f.Uint64("seed", 1, "`seed` of the order of examples")
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

// write writes the tables of a model to the files that shared/engine/sentiment embeds: NAME.bin in the format of
// sentiment.Weights. It checks each table before it writes the file. After an error, dir may have tables of two models.
func write(dir string, m sentiment.Model) error {
	for name, w := range map[string]sentiment.Weights{
		"hangul": m.Sentiment[sentiment.Hangul], "latin": m.Sentiment[sentiment.Latin], "han": m.Sentiment[sentiment.Han],
		"symbol": m.Sentiment[sentiment.Symbol], "abuse": m.Abuse, "languages": m.Languages, "scores": m.Scores,
	} {
		if err := w.Check(); err != nil {
			return fmt.Errorf("check weights %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".bin"), []byte(w), 0o644); err != nil {
			return err
		}
	}
	return nil
}
