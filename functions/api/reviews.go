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
)

// review is a review in responses of the web API.
type review struct {
	ID          string     `json:"id" format:"uuid"`
	Product     string     `json:"product"`
	Status      string     `json:"status" enum:"published,held,rejected" doc:"Held by moderation or the catalogue, or rejected by an operator, a review is neither shown nor counted."`
	Reason      *string    `json:"reason,omitempty" enum:"unknown_product,moderation,operator" doc:"Why the review is not published: the catalogue lacks the product, its content awaits moderation, or an operator decided so. Absent if it is published."`
	Rating      int64      `json:"rating" minimum:"1" maximum:"5"`
	Text        string     `json:"text" doc:"Empty in a review of stars only."`
	Author      string     `json:"author"`
	Language    *string    `json:"language" doc:"Detected language of the text (BCP 47)."`
	Score       *float64   `json:"score" doc:"Sentiment score, -1 to 1; null without text or if the language is not supported."`
	Magnitude   *float64   `json:"magnitude"`
	ScoredBy    *string    `json:"scored_by" doc:"Scorer of the text: a model or an API."`
	Aspects     []aspect   `json:"aspects" nullable:"false" doc:"Aspects that the text mentions."`
	Helpful     int64      `json:"helpful" doc:"Number of visitors who voted the review helpful."`
	Reply       *reply     `json:"reply,omitempty" doc:"Reply of the merchant; absent without one."`
	SubmittedAt time.Time  `json:"submitted_at"`
	EditedAt    *time.Time `json:"edited_at" doc:"null if the review was never edited."`
	PublishedAt *time.Time `json:"published_at" doc:"null while the review is not published."`
	Photos      []picture  `json:"photos" nullable:"false" doc:"Photos whose renditions are ready."`

	Objects []string `json:"-"` // object names of all photos
	Votes   *int64   `json:"-"` // Helpful as stored: nil in a row from before votes were counted
}

// aspect is an aspect of the product that a review mentions.
type aspect struct {
	Name  string  `json:"name" example:"delivery"`
	Score float64 `json:"score" doc:"Sentiment score of the aspect, -1 to 1."`
}

// reply is the reply of the merchant to a review.
type reply struct {
	Text      string    `json:"text"`
	RepliedAt time.Time `json:"replied_at"`
}

// sortOrder is an order of reviews, a value of the parameter sort. Equal reviews are sorted newest first, reviews of the
// same time by id.
type sortOrder string

// The orders of the contract.
const (
	newest       sortOrder = "newest"
	oldest       sortOrder = "oldest"
	highest      sortOrder = "highest"
	lowest       sortOrder = "lowest"
	mostPositive sortOrder = "most_positive"
	mostNegative sortOrder = "most_negative"
	mostHelpful  sortOrder = "most_helpful"
)

// sortKey is the value of a review that an order compares before the time.
type sortKey int

// The sort keys.
const (
	byTime sortKey = iota // no such value
	byRating
	byScore
	byVotes
)

// sortRule describes a sortOrder.
type sortRule struct {
	key       sortKey
	ascending bool // of the key; of the time if the key is byTime
}

// sortRules has a rule for each order. A rule that is not ascending is descending.
var sortRules = map[sortOrder]sortRule{
	newest:       {key: byTime},
	oldest:       {key: byTime, ascending: true},
	highest:      {key: byRating},
	lowest:       {key: byRating, ascending: true},
	mostPositive: {key: byScore},
	mostNegative: {key: byScore, ascending: true},
	mostHelpful:  {key: byVotes},
}

// value returns the sort value of a review: nil if the order compares only the time or the review lacks the value. Reviews
// that lack it come last, whether the order is ascending or not.
func (s sortOrder) value(r *review) *float64 {
	switch sortRules[s].key {
	case byRating:
		v := float64(r.Rating)
		return &v
	case byScore:
		return r.Score
	case byVotes:
		if r.Votes != nil {
			v := float64(*r.Votes)
			return &v
		}
	}
	return nil
}

// reviewQuery selects published reviews of a product. The zero query selects all of them, newest first.
type reviewQuery struct {
	sort     sortOrder
	ratings  []int64 // numbers of stars, sorted and unique; none: any
	language string  // ISO 639; it includes variants, such as zh-Hant of zh; "": any
	photos   bool    // only reviews with photos
}

// languageVariants returns the exclusive bounds of the BCP 47 tags that are variants of the language. Of zh, zh-Hant
// lies between "zh-" and "zh.", and zho does not: the dot is the character after the hyphen.
func (q *reviewQuery) languageVariants() (from, to string) { return q.language + "-", q.language + "." }

// id returns the id that binds page tokens to the query.
func (q *reviewQuery) id(product string) queryID {
	return newQueryID("reviews", product, string(q.sort), fmt.Sprint(q.ratings), q.language, strconv.FormatBool(q.photos))
}

