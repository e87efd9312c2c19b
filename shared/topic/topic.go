// Package topic publishes messages to Pub/Sub, each confirmed before the caller goes on.
package topic

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"
)

// timeout bounds how long Pub/Sub may take to confirm a message.
const timeout = 10 * time.Second

// Topic is a topic that messages are published to.
type Topic struct{ publisher *pubsub.Publisher }

// New returns the topic of a publisher, whose settings it makes those of a caller who waits: what comes
// together is sent together, and nothing is held back for it.
func New(p *pubsub.Publisher) Topic {
	p.PublishSettings.DelayThreshold = time.Millisecond
	p.PublishSettings.Timeout = timeout
	return Topic{p}
}

// Publish returns once Pub/Sub has the message, so that it cannot be lost any more. The end of ctx, as when
// a caller hangs up, does not undo it.
func (t Topic) Publish(ctx context.Context, data []byte, attributes map[string]string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	if _, err := t.publisher.Publish(ctx, &pubsub.Message{Data: data, Attributes: attributes}).Get(ctx); err != nil {
		return fmt.Errorf("publish to %s: %w", t.publisher, err)
	}
	return nil
}

// Stop sends what is still in a batch.
func (t Topic) Stop() { t.publisher.Stop() }
