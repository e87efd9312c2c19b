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
	Text       string    `json:"text"`
	RepliedAt  time.Time `json:"replied_at"`
	BeforeEdit bool      `json:"before_edit" doc:"The reply was written before the last edit of the review."`
}

type replyInput struct {
	ReviewInput
	Body struct {
		Text     string `json:"text" doc:"Text of the reply, at most 2000 characters."`
		Revision int64  `json:"revision,omitempty" minimum:"1" doc:"Revision of the content that the operator saw. Default: the current revision."`
	}
}

// reply answers PUT /v1/admin/reviews/{product}/{review}/reply.
func (m *reviewHandlers) reply(ctx context.Context, in *replyInput) (*reviewOutput, error) {
	text := plaintext.Clean(in.Body.Text, '\n')
	if err := checkLength("text", text, 1, wire.MaxReply); err != nil {
		return nil, err
	}
	return m.setReply(ctx, &in.ReviewInput, text, in.Body.Revision)
}

// unreply answers DELETE /v1/admin/reviews/{product}/{review}/reply.
func (m *reviewHandlers) unreply(ctx context.Context, in *ReviewInput) (*reviewOutput, error) {
	return m.setReply(ctx, in, "", 0)
}

// setReply publishes a command that replaces the reply to a review; "" deletes it. seen is the revision that the operator saw, 0
// for the current one.
func (m *reviewHandlers) setReply(ctx context.Context, in *ReviewInput, text string, seen int64) (*reviewOutput, error) {
	r, err := m.findReview(ctx, in)
	if err != nil {
		return nil, err
	}
	if seen != 0 && seen != r.Revision {
		return nil, editedSince(r)
	}
	at := m.timestampAfter(r.repliedAt)
	command := wire.Reply{Key: r.key(), Text: text, Revision: r.Revision, At: at, Operator: operatorFrom(ctx)}
	if err := m.publish(ctx, command); err != nil {
		return nil, err
	}
	slog.InfoContext(ctx, "reply set", "product", r.Product, "review", r.ID, "characters", utf8.RuneCountInString(text), "operator", operatorFrom(ctx))
	return m.changed(ctx, r, func(r moderated) bool { return !r.repliedAt.Before(at) })
}
