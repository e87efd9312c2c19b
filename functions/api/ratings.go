package main

import (
	"cmp"
	"context"
	"slices"
	"strconv"
)

// summary is the rating of a product in a list.
type summary struct {
	Count   int64   `json:"count" doc:"Number of published reviews."`
	Average float64 `json:"average" doc:"Average of the stars; 0 without reviews."`
}

// rating is the rating of a product in responses and in live updates. Equal ratings must have equal JSON forms, because
// live updates compare their hashes.
type rating struct {
	Count   int64            `json:"count" doc:"Number of published reviews."`
	Average float64          `json:"average" doc:"Average of the stars; 0 without reviews."`
	Stars   map[string]int64 `json:"stars" doc:"Number of reviews with 1, 2, 3, 4 and 5 stars." example:"{\"1\":0,\"2\":0,\"3\":1,\"4\":0,\"5\":4}"`
	Score   *float64         `json:"score" doc:"Mean sentiment score of the reviews that have one, -1 to 1; null without any."`
	Aspects []aspectSummary  `json:"aspects" nullable:"false" doc:"Aspects that the reviews mention, the most mentioned first."`
}

// aspectSummary is the part of a rating about one aspect.
type aspectSummary struct {
	Name     string  `json:"name" doc:"Such as delivery, packaging, quality, size, price or contents." example:"delivery"`
	Mentions int64   `json:"mentions" doc:"Number of reviews that mention the aspect."`
	Score    float64 `json:"score" doc:"Mean sentiment score of the mentions, -1 to 1."`
}

// getRatingOutput is the output of the operation get-rating.
type getRatingOutput struct{ Body rating }

// getRating answers GET /v1/products/{product}/rating.
func (s *server) getRating(ctx context.Context, in *ProductInput) (*getRatingOutput, error) {
	r, err := s.store.rating(ctx, in.Product)
	if err != nil {
		return nil, in.problem(err)
	}
	return &getRatingOutput{r}, nil
}

// ratingTotals holds the totals of the published reviews of a product. The zero value and nil are the totals of a
// product without reviews.
type ratingTotals struct {
	stars       [5]int64 // number of reviews with 1 to 5 stars
	scored      int64    // number of reviews with a sentiment score
	scoreMicros int64    // sum of the scores, in millionths
}

// add adds the totals of a shard.
func (t *ratingTotals) add(shard ratingTotals) {
	for i, n := range shard.stars {
		t.stars[i] += n
	}
	t.scored += shard.scored
	t.scoreMicros += shard.scoreMicros
}

// summary returns the count and the average. The average of no reviews is 0.
func (t *ratingTotals) summary() summary {
	if t == nil {
		return summary{}
	}
	var count, stars int64
	for i, n := range t.stars {
		count += n
		stars += n * int64(i+1)
	}
	if count == 0 {
		return summary{}
	}
	return summary{Count: count, Average: float64(stars) / float64(count)}
}

// rating returns the rating with the given aspects.
func (t *ratingTotals) rating(aspects []aspectSummary) rating {
	if t == nil {
		t = &ratingTotals{}
	}
	s := t.summary()
	r := rating{Count: s.Count, Average: s.Average, Stars: map[string]int64{}, Aspects: aspects}
	for i, n := range t.stars {
		r.Stars[strconv.Itoa(i+1)] = n
	}
	if t.scored > 0 {
		mean := meanScore(t.scoreMicros, t.scored)
		r.Score = &mean
	}
	return r
}

// meanScore returns the mean of n scores from their sum in millionths. n is not 0.
func meanScore(micros, n int64) float64 { return float64(micros) / 1e6 / float64(n) }

// aspectTotals holds the totals of an aspect in the published reviews of a product.
type aspectTotals struct {
	mentions    int64
	scoreMicros int64 // sum of the scores, in millionths
}

// summarizeAspects returns the mentioned aspects, the most mentioned first, then by name. It returns an empty slice
// instead of nil.
func summarizeAspects(totals map[string]aspectTotals) []aspectSummary {
	summaries := []aspectSummary{}
	for name, t := range totals {
		if t.mentions > 0 {
			summaries = append(summaries, aspectSummary{name, t.mentions, meanScore(t.scoreMicros, t.mentions)})
		}
	}
	slices.SortFunc(summaries, func(a, b aspectSummary) int {
		return cmp.Or(cmp.Compare(b.Mentions, a.Mentions), cmp.Compare(a.Name, b.Name))
	})
	return summaries
}
