package main

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

	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// news tells what happens to reviews.
type news interface {
	// open makes sure that what happens from now on is kept for receive.
	open(ctx context.Context) error
	// receive tells what happened, from several goroutines, until ctx ends, or until there is no more.
	receive(ctx context.Context, tell func(wire.ChangeNotice)) error
	// close gives up what is kept.
	close(ctx context.Context) error
}

// subscription is a subscription of this instance alone: each instance has watchers of its own, and must hear
// everything. One that is left behind, because an instance was killed, expires by itself.
type subscription struct {
	client      *pubsub.Client
	topic, name string // full names
}

// Both are the shortest that Pub/Sub takes: what is old is of no use here.
const (
	expiration = 24 * time.Hour
	retention  = 10 * time.Minute
)

// newSubscription returns a subscription to a topic, by the id of that, which is made when it is opened.
func newSubscription(client *pubsub.Client, topic string) *subscription {
	project := "projects/" + client.Project()
	return &subscription{client, project + "/topics/" + topic, project + "/subscriptions/" + topic + "-api-" + strings.ToLower(rand.Text())}
}

func (s *subscription) open(ctx context.Context) error {
	_, err := s.client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: s.name, Topic: s.topic, AckDeadlineSeconds: 10, MessageRetentionDuration: durationpb.New(retention),
		ExpirationPolicy: &pubsubpb.ExpirationPolicy{Ttl: durationpb.New(expiration)},
	})
	if err != nil && status.Code(err) != codes.AlreadyExists { // it was made before, and only the answer was lost
		return fmt.Errorf("subscribe to %s: %w", s.topic, err)
	}
	return nil
}

func (s *subscription) receive(ctx context.Context, tell func(wire.ChangeNotice)) error {
	sub := s.client.Subscriber(s.name)
	sub.ReceiveSettings.NumGoroutines = 1
	err := sub.Receive(ctx, func(ctx context.Context, m *pubsub.Message) {
		m.Ack() // whatever it is: a second time it would be no better
		switch got, err := wire.Decode(m.Data, m.Attributes); n := got.(type) {
		case wire.ChangeNotice:
			tell(n)
		default:
			slog.WarnContext(ctx, "no news of a review", "message", m.ID, "err", err)
		}
	})
	if err != nil {
		return fmt.Errorf("receive from %s: %w", s.name, err)
	}
	return nil
}

func (s *subscription) close(ctx context.Context) error {
	err := s.client.SubscriptionAdminClient.DeleteSubscription(ctx, &pubsubpb.DeleteSubscriptionRequest{Subscription: s.name})
	if err != nil && status.Code(err) != codes.NotFound {
		return fmt.Errorf("delete %s: %w", s.name, err)
	}
	return nil
}
