package main

import (
	"context"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// analyzer assesses content with the Natural Language API, the embedded model and filter, and the patterns of contact details.
type analyzer struct {
	scoring    scoring
	moderation moderation
	filter     func(text string) (confidence float64, supported bool) // see embeddedFilter
	language   *naturalLanguage                                       // nil when neither scoring nor moderation uses it
	characters int                                                    // maximum characters of a text to send for scoring; 0: all
	authors    authors
}

// assess scores and moderates the content of a review. It returns an error only if a redelivery may get a better result.
func (a *analyzer) assess(ctx context.Context, r review.Review) (assessment, error) {
	found, err := a.score(ctx, r.Text)
	if err != nil {
		return assessment{}, err
	}
	found.contentFlag = a.moderate(ctx, r)
	return found, nil
}
