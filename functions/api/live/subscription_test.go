package live

import (
	"context"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"

	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

// newSubscription returns the subscription of an instance, and a client of its Pub/Sub server.
func newSubscription(t *testing.T) (*Subscription, *pubsub.Client, *pstest.Server) {
	t.Helper()
	client, server := pubsubtest.Client(t, []string{"published"})
	return NewSubscription(client, "published"), client, server
}

func subscriptions(t *testing.T, server *pstest.Server) []*pubsubpb.Subscription {
	t.Helper()
	list, err := server.GServer.ListSubscriptions(t.Context(), &pubsubpb.ListSubscriptionsRequest{Project: "projects/shop"})
	if err != nil {
		t.Fatal(err)
	}
	return list.Subscriptions
}

func TestSubscriptionExistsFromCreateToDelete(t *testing.T) {
	s, _, server := newSubscription(t)
	if got := subscriptions(t, server); len(got) != 0 {
		t.Errorf("before create: %v", got)
	}
	for range 2 { // the second time after a lost response
		if err := s.create(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := subscriptions(t, server)
	if len(got) != 1 || got[0].ExpirationPolicy.GetTtl().AsDuration() != expiration || got[0].MessageRetentionDuration.AsDuration() != retention {
		t.Errorf("after create: %v", got)
	}
	for range 2 {
		if err := s.delete(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := subscriptions(t, server); len(got) != 0 {
		t.Errorf("after delete: %v", got)
	}
}

func TestSubscriptionsOfTwoInstancesDiffer(t *testing.T) {
	a, client, _ := newSubscription(t)
	if b := NewSubscription(client, "published"); a.name == b.name {
		t.Errorf("both instances use %s", a.name)
	}
}

func TestSubscriptionDeliversNoticesAndDropsOtherMessages(t *testing.T) {
	s, client, _ := newSubscription(t)
	p := client.Publisher("published")
	defer p.Stop()
	if err := s.create(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := notice("6f2c5c0e-8a53-5d2e-9d2b-1e6f0a4f7c11", 7)
	publish := func(data []byte, attributes map[string]string) {
		t.Helper()
		if _, err := p.Publish(t.Context(), &pubsub.Message{Data: data, Attributes: attributes}).Get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	publish([]byte("not JSON"), nil)
	for _, m := range []review.Message{review.Erasure{Key: want.Key}, want} {
		data, attributes, err := review.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		publish(data, attributes)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var got []review.ChangeNotice
	if err := s.receive(ctx, func(n review.ChangeNotice) {
		got = append(got, n)
		stop()
	}); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0] != want {
		t.Errorf("delivered %+v, want %+v once", got, want)
	}
	if err := s.delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.receive(t.Context(), func(review.ChangeNotice) {}); err == nil {
		t.Error("receive from a deleted subscription reports no error")
	}
}
