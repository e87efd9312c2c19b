package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// erasureOutput is the output of the operation erase.
type erasureOutput struct {
	Status int
	Body   erasureState
}

// erasureState is a review without its content, in the response to its erasure.
type erasureState struct {
	ID      string      `json:"id" format:"uuid"`
	Product string      `json:"product" doc:"ID of the product."`
	Status  wire.Status `json:"status" enum:"published,held,rejected,erased" doc:"erased, or the status before the erasure while it is not done yet."`
}

// registerErase adds the operation erase, which deletes the review at path.
func (m *reviewHandlers) registerErase(api huma.API, path string) {
	addOperation(api, http.MethodDelete, path, "erase", "Erase a review for ever", m.erase, withErased,
		withDescription("Deletes the review with its photos and their renditions, its votes, decisions and reply. No later message restores it. "+
			"200: the review is erased. 202: the erasure is accepted but not done yet; its status is still the earlier one. 410: the review was erased before."),
		func(op *huma.Operation) {
			body := &huma.MediaType{Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[erasureState](), true, "")}
			op.Responses = map[string]*huma.Response{"202": {Description: "Accepted: the review before the erasure", Content: map[string]*huma.MediaType{"application/json": body}}}
		})
}

// erase answers DELETE /v1/admin/reviews/{product}/{review}. The database keeps a tombstone and the audit entries of the
// review without their reasons.
func (m *reviewHandlers) erase(ctx context.Context, in *ReviewInput) (*erasureOutput, error) {
	r, err := m.findReview(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := m.publish(ctx, wire.Erasure{Key: r.key(), Operator: operatorFrom(ctx), At: m.timestampAfter()}); err != nil {
		return nil, err
	}
	slog.InfoContext(ctx, "review erased", "product", r.Product, "review", r.ID, "operator", operatorFrom(ctx))
	out := &erasureOutput{http.StatusAccepted, erasureState{r.ID, r.Product, r.Status}}
	if _, ok := m.await(ctx, r.key(), func(_ moderated, err error) bool { return errors.Is(err, errErased) }); ok {
		out.Status, out.Body.Status = http.StatusOK, wire.Erased
	}
	return out, nil
}
