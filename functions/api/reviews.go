package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

type review struct {
	ID          string     `json:"id" format:"uuid"`
	Product     string     `json:"product"`
	Status      string     `json:"status" enum:"published,held,rejected" doc:"A review that is held, for now, or rejected, by an operator, is neither shown nor counted."`
	Reason      *string    `json:"reason,omitempty" enum:"unknown_product,moderation,operator" doc:"Why it is not published: the catalogue lacks the product, what is written in it has to be looked at, or an operator decided so. Absent when it is published."`
	Rating      int64      `json:"rating" minimum:"1" maximum:"5"`
	Text        string     `json:"text" doc:"Empty in a review of stars only."`
	Author      string     `json:"author"`
	Language    *string    `json:"language" doc:"Of the text, as detected (BCP 47)."`
	Score       *float64   `json:"score" doc:"The sentiment, -1 to 1; null when there is no text, or its language is not supported."`
	Magnitude   *float64   `json:"magnitude"`
	ScoredBy    *string    `json:"scored_by" doc:"What scored it."`
	Aspects     []aspect   `json:"aspects" nullable:"false" doc:"What the text speaks of."`
	Helpful     int64      `json:"helpful" doc:"Visitors who find it so."`
	Reply       *reply     `json:"reply,omitempty" doc:"The merchant's; absent when there is none."`
	SubmittedAt time.Time  `json:"submitted_at"`
	EditedAt    *time.Time `json:"edited_at" doc:"null when it never was."`
	PublishedAt *time.Time `json:"published_at" doc:"null while it is not."`
	Photos      []picture  `json:"photos" nullable:"false" doc:"Those that are ready."`

	Objects []string `json:"-"` // the names of the photos
}

type aspect struct {
	Name  string  `json:"name" example:"delivery"`
	Score float64 `json:"score" doc:"The sentiment for it, -1 to 1."`
}

type reply struct {
	Text      string    `json:"text"`
	RepliedAt time.Time `json:"replied_at"`
}

// The reasons for not publishing a review, as the API shows them.
const (
	unknownProduct = "unknown_product"
	moderation     = "moderation"
	operator       = "operator"
)

// publicReason returns the reason that the API shows for a code, nil for the code of a published review. It hides which
// kind of moderation holds a review, so that nobody learns how to evade it, and the operator's words. A code that it
// does not know is a kind of moderation of a newer revision.
func publicReason(code reason.Code) *string {
	shown := moderation
	switch code {
	case "":
		return nil
	case reason.UnknownProduct:
		shown = unknownProduct
	case reason.Operator, reason.EditedAfterHold, reason.EditedAfterRejection:
		shown = operator
	}
	return &shown
}

// sorting is an order of reviews. Those that are equal in it are sorted newest first.
type sorting string

const (
	newest       sorting = "newest"
	oldest       sorting = "oldest"
	highest      sorting = "highest"
	lowest       sorting = "lowest"
	mostPositive sorting = "most_positive"
	mostNegative sorting = "most_negative"
	mostHelpful  sorting = "most_helpful"
)

// value returns what a review is sorted by besides its time: nil when it has none, which comes last.
func (s sorting) value(r *review) *float64 {
	var v float64
	switch s {
	case highest, lowest:
		v = float64(r.Rating)
	case mostPositive, mostNegative:
		return r.Score
	case mostHelpful:
		v = float64(r.Helpful)
	default:
		return nil
	}
	return &v
}

// reviewQuery asks for some of the published reviews of a product, in an order. The zero query is all
// of them, newest first.
type reviewQuery struct {
	sort     sorting
	ratings  []int64 // stars; none: any
	language string  // such as zh, which is zh-Hant too; "": any
	photos   bool    // only those with photos
}

// list returns the list that page tokens of the query are of.
func (q *reviewQuery) list(product string) list {
	return listOf("reviews", product, string(q.sort), fmt.Sprint(q.ratings), q.language, strconv.FormatBool(q.photos))
}

type listReviewsInput struct {
	ProductInput
	PageInput
	Sort     string  `query:"sort" enum:"newest,oldest,highest,lowest,most_positive,most_negative,most_helpful" default:"newest" doc:"By time, stars, sentiment or votes; equals newest first, and those without a sentiment last."`
	Rating   []int64 `query:"rating,explode" minimum:"1" maximum:"5" maxItems:"5" nullable:"false" doc:"Only those with so many stars; given again, or so many." example:"[4,5]"`
	Language string  `query:"language" pattern:"^[a-z]{2,3}$" doc:"Only those in this language (ISO 639)." example:"ko"`
	Photos   bool    `query:"photos" doc:"true: only those with photos."`
}

