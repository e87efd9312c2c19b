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
	// maxLeased is the number of messages of one subscription that are leased at a time, in delivery or waiting.
	maxLeased = 1000
	// maxRequests is the number of requests of one subscription at a time.
	maxRequests = 64
	// pollInterval is the time between two pulls from an empty subscription.
	pollInterval = 20 * time.Millisecond
	// leaseSeconds is the ack deadline in the embedded Pub/Sub, at its maximum. The real ack deadline is the time-out of a request.
	leaseSeconds = 600
	// maxBackoff is the longest pause between two deliveries of a message.
	maxBackoff = 10 * time.Second
	// maxDelay is the longest delay that -shuffle and -redeliver add to a delivery.
	maxDelay = 500 * time.Millisecond
)

// pushOptions are the settings of the delivery.
type pushOptions struct {
	// redeliver is the share of messages that are delivered twice, 0 to 1. The second delivery overlaps with the first or
	// follows it, with equal probability.
	redeliver float64
	// shuffle delays each message by a random time up to maxDelay.
	shuffle bool
	// maxAttempts is the number of rejected deliveries after which a message becomes a dead letter.
	maxAttempts int
	// minBackoff is the pause after the first rejection. Each further pause is twice as long, up to maxBackoff.
	minBackoff time.Duration
}

// push delivers the messages of a subscription to a function, because the embedded Pub/Sub has no push delivery. It behaves as
// a push subscription with a dead-letter policy, and as Eventarc, which uses one: the ack deadline is the time-out of a request,
// any status but 2xx is a rejection, pauses between deliveries double, and a message that is rejected maxAttempts times goes to
// the dead-letter topic once.
type push struct {
	subscription
	pushOptions
	url    string
	api    *pubsubapi.SubscriptionAdminClient
	dead   *pubsub.Publisher
	client *http.Client
	slots  chan struct{} // holds an element for each request in flight
}

// newPush returns the delivery of a subscription to the function at url.
func newPush(e *engines, s subscription, url string, o pushOptions) *push {
	return &push{
		subscription: s, pushOptions: o, url: url,
		api: e.client.SubscriptionAdminClient, dead: e.client.Publisher(s.deadTopic),
		client: &http.Client{Timeout: s.ackDeadline, Transport: &http.Transport{MaxIdleConnsPerHost: maxRequests}},
		slots:  make(chan struct{}, maxRequests),
	}
}

// run delivers messages until ctx ends, and returns after the last delivery ended.
func (p *push) run(ctx context.Context) {
	var leased sync.WaitGroup
	defer leased.Wait()
	room := make(chan struct{}, maxLeased)
	for ctx.Err() == nil {
		messages, err := p.pull(ctx, maxLeased-len(room))
		logFailure(ctx, "pull from "+p.name, err)
		for _, m := range messages {
			room <- struct{}{}
			leased.Go(func() {
				p.handle(ctx, m)
				<-room
			})
		}
		if len(messages) == 0 {
			sleep(ctx, pollInterval)
		}
	}
}

