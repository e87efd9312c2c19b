package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"cloud.google.com/go/storage"
	"golang.org/x/sync/singleflight"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
	"github.com/hybrid-bts/functions/shared/topic"
)

// deadline bounds the work on one delivery. It ends before the subscription's ack deadline, so that
// we answer before the message is delivered to another instance.
const deadline = 20 * time.Second

// sentiment is what an analyzer finds in a text.
type sentiment struct {
	language  string // BCP 47; "" when not known
	scored    bool   // the language is one that the analyzer scores
	score     float64
	magnitude float64
	by        string // the analyzer that scored
}

// assessment is what was found in a review's content.
type assessment struct {
	sentiment
	aspects     []aspect    // each once
	contentFlag reason.Code // "": the content may be published
}

// aspect is what a text speaks of, such as delivery, and how.
type aspect struct {
	name  string
	score float64 // as that of a sentiment
}

// assessor looks into the content of a review.
type assessor interface {
	assess(ctx context.Context, r review.Review) (assessment, error)
	// score is the part of assess that scores a text and finds its aspects.
	score(ctx context.Context, text string) (assessment, error)
}

// outcome is how a review stands.
type outcome struct {
	review.ChangeNotice
	drop []string // photos that were its own, and are to be deleted
}

// store keeps reviews, and the sums over those of a product. Each method does nothing when what it is told is
// not new, and returns how the review stands then.
type store interface {
	// stands reports whether the content of r is of no use any more: it, or a later one, is stored, or the
	// review was erased.
	stands(ctx context.Context, r review.Review) (outcome, bool, error)
	// add stores the content of a review, a first one or a later one. It is held when the catalogue lacks the product.
	add(ctx context.Context, r review.Review, found assessment) (outcome, error)
	// erase takes a review away for ever. Of late, photos that a message about it names, those are
	// to be deleted too that are no other's.
	erase(ctx context.Context, k review.Key, late ...string) (outcome, error)
	// These change a review that is stored. errNotStored: it is not, or not yet.
	decide(ctx context.Context, d review.Decision) (outcome, error)
	reply(ctx context.Context, r review.Reply) (outcome, error)
	vote(ctx context.Context, v review.Vote) (outcome, error)
	rescore(ctx context.Context, r review.Rescore, found assessment) (outcome, error)
	// text returns the text of a review as of a revision, "" when it has none or is not as it was then.
	text(ctx context.Context, k review.Key, revision int64) (string, error)
	// dropped tells that photos of a review that were to be deleted are.
	dropped(ctx context.Context, k review.Key, photos []string) error
}

// keeper handles all that happens to reviews. It is the only one that writes them.
type keeper struct {
	assessor assessor
	store    store
	photos   photos
	news     topic.Topic

	// flights lets deliveries of one review that are here at once be handled once, since to look into
	// it costs money.
	flights singleflight.Group
}

// changed handles one delivery of something that happened to a review.
func (k *keeper) changed(ctx context.Context, e event.Event) error {
	m, err := review.Decode(e.Data, e.Attributes)
	if err != nil {
		return event.Permanent(err)
	}
	r, ok := m.(review.Review)
	if !ok {
		return k.handle(ctx, m)
	}
	_, err, _ = k.flights.Do(r.Product+"/"+r.ID+"/"+strconv.FormatInt(r.Revision(), 10), func() (any, error) {
		return nil, k.handle(context.WithoutCancel(ctx), m) // others may wait for the same
	})
	return err
}

// handle stores what a message tells, and does what follows.
func (k *keeper) handle(ctx context.Context, m review.Message) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	now, err := k.apply(ctx, m)
	if err != nil {
		return err
	}
	return k.follow(ctx, now)
}

// apply stores what a message tells.
func (k *keeper) apply(ctx context.Context, m review.Message) (outcome, error) {
	switch m := m.(type) {
	case review.Review:
		now, old, err := k.store.stands(ctx, m)
		if err != nil || old {
			return now, err
		}
		found, err := k.assessor.assess(ctx, m)
		if err != nil {
			return outcome{}, fmt.Errorf("review %s: %w", m.ID, err)
		}
		return k.store.add(ctx, m, found)
	case review.Erasure:
		return k.store.erase(ctx, m.Key)
	case review.Decision:
		return k.store.decide(ctx, m)
	case review.Reply:
		return k.store.reply(ctx, m)
	case review.Vote:
		return k.store.vote(ctx, m)
	case review.Rescore:
		text, err := k.store.text(ctx, m.Key, m.Revision)
		if err != nil {
			return outcome{}, err
		}
		found, err := k.assessor.score(ctx, text)
		if err != nil {
			return outcome{}, fmt.Errorf("review %s: %w", m.Review, err)
		}
		return k.store.rescore(ctx, m, found)
	}
	return outcome{}, event.Permanent(fmt.Errorf("a %T is not handled", m))
}

// follow does what follows from how a review stands, whoever brought it there: a delivery that died on the
// way here is made good by the next one.
func (k *keeper) follow(ctx context.Context, now outcome) error {
	for _, name := range now.drop {
		if err := k.photos.delete(ctx, name); err != nil {
			return err
		}
	}
	if len(now.drop) > 0 && now.Status != review.Erased {
		if err := k.store.dropped(ctx, now.Key, now.drop); err != nil {
			return err
		}
	}
	data, attributes, err := review.Encode(now.ChangeNotice)
	if err != nil {
		return err
	}
	return k.news.Publish(ctx, data, attributes)
}

// photos is the bucket that photos are uploaded to.
type photos struct{ bucket *storage.BucketHandle }

// delete deletes a photo, if it is there. What was made of it follows from that: the function image is told.
func (p photos) delete(ctx context.Context, name string) error {
	err := p.bucket.Object(name).Delete(ctx)
	if err != nil && !errors.Is(err, storage.ErrObjectNotExist) {
		return fmt.Errorf("delete photo %s: %w", name, err)
	}
	return nil
}
