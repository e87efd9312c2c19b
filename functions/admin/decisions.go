package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/hybrid-bts/functions/shared/problem"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/plaintext"
)

type decision struct {
	Verdict  wire.Verdict `json:"verdict" enum:"publish,hold,reject"`
	Reason   string       `json:"reason"`
	Revision int64        `json:"revision" doc:"Revision of the content that the operator saw."`
	At       time.Time    `json:"at"`
}

type decideInput struct {
	ReviewInput
	Body struct {
		Verdict  wire.Verdict `json:"verdict" enum:"publish,hold,reject"`
		Reason   string       `json:"reason,omitempty" doc:"Reason, at most 200 characters. Required to hold or reject."`
		Revision int64        `json:"revision" minimum:"1" doc:"Revision of the content that the operator saw."`
	}
}

// editedSince returns the problem of a request that names an older revision of a review, or one that never existed.
func editedSince(r moderated) error {
	return problem.New(http.StatusConflict, fmt.Sprintf("author edited the review; its revision is now %d", r.Revision))
}

// decide answers POST /v1/admin/reviews/{product}/{review}/decision.
func (m *reviewHandlers) decide(ctx context.Context, in *decideInput) (*reviewOutput, error) {
	text := plaintext.Clean(in.Body.Reason, -1)
	least := 1
	if in.Body.Verdict == wire.Publish {
		least = 0
	}
	if err := checkLength("reason", text, least, wire.MaxReason); err != nil {
		return nil, err
	}
	r, err := m.findReview(ctx, &in.ReviewInput)
	if err != nil {
		return nil, err
	}
	if r.Revision != in.Body.Revision {
		return nil, editedSince(r)
	}
	// The review writer applies the latest decision. Clocks of instances differ, so this decision gets a time after all
	// that the operator saw.
	at := m.timestampAfter(time.UnixMicro(r.Revision))
	if n := len(r.Decisions); n > 0 {
		at = m.timestampAfter(slices.MaxFunc(r.Decisions, func(a, b decision) int { return a.At.Compare(b.At) }).At, at)
	}
	d := wire.Decision{Key: r.key(), Verdict: in.Body.Verdict, Reason: text, Revision: in.Body.Revision, At: at, Operator: operatorFrom(ctx)}
	if err := m.publish(ctx, d); err != nil {
		return nil, err
	}
	slog.InfoContext(ctx, "review decided", "product", r.Product, "review", r.ID, "verdict", d.Verdict, "revision", d.Revision, "operator", operatorFrom(ctx))
	return m.changed(ctx, r, func(r moderated) bool {
		return slices.ContainsFunc(r.Decisions, func(d decision) bool { return d.At.Equal(at) })
	})
}
