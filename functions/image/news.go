package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/topic"
)

// news publishes image.ready: the manifest, with the object and its generation as attributes, by which a
// reader knows a message that comes twice.
type news struct{ topic topic.Topic }

func (n news) publish(ctx context.Context, m rendition.Manifest) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode the news of %q: %w", m.Object, err)
	}
	err = n.topic.Publish(ctx, data, map[string]string{
		"type": "image.ready", "object": m.Object, "generation": strconv.FormatInt(m.Generation, 10),
	})
	if err != nil {
		return fmt.Errorf("tell of %q: %w", m.Object, err)
	}
	return nil
}
