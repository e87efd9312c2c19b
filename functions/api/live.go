package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/hybrid-bts/functions/functions/api/live"
	"github.com/hybrid-bts/functions/shared/problem"
)

// productEvents answers requests for the live updates of a product.
type productEvents struct {
	feed   *live.Feed
	store  store                            // for HEAD requests, which open no stream
	client func(*http.Request) netip.Prefix // returns the client to which MaxClientStreams applies
}

// pollAfter is the Retry-After of a client that gets no stream. Until then the client polls the rating.
const pollAfter = 10 * time.Second

// register adds the operation.
func (e *productEvents) register(api huma.API) {
	op := getOperation("/v1/products/{product}/events", "watch-product", "Watch the reviews and the rating of a product")
	op.Description = "Server-sent events. `rating`: the rating as get-rating returns it, at the start and after each change, at most twice " +
		"a second. `review`: a review that may have changed, as `{\"id\":…,\"status\":\"published\"|\"held\"|\"rejected\"|\"erased\",\"revision\":…}`; " +
		"events may be duplicated or late, so read the list for the current state. The id of a `rating` is a hash of its content: " +
		"a client that reconnects with it as Last-Event-ID receives no rating while the rating is the same. `review` events are not repeated: " +
		"after reconnecting, read the list. A stream ends after about ten minutes, or at any time; the browser's EventSource reconnects. " +
		"429 and 503: no stream is available now; poll the rating every few seconds instead."
	op.Errors = []int{404, 422, 429, 500, 503}
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A stream of events",
		Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	huma.Register(api, op, e.watch)
}

// eventsInput is the input of the operation watch-product.
type eventsInput struct {
	ProductInput
	LastEventID string `header:"Last-Event-ID" maxLength:"100" doc:"The id of the last event that the client received."`

	request *http.Request
}

// Resolve keeps the request, which huma does not pass to handlers.
func (in *eventsInput) Resolve(ctx huma.Context) []error {
	in.request, _ = humago.Unwrap(ctx)
	return nil
}

// watch answers GET /v1/products/{product}/events.
func (e *productEvents) watch(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline) // until the stream begins
	defer cancel()
	if in.request.Method == http.MethodHead {
		if _, err := e.store.rating(ctx, in.Product); err != nil {
			return nil, watchProblem(in, err)
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			_, w := humago.Unwrap(ctx)
			live.SetHeader(w.Header())
			_ = http.NewResponseController(w).Flush() // keeps revalidated from adding an ETag
		}}, nil
	}
	stream, err := e.feed.Watch(ctx, in.Product, e.client(in.request), in.LastEventID)
	if err != nil {
		return nil, watchProblem(in, err)
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer stream.Close()
		r, w := humago.Unwrap(ctx)
		stream.Serve(r.Context(), w)
	}}, nil
}

// watchProblem maps an error of Feed.Watch. Its Retry-After is longer than that of other operations, because a client
// without a stream polls the rating.
func watchProblem(in *eventsInput, err error) error {
	switch {
	case errors.Is(err, live.ErrTooManyStreams):
		p := problem.New(http.StatusTooManyRequests, "too many streams; poll the rating, and retry after the seconds in Retry-After")
		return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {fmt.Sprint(pollAfter.Seconds())}})
	case errors.Is(err, errUnavailable):
		return problem.Unavailable(err, pollAfter)
	}
	return in.problem(err)
}
