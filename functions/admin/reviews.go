package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/pagetoken"
	"github.com/hybrid-bts/functions/shared/problem"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/plaintext"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
	"github.com/hybrid-bts/functions/shared/topic"
)

const (
	// A response waits at most awaitTimeout for the review writer to apply a command, and reads the review every
	// awaitInterval. The writer usually takes less than half a second.
	awaitTimeout  = 2 * time.Second
	awaitInterval = 50 * time.Millisecond
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
}

// statusCounts is the number of reviews with each status.
type statusCounts map[wire.Status]int64

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
	ReasonCode  *reason.Code `json:"reason_code" enum:"unknown_product,contact_details,solicitation,abusive_language,sexual_content,violent_content,moderation,edited_after_hold,edited_after_rejection,operator" doc:"Code of the reason. operator means that an operator decided and wrote the reason. null if the review is published."`
	HeldAt      *time.Time   `json:"held_at" doc:"Time at which the review was held or rejected. null if it is published."`
	Revision    int64        `json:"revision" doc:"Revision of the content. A decision must name it."`
	Rating      int64        `json:"rating" minimum:"1" maximum:"5"`
	Text        string       `json:"text"`
	Author      string       `json:"author" doc:"Name of the author; may be empty."`
	Language    *string      `json:"language" doc:"Detected language of the text, as a BCP 47 tag."`
	Score       *float64     `json:"score" doc:"Sentiment of the text, -1 to 1. null if it has no score."`
	ScoredBy    *string      `json:"scored_by" doc:"Scorer of the text. null if it has no score."`
	Photos      []string     `json:"photos" nullable:"false" doc:"Names of the photos. /img/{name}?p=thumb is a preview."`
	SubmittedAt time.Time    `json:"submitted_at"`
	EditedAt    *time.Time   `json:"edited_at" doc:"Time of the last edit. null if the review was never edited."`
	PublishedAt *time.Time   `json:"published_at" doc:"Time of the publication. null if the review is not published."`
	Reply       *reply       `json:"reply,omitempty" doc:"Reply of the merchant. Absent if there is none."`
	Decisions   []decision   `json:"decisions" nullable:"false" doc:"Decisions of operators, oldest first."`

	repliedAt time.Time // time of the last reply or of its removal; zero if there was none
}

// initialRevision returns the revision of a review that was never edited. Rows written before edits existed store none.
func initialRevision(submittedAt time.Time) int64 { return submittedAt.UnixMicro() }

func (r moderated) key() wire.Key { return wire.Key{Product: r.Product, Review: r.ID} }

type reply struct {
	Text      string    `json:"text"`
	RepliedAt time.Time `json:"replied_at"`
}

type decision struct {
	Verdict  wire.Verdict `json:"verdict" enum:"publish,hold,reject"`
	Reason   string       `json:"reason"`
	Revision int64        `json:"revision" doc:"Revision of the content that the operator saw."`
	At       time.Time    `json:"at"`
}

// register adds the operations of reviews to the API.
func (m *reviewHandlers) register(api huma.API) {
	const reviewPath = "/reviews/{product}/{review}"
	addOperation(api, http.MethodGet, "/reviews", "list-moderated", "List reviews with a status, newest first", m.list)
	addOperation(api, http.MethodGet, reviewPath, "get-moderated", "Get a review with any status", m.get, withErased)
	m.registerErase(api, reviewPath)
	accepted := func(op *huma.Operation) {
		body := &huma.MediaType{Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[moderated](), true, "")}
		op.Responses = map[string]*huma.Response{"202": {Description: "Accepted: the review before the change", Content: map[string]*huma.MediaType{"application/json": body}}}
	}
	const statuses = "200: the change is done; the body is the review after it. 202: the change is accepted but not done yet; read the review again later."
	replyDescription := withDescription(statuses)
	decisionDescription := withDescription(statuses + " 409: the author edited the review after the given revision. " +
		"A decision to publish applies to that revision only. A decision to hold or reject also applies to later revisions, until an operator publishes one.")
	addOperation(api, http.MethodPost, reviewPath+"/decision", "decide", "Publish, hold or reject a review", m.decide, withBody, withErased, decisionDescription, accepted)
	addOperation(api, http.MethodPut, reviewPath+"/reply", "reply", "Set the reply to a review", m.reply, withBody, withErased, replyDescription, accepted)
	addOperation(api, http.MethodDelete, reviewPath+"/reply", "unreply", "Delete the reply to a review", m.unreply, withErased, replyDescription, accepted)
	addOperation(api, http.MethodGet, "/days", "count-days", "Count reviews by day and status", m.countDays)
}

