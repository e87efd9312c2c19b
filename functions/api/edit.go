package main

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/schema/review/submission"
)

// editInput is the input of the operation edit-review.
type editInput struct {
	AuthorInput
	Body submission.Patch `contentType:"application/merge-patch+json"`
}

// editOutput is the output of the operation edit-review.
type editOutput struct {
	Body struct {
		Taken
		EditedAt *time.Time `json:"edited_at" doc:"The edited_at that the review will have, or a later one after a further edit. null: the review was never edited and the patch changes nothing."`
	}
}

// edit answers PATCH /v1/products/{product}/reviews/{review}. A patch without effect publishes nothing.
func (c *commands) edit(ctx context.Context, in *editInput) (*editOutput, error) {
	k := in.key()
	current, err := c.revisions.currentRevision(ctx, k)
	switch {
	case errors.Is(err, errErased):
		return nil, problem.New(http.StatusGone, "this review was deleted")
	case errors.Is(err, errNotFound):
		// Only the author of a submitted review has its token. A 503 would count as a failure of this function.
		p := problem.New(http.StatusConflict, "this review is not stored yet")
		return nil, huma.ErrorWithHeaders(p, http.Header{"Retry-After": {"1"}})
	case err != nil:
		return nil, err
	}
	content := submission.FromReview(current.Review)
	edited, errs := in.Body.Apply(content)
	if len(errs) > 0 {
		return nil, huma.Error422UnprocessableEntity("validation failed", errs...)
	}
	r := current.Review
	if !reflect.DeepEqual(content, edited) {
		edited.ApplyTo(&r)
		// The edit must have a higher revision than the stored one, which the clock of another instance may have set.
		r.EditedAt = time.UnixMicro(max(c.now().UnixMicro(), current.number+1)).UTC()
		if err := c.publish(ctx, r); err != nil {
			return nil, err
		}
	}
	var out editOutput
	out.Body.Taken = newTaken(k)
	if !r.EditedAt.IsZero() {
		out.Body.EditedAt = &r.EditedAt
	}
	return &out, nil
}
