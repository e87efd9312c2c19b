package main

import (
	"context"

	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

type countsOutput struct {
	Body struct {
		Held     int64 `json:"held"`
		Rejected int64 `json:"rejected"`
	}
}

// countQueue answers GET /v1/admin/counts with the number of held and of rejected reviews.
func (m *reviewHandlers) countQueue(ctx context.Context, _ *struct{}) (*countsOutput, error) {
	found, err := m.store.countHidden(ctx)
	if err != nil {
		return nil, err
	}
	var out countsOutput
	out.Body.Held, out.Body.Rejected = found[wire.Held], found[wire.Rejected]
	return &out, nil
}
