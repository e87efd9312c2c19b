package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/problem"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// QueueInput is the input of an action on a whole queue. It is exported because huma reads exported types only.
type QueueInput struct {
	Queue string `path:"queue" maxLength:"100" doc:"Name of the queue." example:"reviews"`
	Body  struct {
		Until time.Time `json:"until,omitzero" doc:"Dead letters that died later stay. Default: now. Send the until of the first response again while more is true."`
	}
}

type queueOutput struct {
	Body struct {
		Done  int       `json:"done" doc:"Number of dead letters that left the queue."`
		Kept  int       `json:"kept" doc:"Number of dead letters that cannot be replayed and stay."`
		More  bool      `json:"more" doc:"True if the time of the request ended before the queue."`
		Until time.Time `json:"until"`
	}
}

// registerQueues adds the actions on whole queues.
func (l *deadLetterHandlers) registerQueues(api huma.API) {
	const rest = " Repeat the request while more is true. Dead letters that the list does not show are included."
	for verb, f := range map[string]func(context.Context, *QueueInput) (*queueOutput, error){"replay": l.replayAll, "discard": l.discardAll} {
		summary := map[string]string{"replay": "Publish all dead letters of a queue to its topic again", "discard": "Delete all dead letters of a queue"}[verb]
		addOperation(api, http.MethodPost, "/queues/{queue}/"+verb, verb+"-queue", summary, f, withBody, withDescription(summary+"."+rest))
	}
}

// replayAll answers POST /v1/admin/queues/{queue}/replay.
func (l *deadLetterHandlers) replayAll(ctx context.Context, in *QueueInput) (*queueOutput, error) {
	return l.settleAll(ctx, in, wire.Replay)
}

// discardAll answers POST /v1/admin/queues/{queue}/discard.
func (l *deadLetterHandlers) discardAll(ctx context.Context, in *QueueInput) (*queueOutput, error) {
	return l.settleAll(ctx, in, wire.Discard)
}

// settleAll replays or discards the dead letters of a queue until the time of the request ends.
func (l *deadLetterHandlers) settleAll(ctx context.Context, in *QueueInput, verb wire.LetterVerb) (*queueOutput, error) {
	at := slices.IndexFunc(l.queues, func(q *deadLetterQueue) bool { return q.name == in.Queue })
	if at < 0 {
		return nil, problem.New(http.StatusNotFound, fmt.Sprintf("no queue %.100q", in.Queue))
	}
	q := l.queues[at]
	var out queueOutput
	var err error
	out.Body.Until = in.Body.Until
	if out.Body.Until.IsZero() {
		out.Body.Until = l.now().UTC()
	}
	out.Body.Done, out.Body.Kept, out.Body.More, err = q.drain(ctx, out.Body.Until, func(m *pubsubpb.ReceivedMessage) error {
		err := l.settle(ctx, q, m, verb)
		var p *problem.Problem
		if errors.As(err, &p) { // the letter cannot be replayed
			return errKeep
		}
		return err
	})
	if err != nil && out.Body.Done == 0 {
		return nil, err
	}
	if err != nil { // some are done: the client repeats the request for the rest
		slog.WarnContext(ctx, "queue of dead letters is not done", "queue", q.name, "err", err)
	}
	return &out, nil
}
