package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	wire "github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/topic"
)

const (
	// A response waits at most awaitTimeout for the review writer to apply a command, and reads the review every
	// awaitInterval. The writer usually takes less than half a second.
	awaitTimeout  = 2 * time.Second
	awaitInterval = 50 * time.Millisecond
)

// checkLength returns a validation error unless the number of characters of a field is in a range.
func checkLength(field, s string, least, most int) error {
	n := utf8.RuneCountInString(s)
	if n >= least && n <= most {
		return nil
	}
	detail := fmt.Sprintf("has %d characters; the maximum is %d", n, most)
	if n < least {
		detail = "is empty"
	}
	return huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: "body." + field, Message: detail})
}

// timestampAfter returns the current time, or one microsecond after the latest of the given times if that is later.
// Spanner and commands have a resolution of microseconds.
func (m *reviewHandlers) timestampAfter(times ...time.Time) time.Time {
	at := m.now().UTC().Truncate(time.Microsecond)
	for _, t := range times {
		if !at.After(t) {
			at = t.UTC().Truncate(time.Microsecond).Add(time.Microsecond)
		}
	}
	return at
}

// publish publishes a command to the review writer.
func (m *reviewHandlers) publish(ctx context.Context, msg wire.Message) error {
	if err := topic.Send(ctx, m.topic, wire.Encode, msg); err != nil {
		return fmt.Errorf("%T of review %s: %w", msg, msg.About().Review, err)
	}
	return nil
}

// changed returns 200 with the review once done reports true, or 202 with the earlier state after awaitTimeout.
func (m *reviewHandlers) changed(ctx context.Context, before moderated, done func(moderated) bool) (*reviewOutput, error) {
	now, ok := m.await(ctx, before.key(), func(r moderated, err error) bool { return err == nil && done(r) })
	if !ok {
		return &reviewOutput{http.StatusAccepted, before}, nil
	}
	return &reviewOutput{http.StatusOK, now}, nil
}

// await reads a review until done reports true of the result, and returns that review. It returns false after
// awaitTimeout. Errors of the store end no wait: the command is published, so the change will happen.
func (m *reviewHandlers) await(ctx context.Context, k wire.Key, done func(moderated, error) bool) (moderated, bool) {
	ctx, cancel := context.WithTimeout(ctx, awaitTimeout)
	defer cancel()
	for {
		r, err := m.store.review(ctx, k)
		if done(r, err) {
			return r, true
		}
		select {
		case <-ctx.Done():
			return moderated{}, false
		case <-time.After(awaitInterval):
		}
	}
}
