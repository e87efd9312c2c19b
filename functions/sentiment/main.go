// Sentiment is the one writer of reviews: it scores what is written, stores it, keeps its product's rating, and does
// all that happens to a review later: edits, erasures, decisions, replies and votes.
//
// Trigger: Pub/Sub topic reviews, by a push subscription with an ack deadline of 30 s or more. What a
// message may be is in shared/schema/review.
//
//	variable               meaning                                                     default
//	GOOGLE_CLOUD_PROJECT   the project of database, topics and traces                  required
//	SPANNER_INSTANCE       id of the Spanner instance                                  required
//	SPANNER_DATABASE       id of its database                                          required
//	ORIGINALS_BUCKET       where photos are, that are deleted with their review        required
//	PUBLISHED_TOPIC        id of the topic that is told when what a page shows of a    required
//	                       review has changed
//	DEAD_LETTER_TOPIC      id of the topic that takes what can never be handled        required
//	SCORER                 what scores a text: language, the Natural Language API;     language-then-embedded
//	                       embedded, the model that is built in; or
//	                       language-then-embedded, the model when the API has no
//	                       quota, is down or slow, or does not know the language
//	MODERATION             what holds a review: off; embedded, contact details and     language
//	                       the built-in filter; or language, the Natural Language
//	                       API besides, for a text that the filter is unsure of,
//	                       a review with photos, or a new author
//	LANGUAGE_ENDPOINT      host:port of the Natural Language API; a loopback address   the API's own
//	                       is taken for an embedded one: no TLS, no credentials
//	LANGUAGE_QPM           calls of the API in a minute, of one instance: the          600
//	                       project's quota (600 unless it was raised,
//	                       https://cloud.google.com/natural-language/quotas)
//	                       divided by the most instances that there may be
//	LANGUAGE_CHARACTERS    characters of a text that the API is sent to score, up to   1000
//	                       the end of a sentence; 0: all. It bills by the 1,000
//	PORT                   where to listen, a port or host:port                        8080
//
// Roles: roles/spanner.databaseUser on the database, roles/pubsub.publisher on the two topics,
// roles/storage.objectUser on the bucket, roles/serviceusage.serviceUsageConsumer on the project (for the
// Natural Language API).
//
// It believes what is on the topic: that edits and erasures are the author's and decisions an operator's was checked by api and
// admin, which with review are all that the topic lets publish.
//
// Cost: the API is asked once to score a review, and once to moderate it if it has photos, if no published
// review has its author's name (there are no accounts; who gives no name is always new), or if the filter is
// unsure or does not know the language: that is most reviews. At the list price of
// https://cloud.google.com/natural-language/pricing 1,000 characters scored are $0.001 after 5,000 such
// units in a month, and 100 characters moderated $0.0005 after 50,000. So 1,000 reviews of 80 characters
// cost $1.00 and up to $0.50, of 800 characters $1.00 and up to $4.00; MODERATION=embedded saves the
// second. No text is paid for twice within thirty days.
//
// Retried: everything but a message that is none of ours, which is dead-lettered with its reason. A
// redelivery is safe, and so is any order: the newest content and reply are kept, a vote counts once, what is
// erased stays erased, and the status is what contents and decisions give in the order of their own times. The sums
// change with it in the same transaction. A decision, a reply or a vote about a review that is not stored is
// delivered again until it is. Photos are deleted, and the news published, before a message is acknowledged: a
// redelivery finishes what was begun, so news may come twice.
// Where SCORER is language, so is a text that the API has no time for; and in any case one that it
// refuses us for another reason than the text, such as a missing role.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/hybrid-bts/functions/shared/cloudlog"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
	"github.com/hybrid-bts/functions/shared/serve"
	"github.com/hybrid-bts/functions/shared/serve/framework"
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
	x := &examiner{
		filter:     filter,
		scoring:    env.Parsed(&e, "SCORER", byLanguageThenEmbedded, "language, embedded or language-then-embedded", parseScoring),
		moderation: env.Parsed(&e, "MODERATION", languageModeration, "off, embedded or language", parseModeration),
		characters: e.Int("LANGUAGE_CHARACTERS", 1000, 0),
	}
	endpoint, quota := e.String("LANGUAGE_ENDPOINT", ""), e.Int("LANGUAGE_QPM", 600, 1)
	port := e.String("PORT", "8080")
	if err := e.Err(); err != nil {
		return err
	}
	db, err := spannerdb.Open(ctx, spannerdb.Name(project, instance, database))
	if err != nil {
		return err
	}
	defer db.Close()
	x.authors = spannerAuthors{db}
	if x.scoring != byEmbedded || x.moderation == languageModeration {
		client, err := openLanguage(ctx, endpoint)
		if err != nil {
			return err
		}
		defer client.Close()
		x.language = &naturalLanguage{client: client, limit: newLimit(quota, callTimeout, retryAfter), answers: spannerAnswers{db}}
	}
	messages, err := topic.Open(ctx, project)
	if err != nil {
		return err
	}
	defer messages.Close()
	news := messages.Topic(published)
	files, err := bucket.Open(ctx)
	if err != nil {
		return err
	}
	defer files.Close()
	k := &keeper{assessor: x, store: spannerStore{db}, photos: photos{files.Bucket(originals)}, news: news}
	h := event.Handler(k.changed, event.DeadLetterTopic(messages.Topic(deadLetters)))
	return framework.Serve(ctx, "Sentiment", port, cloudlog.Trace(project, h))
}
