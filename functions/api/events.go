package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/hybrid-bts/functions/shared/problem"
)

// events answers streams of what happens to a product.
type events struct {
	feed   *feed
	client func(*http.Request) netip.Prefix // who asks

	// After life a stream ends, and the client asks for another: so no instance is kept for one tab that was
	// forgotten, and a new release gets all of them. In between comes something every heartbeat, so that
	// no proxy takes the stream for dead. A write may take as long as patience.
	life, heartbeat, patience time.Duration
}

func newEvents(f *feed, client func(*http.Request) netip.Prefix) *events {
	return &events{f, client, 10 * time.Minute, 15 * time.Second, 10 * time.Second}
}

// pollAfter is what a client is asked to wait, when there is no stream for it, before it tries again; meanwhile it may read
// the rating now and then.
const pollAfter = 10 * time.Second

// register adds the operation.
func (e *events) register(api huma.API) {
	op := getOperation("/v1/products/{product}/events", "watch-product", "Watch the reviews and the rating of a product")
	op.Description = "Server-Sent Events. `rating`: the rating as get-rating has it, at the start and when it is another one, at most twice " +
		"a second. `review`: a review that may look different now, as `{\"id\":…,\"status\":\"published\"|\"held\"|\"rejected\"|\"erased\",\"revision\":…}`; " +
		"it may come twice, or late: what holds is what the list says when it is read. The id of a `rating` names its content: " +
		"who comes back with it as Last-Event-ID gets no rating if that is still the same. Reviews that changed in between are not told again: " +
		"who comes back reads the list. A stream ends after some ten minutes, or at any time; the browser's EventSource comes back by itself. " +
		"429 and 503: there is no stream now; read the rating every few seconds instead."
	op.Errors = []int{404, 422, 429, 500, 503}
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A stream of events",
		Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	huma.Register(api, op, e.watch)
}

type eventsInput struct {
	ProductInput
	LastEventID string `header:"Last-Event-ID" maxLength:"100" doc:"The id of the last event that the client has."`

	request *http.Request
}

// Resolve keeps the request, which huma does not hand on.
func (in *eventsInput) Resolve(ctx huma.Context) []error {
	in.request, _ = humago.Unwrap(ctx)
	return nil
}

// watch answers GET /v1/products/{product}/events.
func (e *events) watch(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline) // until it begins
	defer cancel()
	if in.request.Method == http.MethodHead {
		if _, err := e.feed.rating(ctx, in.Product); err != nil {
			return nil, unavailable(in.missing(err))
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			_, w := humago.Unwrap(ctx)
			streamOf(w.Header())
			_ = http.NewResponseController(w).Flush() // it is no text to be kept
		}}, nil
	}
	watcher, err := e.feed.watch(ctx, in.Product, e.client(in.request))
	if errors.Is(err, errTooMany) {
		p := problem.New(http.StatusTooManyRequests, "too many streams; read the rating instead, and try again after the seconds that Retry-After tells")
		return nil, huma.ErrorWithHeaders(p, http.Header{"Retry-After": {fmt.Sprint(pollAfter.Seconds())}})
	}
	if err != nil {
		return nil, unavailable(err)
	}
	// After it watches, so that no change is missed.
	first, err := e.feed.current(ctx, in.Product, in.LastEventID)
	if err != nil {
		e.feed.leave(watcher)
		return nil, unavailable(in.missing(err))
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer e.feed.leave(watcher)
		r, w := humago.Unwrap(ctx)
		e.stream(r.Context(), w, watcher, first)
	}}, nil
}

// unavailable asks for more patience than other operations do: a client without a stream reads the rating instead.
func unavailable(err error) error {
	if errors.Is(err, errUnavailable) {
		return problem.Unavailable(err, pollAfter)
	}
	return err
}

func streamOf(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // of proxies that would hold it back
}

// stream sends what the watcher is told until either is gone, or its life is over.
func (e *events) stream(ctx context.Context, w http.ResponseWriter, watcher *watcher, first []byte) {
	streamOf(w.Header())
	control := http.NewResponseController(w)
	defer func() { _ = control.SetWriteDeadline(time.Time{}) }() // of the connection, which may be used again
	send := func(b []byte) bool {
		_ = control.SetWriteDeadline(time.Now().Add(e.patience)) // a recorder in a test has none
		_, err := w.Write(b)
		return err == nil && control.Flush() == nil
	}
	// Who is sent away together does not come back together.
	retry := fmt.Appendf(nil, "retry: %d\n\n", 1000+rand.N(3000))
	if !send(append(retry, first...)) {
		return
	}
	heartbeat := time.NewTicker(e.heartbeat)
	defer heartbeat.Stop()
	life := time.After(e.life + rand.N(e.life/10+1))
	for {
		select {
		case <-ctx.Done():
			return
		case <-life:
			return
		case b, more := <-watcher.batches:
			if !more || !send(b) {
				return
			}
		case <-heartbeat.C:
			if !send([]byte(":\n\n")) {
				return
			}
		}
	}
}
