package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	pubsubapi "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/clouderr"
	"github.com/hybrid-bts/functions/shared/topic"
)

const (
	// pullBatch is the number of messages a pull asks for. Each may have 10 MB, the limit of Pub/Sub.
	pullBatch = 20
	// pullTimeout bounds a pull. Pub/Sub sends no response while a subscription is empty.
	pullTimeout = 2 * time.Second
)

// deadLetterQueue is a pull subscription to the dead-letter topic of one source topic. Pub/Sub keeps each dead letter
// until it is acknowledged or its retention ends. Methods may be called concurrently within one process; the service
// has one instance, because a lease hides a dead letter from other instances.
type deadLetterQueue struct {
	client       *pubsubapi.SubscriptionAdminClient
	name         string          // prefix of dead letter IDs, such as "reviews"
	subscription string          // projects/P/subscriptions/S
	source       topic.Publisher // the source topic, which takes replays

	// mu is held during a scan: a leased message is invisible to concurrent scans.
	mu sync.Mutex
	// settled holds the message IDs of the last replays and discards. Pub/Sub redelivers a message whose acknowledgement
	// was lost.
	settled []string
}

// scan leases the dead letters of the queue in batches and calls visit for each, at most maxDeadLetters plus one batch,
// until visit returns true or the queue has no more. Then it ends the leases. A dead letter whose lease cannot be ended
// becomes visible again at the ack deadline of the subscription.
func (q *deadLetterQueue) scan(ctx context.Context, visit func(*pubsubpb.ReceivedMessage) (stop bool)) (err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var leased, redelivered []string // ack IDs
	defer func() { err = errors.Join(err, q.settle(ctx, leased, redelivered)) }()
	seen := map[string]bool{}
	for len(seen) < maxDeadLetters {
		messages, err := q.pull(ctx)
		if err != nil || len(messages) == 0 {
			return err
		}
		before, stop := len(seen), false
		for _, m := range messages {
			id := m.Message.MessageId
			if slices.Contains(q.settled, id) {
				redelivered = append(redelivered, m.AckId)
				continue
			}
			if !stop && !seen[id] {
				stop = visit(m)
			}
			seen[id] = true
			if !slices.Contains(q.settled, id) { // unless visit settled and acknowledged it
				leased = append(leased, m.AckId)
			}
		}
		if stop || len(seen) == before { // Pub/Sub may deliver a leased message twice
			return nil
		}
	}
	return nil
}

// settle ends the leases of a scan and acknowledges redelivered messages that were settled before. It runs although
// ctx is cancelled.
func (q *deadLetterQueue) settle(ctx context.Context, leased, redelivered []string) (err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pullTimeout)
	defer cancel()
	if len(leased) > 0 {
		err = q.modifyAckDeadline(ctx, 0, leased...)
	}
	if len(redelivered) > 0 {
		err = errors.Join(err, q.acknowledge(ctx, redelivered...))
	}
	return err
}

// pull leases at most pullBatch dead letters. It returns none when the queue is empty or all are leased.
func (q *deadLetterQueue) pull(ctx context.Context) ([]*pubsubpb.ReceivedMessage, error) {
	timed, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	// The retries of the client would hide other errors behind the deadline, which here means an empty queue.
	noRetry := gax.WithRetry(func() gax.Retryer { return nil })
	resp, err := q.client.Pull(timed, &pubsubpb.PullRequest{Subscription: q.subscription, MaxMessages: pullBatch}, noRetry)
	if status.Code(err) == codes.DeadlineExceeded && ctx.Err() == nil {
		return nil, nil
	}
	return resp.GetReceivedMessages(), pubsubError(err, "pull dead letters of "+q.name)
}

// modifyAckDeadline extends the leases of messages by a duration from now; 0 ends them.
func (q *deadLetterQueue) modifyAckDeadline(ctx context.Context, by time.Duration, ackIDs ...string) error {
	err := q.client.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
		Subscription: q.subscription, AckIds: ackIDs, AckDeadlineSeconds: int32(by.Seconds()),
	})
	return pubsubError(err, "modify the ack deadline of dead letters of "+q.name)
}

// acknowledge deletes messages from the queue.
func (q *deadLetterQueue) acknowledge(ctx context.Context, ackIDs ...string) error {
	err := q.client.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{Subscription: q.subscription, AckIds: ackIDs})
	return pubsubError(err, "acknowledge dead letters of "+q.name)
}

// pubsubError wraps an error of Pub/Sub with the operation that failed, as clouderr.Wrap does. The code Internal is transient
// too: https://cloud.google.com/pubsub/docs/reference/error-codes.
func pubsubError(err error, operation string) error {
	if status.Code(err) == codes.Internal {
		return fmt.Errorf("%s: %w: %w", operation, errUnavailable, err)
	}
	return clouderr.Wrap(err, "%s", operation)
}

// drainTime bounds the work of drain on one request.
const drainTime = 12 * time.Second

// drain calls settle for the dead letters that died before until, for at most drainTime. settle removes a letter from the
// queue, or returns errKeep to leave it there. drain returns the numbers of removed and of kept letters, and whether it stopped
// early. A letter that dies again meanwhile is later than until, so repeated calls end.
func (q *deadLetterQueue) drain(ctx context.Context, until time.Time, settle func(*pubsubpb.ReceivedMessage) error) (removed, kept int, more bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var leased, redelivered []string // ack IDs
	defer func() { err = errors.Join(err, q.settle(ctx, leased, redelivered)) }()
	end := time.Now().Add(drainTime)
	seen := map[string]bool{}
	for {
		messages, err := q.pull(ctx)
		if err != nil || len(messages) == 0 {
			return removed, kept, false, err
		}
		before := len(seen)
		for i, m := range messages {
			id := m.Message.MessageId
			switch {
			case slices.Contains(q.settled, id):
				redelivered = append(redelivered, m.AckId)
				continue
			case seen[id] || m.Message.PublishTime.AsTime().After(until):
				leased = append(leased, m.AckId)
			default:
				err := settle(m)
				if err != nil {
					leased = append(leased, m.AckId)
				}
				if err != nil && !errors.Is(err, errKeep) {
					leased = append(leased, ackIDs(messages[i+1:])...)
					return removed, kept, true, err
				}
				if err != nil {
					kept++
				} else {
					removed++
				}
			}
			seen[id] = true
		}
		if len(seen) == before { // Pub/Sub may deliver a leased message twice
			return removed, kept, false, nil
		}
		if time.Now().After(end) {
			return removed, kept, true, nil
		}
	}
}

// errKeep is the error for a dead letter that stays in its queue.
var errKeep = errors.New("dead letter cannot be replayed")

func ackIDs(messages []*pubsubpb.ReceivedMessage) (ids []string) {
	for _, m := range messages {
		ids = append(ids, m.AckId)
	}
	return ids
}
