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
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
	"github.com/hybrid-bts/functions/shared/schema/review/submission"
)

const (
	// awaitTimeout is how long an answer waits for what it asked for to be done, and awaitInterval how often it looks.
	awaitTimeout  = 2 * time.Second
	awaitInterval = 50 * time.Millisecond
)

// listFilter says which reviews a list has.
type listFilter struct {
	status  wire.Status
	product string // "": of every product
}

// store reads reviews, whatever their status.
type store interface {
	// list returns at most limit reviews, newest first, those after the cursor when there is one: published ones by when
	// they were submitted, others by since when they are not shown.
	list(ctx context.Context, f listFilter, after *cursor, limit int) ([]moderated, error)
	review(ctx context.Context, k wire.Key) (moderated, error) // errNotFound
	// countByDay counts the reviews that were submitted on each of n days, of which the first one begins at from.
	countByDay(ctx context.Context, from time.Time, n int) ([]statusCounts, error)
}

// statusCounts is how many reviews have a status.
type statusCounts map[wire.Status]int64

// publisher takes what is to happen to a review, which another function does.
type publisher interface {
	// Publish returns once the message cannot be lost any more.
	Publish(ctx context.Context, data []byte, attributes map[string]string) error
}

// reviewHandlers shows reviews to operators, and hands what they decide to the one writer of reviews.
type reviewHandlers struct {
	store store
	topic publisher
	now   func() time.Time
}

// moderated is a review as operators see it.
type moderated struct {
	ID          string       `json:"id" format:"uuid"`
	Product     string       `json:"product"`
	Status      wire.Status  `json:"status" enum:"published,held,rejected"`
	Reason      *string      `json:"reason" doc:"Why it is held or rejected: the operator's words, or those of the reason code in English; null when it is published."`
	ReasonCode  *reason.Code `json:"reason_code" enum:"unknown_product,contact_details,abusive_language,sexual_content,violent_content,moderation,edited_after_hold,edited_after_rejection,operator" doc:"The cause of the reason. operator: an operator's decision, so the reason is in the operator's words. null when it is published."`
	HeldAt      *time.Time   `json:"held_at" doc:"Since when it is not shown; null when it is."`
	Revision    int64        `json:"revision" doc:"Of the content; a decision names it."`
	Rating      int64        `json:"rating" minimum:"1" maximum:"5"`
	Text        string       `json:"text"`
	Author      string       `json:"author"`
	Language    *string      `json:"language" doc:"Of the text, as detected (BCP 47)."`
	Score       *float64     `json:"score" doc:"The sentiment, -1 to 1; null when it has none."`
	ScoredBy    *string      `json:"scored_by"`
	Photos      []string     `json:"photos" nullable:"false" doc:"Their names; /img/{name}?p=thumb shows one."`
	SubmittedAt time.Time    `json:"submitted_at"`
	EditedAt    *time.Time   `json:"edited_at" doc:"null when it never was."`
	PublishedAt *time.Time   `json:"published_at" doc:"null while it is not published."`
	Reply       *reply       `json:"reply,omitempty" doc:"The merchant's; absent when there is none."`
	Decisions   []decision   `json:"decisions" nullable:"false" doc:"Of operators, the last one last."`

	repliedAt time.Time // also of a reply that was taken away
}

// initialRevision is the revision of a review that nobody edited. Rows from before editing store none.
func initialRevision(submittedAt time.Time) int64 { return submittedAt.UnixMicro() }

func (r moderated) key() wire.Key { return wire.Key{Product: r.Product, Review: r.ID} }

type reply struct {
	Text      string    `json:"text"`
	RepliedAt time.Time `json:"replied_at"`
}

type decision struct {
	Verdict  wire.Verdict `json:"verdict" enum:"publish,hold,reject"`
	Reason   string       `json:"reason"`
	Revision int64        `json:"revision" doc:"Of the content that it was made on."`
	At       time.Time    `json:"at"`
}