// pull leases up to n waiting messages.
func (p *push) pull(ctx context.Context, n int) ([]*pubsubpb.ReceivedMessage, error) {
	if n == 0 {
		return nil, nil
	}
	// A pull leases messages for the ack deadline of the subscription, from the moment of the pull. extend follows at once.
	resp, err := p.api.Pull(ctx, &pubsubpb.PullRequest{
		Subscription: subscriptionPath(p.name), MaxMessages: int32(n),
		ReturnImmediately: true, //lint:ignore SA1019 without it the embedded Pub/Sub waits half a second, even if a message arrives
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

// extend extends the leases of messages to leaseSeconds from now.
func (p *push) extend(ctx context.Context, ids ...string) error {
	return p.api.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
		Subscription: subscriptionPath(p.name), AckIds: ids, AckDeadlineSeconds: leaseSeconds,
	})
}

// handle delivers a message until the function accepts it or it becomes a dead letter, and acknowledges it.
func (p *push) handle(ctx context.Context, m *pubsubpb.ReceivedMessage) {
	if p.shuffle {
		sleep(ctx, rand.N(maxDelay))
	}
	if rand.Float64() < p.redeliver {
		duplicate := make(chan struct{})
		go func() {
			defer close(duplicate)
			if rand.IntN(2) == 0 { // the other half overlaps with the first delivery
				sleep(ctx, rand.N(maxDelay))
			}
			_ = p.deliver(ctx, m.Message, 1) // the result of the first delivery counts
		}()
		defer func() { <-duplicate }()
	}
	// Without an acknowledgement, after an error, the lease expires and the message is pulled again.
	accepted, err := p.deliverUntilAccepted(ctx, m)
	if err == nil && !accepted {
		err = p.deadLetter(ctx, m.Message)
	}
	if err == nil {
		err = p.api.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{Subscription: subscriptionPath(p.name), AckIds: []string{m.AckId}})
	}
	logFailure(ctx, "deliver message "+m.Message.MessageId+" of "+p.name, err)
}

// deliverUntilAccepted delivers a message up to maxAttempts times, and reports whether the function accepted it. It fails when
// ctx ends.
func (p *push) deliverUntilAccepted(ctx context.Context, m *pubsubpb.ReceivedMessage) (bool, error) {
	pause := p.minBackoff
	for attempt := 1; ; attempt++ {
		err := p.deliver(ctx, m.Message, attempt)
		if err == nil || ctx.Err() != nil {
			return err == nil, ctx.Err()
		}
		slog.Info("message rejected", "subscription", p.name, "message_id", m.Message.MessageId, "attempt", attempt, "err", err)
		if attempt == p.maxAttempts {
			return false, nil
		}
		// The lease must outlast the pause and the next delivery.
		if err := p.extend(ctx, m.AckId); err != nil {
			return false, err
		}
		sleep(ctx, pause)
		pause = min(2*pause, maxBackoff)
	}
}

// deliver sends a message once. It fails unless the function answers 2xx within the ack deadline.
func (p *push) deliver(ctx context.Context, m *pubsubpb.PubsubMessage, attempt int) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	header, body, err := p.format(subscriptionPath(p.name), m, attempt)
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
		return fmt.Errorf("POST %s: %s", p.url, resp.Status)
	}
	return nil
}

// format returns the headers and the body of a delivery. attempt counts from 1.
type format func(subscription string, m *pubsubpb.PubsubMessage, attempt int) (http.Header, []byte, error)

// pushFormat is the format of a push subscription:
// https://cloud.google.com/pubsub/docs/push#receive_push.
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

// storageFormat turns a notification of Cloud Storage into the CloudEvent that Eventarc delivers.
func storageFormat(_ string, m *pubsubpb.PubsubMessage, _ int) (http.Header, []byte, error) {
	bucket, object := m.Attributes["bucketId"], m.Attributes["objectId"]
	// Eventarc has a CloudEvent type for each eventType of a notification:
	// https://cloud.google.com/storage/docs/pubsub-notifications#events.
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

// inHeader percent-encodes a header value of a CloudEvent:
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

// deadLetter publishes a message to the dead-letter topic, with the attributes that Pub/Sub adds.
func (p *push) deadLetter(ctx context.Context, m *pubsubpb.PubsubMessage) error {
	attributes := map[string]string{}
	maps.Copy(attributes, m.Attributes)
	attributes[event.PubSubDeliveryCount] = strconv.Itoa(p.maxAttempts)
	attributes[event.PubSubSubscription] = p.name
	attributes[event.PubSubSubscriptionProject] = project
	attributes[event.PubSubPublishTime] = m.PublishTime.AsTime().Format(time.RFC3339Nano)
	_, err := p.dead.Publish(ctx, &pubsub.Message{Data: m.Data, Attributes: attributes}).Get(ctx)
	return err
}
