package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	pubsubapi "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/hybrid-bts/functions/shared/event"
)

const (
	// outstanding bounds the messages of a subscription that are held here, under way or waiting.
	outstanding = 1000
	// concurrent bounds the requests of a subscription that are under way.
	concurrent = 64
	// pollEvery is how often an idle subscription is looked at.
	pollEvery = 20 * time.Millisecond
	// lease is how long the embedded Pub/Sub leaves a message that we hold alone: its most, in seconds.
	lease = 600
	// longestBackoff is the pause between deliveries that doubling ends at.
	longestBackoff = 10 * time.Second
	// disorder is how far -shuffle and -redeliver put a delivery off, at most.
	disorder = 500 * time.Millisecond
)

// pushOptions say how to deliver.
type pushOptions struct {
	redeliver   float64 // share of messages to deliver twice
	shuffle     bool
	maxAttempts int
	minBackoff  time.Duration
}

// push delivers the messages of a subscription to a function as a push subscription with a
// dead-letter policy, or Eventarc over one, does, which the embedded Pub/Sub lacks: the ack deadline is the request's
// time-out, any answer but 2xx is a refusal, deliveries back off, and a message that was refused
// too often goes to the dead-letter topic, once.
type push struct {
	subscription
	pushOptions
	url    string
	api    *pubsubapi.SubscriptionAdminClient
	dead   *pubsub.Publisher
	client *http.Client
	slots  chan struct{} // a request under way holds one
}

func newPush(e *engines, s subscription, url string, o pushOptions) *push {
	return &push{
		subscription: s, pushOptions: o, url: url,
		api: e.client.SubscriptionAdminClient, dead: e.client.Publisher(s.deadTopic),
		client: &http.Client{Timeout: s.ackDeadline, Transport: &http.Transport{MaxIdleConnsPerHost: concurrent}},
		slots:  make(chan struct{}, concurrent),
	}
}

// run delivers until ctx ends, and returns when nothing is under way any more.
func (p *push) run(ctx context.Context) {
	var held sync.WaitGroup
	defer held.Wait()
	room := make(chan struct{}, outstanding)
	for ctx.Err() == nil {
		messages, err := p.pull(ctx, outstanding-len(room))
		died(ctx, "pull from "+p.name(), err)
		for _, m := range messages {
			room <- struct{}{}
			held.Go(func() {
				p.handle(ctx, m)
				<-room
			})
		}
		if len(messages) == 0 {
			sleep(ctx, pollEvery)
		}
	}
}

// pull takes at most n messages that wait, and leases them.
func (p *push) pull(ctx context.Context, n int) ([]*pubsubpb.ReceivedMessage, error) {
	if n == 0 {
		return nil, nil
	}
	resp, err := p.api.Pull(ctx, &pubsubpb.PullRequest{
		Subscription: subscriptionPath(p.name()), MaxMessages: int32(n),
		ReturnImmediately: true, //lint:ignore SA1019 the embedded Pub/Sub else waits half a second, even when a message comes
	})
	if err != nil || len(resp.ReceivedMessages) == 0 {
		return nil, err
	}
	ids := make([]string, len(resp.ReceivedMessages))
	for i, m := range resp.ReceivedMessages {
		ids[i] = m.AckId
	}
	return resp.ReceivedMessages, p.extend(ctx, ids...)
}

func (p *push) extend(ctx context.Context, ids ...string) error {
	return p.api.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
		Subscription: subscriptionPath(p.name()), AckIds: ids, AckDeadlineSeconds: lease,
	})
}

