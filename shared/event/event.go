// Package event lets a function handle events that arrive as HTTP requests.
//
// It reads CloudEvents (binary and structured mode) as Eventarc sends them, and the envelope of a
// Pub/Sub push subscription; and it is the one place where a handler's error becomes an
// acknowledgement, a dead letter or a redelivery.
package event

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
)

// MaxBody bounds a request: a Pub/Sub message is at most 10 MB, a third more in base64.
const MaxBody = 16 << 20

// readTimeout bounds how long a caller may take to send a body.
const readTimeout = 30 * time.Second

// messagePublished is the type of the CloudEvent around a Pub/Sub message.
const messagePublished = "google.cloud.pubsub.topic.v1.messagePublished"

// Event is one delivery of an event. The same event may be delivered any number of times, to any
// number of instances at once, in any order.
type Event struct {
	ID      string // the same in every delivery
	Type    string // such as "google.cloud.storage.object.v1.finalized"
	Source  string
	Subject string

	// Data is the payload: of a Pub/Sub message what was published, of any other event its data.
	Data []byte
	// Attributes are those of the Pub/Sub message; nil for any other event.
	Attributes map[string]string
}

// Permanent marks err as one that no redelivery of the event can cure.
func Permanent(err error) error { return &permanent{err} }

type permanent struct{ error }

func (p *permanent) Unwrap() error { return p.error }

// Handler serves events to handle. What handle returns decides what becomes of the event:
//
//   - nil: it is acknowledged (204);
//   - a Permanent error: it goes to dead with the reason, then is acknowledged;
//   - any other error, or a panic (503 or 500): it is delivered again.
//
// Every error is logged once, without the event's data. A request that holds no event is refused
// (4xx).
func Handler(handle func(context.Context, Event) error, dead DeadLetters) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		var e Event
		defer func() {
			if p := recover(); p != nil {
				slog.ErrorContext(ctx, "panic, event will be delivered again", "event_id", e.ID, "event_type", e.Type,
					"err", fmt.Sprint(p), "stack", string(debug.Stack()))
				w.WriteHeader(http.StatusInternalServerError)
			}
		}()
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "events are sent by POST", http.StatusMethodNotAllowed)
			return
		}
		e, err := read(w, r)
		if err != nil {
			refuse(ctx, w, err)
			return
		}
		err = handle(ctx, e)
		var p *permanent
		if errors.As(err, &p) {
			if err = dead(ctx, e, p.error); err == nil {
				slog.ErrorContext(ctx, "event dead-lettered", "event_id", e.ID, "event_type", e.Type, "err", p.error)
				w.WriteHeader(http.StatusNoContent)
				return
			}
			err = fmt.Errorf("dead-letter an event that failed with %q: %w", p.error, err)
		}
		if err != nil {
			slog.ErrorContext(ctx, "event will be delivered again", "event_id", e.ID, "event_type", e.Type, "err", err)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

func refuse(ctx context.Context, w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		status = http.StatusRequestEntityTooLarge
	}
	slog.WarnContext(ctx, "not an event", "err", err)
	http.Error(w, err.Error(), status)
}

