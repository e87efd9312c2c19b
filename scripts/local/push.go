package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	pubsubapi "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
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