func (in *listReviewsInput) query() reviewQuery {
	ratings := slices.Clone(in.Rating)
	slices.Sort(ratings)
	return reviewQuery{sort: sorting(in.Sort), ratings: slices.Compact(ratings), language: in.Language, photos: in.Photos}
}

type listReviewsOutput struct {
	Body struct {
		Reviews       []review `json:"reviews" nullable:"false"`
		NextPageToken string   `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// listReviews answers GET /v1/products/{product}/reviews.
func (s *server) listReviews(ctx context.Context, in *listReviewsInput) (*listReviewsOutput, error) {
	q := in.query()
	l := q.list(in.Product)
	after, err := in.after(l)
	if err != nil {
		return nil, err
	}
	found, err := s.store.reviews(ctx, in.Product, q, after, in.PageSize+1)
	if err != nil {
		return nil, in.missing(err)
	}
	var out listReviewsOutput
	out.Body.Reviews, out.Body.NextPageToken, err = cut(found, in.PageSize, func(r review) cursor {
		return cursor{List: l, ID: r.ID, At: r.SubmittedAt, Value: q.sort.value(&r)}
	})
	s.illustrateReviews(ctx, out.Body.Reviews)
	return &out, err
}

// withheld is what everybody may know of a review that is not published. Its author knows all.
type withheld struct {
	ID          string    `json:"id" format:"uuid"`
	Product     string    `json:"product"`
	Status      string    `json:"status" enum:"held,rejected"`
	Reason      string    `json:"reason,omitempty" enum:"unknown_product,moderation,operator" doc:"As that of a review."`
	SubmittedAt time.Time `json:"submitted_at"`
}

type getReviewInput struct {
	ReviewInput
	Token string `header:"Author-Token" doc:"The author_token that the answer to the submission told: with it, a review that is not published is answered whole."`
}

type getReviewOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         any
}

// registerReview adds the operation that answers with either.
func (s *server) registerReview(api huma.API) {
	schemas := api.OpenAPI().Components.Schemas
	op := getOperation(reviewPath, "get-review", "Get a review")
	op.Description = "Published or not. Of one that is held or rejected everybody may know why, and only its author what is written in it. " +
		"404 with Retry-After: it was never accepted, or is not stored yet; or it was deleted, of which for 30 days its author is told by 410."
	op.Errors = append(op.Errors, 410)
	op.Responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
		OneOf: []*huma.Schema{schemas.Schema(reflect.TypeFor[review](), true, ""), schemas.Schema(reflect.TypeFor[withheld](), true, "")},
	}}}}
	handle(api, op, s.getReview)
}

// getReview answers GET /v1/products/{product}/reviews/{review}.
func (s *server) getReview(ctx context.Context, in *getReviewInput) (*getReviewOutput, error) {
	r, err := s.store.review(ctx, in.Product, in.Review)
	author := s.changes != nil && s.changes.tokens.Valid(in.Token, in.Product, in.Review)
	if errors.Is(err, errNotFound) && author {
		if _, gone := s.changes.contents.content(ctx, in.key()); errors.Is(gone, errErased) {
			return nil, problem.New(http.StatusGone, "this review was deleted")
		}
	}
	if errors.Is(err, errNotFound) {
		// It may be on its way from intake.
		p := problem.New(http.StatusNotFound, "no review "+in.Review+" of "+strconv.Quote(in.Product)+", or not yet")
		return nil, huma.ErrorWithHeaders(p, http.Header{"Retry-After": {"1"}})
	}
	if err != nil {
		return nil, err
	}
	out := &getReviewOutput{CacheControl: asksAgain}
	if in.Token != "" {
		out.CacheControl = unkept
	}
	if r.Reason != nil && !author {
		out.Body = withheld{r.ID, r.Product, r.Status, *r.Reason, r.SubmittedAt}
		return out, nil
	}
	one := []review{r}
	s.illustrateReviews(ctx, one)
	out.Body = one[0]
	return out, nil
}
