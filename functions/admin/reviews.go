package main

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/pagetoken"
	"github.com/hybrid-bts/functions/shared/problem"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
	"github.com/hybrid-bts/functions/shared/topic"
)

// listFilter selects the reviews of a list.
type listFilter struct {
	status  wire.Status
	product string // "" selects all products
}

// store reads reviews with any status. The review writer is the only one to change them.
type store interface {
	// list returns at most limit reviews, newest first: published reviews by SubmittedAt, others by HeldAt. It starts
	// after the cursor, or at the newest review if the cursor is nil.
	list(ctx context.Context, f listFilter, after *cursor, limit int) ([]moderated, error)
	// review returns a review, errErased, or errNotFound for a review that was never stored or was erased long ago.
	review(ctx context.Context, k wire.Key) (moderated, error)
	// countByDay counts the reviews submitted on each of n days. The first day begins at from, and the days are those of
	// the time zone of from.
	countByDay(ctx context.Context, from time.Time, n int) ([]statusCounts, error)
	// countHidden counts the held and the rejected reviews.
	countHidden(ctx context.Context) (statusCounts, error)
	// find returns the reviews with an ID, of any product and status: one, or none.
	find(ctx context.Context, id string) ([]moderated, error)
	auditStore
}

// reviewHandlers lists reviews for operators and publishes their decisions and replies as commands to the review writer.
type reviewHandlers struct {
	store store
	topic topic.Publisher // commands to the review writer
	now   func() time.Time
}

// moderated is a review as operators see it.
type moderated struct {
	ID          string       `json:"id" format:"uuid"`
	Product     string       `json:"product" doc:"ID of the product."`
	Status      wire.Status  `json:"status" enum:"published,held,rejected"`
	Reason      *string      `json:"reason" doc:"Reason for the status: the words of the operator, or the English words of the reason code. null if the review is published."`
	ReasonCode  *reason.Code `json:"reason_code" enum:"unknown_product,contact_details,solicitation,abusive_language,sexual_content,violent_content,unsafe_photo,pending_moderation,moderation,reported,edited_after_hold,edited_after_rejection,operator" doc:"Code of the reason. operator means that an operator decided and wrote the reason. null if the review is published."`
	HeldAt      *time.Time   `json:"held_at" doc:"Time at which the review was held or rejected. null if it is published."`
	Revision    int64        `json:"revision" doc:"Revision of the content. A decision must name it."`
	Rating      int64        `json:"rating" minimum:"1" maximum:"5"`
	Text        string       `json:"text"`
	Author      string       `json:"author" doc:"Name of the author; may be empty."`
	Language    *string      `json:"language" doc:"Detected language of the text, as a BCP 47 tag."`
	Score       *float64     `json:"score" doc:"Sentiment of the text, -1 to 1. null if it has no score."`
	ScoredBy    *string      `json:"scored_by" doc:"Scorer of the text. null if it has no score."`
	Photos      []string     `json:"photos" nullable:"false" doc:"Names of the photos. The operation get-photo reads them; /img/{name} is found while the review is published."`
	SubmittedAt time.Time    `json:"submitted_at"`
	EditedAt    *time.Time   `json:"edited_at" doc:"Time of the last edit. null if the review was never edited."`
	PublishedAt *time.Time   `json:"published_at" doc:"Time of the publication. null if the review is not published."`
	Reply       *reply       `json:"reply,omitempty" doc:"Reply of the merchant. Absent if there is none."`
	Reports     int64        `json:"reports" doc:"Number of clients that reported the current revision, at most 100."`
	Decisions   []decision   `json:"decisions" nullable:"false" doc:"Decisions of operators, oldest first."`

	repliedAt time.Time // time of the last reply or of its removal; zero if there was none
}

// initialRevision returns the revision of a review that was never edited. Rows written before edits existed store none.
func initialRevision(submittedAt time.Time) int64 { return submittedAt.UnixMicro() }

func (r moderated) key() wire.Key { return wire.Key{Product: r.Product, Review: r.ID} }

