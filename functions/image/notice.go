package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/topic"
)

// noticeType is the attribute type of the messages that readyPublisher publishes.
const noticeType = "image.ready"

// readyPublisher publishes image.ready notices. The data of a notice is the manifest as JSON; its attributes object
// and generation let a subscriber recognize a duplicate.
type readyPublisher struct{ topic topic.Topic }

// publish returns after Pub/Sub has confirmed the notice.
func (p readyPublisher) publish(ctx context.Context, m rendition.Manifest) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode notice of %q: %w", m.Object, err)
	}
	err = p.topic.Publish(ctx, data, map[string]string{
		"type": noticeType, "object": m.Object, "generation": strconv.FormatInt(m.Generation, 10),
	})
	if err != nil {
		return fmt.Errorf("publish notice of %q: %w", m.Object, err)
	}
	return nil
}
