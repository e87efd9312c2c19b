// Rescore requests new scores for reviews that the embedded model scored in place of the Natural Language API.
//
//	go run ./scripts/data/rescore -project PROJECT -instance INSTANCE -database DATABASE -topic TOPIC [flags]
//
// It queries the published reviews whose score is the model's, and publishes a Rescore message for each to the topic of commands.
// The function sentiment, the only writer of ratings, scores them, so ratings stay exact. A review that is edited
// or erased meanwhile does not change. A review that the API cannot score keeps its score, and the next run finds
// it again. Stopping and restarting is safe at any time; -from continues after a review. With -n it only
// counts. Choose -per-minute so that quota of the API is left for new reviews.
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

	"cloud.google.com/go/pubsub/v2"

	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
	"github.com/hybrid-bts/functions/shared/topic"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "rescore:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var r rescore
	var project, instance, database, topicID string
	f := flag.NewFlagSet("rescore", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&project, "project", "", "`project` of database and topic")
	f.StringVar(&instance, "instance", "", "`id` of the Spanner instance")
	f.StringVar(&database, "database", "", "`id` of its database")
	f.StringVar(&topicID, "topic", "", "`id` of the topic of commands")
	f.StringVar(&r.by, "scored-by", "embedded", "`prefix` of scored_by of the reviews to score again")
	f.StringVar(&r.from, "from", "", "only reviews after this `product/review`")
	f.IntVar(&r.perMinute, "per-minute", 300, "maximum number of requests a minute")
	f.BoolVar(&r.dryRun, "n", false, "only count the reviews")
	if err := f.Parse(args); err != nil {
		return err
	}
	var problems []error
	addIf := func(wrong bool, problem string) {
		if wrong {
			problems = append(problems, errors.New(problem))
		}
	}
	addIf(f.NArg() > 0, fmt.Sprintf("unexpected arguments %q", f.Args()))
	addIf(project == "", "-project is missing")
	addIf(instance == "", "-instance is missing")
	addIf(database == "", "-database is missing")
	addIf(topicID == "" && !r.dryRun, "-topic is missing")
	addIf(r.by == "", "-scored-by is empty")
	addIf(r.perMinute < 1, "-per-minute is less than 1")
	if err := errors.Join(problems...); err != nil {
		return err
	}
	// A signal ends the loop of run, not a request in flight.
	unstoppable := context.WithoutCancel(ctx)
	db, err := spannerdb.Open(unstoppable, spannerdb.Name(project, instance, database))
	if err != nil {
		return err
	}
	defer db.Close()
	if r.db = db; r.dryRun {
		return r.run(ctx, stdout, stderr)
	}
	messages, err := pubsub.NewClient(unstoppable, project)
	if err != nil {
		return fmt.Errorf("open Pub/Sub in %s: %w", project, err)
	}
	defer messages.Close()
	reviews := topic.New(messages.Publisher(topicID))
	defer reviews.Stop()
	r.publish = reviews.Publish
	return r.run(ctx, stdout, stderr)
}
