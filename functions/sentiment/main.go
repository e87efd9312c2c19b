// Sentiment is the one writer of reviews: it scores what is written, stores it, keeps its product's rating, and takes edits, erasures and all else that happens to a review.
//
// Trigger: Pub/Sub topic reviews, by a push subscription with an ack deadline of 30 s or more. What a
// message may be is in shared/review.
//
//	variable               meaning                                                     default
//	GOOGLE_CLOUD_PROJECT   the project of database, topics and traces                  required
//	SPANNER_INSTANCE       id of the Spanner instance                                  required
//	SPANNER_DATABASE       id of its database                                          required
//	ORIGINALS_BUCKET       where photos are, that are deleted with their review        required
//	PUBLISHED_TOPIC        id of the topic that is told when what a page shows of a    required
//	                       review has changed
//	DEAD_LETTER_TOPIC      id of the topic that takes what can never be handled        required
//	LANGUAGE_ENDPOINT      host:port of the Natural Language API; a loopback address   the API's own
//	                       is taken for an embedded one: no TLS, no credentials
//	PORT                   where to listen, a port or host:port                        8080
//
// Roles: roles/spanner.databaseUser on the database, roles/pubsub.publisher on the two topics,
// roles/storage.objectUser on the bucket, roles/serviceusage.serviceUsageConsumer on the project (for the
// Natural Language API).
//
// Retried: everything but a message that is none of ours, which is dead-lettered with its reason. A
// redelivery is safe, and so is any order: of contents, decisions and replies the newest is kept, a vote
// counts once, what is erased stays erased; the status follows from what is kept, and the sums change with
// it in the same transaction. A decision, a reply or a vote about a review that is not stored is delivered again
// until it is. Photos are deleted, and the news published, before a message is acknowledged: a redelivery finishes
// what was begun, so news may come twice.
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
	"github.com/hybrid-bts/functions/shared/rendition/bucket"
	"github.com/hybrid-bts/functions/shared/serve"
	"github.com/hybrid-bts/functions/shared/spannerdb"
	"github.com/hybrid-bts/functions/shared/topic"
)

func main() {
	slog.SetDefault(cloudlog.New(os.Stderr))
	serve.Main(run)
}

func run(ctx context.Context, lookup func(string) (string, bool)) error {
	e := env.Reader{Lookup: lookup}
	project := e.Required("GOOGLE_CLOUD_PROJECT")
	instance, database := e.Required("SPANNER_INSTANCE"), e.Required("SPANNER_DATABASE")
	originals := e.Required("ORIGINALS_BUCKET")
	published, deadLetters := e.Required("PUBLISHED_TOPIC"), e.Required("DEAD_LETTER_TOPIC")
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
	news := topic.New(messages.Publisher(published))
	defer news.Stop()
	files, err := bucket.Open(ctx)
	if err != nil {
		return err
	}
	defer files.Close()
	k := &keeper{assessor: naturalLanguage{language}, store: spannerStore{db}, photos: photos{files.Bucket(originals)}, news: news}
	h := event.Handler(k.changed, event.DeadLetterTopic(dead))
	return serve.Function(ctx, "Sentiment", port, cloudlog.Trace(project, h))
}