// register adds the operations.
func (m *reviewHandlers) register(api huma.API) {
	const reviewPath = "/reviews/{product}/{review}"
	addOperation(api, http.MethodGet, "/reviews", "list-moderated", "List reviews of a status, newest first", m.list)
	addOperation(api, http.MethodGet, reviewPath, "get-moderated", "Get a review, whatever its status", m.get)
	later := func(op *huma.Operation) {
		body := &huma.MediaType{Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[moderated](), true, "")}
		op.Responses = map[string]*huma.Response{"202": {Description: "Accepted: the review as it was", Content: map[string]*huma.MediaType{"application/json": body}}}
	}
	soon := withDescription("200: it is done, and this is how the review stands. 202: it will be done; look again.")
	stale := withDescription("200: it is done, and this is how the review stands. 202: it will be done; look again. " +
		"409: the review was edited after the revision that was judged. To publish is for that revision alone; to hold or to " +
		"reject is for whatever is written in it, until an operator publishes.")
	addOperation(api, http.MethodPost, reviewPath+"/decision", "decide", "Publish, hold or reject a review", m.decide, withBody, stale, later)
	addOperation(api, http.MethodPut, reviewPath+"/reply", "reply", "Reply to a review, in place of the reply that is there", m.reply, withBody, soon, later)
	addOperation(api, http.MethodDelete, reviewPath+"/reply", "unreply", "Take the reply away", m.unreply, soon, later)
	addOperation(api, http.MethodGet, "/days", "count-days", "Count the reviews of each day, by status", m.countDays)
}

type listInput struct {
	Status    wire.Status `query:"status" enum:"held,rejected,published" default:"held"`
	Product   string      `query:"product" pattern:"^[a-z0-9-]*$" maxLength:"64" doc:"Only of this one."`
	PageSize  int         `query:"page_size" minimum:"1" maximum:"100" default:"20"`
	PageToken string      `query:"page_token" maxLength:"400" doc:"The next_page_token of the page before."`
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

// ReviewInput names a review. It is exported for huma, which looks into exported fields only.
type ReviewInput struct {
	Product string `path:"product" pattern:"^[a-z0-9-]+$" maxLength:"64"`
	Review  string `path:"review" pattern:"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" doc:"A UUID."`
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

// findReview returns a review, or a problem when it is not there.
func (m *reviewHandlers) findReview(ctx context.Context, in *ReviewInput) (moderated, error) {
	r, err := m.store.review(ctx, wire.Key{Product: in.Product, Review: in.Review})
	if errors.Is(err, errNotFound) {
		return r, problem.New(http.StatusNotFound, "no review "+in.Review+" of "+in.Product)
	}
	return r, err
}

type decideInput struct {
	ReviewInput
	Body struct {
		Verdict  wire.Verdict `json:"verdict" enum:"publish,hold,reject"`
		Reason   string       `json:"reason,omitempty" doc:"Required to hold and to reject; at most 200 characters."`
		Revision int64        `json:"revision" minimum:"1" doc:"Of the content that was judged."`
	}
}

// checkLength returns what is wrong with the length of a text.
func checkLength(name, s string, least, most int) error {
	n := utf8.RuneCountInString(s)
	if n >= least && n <= most {
		return nil
	}
	detail := fmt.Sprintf("has %d characters, more than %d", n, most)
	if n < least {
		detail = "is empty"
	}
	return huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: "body." + name, Message: detail})
}

