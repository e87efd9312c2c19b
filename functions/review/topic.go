package main

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/hybrid-bts/functions/shared/review"
)

// publishTimeout bounds how long Pub/Sub may take to confirm a message.
const publishTimeout = 10 * time.Second

// topic publishes reviews to Pub/Sub.
type topic struct{ publisher *pubsub.Publisher }

func newTopic(p *pubsub.Publisher) topic {
	// A shopper waits for the confirmation: gather what comes together, and no longer.
	p.PublishSettings.DelayThreshold = time.Millisecond
	p.PublishSettings.Timeout = publishTimeout
	return topic{p}
}

// publish returns once Pub/Sub has the review. A caller who hangs up does not undo it.
func (t topic) publish(ctx context.Context, r review.Review) error {
	data, attributes, err := review.Encode(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTimeout)
	defer cancel()
	if _, err := t.publisher.Publish(ctx, &pubsub.Message{Data: data, Attributes: attributes}).Get(ctx); err != nil {
		return fmt.Errorf("publish review %s to %s: %w", r.ID, t.publisher, err)
	}
	return nil
}