type listInput struct {
	Status    wire.Status `query:"status" enum:"held,rejected,published" default:"held"`
	Product   string      `query:"product" pattern:"^[a-z0-9-]*$" maxLength:"64" doc:"Product ID. Empty: all products."`
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
	list := string(in.Status) + " of " + in.Product
	after, err := decodeCursor(in.PageToken, list)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: "query.page_token", Message: err.Error()})
	}
	found, err := m.store.list(ctx, listFilter{in.Status, in.Product}, after, in.PageSize+1)
	if err != nil {
		return nil, err
	}
	var out listOutput
	if len(found) > in.PageSize {
		found = found[:in.PageSize]
		last := found[in.PageSize-1]
		at := last.SubmittedAt
		if last.HeldAt != nil {
			at = *last.HeldAt
		}
		if out.Body.NextPageToken, err = pagetoken.Encode(cursor{list, last.Product, last.ID, at}); err != nil {
			return nil, err
		}
	}
	out.Body.Reviews = found
	return &out, nil
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

type decideInput struct {
	ReviewInput
	Body struct {
		Verdict  wire.Verdict `json:"verdict" enum:"publish,hold,reject"`
		Reason   string       `json:"reason,omitempty" doc:"Reason, at most 200 characters. Required to hold or reject."`
		Revision int64        `json:"revision" minimum:"1" doc:"Revision of the content that the operator saw."`
	}
}

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
		return nil, problem.New(http.StatusConflict, fmt.Sprintf("author edited the review; its revision is now %d", r.Revision))
	}
	// The review writer applies the latest decision. Clocks of instances differ, so this decision gets a time after all
	// that the operator saw.
	at := m.timestampAfter(time.UnixMicro(r.Revision))
	if n := len(r.Decisions); n > 0 {
		at = m.timestampAfter(slices.MaxFunc(r.Decisions, func(a, b decision) int { return a.At.Compare(b.At) }).At, at)
	}
	d := wire.Decision{Key: r.key(), Verdict: in.Body.Verdict, Reason: text, Revision: in.Body.Revision, At: at}
	if err := m.publish(ctx, d); err != nil {
		return nil, err
	}
	slog.InfoContext(ctx, "review decided", "product", r.Product, "review", r.ID, "verdict", d.Verdict, "revision", d.Revision, "operator", operatorFrom(ctx))
	return m.changed(ctx, r, func(r moderated) bool {
		return slices.ContainsFunc(r.Decisions, func(d decision) bool { return d.At.Equal(at) })
	})
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
	if err := m.publish(ctx, wire.Reply{Key: r.key(), Text: text, At: at}); err != nil {
		return nil, err
	}
	slog.InfoContext(ctx, "reply set", "product", r.Product, "review", r.ID, "characters", utf8.RuneCountInString(text), "operator", operatorFrom(ctx))
	return m.changed(ctx, r, func(r moderated) bool { return !r.repliedAt.Before(at) })
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

type daysInput struct {
	Days int `query:"days" doc:"Number of days up to today." minimum:"1" maximum:"90" default:"30"`
}

type daysOutput struct {
	Body struct {
		TimeZone string `json:"time_zone" doc:"Time zone of the days, an IANA name."`
		Days     []day  `json:"days" nullable:"false" doc:"Days in order; the last is today."`
	}
}

type day struct {
	Day       string `json:"day" format:"date"`
	Published int64  `json:"published"`
	Held      int64  `json:"held"`
	Rejected  int64  `json:"rejected"`
}

// seoul is the time zone of the shop. It has no daylight saving time, so a fixed offset spares a time zone database.
var seoul = time.FixedZone("Asia/Seoul", 9*60*60)

// countDays answers GET /v1/admin/days. It counts reviews by the day of their submission and by their current status.
func (m *reviewHandlers) countDays(ctx context.Context, in *daysInput) (*daysOutput, error) {
	now := m.now().In(seoul)
	from := time.Date(now.Year(), now.Month(), now.Day()+1-in.Days, 0, 0, 0, 0, seoul)
	found, err := m.store.countByDay(ctx, from, in.Days)
	if err != nil {
		return nil, err
	}
	var out daysOutput
	out.Body.TimeZone = seoul.String()
	for n, c := range found {
		out.Body.Days = append(out.Body.Days, day{from.AddDate(0, 0, n).Format(time.DateOnly), c[wire.Published], c[wire.Held], c[wire.Rejected]})
	}
	return &out, nil
}
