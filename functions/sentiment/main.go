// Sentiment scores a submitted review with the Natural Language API, stores it, and keeps its product's rating.
//
// Trigger: Pub/Sub topic reviews, by a push subscription with an ack deadline of 30 s or more.
//
//	variable               meaning                                                     default
//	GOOGLE_CLOUD_PROJECT   the project of database, topic and traces                   required
//	SPANNER_INSTANCE       id of the Spanner instance                                  required
//	SPANNER_DATABASE       id of its database                                          required
//	DEAD_LETTER_TOPIC      id of the topic that takes what can never be handled        required
//	LANGUAGE_ENDPOINT      host:port of the Natural Language API; a loopback address   the API's own
//	                       is taken for an embedded one: no TLS, no credentials
//	PORT                   where to listen, a port or host:port                        8080
//
// Roles: roles/spanner.databaseUser on the database, roles/pubsub.publisher on the dead-letter topic,
// roles/serviceusage.serviceUsageConsumer on the project (for the Natural Language API).
//
// Retried: everything but a message that is no review, which is dead-lettered with its reason. A
// redelivery is safe: the insert of the review and the change of the rating commit together, once.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"cloud.google.com/go/pubsub/v2"

	"github.com/hybrid-bts/functions/shared/cloudlog"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/serve"
	"github.com/hybrid-bts/functions/shared/spannerdb"
)

func main() {
	slog.SetDefault(cloudlog.New(os.Stderr))
	serve.Main(run)
}

func run(ctx context.Context, lookup func(string) (string, bool)) error {
	e := env.Reader{Lookup: lookup}
	project := e.Required("GOOGLE_CLOUD_PROJECT")
	instance, database := e.Required("SPANNER_INSTANCE"), e.Required("SPANNER_DATABASE")
	deadLetters := e.Required("DEAD_LETTER_TOPIC")
	endpoint := e.String("LANGUAGE_ENDPOINT", "")
	port := e.String("PORT", "8080")
	if err := e.Err(); err != nil {
		return err
	}
	db, err := spannerdb.Open(ctx, spannerdb.Name(project, instance, database))
	if err != nil {
		return err
	}
	defer db.Close()
	language, err := openLanguage(ctx, endpoint)
	if err != nil {
		return err
	}
	defer language.Close()
	messages, err := pubsub.NewClient(ctx, project)
	if err != nil {
		return fmt.Errorf("open Pub/Sub in %s: %w", project, err)
	}
	defer messages.Close()
	dead := messages.Publisher(deadLetters)
	defer dead.Stop()
	s := &scorer{analyzer: naturalLanguage{language}, store: spannerStore{db}}
	h := event.Handler(s.submitted, event.DeadLetterTopic(dead))
	return serve.Function(ctx, "Sentiment", port, cloudlog.Trace(project, h))
}
