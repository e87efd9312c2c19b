package main

import (
	"context"
	"log/slog"
	"maps"
	"strconv"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/hybrid-bts/functions/shared/event"
)

// maxBackoff is the longest pause between two deliveries of a message.
const maxBackoff = 10 * time.Second

// deliverUntilAccepted delivers a message up to maxAttempts times, and reports whether the function accepted it. It fails when
// ctx ends.
func (p *push) deliverUntilAccepted(ctx context.Context, m *pubsubpb.ReceivedMessage) (bool, error) {
	pause := p.minBackoff
	for attempt := 1; ; attempt++ {
		err := p.deliver(ctx, m.Message, attempt)
		if err == nil || ctx.Err() != nil {
			return err == nil, ctx.Err()
		}
		slog.Info("message rejected", "subscription", p.name, "message_id", m.Message.MessageId, "attempt", attempt, "err", err)
		if attempt == p.maxAttempts {
			return false, nil
		}
		// The lease must outlast the pause and the next delivery.
		if err := p.extend(ctx, m.AckId); err != nil {
			return false, err
		}
		sleep(ctx, pause)
		pause = min(2*pause, maxBackoff)
	}
}

// deadLetter publishes a message to the dead-letter topic, with the attributes that Pub/Sub adds.
func (p *push) deadLetter(ctx context.Context, m *pubsubpb.PubsubMessage) error {
	attributes := map[string]string{}
	maps.Copy(attributes, m.Attributes)
	attributes[event.PubSubDeliveryCount] = strconv.Itoa(p.maxAttempts)
	attributes[event.PubSubSubscription] = p.name
	attributes[event.PubSubSubscriptionProject] = project
	attributes[event.PubSubPublishTime] = m.PublishTime.AsTime().Format(time.RFC3339Nano)
	_, err := p.dead.Publish(ctx, &pubsub.Message{Data: m.Data, Attributes: attributes}).Get(ctx)
	return err
}
