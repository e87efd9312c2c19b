package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/topic"
)

// deadline bounds the work on one delivery. It is shorter than the ack deadline of the subscription, so that the function
// answers before Pub/Sub delivers the message to another instance.
const deadline = 20 * time.Second

// sentiment is the sentiment of a text, as a scorer returns it.
type sentiment struct {
	language  string  // BCP 47; "" when unknown
	scored    bool    // the scorer supports the language, so the next three fields are set
	score     float64 // -1 to 1
	magnitude float64 // 0 or more
	scoredBy  string  // name of the scorer
}

// aspect is a subject that a text mentions, such as delivery, and the sentiment for it.
type aspect struct {
	name  string
	score float64 // -1 to 1
}

// outcome is the state of a review after a message, whether or not the message changed it.
type outcome struct {
	review.ChangeNotice
	pendingDeletions []string // photos to be deleted from the bucket
	photos           []string // photos that everybody may see while the review is published
}

// store holds reviews and the sums of each product. Its methods are transactions, and idempotent: a change that is stored
// already, or that a newer one supersedes, changes nothing. A method returns the state of the review after the call.
type store interface {
	// load returns the tombstone of an erased review, or else its record, a new record when the review is not stored.
	load(ctx context.Context, k review.Key) (*record, *tombstone, error)
	// add stores content, a submission or an edit. An erased review stays erased.
	add(ctx context.Context, r review.Review, found assessment) (outcome, error)
	// erase replaces a review by a tombstone. Photos of a late message that no other review owns are deleted too.
	erase(ctx context.Context, m review.Erasure, photos ...string) (outcome, error)
	// decide stores an operator's decision. It returns errNotStored when the review is not stored.
	decide(ctx context.Context, d review.Decision) (outcome, error)
	// reply stores a merchant's reply. It returns errNotStored when the review is not stored.
	reply(ctx context.Context, r review.Reply) (outcome, error)
	// vote counts a visitor's vote for the stored revision. It returns errNotStored when the review is not stored, and
	// errEarlyVote when the vote is for a newer revision.
	vote(ctx context.Context, v review.Vote) (outcome, error)
	// report stores a reader's report. It returns errNotStored when the review is not stored.
	report(ctx context.Context, r review.Report) (outcome, error)
	// recordLetterAction stores the audit entry of an action on a dead letter.
	recordLetterAction(ctx context.Context, a review.LetterAction) error
	// rescore replaces the score of a revision. It returns errNotStored when the review is not stored.
	rescore(ctx context.Context, r review.Rescore, found assessment) (outcome, error)
	// toJudge returns at most limit reviews whose content is to be judged by now, those with the earliest JudgeAt first.
	toJudge(ctx context.Context, now time.Time, limit int) ([]review.Key, error)
	// judge replaces the content flag of a revision that waits for a judgement. The review still waits afterwards.
	judge(ctx context.Context, k review.Key, revision int64, found judgement) (outcome, error)
	// postponeJudgement sets the time from which toJudge returns a revision that waits; the zero time: it waits no longer.
	postponeJudgement(ctx context.Context, k review.Key, revision int64, until time.Time) error
	// addUpload stores that a photo was uploaded, unless a review owns it or its name is erased.
	addUpload(ctx context.Context, photo string) (upload, error)
	// erasePhoto takes a photo from its review, for the cause, and forbids its name.
	erasePhoto(ctx context.Context, photo string, cause review.PhotoCause) (upload, error)
	// unclaimed returns at most limit photos that no review owns, whose upload was stored before the given time.
	unclaimed(ctx context.Context, before time.Time, limit int64) ([]string, error)
	// expireUpload forbids the name of a photo, and reports whether it did: not if a review owns the photo.
	expireUpload(ctx context.Context, photo string) (bool, error)
	// removeUpload removes the row that addUpload stored.
	removeUpload(ctx context.Context, photo string) error
	// removePendingDeletions removes photos that the bucket no longer has from the pending deletions.
	removePendingDeletions(ctx context.Context, k review.Key, photos []string) error
}

// reviewWriter handles the messages about reviews. It is the only writer of reviews, ratings and aspect sums.
type reviewWriter struct {
	assessor assessor
	store    store
	photos   photoBucket
	notices  topic.Publisher // takes a change notice for every message
	senders  senderPolicy
	now      func() time.Time
	expiry   uploadExpiry

	safeSearch photoModerator // judges late uploads; nil: nobody does

	// flights merges simultaneous deliveries of the same content, because an assessment costs money.
	flights singleflight.Group
}

// handleEvent handles one delivery of a message.
func (w *reviewWriter) handleEvent(ctx context.Context, e event.Event) error {
	if w.senders.isNotice(e) {
		return w.handleUpload(ctx, e)
	}
	m, err := review.Decode(e.Data, e.Attributes)
	if errors.Is(err, review.ErrUnsupported) {
		return err
	}
	if err != nil {
		return event.Permanent(err)
	}
	if err := w.senders.check(e, m); err != nil {
		return err
	}
	r, ok := m.(review.Review)
	if !ok {
		return w.handle(ctx, m)
	}
	_, err, _ = w.flights.Do(r.Product+"/"+r.ID+"/"+strconv.FormatInt(r.Revision(), 10), func() (any, error) {
		return nil, w.handle(context.WithoutCancel(ctx), m) // other deliveries may wait for this result
	})
	return err
}

// handle stores the change that a message describes, deletes photos and publishes a change notice.
func (w *reviewWriter) handle(ctx context.Context, m review.Message) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	switch m := m.(type) { // messages that concern no review
	case review.LetterAction:
		return w.store.recordLetterAction(ctx, m)
	case review.Sweep:
		w.expireUploads(ctx)
		w.sweep(ctx)
		return nil
	}
	now, err := w.write(ctx, m)
	if err != nil {
		return err
	}
	if _, isVote := m.(review.Vote); isVote { // never changes the status, and most messages are votes
		now.photos = nil
	}
	if err := w.finish(ctx, now); err != nil {
		return err
	}
	if r, ok := m.(review.Review); ok {
		w.expiry.seen(r.SubmittedAt)
		w.expireUploads(ctx)
	}
	return nil
}

// write stores the change that a message describes.
func (w *reviewWriter) write(ctx context.Context, m review.Message) (outcome, error) {
	switch m := m.(type) {
	case review.Review:
		return w.writeContent(ctx, m)
	case review.Erasure:
		return w.store.erase(ctx, m)
	case review.Decision:
		return w.store.decide(ctx, m)
	case review.Reply:
		return w.store.reply(ctx, m)
	case review.Vote:
		return w.store.vote(ctx, m)
	case review.Report:
		return w.store.report(ctx, m)
	case review.Rescore:
		return w.writeScore(ctx, m)
	}
	return outcome{}, event.Permanent(fmt.Errorf("no handler for a message of type %T", m))
}

// finish deletes the photos that the review no longer has, marks the others as published or private, and publishes a change
// notice. It does so after every message, because an earlier delivery may have stored the change and stopped before this
// point.
func (w *reviewWriter) finish(ctx context.Context, now outcome) error {
	for _, name := range now.pendingDeletions {
		if err := w.photos.delete(ctx, name); err != nil {
			return err
		}
	}
	if len(now.pendingDeletions) > 0 && now.Status != review.Erased {
		if err := w.store.removePendingDeletions(ctx, now.Key, now.pendingDeletions); err != nil {
			return err
		}
	}
	if err := w.markPhotos(ctx, now); err != nil {
		return err
	}
	return topic.Send[review.Message](ctx, w.notices, review.Encode, now.ChangeNotice)
}
