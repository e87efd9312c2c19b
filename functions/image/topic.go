package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/hybrid-bts/functions/shared/rendition"
)

// publishTimeout bounds how long Pub/Sub may take to confirm a message.
const publishTimeout = 10 * time.Second

// topic publishes image.ready to Pub/Sub: the manifest, with the object and its generation as
// attributes, by which a reader knows a message that comes twice.
type topic struct{ publisher *pubsub.Publisher }

func newTopic(p *pubsub.Publisher) topic {
	p.PublishSettings.DelayThreshold = time.Millisecond
	p.PublishSettings.Timeout = publishTimeout
	return topic{p}
}

func (t topic) publish(ctx context.Context, m rendition.Manifest) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode the news of %q: %w", m.Object, err)
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	message := &pubsub.Message{Data: data, Attributes: map[string]string{
		"type": "image.ready", "object": m.Object, "generation": strconv.FormatInt(m.Generation, 10),
	}}
	if _, err := t.publisher.Publish(ctx, message).Get(ctx); err != nil {
		return fmt.Errorf("publish the news of %q to %s: %w", m.Object, t.publisher, err)
	}
	return nil
}
