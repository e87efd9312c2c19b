// Package event serves events that arrive as HTTP requests. Package delivery reads them.
//
// It is the only place that maps an error of a handler to an acknowledgement, a dead letter or a redelivery.
package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/hybrid-bts/functions/shared/event/delivery"
)

// MaxBody bounds the body of a request, in bytes.
const MaxBody = delivery.MaxBody

// Event is one delivery of an event.
type Event = delivery.Event

// Permanent marks err as permanent: each redelivery of the event would fail with it.
func Permanent(err error) error { return &permanent{err} }

type permanent struct{ error }

// Unwrap returns the marked error.
func (p *permanent) Unwrap() error { return p.error }

// Premature marks err as normal: events arrive in any order, and this one needs another that has not arrived. Handler logs
// it as information and asks for redelivery.
func Premature(err error) error { return &premature{err} }

type premature struct{ error }

// Unwrap returns the marked error.
func (p *premature) Unwrap() error { return p.error }

// Handler calls handle for each event. The result of handle determines the response:
//
//   - nil acknowledges the event (204);
//   - a Permanent error goes to dead, together with the event, then the event is acknowledged (204);
//   - any other error (503) or a panic (500) causes redelivery.
//
// Handler logs each error once, without the data of the event. It rejects a request without an event with 4xx. It bounds the
// bytes of the events in work; beyond them a request waits some seconds, and then causes redelivery (503).
func Handler(handle func(context.Context, Event) error, dead DeadLetters) http.Handler {
	events := delivery.NewReader()
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
		e, release, err := events.Read(w, r)
		defer release()
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
		var early *premature
		if errors.As(err, &early) {
			slog.InfoContext(ctx, "event precedes another that it needs, and will be redelivered", "event_id", e.ID,
				"event_type", e.Type, "err", err)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if err != nil {
			slog.ErrorContext(ctx, "event failed and will be redelivered", "event_id", e.ID, "event_type", e.Type, "err", err)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// reject answers a request from which no event could be read.
func reject(ctx context.Context, w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, delivery.ErrEncoding):
		status = http.StatusUnsupportedMediaType
	case errors.Is(err, delivery.ErrBusy):
		status = http.StatusServiceUnavailable
	}
	slog.WarnContext(ctx, "request without an event", "status", status, "err", err)
	http.Error(w, err.Error(), status)
}
