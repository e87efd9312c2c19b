package live

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// The expiration and retention of a subscription are the shortest that Pub/Sub accepts: old notices have no use.
const (
	expiration  = 24 * time.Hour
	retention   = 10 * time.Minute
	ackDeadline = 10 * time.Second
)

// Subscription is the Pub/Sub subscription of one instance. Each instance has its own, because each must receive all
// notices. If an instance is killed before it deletes its subscription, Pub/Sub deletes it after expiration.
type Subscription struct {
	client      *pubsub.Client
	topic, name string // full resource names
}

// NewSubscription returns a subscription with a random name to the topic with the given id. It makes no request: the
// Feed creates the subscription in Pub/Sub for its first stream. The client must outlive the Feed.
func NewSubscription(client *pubsub.Client, topic string) *Subscription {
	project, suffix := "projects/"+client.Project(), strings.ToLower(rand.Text())
	return &Subscription{client, project + "/topics/" + topic, project + "/subscriptions/" + topic + "-api-" + suffix}
}

// create implements noticeSource. Messages published before it are not delivered.
func (s *Subscription) create(ctx context.Context) error {
	_, err := s.client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: s.name, Topic: s.topic, AckDeadlineSeconds: int32(ackDeadline.Seconds()),
		MessageRetentionDuration: durationpb.New(retention),
		ExpirationPolicy:         &pubsubpb.ExpirationPolicy{Ttl: durationpb.New(expiration)},
	})
	if err != nil && status.Code(err) != codes.AlreadyExists { // an earlier call succeeded, but its response was lost
		return fmt.Errorf("subscribe to %s: %w", s.topic, err)
	}
	return nil
}

// receive implements noticeSource. It acknowledges and logs messages that are not change notices.
func (s *Subscription) receive(ctx context.Context, deliver func(review.ChangeNotice)) error {
	sub := s.client.Subscriber(s.name)
	sub.ReceiveSettings.NumGoroutines = 1
	err := sub.Receive(ctx, func(ctx context.Context, m *pubsub.Message) {
		m.Ack() // in any case: redelivery would not help
		switch decoded, err := review.Decode(m.Data, m.Attributes); n := decoded.(type) {
		case review.ChangeNotice:
			deliver(n)
		default:
			slog.WarnContext(ctx, "message is not a change notice", "message", m.ID, "err", err)
		}
	})
	if err != nil {
		return fmt.Errorf("receive from %s: %w", s.name, err)
	}
	return nil
}

// delete implements noticeSource. A subscription that does not exist is not an error.
func (s *Subscription) delete(ctx context.Context) error {
	err := s.client.SubscriptionAdminClient.DeleteSubscription(ctx, &pubsubpb.DeleteSubscriptionRequest{Subscription: s.name})
	if err != nil && status.Code(err) != codes.NotFound {
		return fmt.Errorf("delete %s: %w", s.name, err)
	}
	return nil
}
