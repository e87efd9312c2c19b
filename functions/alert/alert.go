package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"github.com/hybrid-bts/functions/shared/event"
)

// deadline bounds the handling of one delivery, with the wait for earlier ones. With the publication of a dead letter (10 s)
// it is shorter than the ack deadline of the subscriptions, so the function responds before Pub/Sub redelivers.
const deadline = 18 * time.Second

// channel shows messages to operators.
type channel interface {
	// post sends a message. It returns an event.Permanent error when the channel rejects the message permanently, and
	// an error that wraps pausedError when the channel accepts no messages for some time.
	post(ctx context.Context, m *slack.WebhookMessage) error
}

// pausedError is the error of a channel that accepts no messages for some time.
type pausedError struct{ remaining time.Duration }

// Error implements error.
func (p pausedError) Error() string {
	return fmt.Sprintf("channel accepts no messages for %v", p.remaining)
}

// notifier posts notices to a channel, one at a time, and drops duplicates.
type notifier struct {
	channel channel
	now     func() time.Time

	busy        chan struct{} // full while a notice is being posted; guards the fields below
	posts       []post        // posts that the channel accepted, oldest first
	pausedUntil time.Time     // time before which the channel is not called
}

func newNotifier(c channel, now func() time.Time) *notifier {
	return &notifier{channel: c, now: now, busy: make(chan struct{}, 1)}
}

// handle handles one delivery of an event.
func (n *notifier) handle(ctx context.Context, e event.Event) error {
	notice, err := decode(e)
	if err != nil {
		return event.Permanent(err)
	}
	if notice == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	select {
	case n.busy <- struct{}{}:
		defer func() { <-n.busy }()
	case <-ctx.Done():
		return fmt.Errorf("post %s: wait for earlier messages: %w", notice.key, ctx.Err())
	}
	if err := n.postOnce(ctx, notice); err != nil {
		return fmt.Errorf("post %s: %w", notice.key, err)
	}
	return nil
}

// postOnce posts a notice unless it is a duplicate. The caller holds busy.
func (n *notifier) postOnce(ctx context.Context, notice *notice) error {
	if n.isDuplicate(notice) {
		return nil
	}
	if remaining := n.pausedUntil.Sub(n.now()); remaining > 0 {
		return pausedError{remaining}
	}
	err := n.channel.post(ctx, notice.message())
	var p pausedError
	if errors.As(err, &p) {
		n.pausedUntil = n.now().Add(p.remaining)
	}
	if err != nil {
		return err
	}
	n.posts = append(n.posts[max(0, len(n.posts)-maxPosts+1):], post{notice.key, n.now()})
	return nil
}