// handle delivers a message until it is accepted or given up, then acknowledges it.
func (p *push) handle(ctx context.Context, m *pubsubpb.ReceivedMessage) {
	if p.shuffle {
		sleep(ctx, rand.N(disorder))
	}
	if rand.Float64() < p.redeliver {
		again := make(chan struct{})
		go func() {
			defer close(again)
			if rand.IntN(2) == 0 { // else at the same time as the first
				sleep(ctx, rand.N(disorder))
			}
			_ = p.deliver(ctx, m.Message, 1) // the delivery that counts is the other one
		}()
		defer func() { <-again }()
	}
	accepted, err := p.deliverUntilAccepted(ctx, m)
	if err == nil && !accepted {
		err = p.giveUp(ctx, m.Message)
	}
	if err == nil {
		err = p.api.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{Subscription: subscriptionPath(p.name()), AckIds: []string{m.AckId}})
	}
	died(ctx, "deliver message "+m.Message.MessageId, err)
}

// deliverUntilAccepted reports whether one of the deliveries was accepted.
func (p *push) deliverUntilAccepted(ctx context.Context, m *pubsubpb.ReceivedMessage) (bool, error) {
	pause := p.minBackoff
	for attempt := 1; ; attempt++ {
		err := p.deliver(ctx, m.Message, attempt)
		if err == nil || ctx.Err() != nil {
			return err == nil, ctx.Err()
		}
		slog.Info("message refused", "subscription", p.name(), "message_id", m.Message.MessageId, "attempt", attempt, "why", err)
		if attempt == p.maxAttempts {
			return false, nil
		}
		if err := p.extend(ctx, m.AckId); err != nil {
			return false, err
		}
		sleep(ctx, pause)
		pause = min(2*pause, longestBackoff)
	}
}

// deliver sends a message once.
func (p *push) deliver(ctx context.Context, m *pubsubpb.PubsubMessage, attempt int) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	header, body, err := p.format(subscriptionPath(p.name()), m, attempt)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = header
	resp, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

// format makes a request of a message.
type format func(subscription string, m *pubsubpb.PubsubMessage, attempt int) (http.Header, []byte, error)

// pushFormat is that of a push subscription.
func pushFormat(subscription string, m *pubsubpb.PubsubMessage, attempt int) (http.Header, []byte, error) {
	body, err := json.Marshal(map[string]any{
		"subscription":    subscription,
		"deliveryAttempt": attempt,
		"message": map[string]any{
			"data": m.Data, "attributes": m.Attributes, "messageId": m.MessageId,
			"publishTime": m.PublishTime.AsTime().Format(time.RFC3339Nano),
		},
	})
	return http.Header{"Content-Type": {"application/json"}}, body, err
}

// storageFormat is the CloudEvent that Eventarc makes of a notification of Cloud Storage.
func storageFormat(_ string, m *pubsubpb.PubsubMessage, _ int) (http.Header, []byte, error) {
	bucket, object := m.Attributes["bucketId"], m.Attributes["objectId"]
	kind := "finalized"
	if m.Attributes["eventType"] == "OBJECT_DELETE" {
		kind = "deleted"
	}
	h := http.Header{}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Ce-Specversion": "1.0", "Ce-Id": m.MessageId, "Ce-Bucket": bucket,
		"Ce-Type": "google.cloud.storage.object.v1." + kind, "Ce-Time": m.PublishTime.AsTime().Format(time.RFC3339Nano),
		"Ce-Source": "//storage.googleapis.com/projects/_/buckets/" + bucket, "Ce-Subject": inHeader("objects/" + object),
	} {
		h.Set(name, value)
	}
	return h, m.Data, nil
}

// inHeader encodes a string as CloudEvents asks for in a header:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#3132-http-header-values.
func inHeader(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '"' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// giveUp publishes a message to the dead-letter topic.
func (p *push) giveUp(ctx context.Context, m *pubsubpb.PubsubMessage) error {
	attributes := map[string]string{}
	maps.Copy(attributes, m.Attributes)
	attributes[event.PubSubDeliveryCount] = strconv.Itoa(p.maxAttempts)
	attributes[event.PubSubSubscription] = p.name()
	attributes[event.PubSubSubscriptionProject] = project
	attributes[event.PubSubPublishTime] = m.PublishTime.AsTime().Format(time.RFC3339Nano)
	_, err := p.dead.Publish(ctx, &pubsub.Message{Data: m.Data, Attributes: attributes}).Get(ctx)
	return err
}
