package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	pubsubapi "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/topic"
)

const (
	// pullBatch is the number of messages that a pull asks for.
	pullBatch = 500
	// emptyPulls is the number of pulls without a new message after which the subscription counts as empty. Pub/Sub may
	// answer a pull without a message although it has some.
	emptyPulls = 3
)

// replay is one run of the program.
type replay struct {
	client       *pubsubapi.SubscriptionAdminClient
	subscription string          // full name
	commands     topic.Publisher // nil in a dry run
	dryRun       bool
	idle         time.Duration // longest wait of a pull
}

// run publishes each erasure in the subscription again, one for each review, and prints their number. It leaves the
// subscription unchanged after an error or a signal, except for erasures whose copies it has published.
func (r *replay) run(ctx context.Context, stdout io.Writer) (err error) {
	leased := map[string]bool{} // ack IDs of the messages that stay in the subscription
	done := map[review.Key]bool{}
	defer func() {
		err = errors.Join(err, r.unlease(ctx, slices.Collect(maps.Keys(leased))))
		verb := "published again"
		if r.dryRun {
			verb = "to publish again"
		}
		fmt.Fprintf(stdout, "%d erasures %s\n", len(done), verb)
	}()
	for empty := 0; empty < emptyPulls; empty++ {
		messages, err := r.pull(ctx)
		if err != nil {
			return err
		}
		for _, m := range messages {
			leased[m.AckId] = true
		}
		for _, m := range messages {
			erasure, err := decode(m.Message)
			if err != nil {
				return err
			}
			if done[erasure.Key] { // its copy, which arrives in the subscription too, or a second erasure
				continue
			}
			if !r.dryRun {
				if err := r.republish(ctx, m); err != nil {
					return err
				}
				delete(leased, m.AckId)
			}
			done[erasure.Key], empty = true, -1
		}
	}
	return nil
}

// decode returns the erasure in a message. The filter of the subscription lets no other messages in.
func decode(m *pubsubpb.PubsubMessage) (review.Erasure, error) {
	decoded, err := review.Decode(m.Data, m.Attributes)
	if err != nil {
		return review.Erasure{}, fmt.Errorf("message %s: %w", m.MessageId, err)
	}
	erasure, ok := decoded.(review.Erasure)
	if !ok {
		return review.Erasure{}, fmt.Errorf("message %s is a %T, want erasures alone", m.MessageId, decoded)
	}
	return erasure, nil
}

// republish publishes a copy of a message and acknowledges the message. A message that is published and not acknowledged is
// published again by the next run.
func (r *replay) republish(ctx context.Context, m *pubsubpb.ReceivedMessage) error {
	if err := r.commands.Publish(ctx, m.Message.Data, m.Message.Attributes); err != nil {
		return err
	}
	err := r.client.Acknowledge(context.WithoutCancel(ctx), &pubsubpb.AcknowledgeRequest{Subscription: r.subscription, AckIds: []string{m.AckId}})
	if err != nil {
		return fmt.Errorf("acknowledge message %s: %w", m.Message.MessageId, err)
	}
	return nil
}

// pull leases messages. It returns none when the subscription sends none within idle.
func (r *replay) pull(ctx context.Context) ([]*pubsubpb.ReceivedMessage, error) {
	timed, cancel := context.WithTimeout(ctx, r.idle)
	defer cancel()
	// Retries of the client would hide other errors behind the deadline.
	noRetry := gax.WithRetry(func() gax.Retryer { return nil })
	resp, err := r.client.Pull(timed, &pubsubpb.PullRequest{Subscription: r.subscription, MaxMessages: pullBatch}, noRetry)
	switch code := status.Code(err); {
	case ctx.Err() != nil:
		return nil, errors.New("stopped")
	case err != nil && code != codes.DeadlineExceeded:
		return nil, fmt.Errorf("pull from %s: %w", r.subscription, err)
	}
	return resp.GetReceivedMessages(), nil
}

// unlease makes leased messages visible to the next run at once. Otherwise their leases expire.
func (r *replay) unlease(ctx context.Context, ackIDs []string) error {
	if len(ackIDs) == 0 {
		return nil
	}
	err := r.client.ModifyAckDeadline(context.WithoutCancel(ctx), &pubsubpb.ModifyAckDeadlineRequest{Subscription: r.subscription, AckIds: ackIDs})
	if err != nil {
		return fmt.Errorf("end leases of %d messages: %w", len(ackIDs), err)
	}
	return nil
}
