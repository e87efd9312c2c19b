// Sentiment is the review writer: the only function that writes reviews and ratings. It scores and moderates the content of
// a review, stores it, keeps the rating of its product exact, and applies later edits, erasures, decisions, replies, votes and
// reports. It records the actions of operators in table Audit, and in the log under "operator acted".
//
// Trigger: Pub/Sub topics reviews, commands and images, by push subscriptions with an ack deadline of 30 s or more. Package
// shared/schema/review declares the messages. The topic reviews has submissions, the topic commands all other messages, and
// the topic images the notices of the function image, which package shared/schema/rendition declares. Cloud Scheduler
// publishes the message that asks for a sweep: content that nobody could judge is judged again, and photos that no review
// claimed in time are deleted; see sweep.go and expiry.go.
//
//	variable               meaning                                                     default
//	GOOGLE_CLOUD_PROJECT   project of the database, the topics and the traces          required
//	SPANNER_INSTANCE       ID of the Spanner instance                                  required
//	SPANNER_DATABASE       ID of the Spanner database                                  required
//	ORIGINALS_BUCKET       bucket of uploaded photos; the function marks the photos    required
//	                       of published reviews, and deletes those of erased ones
//	PUBLISHED_TOPIC        ID of the topic that gets a change notice for every         required
//	                       review whose page may have changed
//	COMMANDS_SUBSCRIPTION  ID of the push subscription to the topic commands           required
//	IMAGES_SUBSCRIPTION    ID of the push subscription to the topic images             required
//	REVIEWS_COMMANDS_UNTIL time until which the topic reviews may carry commands too,  never
//	                       as releases from before the topic commands publish them,
//	                       such as 2026-12-31T00:00:00Z
//	DEAD_LETTER_TOPIC      ID of the topic for messages of the topic reviews that      required
//	                       cannot be handled
//	COMMANDS_DEAD_TOPIC    the same for the topic commands                             required
//	SCORER                 scorer of texts: language, the Natural Language API;        language-then-embedded
//	                       embedded, the embedded model; language-then-embedded,
//	                       the model when the API has no quota, is down or slow,
//	                       or does not support the language
//	MODERATION             checks that flag content: off; embedded, contact details,   language
//	                       solicitation and the embedded filter; language, these and
//	                       the Natural Language API for a text that the filter is
//	                       unsure of, a review with photos, or a new author. A text
//	                       that the chosen checks cannot judge is held
//	PHOTO_MODERATION       off; safe-search, the Cloud Vision API: a photo that is     off
//	                       likely to be unsafe holds the review. It costs $1.50 for
//	                       1,000 photos, after 1,000 a month
//	VISION_ENDPOINT        host:port of the Cloud Vision API, as LANGUAGE_ENDPOINT     the API's own
//	VISION_QPM             API calls a minute of one instance                          1800
//	LANGUAGE_ENDPOINT      host:port of the Natural Language API; a loopback address   the API's own
//	                       means an embedded server: no TLS, no credentials
//	LANGUAGE_QPM           API calls a minute of one instance: the project's quota     600
//	                       (600 by default,
//	                       https://cloud.google.com/natural-language/quotas)
//	                       divided by the maximum number of instances
//	LANGUAGE_CHARACTERS    maximum characters of a text that are sent to the API for   1000
//	                       scoring, cut at the end of a sentence; 0: all. The API
//	                       bills by the 1,000
//	MODERATION_UNITS       units of 100 characters that all instances together send     20000
//	                       for moderation on a day (UTC); 0: no limit. Then the
//	                       embedded filter decides alone, and texts that it cannot judge
//	                       are held until the next day
//	PORT                   port or host:port to listen on                              8080
//
// Roles: roles/spanner.databaseUser on the database, roles/pubsub.publisher on the three topics,
// roles/storage.objectUser on the bucket, roles/serviceusage.serviceUsageConsumer on the project (for the
// Natural Language API).
//
// Trust: the function obeys every message on the topic commands. Only api, admin, Cloud Scheduler and the operators who run the programs of
// scripts/data may publish there; api checks that an edit or erasure comes from the author, admin that a decision, reply or
// erasure comes from an operator. The public function review may publish to the topic reviews only. From there the function
// takes submissions alone, and a submission never replaces stored content: a compromised review can add reviews, but cannot
// change or erase one. Every other message on that topic becomes a dead letter.
//
// Cost: each review causes one API call to score it. It causes another one to moderate it if it has photos, if no published
// review has its author's name (there are no accounts, and an anonymous author is always new), or if the filter is unsure or
// does not support the language. That holds for most reviews. The list price
// (https://cloud.google.com/natural-language/pricing) is $0.001 for 1,000 characters scored, after 5,000 such units
// a month, and $0.0005 for 100 characters moderated, after 50,000. So 1,000 reviews of 80 characters
// cost $1.00 and up to $0.50, of 800 characters $1.00 and up to $4.00; MODERATION=embedded saves the
// second amount, and MODERATION_UNITS limits it, by default to $10 a day. The function caches results for thirty days, and never pays for the same text twice in that time.
//
// Retried: every failure except a malformed message, which goes to the dead-letter topic with its reason. A message
// of a newer release is redelivered too, because that release may follow soon. Redelivery is safe, in any order: the
// newest content and the newest reply win, a visitor's vote counts once and until the next edit, an erased review
// stays erased, and the status follows from contents and decisions in the order of their own times. The sums change
// in the same transaction. A decision, reply or vote about a review that is not stored, and a vote for a revision
// that is not, are redelivered until it is. The function deletes and marks photos and publishes the change notice before it
// acknowledges a message, so a redelivery finishes an interrupted delivery, and a notice may arrive twice. With
// SCORER=language, a text that the API cannot score in time is redelivered too. With any SCORER, a call that fails
// for another reason than the text, such as a missing role, is redelivered.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

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
	published := e.Required("PUBLISHED_TOPIC")
	deadReviews, deadCommands := e.Required("DEAD_LETTER_TOPIC"), e.Required("COMMANDS_DEAD_TOPIC")
	senders := senderPolicy{
		commands: "projects/" + project + "/subscriptions/" + e.Required("COMMANDS_SUBSCRIPTION"), now: time.Now,
		images: "projects/" + project + "/subscriptions/" + e.Required("IMAGES_SUBSCRIPTION"),
		legacyUntil: env.Parsed(&e, "REVIEWS_COMMANDS_UNTIL", time.Time{}, "a time such as 2026-12-31T00:00:00Z",
			func(s string) (time.Time, error) { return time.Parse(time.RFC3339, s) }),
	}
	a := &analyzer{
		filter:     embeddedFilter,
		scoring:    env.Parsed(&e, "SCORER", scoringLanguageThenEmbedded, "language, embedded or language-then-embedded", parseScoring),
		moderation: env.Parsed(&e, "MODERATION", moderationLanguage, "off, embedded or language", parseModeration),
		characters: e.Int("LANGUAGE_CHARACTERS", 1000, 0),
	}
	endpoint, quota := e.String("LANGUAGE_ENDPOINT", ""), e.Int("LANGUAGE_QPM", 600, 1)
	budget := &unitBudget{daily: int64(e.Int("MODERATION_UNITS", 20_000, 0)), now: time.Now}
	judgePhotos := env.Parsed(&e, "PHOTO_MODERATION", false, "off or safe-search", parsePhotoModeration)
	visionEndpoint, visionQuota := e.String("VISION_ENDPOINT", ""), e.Int("VISION_QPM", 1800, 1)
	port := e.String("PORT", "8080")
	if err := e.Err(); err != nil {
		return err
	}
	db, err := spannerdb.Open(ctx, spannerdb.Name(project, instance, database))
	if err != nil {
		return err
	}
	defer db.Close()
	a.authors, budget.store = spannerAuthors{db}, spannerUnits{db}
	if a.scoring != scoringEmbedded || a.moderation == moderationLanguage {
		client, err := openLanguage(ctx, endpoint)
		if err != nil {
			return err
		}
		defer client.Close()
		a.language = &naturalLanguage{client: client, quota: newQuota(languageName, quota, callTimeout, retryAfter), results: spannerResults{db}, budget: budget}
	}
	if judgePhotos {
		client, err := openVision(ctx, visionEndpoint)
		if err != nil {
			return err
		}
		defer func() { _ = client.Close() }() // the process ends
		a.photos = &safeSearch{client: client, bucket: originals, quota: newQuota(visionName, visionQuota, callTimeout, retryAfter)}
	}
	messages, err := topic.Open(ctx, project)
	if err != nil {
		return err
	}
	defer messages.Close()
	notices := messages.Topic(published)
	files, err := bucket.Open(ctx)
	if err != nil {
		return err
	}
	defer files.Close()
	w := &reviewWriter{assessor: a, store: spannerStore{db}, photos: photoBucket{files.Bucket(originals)}, notices: notices, senders: senders, safeSearch: a.photos, now: time.Now}
	dead := senders.deadLetters(event.DeadLetterTopic(messages.Topic(deadCommands)), event.DeadLetterTopic(messages.Topic(deadReviews)))
	h := event.Handler(w.handleEvent, dead)
	return framework.Serve(ctx, "Sentiment", port, cloudlog.Trace(project, h))
}