// register adds the operations of reviews to the API.
func (m *reviewHandlers) register(api huma.API) {
	const reviewPath = "/reviews/{product}/{review}"
	addOperation(api, http.MethodGet, "/reviews", "list-moderated", "List reviews with a status, newest first", m.list,
		withDescription("A search may read more reviews than one request can: then a page has few matches or none, and a next_page_token. A search for the ID of a review finds it with any product and status."))
	addOperation(api, http.MethodGet, reviewPath, "get-moderated", "Get a review with any status", m.get, withErased)
	m.registerErase(api, reviewPath)
	accepted := func(op *huma.Operation) {
		body := &huma.MediaType{Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[moderated](), true, "")}
		op.Responses = map[string]*huma.Response{"202": {Description: "Accepted: the review before the change", Content: map[string]*huma.MediaType{"application/json": body}}}
	}
	const statuses = "200: the change is done; the body is the review after it. 202: the change is accepted but not done yet; read the review again later."
	replyDescription := withDescription(statuses + " 409: the author edited the review after the given revision.")
	decisionDescription := withDescription(statuses + " 409: the author edited the review after the given revision. " +
		"A decision to publish applies to that revision only. A decision to hold or reject also applies to later revisions, until an operator publishes one.")
	addOperation(api, http.MethodPost, reviewPath+"/decision", "decide", "Publish, hold or reject a review", m.decide, withBody, withErased, decisionDescription, accepted)
	addOperation(api, http.MethodPut, reviewPath+"/reply", "reply", "Set the reply to a review", m.reply, withBody, withErased, replyDescription, accepted)
	addOperation(api, http.MethodDelete, reviewPath+"/reply", "unreply", "Delete the reply to a review", m.unreply, withErased, replyDescription, accepted)
	addOperation(api, http.MethodGet, "/counts", "count-queue", "Count the held and the rejected reviews", m.countQueue)
	m.registerAudit(api)
	addOperation(api, http.MethodGet, "/days", "count-days", "Count reviews by day and status", m.countDays)
}

type listInput struct {
	Status    wire.Status `query:"status" enum:"held,rejected,published" default:"held"`
	Product   string      `query:"product" pattern:"^[a-z0-9-]*$" maxLength:"64" doc:"Product ID. Empty: all products."`
	Query     string      `query:"q" maxLength:"200" doc:"Words that the text or the name of the author contains, or the ID of a review. Empty: all reviews."`
	PageSize  int         `query:"page_size" minimum:"1" maximum:"100" default:"20"`
	PageToken string      `query:"page_token" maxLength:"400" doc:"next_page_token of the previous page."`
}

type listOutput struct {
	Body struct {
		Reviews       []moderated `json:"reviews" nullable:"false"`
		NextPageToken string      `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// list answers GET /v1/admin/reviews.
func (m *reviewHandlers) list(ctx context.Context, in *listInput) (*listOutput, error) {
	f, query := listFilter{in.Status, in.Product}, strings.TrimSpace(in.Query)
	name := listName(f, query)
	after, err := decodeCursor(in.PageToken, name)
	if err != nil {
		return nil, invalidQuery("page_token", err.Error())
	}
	var out listOutput
	if isReviewID(query) {
		out.Body.Reviews, err = m.store.find(ctx, strings.ToLower(query))
		return &out, err
	}
	var last *moderated
	if query == "" {
		out.Body.Reviews, last, err = m.page(ctx, f, after, in.PageSize)
	} else {
		out.Body.Reviews, last, err = m.search(ctx, f, query, after, in.PageSize)
	}
	if err == nil && last != nil {
		out.Body.NextPageToken, err = pagetoken.Encode(*cursorOf(name, *last))
	}
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// page returns at most size reviews of a list, and the review that the next page starts after, nil on the last page.
func (m *reviewHandlers) page(ctx context.Context, f listFilter, after *cursor, size int) (found []moderated, last *moderated, err error) {
	if found, err = m.store.list(ctx, f, after, size+1); err != nil {
		return nil, nil, err
	}
	if len(found) > size {
		found = found[:size]
		last = &found[size-1]
	}
	return found, last, nil
}

// ReviewInput is the path of a review. It is exported because huma reads exported embedded structs only.
type ReviewInput struct {
	Product string `path:"product" pattern:"^[a-z0-9-]+$" maxLength:"64"`
	Review  string `path:"review" pattern:"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" doc:"ID of the review, a UUID."`
}

type reviewOutput struct {
	Status int
	Body   moderated
}

// get answers GET /v1/admin/reviews/{product}/{review}.
func (m *reviewHandlers) get(ctx context.Context, in *ReviewInput) (*reviewOutput, error) {
	r, err := m.findReview(ctx, in)
	return &reviewOutput{http.StatusOK, r}, err
}

// findReview returns a review, or a problem: status 410 for an erased review, 404 for an unknown one.
func (m *reviewHandlers) findReview(ctx context.Context, in *ReviewInput) (moderated, error) {
	r, err := m.store.review(ctx, wire.Key{Product: in.Product, Review: in.Review})
	switch {
	case errors.Is(err, errErased):
		return r, problem.New(http.StatusGone, "review "+in.Review+" of product "+in.Product+" was erased")
	case errors.Is(err, errNotFound):
		return r, problem.New(http.StatusNotFound, "review "+in.Review+" of product "+in.Product+" does not exist")
	}
	return r, err
}
