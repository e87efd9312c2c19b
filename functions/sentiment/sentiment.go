package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/review"
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
	aspects []aspect
	hold    string // why it must not be shown; "" when it may
}

// aspect is what a text speaks of, such as delivery, and how.
type aspect struct {
	name  string
	score float64 // as that of a sentiment
}

// analyzer finds the sentiment of a text that is not empty.
type analyzer interface {
	analyze(ctx context.Context, text string) (sentiment, error)
}

// store keeps reviews and ratings.
type store interface {
	// has reports whether the review is stored.
	has(ctx context.Context, product, id string) (bool, error)
	// add stores the review and counts it in the rating of its product; or holds it, uncounted,
	// when the catalogue lacks the product. It does nothing when the review is stored already.
	add(ctx context.Context, r review.Review, found assessment) error
}

// scorer handles submitted reviews.
type scorer struct {
	analyzer analyzer
	store    store

	// flights lets deliveries of one review that are here at once be handled once, since a call of
	// the analyzer costs money.
	flights singleflight.Group
}

// submitted handles one delivery of a submitted review.
func (s *scorer) submitted(ctx context.Context, e event.Event) error {
	m, err := review.Decode(e.Data, e.Attributes)
	if err != nil {
		return event.Permanent(err)
	}
	r, ok := m.(review.Review)
	if !ok {
		return event.Permanent(fmt.Errorf("a %T cannot be handled yet", m))
	}
	_, err, _ = s.flights.Do(r.Product+"/"+r.ID, func() (any, error) {
		ctx, cancel := context.WithTimeout(ctx, deadline)
		defer cancel()
		return nil, s.keep(ctx, r)
	})
	return err
}

// keep scores and stores a review that is not stored yet.
func (s *scorer) keep(ctx context.Context, r review.Review) error {
	stored, err := s.store.has(ctx, r.Product, r.ID)
	if err != nil || stored {
		return err
	}
	var found assessment
	if r.Text != "" {
		if found.sentiment, err = s.analyzer.analyze(ctx, r.Text); err != nil {
			return fmt.Errorf("review %s: %w", r.ID, err)
		}
	}
	return s.store.add(ctx, r, found)
}
