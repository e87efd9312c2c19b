package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc/codes"

	"github.com/hybrid-bts/functions/shared/event"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// queueState is the response to an action on a whole queue.
type queueState struct {
	Done, Kept int
	More       bool
	Until      time.Time
}

// letterActions returns the IDs of the dead letters in the published audit messages, and checks their other fields.
func (d *fixture) letterActions(verb wire.LetterVerb) (letters []string) {
	d.t.Helper()
	for _, m := range d.pubsub.Messages() {
		if m.Attributes["kind"] != "letter" {
			continue
		}
		got, err := wire.Decode(m.Data, m.Attributes)
		if err != nil {
			d.t.Fatal(err)
		}
		a := got.(wire.LetterAction)
		if a.Verb != verb || a.Operator != "operator" || a.Reason == "" || time.Since(a.At) > time.Minute {
			d.t.Errorf("audit message %+v", a)
		}
		letters = append(letters, a.Letter)
	}
	return letters
}

func TestDiscardedDeadLetterIsDeletedAndRecorded(t *testing.T) {
	t.Parallel()
	d := newFixture(t, nil)
	d.addDeadLetter("reviews-dead", "a", subscriberAttributes)
	d.addDeadLetter("originals-dead", "b", subscriberAttributes)
	l := d.listDeadLetters().Letters[0]
	path := "/dead-letters/" + l.ID + "/discard"
	for _, want := range []int{202, 404} {
		if w := d.send(http.MethodPost, path, ""); w.Code != want {
			t.Errorf("discard: %d %s, want %d", w.Code, w.Body, want)
		}
	}
	if got := d.letterActions(wire.Discard); !slices.Equal(got, []string{l.ID}) {
		t.Errorf("recorded %v, want %s", got, l.ID)
	}
	if left := d.listDeadLetters().Letters; len(left) != 1 || left[0].ID == l.ID {
		t.Errorf("%v are left", left)
	}
	for _, topic := range []string{"reviews", "originals"} {
		if got := d.replayed(topic); len(got) > 0 {
			t.Errorf("published %v to %s", got, topic)
		}
	}
}

// A letter stays in its queue until Pub/Sub has the audit message, so that no action is lost.
func TestDeadLetterStaysUntilItsActionIsRecorded(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/dead-letters/%s/discard", "/queues/reviews/discard", "/queues/reviews/replay"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			fault := &errorSwitch{}
			d := newFixture(t, nil, pstest.ServerReactorOption{FuncName: "Publish", Reactor: fault})
			d.addDeadLetter("reviews-dead", "a", subscriberAttributes)
			l := d.listDeadLetters().Letters[0]
			if strings.Contains(path, "%") {
				path = fmt.Sprintf(path, l.ID)
			}
			fault.set(codes.PermissionDenied)
			if w := d.send(http.MethodPost, path, "{}"); w.Code != http.StatusServiceUnavailable {
				t.Errorf("%d %s, want 503", w.Code, w.Body)
			}
			fault.set(codes.OK)
			if left := d.listDeadLetters().Letters; len(left) != 1 {
				t.Errorf("%d dead letters are left, want 1", len(left))
			}
			if w := d.send(http.MethodPost, path, "{}"); w.Code >= 300 {
				t.Errorf("again: %d %s", w.Code, w.Body)
			}
			if left := d.listDeadLetters().Letters; len(left) != 0 {
				t.Errorf("%d dead letters are left, want none", len(left))
			}
		})
	}
}

// All dead letters of a queue are replayed, also those that the list does not show. Those that cannot be replayed, later
// ones and other queues stay.
func TestWholeQueueIsReplayed(t *testing.T) {
	t.Parallel()
	d := newFixture(t, nil)
	const letters = maxDeadLetters + 45
	p := d.client.Publisher("reviews-dead")
	for i := range letters {
		p.Publish(t.Context(), &pubsub.Message{Data: fmt.Append(nil, i), Attributes: subscriberAttributes})
	}
	p.Stop()
	truncated := map[string]string{event.TruncatedAttribute: "9999000", event.ReasonAttribute: "too large"}
	d.addDeadLetter("reviews-dead", "a part", truncated)
	d.addDeadLetter("originals-dead", "b", subscriberAttributes)
	time.Sleep(10 * time.Millisecond)
	until := time.Now().UTC()
	time.Sleep(10 * time.Millisecond)
	d.addDeadLetter("reviews-dead", "later", subscriberAttributes)

	got := mustDecode[queueState](d, 200, http.MethodPost, "/queues/reviews/replay", fmt.Sprintf(`{"until":%q}`, until.Format(time.RFC3339Nano)))
	if got.Done != letters || got.Kept != 1 || got.More || !got.Until.Equal(until) {
		t.Errorf("replay of the queue: %+v, want %d done and one kept", got, letters)
	}
	if recorded := d.letterActions(wire.Replay); len(recorded) != letters || len(slices.Compact(slices.Sorted(slices.Values(recorded)))) != letters {
		t.Errorf("%d actions are recorded, want one for each of %d", len(recorded), letters)
	}
	bodies := map[string]bool{}
	for len(bodies) < letters {
		messages := d.replayed("reviews")
		if len(messages) == 0 {
			break
		}
		for _, m := range messages {
			bodies[string(m.Data)] = true
		}
	}
	if len(bodies) != letters {
		t.Errorf("%d messages are published, want %d", len(bodies), letters)
	}
	var left []string
	for _, l := range d.listDeadLetters().Letters {
		left = append(left, l.Body)
	}
	slices.Sort(left)
	if !slices.Equal(left, []string{"a part", "b", "later"}) {
		t.Errorf("%q are left", left)
	}
}

func TestWholeQueueIsDiscarded(t *testing.T) {
	t.Parallel()
	d := newFixture(t, nil)
	for i := range 25 {
		d.addDeadLetter("originals-dead", fmt.Sprint(i), map[string]string{event.TruncatedAttribute: "9", event.ReasonAttribute: "too large"})
	}
	if got := mustDecode[queueState](d, 200, http.MethodPost, "/queues/originals/discard", "{}"); got.Done != 25 || got.Kept != 0 || got.More {
		t.Errorf("discard of the queue: %+v", got)
	}
	if got := d.letterActions(wire.Discard); len(got) != 25 {
		t.Errorf("%d actions are recorded, want 25", len(got))
	}
	if left := d.listDeadLetters().Letters; len(left) != 0 {
		t.Errorf("%d are left", len(left))
	}
	if w := d.send(http.MethodPost, "/queues/orders/discard", "{}"); w.Code != http.StatusNotFound {
		t.Errorf("unknown queue: %d %s, want 404", w.Code, w.Body)
	}
}

func TestReasonOfADeadLetterIsCut(t *testing.T) {
	if got := cutRunes("가나다", 2); got != "가나" {
		t.Errorf("got %q", got)
	}
	if got := cutRunes("가나", 2); got != "가나" {
		t.Errorf("got %q", got)
	}
}
