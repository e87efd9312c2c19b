// Package topic publishes messages to Pub/Sub and waits until Pub/Sub has stored each of them.
package topic

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
)

// timeout bounds the wait for the confirmation of a message.
const timeout = 10 * time.Second

// stopTimeout bounds the wait for the batches of all topics when a client closes. Cloud Run kills an instance 10 s after
// SIGTERM, and requests in flight have 8 s of them.
const stopTimeout = 500 * time.Millisecond

// Client is a Pub/Sub client with the topics that Topic opened. It serves one goroutine until its topics are open.
type Client struct {
	*pubsub.Client
	topics []Topic
}

// Open returns a client of the topics of a project.
func Open(ctx context.Context, project string) (*Client, error) {
	c, err := pubsub.NewClient(ctx, project)
	if err != nil {
		return nil, fmt.Errorf("open Pub/Sub in %s: %w", project, err)
	}
	return &Client{Client: c}, nil
}

// Topic returns the topic with the given ID. It does not check that the topic exists. Close stops it.
func (c *Client) Topic(id string) Topic {
	t := New(c.Publisher(id))
	c.topics = append(c.topics, t)
	return t
}

// Close sends the batches of all topics, for at most half a second, then closes the connections. A message without
// confirmation may be lost; its Publish returns an error.
func (c *Client) Close() error {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		var all sync.WaitGroup
		for _, t := range c.topics {
			all.Go(t.Stop)
		}
		all.Wait()
	}()
	select {
	case <-stopped:
	case <-time.After(stopTimeout):
	}
	return c.Client.Close()
}

// Publisher publishes to one topic. Topic implements it. Package event declares the same interface, because no library
// package imports another.
type Publisher interface {
	// Publish returns nil once Pub/Sub has stored the message.
	Publish(ctx context.Context, data []byte, attributes map[string]string) error
}

// Send publishes m to p as encode writes it. When encode fails, Send returns its error and publishes nothing.
func Send[M any](ctx context.Context, p Publisher, encode func(M) (data []byte, attributes map[string]string, err error), m M) error {
	data, attributes, err := encode(m)
	if err != nil {
		return err
	}
	return p.Publish(ctx, data, attributes)
}

// Topic publishes to one topic. Several goroutines may use it.
type Topic struct{ publisher *pubsub.Publisher }

// New returns the topic of p and changes the settings of p: the delay of a batch is 1 ms, since the caller waits for
// each message.
func New(p *pubsub.Publisher) Topic {
	p.PublishSettings.DelayThreshold = time.Millisecond
	p.PublishSettings.Timeout = timeout
	return Topic{p}
}

// Publish returns nil once Pub/Sub has stored the message. It ignores the cancellation of ctx, as when a client disconnects.
// It waits until the deadline of ctx, and at most 10 s. Its errors report Unavailable, and the message may or may not have been published.
func (t Topic) Publish(ctx context.Context, data []byte, attributes map[string]string) error {
	wait := timeout
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait)
	defer cancel()
	if _, err := t.publisher.Publish(ctx, &pubsub.Message{Data: data, Attributes: attributes}).Get(ctx); err != nil {
		return &publishError{fmt.Errorf("publish to %s: %w", t.publisher, err)}
	}
	return nil
}

// Stop sends the current batch. Later calls of Publish fail.
func (t Topic) Stop() { t.publisher.Stop() }

// publishError is the error of a message without confirmation.
type publishError struct{ error }

// Unwrap returns the error of the Pub/Sub client.
func (e *publishError) Unwrap() error { return e.error }

// Unavailable reports true: package problem answers with 503, so that the client sends its request again.
func (e *publishError) Unavailable() bool { return true }
