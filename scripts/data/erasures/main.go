// Erasures applies the erasures of reviews again after a database was restored from a backup.
//
//	go run ./scripts/data/erasures -project PROJECT -subscription SUBSCRIPTION -topic TOPIC [flags]
//
// A restored database has the reviews that were erased since the backup, and none of their tombstones. The subscription
// ENV-hybridbts-commands-erasures keeps every erasure on the topic ENV-hybridbts-commands for 31 days, longer than any backup,
// outside the database. It holds identifiers and no content. The program publishes each erasure to the topic again. The function
// sentiment, which must use the restored database by then, erases the reviews. Erasing twice changes nothing, so the program
// may be stopped and run again at any time.
//
// The program acknowledges an erasure after it has published its copy. The subscription keeps the copy for another 31 days, so
// that the next restore finds it too. With -n the program only counts.
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
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/hybrid-bts/functions/shared/topic"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "erasures:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var project, subscription, topicID string
	r := replay{idle: 3 * time.Second}
	f := flag.NewFlagSet("erasures", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&project, "project", "", "`project` of subscription and topic")
	f.StringVar(&subscription, "subscription", "", "`id` of the subscription that keeps erasures")
	f.StringVar(&topicID, "topic", "", "`id` of the topic of commands")
	f.BoolVar(&r.dryRun, "n", false, "only count the erasures")
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
	addIf(subscription == "", "-subscription is missing")
	addIf(topicID == "" && !r.dryRun, "-topic is missing")
	if err := errors.Join(problems...); err != nil {
		return err
	}
	// A signal ends the loop of the replay, not a request in flight.
	messages, err := pubsub.NewClient(context.WithoutCancel(ctx), project)
	if err != nil {
		return fmt.Errorf("open Pub/Sub in %s: %w", project, err)
	}
	defer messages.Close()
	if !r.dryRun {
		commands := topic.New(messages.Publisher(topicID))
		defer commands.Stop()
		r.commands = commands
	}
	r.client, r.subscription = messages.SubscriptionAdminClient, "projects/"+project+"/subscriptions/"+subscription
	return r.run(ctx, stdout)
}
