package main

import (
	"context"

	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// delete answers DELETE /v1/products/{product}/reviews/{review}. It does not check that the review is stored: an
// erasure also stops a submission that the review writer has not processed yet.
func (c *commands) delete(ctx context.Context, in *AuthorInput) (*takenOutput, error) {
	k := in.key()
	if err := c.publish(ctx, wire.Erasure{Key: k}); err != nil {
		return nil, err
	}
	return &takenOutput{newTaken(k)}, nil
}
