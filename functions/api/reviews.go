package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
)

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