// read returns the event that a request holds.
func read(w http.ResponseWriter, r *http.Request) (Event, error) {
	// The connection's deadline, not the context's: a client that trickles bytes holds Read. It is
	// lifted again because net/http would take its passing for a caller who hung up.
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(readTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	_ = c.SetReadDeadline(time.Time{})
	if err != nil {
		return Event{}, fmt.Errorf("read event: %w", err)
	}
	return decode(r.Header, body)
}

func decode(header http.Header, body []byte) (Event, error) {
	r := &http.Request{Header: header, Body: io.NopCloser(bytes.NewReader(body))}
	ce, err := cloudevents.NewEventFromHTTPRequest(r)
	if err != nil {
		if header.Get("Ce-Specversion") != "" || strings.HasPrefix(header.Get("Content-Type"), "application/cloudevents") {
			return Event{}, fmt.Errorf("read CloudEvent: %w", err)
		}
		return decodePush(body, Event{Type: messagePublished})
	}
	if err := ce.Validate(); err != nil {
		return Event{}, fmt.Errorf("read CloudEvent: %w", err)
	}
	e := Event{ID: ce.ID(), Type: ce.Type(), Source: ce.Source(), Subject: ce.Subject(), Data: ce.Data()}
	if e.Type == messagePublished {
		return decodePush(e.Data, e)
	}
	return e, nil
}

// push is the body of a push subscription's request, and the data of a CloudEvent around a message:
// https://cloud.google.com/pubsub/docs/push#receive_push.
type push struct {
	Message *struct {
		Data       []byte            `json:"data"`
		Attributes map[string]string `json:"attributes"`
		MessageID  string            `json:"messageId"`
	} `json:"message"`
	Subscription string `json:"subscription"`
}

func decodePush(body []byte, e Event) (Event, error) {
	var p push
	if err := json.Unmarshal(body, &p); err != nil {
		return Event{}, fmt.Errorf("read Pub/Sub envelope: %w", err)
	}
	if p.Message == nil || p.Message.MessageID == "" {
		return Event{}, errors.New("read Pub/Sub envelope: it holds no message with a messageId")
	}
	e.ID = p.Message.MessageID
	if e.Source == "" {
		e.Source = p.Subscription
	}
	e.Data, e.Attributes = p.Message.Data, p.Message.Attributes
	return e, nil
}

// DeadLetters takes an event that can never be handled, with the reason.
type DeadLetters func(ctx context.Context, e Event, reason error) error

// Attributes that DeadLetterTopic adds to those of the event.
const (
	AttributePrefix   = "dead_letter_" // of all attributes below
	ReasonAttribute   = AttributePrefix + "reason"
	SourceAttribute   = AttributePrefix + "source"    // the subscription, or the source of a CloudEvent
	SourceIDAttribute = AttributePrefix + "source_id" // the ID of the event
	TypeAttribute     = AttributePrefix + "type"      // only for events that were not Pub/Sub messages
)

// Attributes that Pub/Sub adds to a message after too many deliveries:
// https://cloud.google.com/pubsub/docs/handling-failures#track_delivery_attempts.
const (
	PubSubPrefix              = "CloudPubSubDeadLetterSource" // of all attributes below
	PubSubDeliveryCount       = PubSubPrefix + "DeliveryCount"
	PubSubSubscription        = PubSubPrefix + "Subscription" // its ID
	PubSubSubscriptionProject = PubSubPrefix + "SubscriptionProject"
	PubSubPublishTime         = PubSubPrefix + "TopicPublishTime" // RFC 3339
)

// maxAttributes is how many a Pub/Sub message may have.
const maxAttributes = 100

// remembered is how many dead-lettered events an instance remembers.
const remembered = 1000

// Publisher publishes to one topic. topic.Topic implements it.
type Publisher interface {
	// Publish returns nil once Pub/Sub has stored the message.
	Publish(ctx context.Context, data []byte, attributes map[string]string) error
}

// DeadLetterTopic publishes events to a topic, as they came, and once: an instance that gets one
// again, or twice at the same time, remembers it. Only an event that several instances get, or that is
// delivered again after a kill, is published again; SourceIDAttribute tells.
func DeadLetterTopic(topic Publisher) DeadLetters {
	var mu sync.Mutex // held while publishing: dead letters are rare, and the same one may come twice at once
	var ids []string
	return func(ctx context.Context, e Event, reason error) error {
		mu.Lock()
		defer mu.Unlock()
		if slices.Contains(ids, e.ID) {
			return nil
		}
		if err := topic.Publish(ctx, e.Data, deadLetterAttributes(e, reason)); err != nil {
			return err
		}
		ids = append(ids[max(0, len(ids)-remembered+1):], e.ID)
		return nil
	}
}

// deadLetterAttributes returns those of the event, as far as there is room beside ours.
func deadLetterAttributes(e Event, reason error) map[string]string {
	attributes := map[string]string{
		ReasonAttribute:   truncate(reason.Error(), 1024), // Pub/Sub's bound for a value, in bytes
		SourceAttribute:   truncate(e.Source, 1024),
		SourceIDAttribute: truncate(e.ID, 1024),
	}
	if e.Type != messagePublished {
		attributes[TypeAttribute] = truncate(e.Type, 1024)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Attributes)) {
		if _, ours := attributes[name]; !ours && len(attributes) < maxAttributes {
			attributes[name] = e.Attributes[name]
		}
	}
	return attributes
}

// truncate returns at most the first n bytes of s, which it makes valid UTF-8 as Pub/Sub asks.
func truncate(s string, n int) string {
	return string(bytes.ToValidUTF8([]byte(s[:min(len(s), n)]), nil))
}
