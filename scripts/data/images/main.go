// Images renders the pictures that were uploaded before the function image was deployed.
//
//	go run ./scripts/data/images backfill -originals BUCKET -renditions BUCKET -to URL [flags]
//
// The command backfill lists the originals and sends the event of each original without renditions to the function at URL,
// in the form that Eventarc uses. The deployed function renders them, so this program needs no memory for pictures. A run
// can be stopped and repeated at any time: it skips originals with all renditions. -from starts at an object name. A
// rejected picture has no renditions, so each run sends its event again.
//
// To render a new preset for old pictures, set -presets to the value of the function's variable PRESETS. -n is a dry run.
// Cloud Run requires an identity token: -token "$(gcloud auth print-identity-token)".
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/hybrid-bts/functions/shared/schema/rendition"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 || args[0] != "backfill" {
		return errors.New("usage: images backfill -originals BUCKET -renditions BUCKET -to URL [flags]; -help lists them")
	}
	var b backfill
	f := flag.NewFlagSet("backfill", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&b.originals, "originals", "", "originals `bucket`")
	f.StringVar(&b.renditions, "renditions", "", "renditions `bucket`")
	f.StringVar(&b.url, "to", "", "`URL` of the function image")
	f.StringVar(&b.token, "token", "", "identity `token` for the function")
	f.StringVar(&b.prefix, "prefix", "", "handle only objects with this name `prefix`")
	f.StringVar(&b.from, "from", "", "start at this object `name`")
	f.IntVar(&b.concurrency, "concurrency", 8, "largest number of concurrent requests")
	f.IntVar(&b.attempts, "attempts", 5, "largest number of attempts for each event")
	f.BoolVar(&b.dryRun, "n", false, "dry run: list the pictures to handle")
	presets := f.String("presets", "", "`presets`: the value of the function's variable PRESETS")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	var err error
	if b.presets, err = rendition.ParsePresets(*presets); err != nil {
		return fmt.Errorf("-presets: %w", err)
	}
	if err := b.validate(f.Args()); err != nil {
		return err
	}
	return b.run(ctx, stdout, stderr)
}
