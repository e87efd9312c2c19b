package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/hybrid-bts/functions/shared/engine/picture"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/topic"
)

// noticePublisher publishes notices about originals. The attributes object and generation let a subscriber recognize a
// duplicate.
type noticePublisher struct{ topic topic.Topic }

// publishReady publishes image.ready. It returns after Pub/Sub has confirmed the notice.
func (p noticePublisher) publishReady(ctx context.Context, m rendition.Manifest) error {
	return p.publish(ctx, rendition.NoticeReady, object{Name: m.Object, Generation: m.Generation}, m)
}

// publishRejected publishes image.rejected. It returns after Pub/Sub has confirmed the notice.
func (p noticePublisher) publishRejected(ctx context.Context, o object, r *picture.RejectedError) error {
	return p.publish(ctx, rendition.NoticeRejected, o, rendition.Rejection{
		Object: o.Name, Generation: o.Generation, Reason: string(r.Reason), TooLarge: isTooLarge(r.Reason),
	})
}

func (p noticePublisher) publish(ctx context.Context, kind string, o object, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode %s of %q: %w", kind, o.Name, err)
	}
	err = p.topic.Publish(ctx, data, map[string]string{
		rendition.NoticeType: kind, rendition.NoticeObject: o.Name, rendition.NoticeGeneration: strconv.FormatInt(o.Generation, 10),
	})
	if err != nil {
		return fmt.Errorf("publish %s of %q: %w", kind, o.Name, err)
	}
	return nil
}
