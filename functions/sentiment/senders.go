package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

// senderPolicy decides which messages a subscription may deliver. IAM lets only api, admin and operators publish to the topic
// commands, and the public function review only to the topic reviews. Pub/Sub writes the name of the subscription into each
// push, so no publisher can choose it. The zero value lets no subscription deliver commands.
type senderPolicy struct {
	// commands is the full name of the subscription to the topic commands, such as projects/P/subscriptions/S.
	commands string
	// images is the full name of the subscription to the topic images, which carries notices of the function image alone.
	images string
	// legacyUntil is the time until which other subscriptions deliver commands too, because releases from before the topic
	// commands published them to the topic reviews. Zero: never.
	legacyUntil time.Time
	now         func() time.Time
}

// check returns a permanent error if the subscription that delivered e may not deliver m. Every subscription may deliver
// first submissions: the review writer never replaces stored content by them.
func (p senderPolicy) check(e event.Event, m review.Message) error {
	if r, ok := m.(review.Review); ok && r.EditedAt.IsZero() {
		return nil
	}
	if p.isCommand(e) || !p.legacyUntil.IsZero() && p.now().Before(p.legacyUntil) {
		return nil
	}
	return event.Permanent(fmt.Errorf("message of type %T about review %s from %.200q: only the topic commands may carry it", m, m.About().Review, e.Source))
}

// isCommand reports whether the subscription to the topic commands delivered e.
func (p senderPolicy) isCommand(e event.Event) bool {
	return p.commands != "" && e.Source == p.commands
}

// isNotice reports whether e is a notice of the function image, from its topic or replayed to the topic commands.
func (p senderPolicy) isNotice(e event.Event) bool {
	return p.images != "" && e.Source == p.images || p.isCommand(e) && e.Attributes[rendition.NoticeType] != ""
}

// deadLetters returns DeadLetters that keeps the two topics apart: a replay publishes a dead letter to the topic it came from,
// so a message that the policy refused never reaches the topic commands.
func (p senderPolicy) deadLetters(commands, others event.DeadLetters) event.DeadLetters {
	return func(ctx context.Context, e event.Event, reason error) error {
		if p.isCommand(e) || p.isNotice(e) {
			return commands(ctx, e, reason)
		}
		return others(ctx, e, reason)
	}
}
