package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/hybrid-bts/functions/shared/event"
)

// deadline bounds the work on one delivery, with the wait for its turn. It ends before the
// subscription's ack deadline, so that we answer before the message is delivered again.
const deadline = 20 * time.Second

// remembered is how many notices an instance remembers that it told.
const remembered = 1000

// channel is where notices are told.
type channel interface {
	// post returns an event.Permanent error when the message is refused for ever, and a paused one
	// when nothing may be sent before some time is over.
	post(ctx context.Context, m *slack.WebhookMessage) error
}

// paused is the error of a channel that takes nothing more for a while.
type paused struct{ after time.Duration }

func (p paused) Error() string { return fmt.Sprintf("it takes nothing for %v", p.after) }

// teller tells what happened, each thing once as far as it remembers.
type teller struct {
	channel channel
	now     func() time.Time

	turn  chan struct{} // holds one while a notice is told: it guards the fields below
	told  []telling     // the latest last
	pause time.Time     // no message before
}

// telling is that a notice was told.
type telling struct {
	key string
	at  time.Time
}

func newTeller(c channel, now func() time.Time) *teller {
	return &teller{channel: c, now: now, turn: make(chan struct{}, 1)}
}

// happened handles one delivery of a message of the topic.
func (t *teller) happened(ctx context.Context, e event.Event) error {
	n, err := decode(e)
	if err != nil {
		return event.Permanent(err)
	}
	if n == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return fmt.Errorf("tell %s: wait for the messages before it: %w", n.key, ctx.Err())
	}
	if err := t.tell(ctx, n); err != nil {
		return fmt.Errorf("tell %s: %w", n.key, err)
	}
	return nil
}

// tell posts a notice that was not told yet.
func (t *teller) tell(ctx context.Context, n *notice) error {
	if t.knows(n) {
		return nil
	}
	if left := t.pause.Sub(t.now()); left > 0 {
		return paused{left}
	}
	err := t.channel.post(ctx, n.message())
	var p paused
	if errors.As(err, &p) {
		t.pause = t.now().Add(p.after)
	}
	if err != nil {
		return err
	}
	t.told = append(t.told[max(0, len(t.told)-remembered+1):], telling{n.key, t.now()})
	return nil
}

// knows reports whether a notice was told, and is not to be told again.
func (t *teller) knows(n *notice) bool {
	return slices.ContainsFunc(t.told, func(told telling) bool {
		return told.key == n.key && (n.again == 0 || t.now().Sub(told.at) < n.again)
	})
}
