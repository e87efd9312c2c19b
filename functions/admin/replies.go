package main

import (
	"context"
	"log/slog"
	"time"
	"unicode/utf8"

	wire "github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/plaintext"
)

type reply struct {
	Text      string    `json:"text"`
	RepliedAt time.Time `json:"replied_at"`
}

type replyInput struct {
	ReviewInput
	Body struct {
		Text string `json:"text" doc:"Text of the reply, at most 2000 characters."`
	}
}

// reply answers PUT /v1/admin/reviews/{product}/{review}/reply.
func (m *reviewHandlers) reply(ctx context.Context, in *replyInput) (*reviewOutput, error) {
	text := plaintext.Clean(in.Body.Text, '\n')
	if err := checkLength("text", text, 1, wire.MaxReply); err != nil {
		return nil, err
	}
	return m.setReply(ctx, &in.ReviewInput, text)
}

// unreply answers DELETE /v1/admin/reviews/{product}/{review}/reply.
func (m *reviewHandlers) unreply(ctx context.Context, in *ReviewInput) (*reviewOutput, error) {
	return m.setReply(ctx, in, "")
}

// setReply publishes a command that replaces the reply to a review; "" deletes it.
func (m *reviewHandlers) setReply(ctx context.Context, in *ReviewInput, text string) (*reviewOutput, error) {
	r, err := m.findReview(ctx, in)
	if err != nil {
		return nil, err
	}
	at := m.timestampAfter(r.repliedAt)
	if err := m.publish(ctx, wire.Reply{Key: r.key(), Text: text, At: at, Operator: operatorFrom(ctx)}); err != nil {
		return nil, err
	}
	slog.InfoContext(ctx, "reply set", "product", r.Product, "review", r.ID, "characters", utf8.RuneCountInString(text), "operator", operatorFrom(ctx))
	return m.changed(ctx, r, func(r moderated) bool { return !r.repliedAt.Before(at) })
}
