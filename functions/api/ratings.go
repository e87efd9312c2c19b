package main

import "context"

type summary struct {
	Count   int64   `json:"count" doc:"Published reviews."`
	Average float64 `json:"average" doc:"Of their stars; 0 when there are none."`
}

type rating struct {
	Count   int64            `json:"count" doc:"Published reviews."`
	Average float64          `json:"average" doc:"Of their stars; 0 when there are none."`
	Stars   map[string]int64 `json:"stars" doc:"How many gave 1, 2, 3, 4 and 5 stars." example:"{\"1\":0,\"2\":0,\"3\":1,\"4\":0,\"5\":4}"`
	Score   *float64         `json:"score" doc:"The mean sentiment of those that have one."`
	Aspects []aspectSummary  `json:"aspects" nullable:"false" doc:"What they speak of, the most mentioned first."`
}

type aspectSummary struct {
	Name     string  `json:"name" doc:"Such as delivery, packaging, quality, size, price or contents." example:"delivery"`
	Mentions int64   `json:"mentions" doc:"Reviews that speak of it."`
	Score    float64 `json:"score" doc:"Their mean sentiment for it, -1 to 1."`
}

type getRatingOutput struct{ Body rating }

// getRating answers GET /v1/products/{product}/rating.
func (s *server) getRating(ctx context.Context, in *ProductInput) (*getRatingOutput, error) {
	r, err := s.store.rating(ctx, in.Product)
	if err != nil {
		return nil, in.missing(err)
	}
	return &getRatingOutput{r}, nil
}