// decide answers POST /v1/admin/reviews/{product}/{review}/decision.
func (m *reviewHandlers) decide(ctx context.Context, in *decideInput) (*reviewOutput, error) {
	text := submission.Clean(in.Body.Reason, -1)
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
		return nil, problem.New(http.StatusConflict, fmt.Sprintf("the review was edited: its revision is %d", r.Revision))
	}
	// Of two decisions the later one wins, so this one is later than what the operator saw, whatever the clocks.
	at := m.timestampAfter(time.UnixMicro(r.Revision))
	if n := len(r.Decisions); n > 0 {
		at = m.timestampAfter(slices.MaxFunc(r.Decisions, func(a, b decision) int { return a.At.Compare(b.At) }).At, at)
	}
	d := wire.Decision{Key: r.key(), Verdict: in.Body.Verdict, Reason: text, Revision: in.Body.Revision, At: at}
	if err := m.tell(ctx, d); err != nil {
		return nil, err
	}
	slog.InfoContext(ctx, "review decided", "product", r.Product, "review", r.ID, "verdict", d.Verdict, "revision", d.Revision, "operator", operatorFrom(ctx))
	return m.await(ctx, r, func(r moderated) bool {
		return slices.ContainsFunc(r.Decisions, func(d decision) bool { return d.At.Equal(at) })
	})
}

// timestampAfter returns now, or a microsecond after the latest of the times when that is later.
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
		Text string `json:"text" doc:"At most 2000 characters."`
	}
}

// reply answers PUT /v1/admin/reviews/{product}/{review}/reply.
func (m *reviewHandlers) reply(ctx context.Context, in *replyInput) (*reviewOutput, error) {
	text := submission.Clean(in.Body.Text, '\n')
	if err := checkLength("text", text, 1, wire.MaxReply); err != nil {
		return nil, err
	}
	return m.setReply(ctx, &in.ReviewInput, text)
}

// unreply answers DELETE /v1/admin/reviews/{product}/{review}/reply.
func (m *reviewHandlers) unreply(ctx context.Context, in *ReviewInput) (*reviewOutput, error) {
	return m.setReply(ctx, in, "")
}

// setReply makes a text the reply to a review.
func (m *reviewHandlers) setReply(ctx context.Context, in *ReviewInput, text string) (*reviewOutput, error) {
	r, err := m.findReview(ctx, in)
	if err != nil {
		return nil, err
	}
	at := m.timestampAfter(r.repliedAt)
	if err := m.tell(ctx, wire.Reply{Key: r.key(), Text: text, At: at}); err != nil {
		return nil, err
	}
	slog.InfoContext(ctx, "review replied to", "product", r.Product, "review", r.ID, "characters", utf8.RuneCountInString(text), "operator", operatorFrom(ctx))
	return m.await(ctx, r, func(r moderated) bool { return !r.repliedAt.Before(at) })
}

// tell hands a message to the one writer of reviews.
func (m *reviewHandlers) tell(ctx context.Context, msg wire.Message) error {
	data, attributes, err := wire.Encode(msg)
	if err != nil {
		return err
	}
	if err := m.topic.Publish(ctx, data, attributes); err != nil {
		return fmt.Errorf("%T of review %s: %w: %w", msg, msg.About().Review, errUnavailable, err)
	}
	return nil
}

// await answers 200 with the review once what was told is done, or 202 with how it was when that takes long: it
// will be done, so to fail to look is no failure.
func (m *reviewHandlers) await(ctx context.Context, before moderated, done func(moderated) bool) (*reviewOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, awaitTimeout)
	defer cancel()
	for {
		r, err := m.store.review(ctx, before.key())
		if err == nil && done(r) {
			return &reviewOutput{http.StatusOK, r}, nil
		}
		select {
		case <-ctx.Done():
			return &reviewOutput{http.StatusAccepted, before}, nil
		case <-time.After(awaitInterval):
		}
	}
}

type daysInput struct {
	Days int `query:"days" minimum:"1" maximum:"90" default:"30"`
}

type daysOutput struct {
	Body struct {
		TimeZone string `json:"time_zone" doc:"Of which the days are."`
		Days     []day  `json:"days" nullable:"false" doc:"Today is the last one."`
	}
}

type day struct {
	Day       string `json:"day" format:"date"`
	Published int64  `json:"published"`
	Held      int64  `json:"held"`
	Rejected  int64  `json:"rejected"`
}

// seoul is the shop's time zone, which has no summer time.
var seoul = time.FixedZone("Asia/Seoul", 9*60*60)

// countDays answers GET /v1/admin/days: reviews by the day on which they were submitted, and by the status that they have now.
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
