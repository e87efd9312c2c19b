package main

import (
	"context"
	"time"

	"cloud.google.com/go/spanner"

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
	photos     photoModerator // nil: photos are not judged
}

// assess scores and moderates the content of a review. It returns an error only if a redelivery may get a better result.
func (a *analyzer) assess(ctx context.Context, r review.Review) (assessment, error) {
	found, err := a.score(ctx, r.Text)
	if err != nil {
		return assessment{}, err
	}
	found.judgement = a.moderate(ctx, r)
	return found, nil
}

// setAssessment replaces the assessment of the stored content.
func (r *record) setAssessment(found assessment) {
	r.setScore(found)
	r.ContentFlag, r.JudgeAt = nullString(found.flag.Text()), spanner.NullTime{}
	if found.unjudged {
		r.JudgeAt = spanner.NullTime{Time: time.UnixMicro(r.revision()).UTC(), Valid: true} // due at once, the oldest content first
	}
}

// setScore replaces the score and the aspects of the stored content.
func (r *record) setScore(found assessment) {
	r.Language = nullString(found.language)
	r.Score, r.Magnitude, r.ScoredBy = spanner.NullFloat64{}, spanner.NullFloat64{}, spanner.NullString{}
	if found.scored {
		r.Score = spanner.NullFloat64{Float64: found.score, Valid: true}
		r.Magnitude = spanner.NullFloat64{Float64: found.magnitude, Valid: true}
		r.ScoredBy = nullString(found.scoredBy)
	}
	r.Aspects, r.AspectScores = nil, nil
	for _, a := range found.aspects {
		r.Aspects, r.AspectScores = append(r.Aspects, a.name), append(r.AspectScores, roundToMicros(a.score))
	}
}

// assessment is the result of scoring and moderating the content of a review.
type assessment struct {
	sentiment
	judgement
	aspects []aspect // each name once
}

// assessor scores and moderates content. An error asks for redelivery.
type assessor interface {
	// assess scores and moderates the content of a review.
	assess(ctx context.Context, r review.Review) (assessment, error)
	// moderate judges the content of a review.
	moderate(ctx context.Context, r review.Review) judgement
	// score scores a text and finds its aspects, without moderation.
	score(ctx context.Context, text string) (assessment, error)
}
