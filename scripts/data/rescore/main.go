// Rescore has reviews scored again that the embedded model scored in place of the Natural Language API.
//
//	go run ./scripts/data/rescore -project PROJECT -instance INSTANCE -database DATABASE -topic TOPIC [flags]
//
// It looks for published reviews whose score is the model's, and asks the function sentiment, over the topic of reviews, to score
// each again: so ratings are changed by the one that writes them, and stay exact. A review that was edited
// or erased meanwhile is left alone. What the API cannot score then either keeps the score that it has, and is found
// by the next run. It may be stopped and started again at any time; -from begins at a review. With -n it
// only counts. -per-minute should leave quota of the API for the reviews that come in meanwhile.
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
	f.StringVar(&topicID, "topic", "", "`id` of the topic of reviews")
	f.StringVar(&r.by, "scored-by", "embedded", "`prefix` of what scored_by says of the reviews to score again")
	f.StringVar(&r.from, "from", "", "only reviews after this `product/review`")
	f.IntVar(&r.perMinute, "per-minute", 300, "reviews to ask for in a minute, at most")
	f.BoolVar(&r.dryRun, "n", false, "only say how many there are")
	if err := f.Parse(args); err != nil {
		return err
	}
	var problems []error
	refuse := func(wrong bool, problem string) {
		if wrong {
			problems = append(problems, errors.New(problem))
		}
	}
	refuse(f.NArg() > 0, fmt.Sprintf("it takes no arguments, got %q", f.Args()))
	refuse(project == "", "-project is missing")
	refuse(instance == "", "-instance is missing")
	refuse(database == "", "-database is missing")
	refuse(topicID == "" && !r.dryRun, "-topic is missing")
	refuse(r.by == "", "-scored-by is empty")
	refuse(r.perMinute < 1, "-per-minute is less than 1")
	if err := errors.Join(problems...); err != nil {
		return err
	}
	// What is begun outlives the signal to stop.
	outlives := context.WithoutCancel(ctx)
	db, err := spannerdb.Open(outlives, spannerdb.Name(project, instance, database))
	if err != nil {
		return err
	}
	defer db.Close()
	if r.db = db; r.dryRun {
		return r.run(ctx, stdout, stderr)
	}
	messages, err := pubsub.NewClient(outlives, project)
	if err != nil {
		return fmt.Errorf("open Pub/Sub in %s: %w", project, err)
	}
	defer messages.Close()
	reviews := topic.New(messages.Publisher(topicID))
	defer reviews.Stop()
	r.publish = reviews.Publish
	return r.run(ctx, stdout, stderr)
}
