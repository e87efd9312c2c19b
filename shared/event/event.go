// Package event serves events that arrive as HTTP requests: CloudEvents of Eventarc in binary and structured mode, and
// messages of Pub/Sub push subscriptions.
//
// It is the only place that maps an error of a handler to an acknowledgement, a dead letter or a redelivery.
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

// MaxBody bounds the body of a request, in bytes. A Pub/Sub message has at most 10 MB, 13.4 MB in base64.
const MaxBody = 16 << 20

// readTimeout bounds the time for reading the body of a request.
const readTimeout = 30 * time.Second

// messagePublished is the type of CloudEvents that carry a Pub/Sub message.
const messagePublished = "google.cloud.pubsub.topic.v1.messagePublished"

// Event is one delivery of an event. Events are delivered one or more times, in any order, and possibly to several
// instances at once.
type Event struct {
	ID      string // equal in all deliveries of the event
	Type    string // such as "google.cloud.storage.object.v1.finalized"
	Source  string
	Subject string

	// Data is the payload of the Pub/Sub message, or of the CloudEvent.
	Data []byte
	// Attributes are the attributes of the Pub/Sub message. They are nil for other events.
	Attributes map[string]string
}

// Permanent marks err as permanent: each redelivery of the event would fail with it.
func Permanent(err error) error { return &permanent{err} }

type permanent struct{ error }

// Unwrap returns the marked error.
func (p *permanent) Unwrap() error { return p.error }

// Handler calls handle for each event. The result of handle determines the response:
//
//   - nil acknowledges the event (204);
//   - a Permanent error goes to dead, together with the event, then the event is acknowledged (204);
//   - any other error (503) or a panic (500) causes redelivery.
//
// Handler logs each error once, without the data of the event. It rejects a request without an event with 4xx.
func Handler(handle func(context.Context, Event) error, dead DeadLetters) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		var e Event
		defer func() {
			if p := recover(); p != nil {
				slog.ErrorContext(ctx, "handler panicked, event will be redelivered", "event_id", e.ID, "event_type", e.Type,
					"err", fmt.Sprint(p), "stack", string(debug.Stack()))
				w.WriteHeader(http.StatusInternalServerError)
			}
		}()
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "method not allowed; send events with POST", http.StatusMethodNotAllowed)
			return
		}
		e, err := read(w, r)
		if err != nil {
			reject(ctx, w, err)
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
			slog.ErrorContext(ctx, "event failed and will be redelivered", "event_id", e.ID, "event_type", e.Type, "err", err)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// reject answers a request from which read could not read an event.
func reject(ctx context.Context, w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		status = http.StatusRequestEntityTooLarge
	}
	slog.WarnContext(ctx, "request without an event", "err", err)
	http.Error(w, err.Error(), status)
}

// read returns the event that a request holds.
func read(w http.ResponseWriter, r *http.Request) (Event, error) {
	// A deadline of the context would not end a Read that waits for a slow client. The deadline is removed afterwards,
	// since net/http cancels the context of the request when it passes.
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(readTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	_ = c.SetReadDeadline(time.Time{})
	if err != nil {
		return Event{}, fmt.Errorf("read event: %w", err)
	}
	return decode(r.Header, body)
}

// decode returns the event in a request with the given header and body.
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

// push is the body of a request of a push subscription, and the data of a CloudEvent that carries a message:
// https://cloud.google.com/pubsub/docs/push#receive_push.
type push struct {
	Message *struct {
		Data       []byte            `json:"data"`
		Attributes map[string]string `json:"attributes"`
		MessageID  string            `json:"messageId"`
	} `json:"message"`
	Subscription string `json:"subscription"`
}

// decodePush returns e with the message in body. The source of e wins over the subscription.
func decodePush(body []byte, e Event) (Event, error) {
	var p push
	if err := json.Unmarshal(body, &p); err != nil {
		return Event{}, fmt.Errorf("read Pub/Sub envelope: %w", err)
	}
	if p.Message == nil || p.Message.MessageID == "" {
		return Event{}, errors.New("read Pub/Sub envelope: no message with a messageId")
	}
	e.ID = p.Message.MessageID
	if e.Source == "" {
		e.Source = p.Subscription
	}
	e.Data, e.Attributes = p.Message.Data, p.Message.Attributes
	return e, nil
}

// DeadLetters stores an event that failed permanently, with the reason. When it returns an error, the event is redelivered.
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

// maxAttributes is the maximum number of attributes of a Pub/Sub message
// (https://cloud.google.com/pubsub/quotas#resource_limits).
const maxAttributes = 100

// maxDeadIDs is the number of IDs of dead-lettered events that DeadLetterTopic remembers.
const maxDeadIDs = 1000

// Publisher publishes to one topic. topic.Topic implements it.
type Publisher interface {
	// Publish returns nil once Pub/Sub has stored the message.
	Publish(ctx context.Context, data []byte, attributes map[string]string) error
}

// DeadLetterTopic publishes events to a topic with their data and attributes, as far as there is room beside the
// attributes above. It publishes an event once, also for concurrent deliveries. Other instances, and this one after a
// restart, may publish it again with the same SourceIDAttribute.
func DeadLetterTopic(topic Publisher) DeadLetters {
	var mu sync.Mutex // held while publishing, so that of concurrent deliveries only the first publishes
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
		ids = append(ids[max(0, len(ids)-maxDeadIDs+1):], e.ID)
		return nil
	}
}

// deadLetterAttributes returns the attributes of the dead letter of e. When there are too many, those of e with the last
// names are dropped.
func deadLetterAttributes(e Event, reason error) map[string]string {
	attributes := map[string]string{
		ReasonAttribute:   truncate(reason.Error(), 1024), // maximum length of a value in Pub/Sub, in bytes
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

// truncate returns at most n bytes of s, without invalid UTF-8, which Pub/Sub rejects.
func truncate(s string, n int) string {
	return string(bytes.ToValidUTF8([]byte(s[:min(len(s), n)]), nil))
}
