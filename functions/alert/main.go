// Alert tells an operator on Slack what went wrong: incidents of Cloud Monitoring, notices of a budget, dead letters.
//
// Trigger: Pub/Sub topic alerts, which Cloud Monitoring's notification channel and the budget publish
// to, and every dead-letter topic but our own; by push subscriptions with an ack deadline of 30 s or more.
//
//	variable               meaning                                                      default
//	GOOGLE_CLOUD_PROJECT   the project of topics and traces                             required
//	SLACK_WEBHOOK_URL      Slack's incoming webhook, a secret; plain HTTP for a         required
//	                       loopback address alone
//	DEAD_LETTER_TOPIC      id of the topic that takes what can never be told; what      required
//	                       comes there must not come back here
//	PORT                   where to listen, a port or host:port                         8080
//
// Role: roles/pubsub.publisher on the dead-letter topic. The webhook is mounted from Secret Manager,
// with roles/secretmanager.secretAccessor on that secret.
//
// Retried: everything but a message that is none of ours, and one that Slack refuses for ever, both of
// which are dead-lettered: that a webhook is revoked shows there, for Slack cannot tell. A redelivery is
// safe: an instance remembers what it told, so that an incident is one message when it opens and one
// when it closes, a budget one for each threshold, and dead letters of one source and reason one an
// hour. It also keeps Slack's Retry-After. Run one instance, no less and no more: what is delivered
// again after that one was replaced is told again, and so is what came while Slack's answer was lost.
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
	h := event.Handler(newTeller(channel, time.Now).happened, event.DeadLetterTopic(messages.Topic(deadLetters)))
	return framework.Serve(ctx, "Alert", port, cloudlog.Trace(project, h))
}