// listReviewsInput is the input of the operation list-reviews.
type listReviewsInput struct {
	ProductInput
	PageInput
	Sort     string  `query:"sort" enum:"newest,oldest,highest,lowest,most_positive,most_negative,most_helpful" default:"newest" doc:"By time, stars, sentiment score or votes. Equal reviews are sorted newest first; reviews without a score come last."`
	Rating   []int64 `query:"rating,explode" minimum:"1" maximum:"5" maxItems:"5" nullable:"false" doc:"Only reviews with this number of stars. Repeat the parameter to select several numbers." example:"[4,5]"`
	Language string  `query:"language" pattern:"^[a-z]{2,3}$" doc:"Only reviews in this language (ISO 639) and its variants." example:"ko"`
	Photos   bool    `query:"photos" doc:"true: only reviews with photos."`
}

// query returns the query of the parameters. Equal selections of stars give equal queries, so page tokens stay valid
// when a client repeats or reorders them.
func (in *listReviewsInput) query() reviewQuery {
	ratings := slices.Clone(in.Rating)
	slices.Sort(ratings)
	return reviewQuery{sort: sortOrder(in.Sort), ratings: slices.Compact(ratings), language: in.Language, photos: in.Photos}
}

// listReviewsOutput is the output of the operation list-reviews.
type listReviewsOutput struct {
	Body struct {
		Reviews       []review `json:"reviews" nullable:"false"`
		NextPageToken string   `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// listReviews answers GET /v1/products/{product}/reviews.
func (s *server) listReviews(ctx context.Context, in *listReviewsInput) (*listReviewsOutput, error) {
	q := in.query()
	id := q.id(in.Product)
	after, err := in.cursor(id)
	if err != nil {
		return nil, err
	}
	reviews, err := s.store.reviews(ctx, in.Product, q, after, in.PageSize+1)
	if err != nil {
		return nil, in.problem(err)
	}
	var out listReviewsOutput
	out.Body.Reviews, out.Body.NextPageToken, err = firstPage(reviews, in.PageSize, func(r review) cursor {
		return cursor{Query: id, ID: r.ID, SubmittedAt: r.SubmittedAt, SortValue: q.sort.value(&r)}
	})
	s.addPhotos(ctx, out.Body.Reviews)
	return &out, err
}

// withheld is the public part of a review that is not published. Only its author can read the rest.
type withheld struct {
	ID          string    `json:"id" format:"uuid"`
	Product     string    `json:"product"`
	Status      string    `json:"status" enum:"held,rejected"`
	Reason      string    `json:"reason,omitempty" enum:"unknown_product,moderation,operator" doc:"Reason code that the public sees; see the schema review."`
	SubmittedAt time.Time `json:"submitted_at"`
}

// getReviewInput is the input of the operation get-review.
type getReviewInput struct {
	ReviewInput
	Token string `header:"Author-Token" doc:"The author_token from the response to the submission. With it, the response contains the whole review even if it is not published."`
}

// getReviewOutput is the output of the operation get-review. Body is a review or a withheld.
type getReviewOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         any
}

// registerReview adds the operation get-review, whose response body is a review or a withheld.
func (s *server) registerReview(api huma.API) {
	schemas := api.OpenAPI().Components.Schemas
	op := getOperation(reviewPath, "get-review", "Get a review")
	op.Description = "Returns the review whether or not it is published. Of a held or rejected review, everybody can read the reason; only its author can read the content. " +
		"404 with Retry-After: the review was never submitted, is not stored yet, or was deleted. For 30 days after the deletion, its author receives 410 instead."
	op.Errors = append(op.Errors, 410)
	op.Responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
		OneOf: []*huma.Schema{schemas.Schema(reflect.TypeFor[review](), true, ""), schemas.Schema(reflect.TypeFor[withheld](), true, "")},
	}}}}
	handle(api, op, s.getReview)
}

// getReview answers GET /v1/products/{product}/reviews/{review}. The token decides about the body, so a response to a
// request with a token is not cached.
func (s *server) getReview(ctx context.Context, in *getReviewInput) (*getReviewOutput, error) {
	r, err := s.store.review(ctx, in.Product, in.Review)
	byAuthor := s.commands != nil && s.commands.tokens.Valid(in.Token, in.Product, in.Review)
	if errors.Is(err, errNotFound) && byAuthor {
		if _, err := s.commands.revisions.currentRevision(ctx, in.key()); errors.Is(err, errErased) {
			return nil, problem.New(http.StatusGone, "this review was deleted")
		}
	}
	if errors.Is(err, errNotFound) {
		p := problem.New(http.StatusNotFound, "no review "+in.Review+" of "+strconv.Quote(in.Product)+"; a submitted review is stored within seconds")
		return nil, huma.ErrorWithHeaders(p, http.Header{"Retry-After": {"1"}})
	}
	if err != nil {
		return nil, err
	}
	out := &getReviewOutput{CacheControl: cacheRevalidate}
	if in.Token != "" {
		out.CacheControl = cacheNoStore
	}
	if r.Reason != nil && !byAuthor {
		out.Body = withheld{r.ID, r.Product, r.Status, *r.Reason, r.SubmittedAt}
		return out, nil
	}
	one := []review{r}
	s.addPhotos(ctx, one)
	out.Body = one[0]
	return out, nil
}
