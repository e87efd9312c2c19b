package main

import (
	"context"
	"log/slog"
	"time"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// Limits of a sweep. It calls the API for one review after another, so that it leaves most of the quota to new reviews.
const (
	sweepTime   = deadline - 2*callTimeout // a moderation that starts before its end fits into the deadline
	sweepSize   = 500                      // reviews
	judgeAgain  = 10 * time.Minute         // until the next attempt for content that is still unjudged
	sweepGiveUp = 3                        // attempts in succession that judge nothing: the API is still unavailable
)

// sweep judges content that nobody could judge when it arrived. The caller acknowledges the message whatever happens: the
// content waits in the database for the next sweep, not in Pub/Sub.
func (w *reviewWriter) sweep(ctx context.Context) {
	start := w.now()
	due, err := w.store.toJudge(ctx, start, sweepSize)
	if err != nil {
		slog.ErrorContext(ctx, "sweep of unjudged reviews fails; the next one repeats it", "err", err)
		return
	}
	vain := 0
	for i, k := range due {
		if w.now().Sub(start) >= sweepTime {
			return
		}
		judged, err := w.judgeAgain(ctx, k)
		if err != nil {
			slog.ErrorContext(ctx, "review is not judged again; the next sweep repeats it", "review", k.Review, "err", err)
		}
		vain++
		if judged {
			vain = 0
		}
		if vain == sweepGiveUp {
			slog.WarnContext(ctx, "content still waits for moderation", "reviews", len(due)-i-1+vain)
			return
		}
	}
}

// judgeAgain judges the newest content of a review, and reports whether that succeeded. It announces a new status before it takes
// the review off the list, so a sweep that fails in between repeats the announcement.
func (w *reviewWriter) judgeAgain(ctx context.Context, k review.Key) (bool, error) {
	stored, erased, err := w.store.load(ctx, k)
	if err != nil {
		return false, err
	}
	if erased != nil || !stored.JudgeAt.Valid {
		return true, nil // erased, or judged by another instance
	}
	found, revision := w.assessor.moderate(ctx, stored.content()), stored.revision()
	if found.unjudged {
		return false, w.store.postponeJudgement(ctx, k, revision, w.now().Add(judgeAgain))
	}
	now, err := w.store.judge(ctx, k, revision, found)
	if err != nil {
		return false, err
	}
	if err := w.finish(ctx, now); err != nil {
		return false, err
	}
	return true, w.store.postponeJudgement(ctx, k, revision, time.Time{})
}

// content returns the newest content as a message.
func (r *record) content() review.Review {
	return review.Review{
		ID: r.Review, Product: r.Product, Rating: int(r.Rating), Text: r.Text, Author: r.Author, Locale: r.Locale, Photos: r.Photos,
		SubmittedAt: r.SubmittedAt, EditedAt: r.EditedAt.Time,
	}
}

// setJudgement replaces the provisional flag of a revision. It has no effect on other content, or if the content was judged
// meanwhile. A product that the catalogue lacks keeps its flag.
func (r *record) setJudgement(revision int64, found judgement) {
	if r.isUnjudged(revision) && r.contentFlag() != reason.UnknownProduct {
		r.ContentFlag = nullString(found.flag.Text())
	}
}

// postponeJudgement sets the time of the next attempt to judge a revision; the zero time: none.
func (r *record) postponeJudgement(revision int64, until time.Time) {
	if r.isUnjudged(revision) {
		r.JudgeAt = spanner.NullTime{Time: until, Valid: !until.IsZero()}
	}
}

// isUnjudged reports whether the stored content has the revision and waits for a judgement.
func (r *record) isUnjudged(revision int64) bool {
	return r.isStored() && r.JudgeAt.Valid && r.revision() == revision
}
