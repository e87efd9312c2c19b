package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

// commandsOf returns one message of each kind that only api, admin and operators may send about r.
func commandsOf(r review.Review) map[string]review.Message {
	return map[string]review.Message{
		"erasure": review.Erasure{Key: r.About()}, "decision": decided(r, 1, review.Reject, "ad"), "edit": edited(r, 1, 1, "bad"),
		"reply": review.Reply{Key: r.About(), Text: "thanks", At: noon}, "vote": review.Vote{Key: r.About(), Visitor: visitor(1)},
		"rescore": review.Rescore{Key: r.About(), Revision: r.Revision()},
	}
}

// A compromised review function can publish anything to the topic reviews.
func TestCommandsOnTheTopicReviewsChangeNothing(t *testing.T) {
	s := start(t)
	r := newReview(5, "")
	s.accept(t, r)
	before := stored(t, s.db, r)
	for name, m := range commandsOf(r) {
		data, attributes, err := review.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		// Neither other subscriptions nor a name that only resembles that of the commands may deliver them.
		for _, subscription := range []string{reviewsSubscription, commandsSubscription + "-2", "x" + commandsSubscription, ""} {
			letters := len(s.dead.Messages())
			if code := s.deliverFrom(t, subscription, data, attributes); code != http.StatusNoContent || len(s.dead.Messages()) != letters+1 {
				t.Errorf("%s from %q: status %d and %d dead letters, want 204 and one", name, subscription, code, len(s.dead.Messages())-letters)
			}
		}
	}
	if got := stored(t, s.db, r); got != before {
		t.Errorf("the review is %+v, want %+v", got, before)
	}
	if n := len(s.deadCommands.Messages()); n != 0 {
		t.Errorf("%d refused messages on the dead-letter topic of the commands, whose replays the function obeys", n)
	}
	// An edit that claims to be a submission is still an edit.
	data, _, err := review.Encode(edited(r, 1, 1, "bad"))
	if err != nil {
		t.Fatal(err)
	}
	s.deliverFrom(t, reviewsSubscription, data, map[string]string{review.VersionAttribute: review.SubmissionVersion})
	if got := stored(t, s.db, r); got != before {
		t.Errorf("after an edit in the form of a submission the review is %+v, want %+v", got, before)
	}
	// A second submission with the ID of a stored review does not replace it.
	forged := r
	forged.Text, forged.Rating, forged.SubmittedAt = "forged", 1, r.SubmittedAt.Add(time.Hour)
	s.accept(t, forged)
	if got := stored(t, s.db, r); got != before {
		t.Errorf("after a forged submission the review is %+v, want %+v", got, before)
	}
}

func TestCommandsOnTheTopicCommandsAreObeyed(t *testing.T) {
	for name, m := range commandsOf(newReview(5, "")) {
		t.Run(name, func(t *testing.T) {
			p := senderPolicy{commands: commandsSubscription}
			if err := p.check(event.Event{Source: commandsSubscription}, m); err != nil {
				t.Error(err)
			}
		})
	}
	s := start(t)
	r := newReview(5, "")
	s.accept(t, r)
	s.accept(t, review.Erasure{Key: r.About()})
	if _, err := s.db.Single().ReadRow(t.Context(), "Reviews", spanner.Key{r.Product, r.ID}, []string{"Status"}); spanner.ErrCode(err).String() != "NotFound" {
		t.Errorf("the erased review: %v, want no row", err)
	}
	s.deliverFrom(t, commandsSubscription, []byte("not JSON"), map[string]string{review.VersionAttribute: review.ChangeVersion, review.KindAttribute: "vote"})
	if here, there := len(s.deadCommands.Messages()), len(s.dead.Messages()); here != 1 || there != 0 {
		t.Errorf("%d dead letters of commands and %d of reviews, want 1 and 0", here, there)
	}
}

func TestCommandsOfTheReleaseBeforeAreAcceptedForAWhile(t *testing.T) {
	m := review.Erasure{Key: newReview(5, "").About()}
	e := event.Event{Source: reviewsSubscription}
	now := noon
	p := senderPolicy{commands: commandsSubscription, legacyUntil: noon.Add(time.Second), now: func() time.Time { return now }}
	if err := p.check(e, m); err != nil {
		t.Errorf("before the end: %v", err)
	}
	now = p.legacyUntil
	if err := p.check(e, m); err == nil || !strings.Contains(err.Error(), reviewsSubscription) {
		t.Errorf("at the end: %v, want an error that names the subscription", err)
	}
	if err := (senderPolicy{}).check(event.Event{}, m); err == nil {
		t.Error("the zero policy accepts an erasure without a source")
	}
}

func TestMainRejectsAnEndWithoutTimeZone(t *testing.T) {
	err := run(context.Background(), func(name string) (string, bool) {
		return map[string]string{"REVIEWS_COMMANDS_UNTIL": "2026-12-31"}[name], true
	})
	if err == nil || !strings.Contains(err.Error(), "REVIEWS_COMMANDS_UNTIL is not a time") || !strings.Contains(err.Error(), "COMMANDS_SUBSCRIPTION is not set") {
		t.Errorf("run() = %v, want an error about both variables", err)
	}
}
