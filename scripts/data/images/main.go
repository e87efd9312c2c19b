// Images handles pictures that were in the originals bucket before the function image was.
//
//	go run ./scripts/data/images backfill -originals BUCKET -renditions BUCKET -to URL [flags]
//
// It lists the originals, and sends the event of each one without renditions to the function at URL, as
// Eventarc would: so pictures are rendered where there is memory for it, and by the code that ships. One
// that is refused has no renditions, and is sent again by the next run. It may be stopped and started
// again at any time, since what has all its renditions is passed over; -from begins at a name. A preset
// that is new is made for old pictures too when -presets says what the function's variable PRESETS does. With -n it only says what it would do. An identity token in -token is sent along, as Cloud Run
// asks for: -token "$(gcloud auth print-identity-token)".
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
	f.StringVar(&b.originals, "originals", "", "`bucket` of the originals")
	f.StringVar(&b.renditions, "renditions", "", "`bucket` of the renditions")
	f.StringVar(&b.url, "to", "", "`URL` of the function image")
	f.StringVar(&b.token, "token", "", "identity `token` for the function")
	f.StringVar(&b.prefix, "prefix", "", "only objects whose names begin with this `prefix`")
	f.StringVar(&b.from, "from", "", "only objects from this `name` on")
	f.IntVar(&b.concurrency, "concurrency", 8, "pictures under way at once")
	f.IntVar(&b.attempts, "attempts", 5, "times to send an event before it counts as failed")
	f.BoolVar(&b.dryRun, "n", false, "only list what would be done")
	presets := f.String("presets", "", "`presets` of the function, as its variable PRESETS has them")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	var err error
	if b.presets, err = rendition.ParsePresets(*presets); err != nil {
		return fmt.Errorf("-presets: %w", err)
	}
	if err := b.check(f.Args()); err != nil {
		return err
	}
	return b.run(ctx, stdout, stderr)
}
