package main

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/pagetoken"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// auditEntry is an action of an operator, as the review writer recorded it.
type auditEntry struct {
	ID       string    `json:"id" format:"uuid"`
	At       time.Time `json:"at"`
	Operator string    `json:"operator" doc:"Subject of the operator's token. Empty: an action from before the audit."`
	Action   string    `json:"action" doc:"publish, hold, reject, reply, unreply, erase, replay or discard; more may follow."`
	Product  string    `json:"product" doc:"ID of the product. Empty for a dead letter."`
	Review   string    `json:"review" doc:"ID of the review. Empty for a dead letter."`
	Letter   string    `json:"letter" doc:"ID of the dead letter. Empty for a review."`
	Before   string    `json:"before" doc:"State before the action: published, held, rejected or erased, none or reply, or deadletter."`
	After    string    `json:"after" doc:"State after the action, also replayed or discarded."`
	Reason   string    `json:"reason" doc:"The operator's words, or the reason of the dead letter. Empty once the review is erased."`
}

// auditCursor is the key of the last entry of a page.
type auditCursor struct {
	Review string    `json:"i"` // filter of the list
	At     time.Time `json:"t"`
	Entry  string    `json:"e"`
}

// auditStore reads the actions of operators.
type auditStore interface {
	// audit returns at most limit entries, newest first, after the cursor unless it is nil: those of a review, or all for the
	// zero Key.
	audit(ctx context.Context, k wire.Key, after *auditCursor, limit int) ([]auditEntry, error)
}

type auditInput struct {
	Product   string `query:"product" pattern:"^[a-z0-9-]*$" maxLength:"64" doc:"Product of review."`
	Review    string `query:"review" pattern:"^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$" doc:"ID of a review. Empty: all entries."`
	PageSize  int    `query:"page_size" minimum:"1" maximum:"100" default:"50"`
	PageToken string `query:"page_token" maxLength:"400" doc:"next_page_token of the previous page."`
}

type auditOutput struct {
	Body struct {
		Entries       []auditEntry `json:"entries" nullable:"false"`
		NextPageToken string       `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// listAudit answers GET /v1/admin/audit.
func (m *reviewHandlers) listAudit(ctx context.Context, in *auditInput) (*auditOutput, error) {
	k := wire.Key{Product: in.Product, Review: in.Review}
	if (k.Product == "") != (k.Review == "") {
		return nil, invalidQuery("review", "product and review need each other")
	}
	var after *auditCursor
	if in.PageToken != "" {
		c, err := pagetoken.Decode[auditCursor](in.PageToken)
		if err == nil && (c.Review != k.Review || c.Entry == "" || len(c.Entry) > 36 || c.At.UTC().Year() < 1 || c.At.UTC().Year() > 9999) {
			err = pagetoken.ErrToken
		}
		if err != nil {
			return nil, invalidQuery("page_token", err.Error())
		}
		after = &c
	}
	found, err := m.store.audit(ctx, k, after, in.PageSize+1)
	if err != nil {
		return nil, err
	}
	var out auditOutput
	if len(found) > in.PageSize {
		found = found[:in.PageSize]
		last := found[in.PageSize-1]
		if out.Body.NextPageToken, err = pagetoken.Encode(auditCursor{k.Review, last.At, last.ID}); err != nil {
			return nil, err
		}
	}
	out.Body.Entries = found
	return &out, nil
}

// invalidQuery returns the problem of a query parameter.
func invalidQuery(name, detail string) error {
	return huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: "query." + name, Message: detail})
}

// registerAudit adds the operation list-audit.
func (m *reviewHandlers) registerAudit(api huma.API) {
	addOperation(api, http.MethodGet, "/audit", "list-audit", "List the actions of operators, newest first", m.listAudit,
		withDescription("The review writer adds an entry in the transaction of the action. Entries are kept for five years."))
}
