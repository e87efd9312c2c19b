// Alert notifies operators on Slack of incidents in Cloud Monitoring, budget thresholds and dead letters.
//
// Trigger: push subscriptions with an ack deadline of 30 s or more, to the topic alerts and to every dead-letter topic
// except this function's own. Cloud Monitoring's notification channel and the budget publish to alerts.
//
//	variable               meaning                                                      default
//	GOOGLE_CLOUD_PROJECT   project of the topics and traces                             required
//	SLACK_WEBHOOK_URL      incoming webhook of Slack, a secret; plain HTTP only for     required
//	                       loopback addresses
//	DEAD_LETTER_TOPIC      ID of the topic for messages that cannot be posted; no       required
//	                       subscription may push it to this function
//	PORT                   port or host:port to listen on                               8080
//
// Roles: roles/pubsub.publisher on the dead-letter topic; roles/secretmanager.secretAccessor on the secret that holds the
// webhook, which is mounted as SLACK_WEBHOOK_URL.
//
// Retried: every failure causes redelivery, except two that are dead-lettered: a message of unknown format, and a message
// that Slack rejects permanently. A revoked webhook therefore shows in the dead letters, since Slack cannot show it.
// Redelivery is safe: an instance remembers the notices that it posted. It posts one message when an incident opens and
// one when it closes, one for each threshold of a budget, and one in an hour for dead letters of one source and reason.
// It also respects Retry-After of Slack. Run exactly one instance: it forgets the posted notices when it is replaced, so
// that messages redelivered then are posted twice. A message is also posted twice when the response of Slack was lost.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/hybrid-bts/functions/shared/cloudlog"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/event"
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
	channel := env.RequiredParsed(&e, "SLACK_WEBHOOK_URL", "an HTTPS URL with a path", parseWebhook)
	deadLetters := e.Required("DEAD_LETTER_TOPIC")
	port := e.String("PORT", "8080")
	if err := e.Err(); err != nil {
		return err
	}
	messages, err := topic.Open(ctx, project)
	if err != nil {
		return err
	}
	defer messages.Close()
	h := event.Handler(newNotifier(channel, time.Now).handle, event.DeadLetterTopic(messages.Topic(deadLetters)))
	return framework.Serve(ctx, "Alert", port, cloudlog.Trace(project, h))
}
