package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	pubsubapi "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/danielgtaylor/huma/v2"
	"github.com/googleapis/gax-go/v2"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/problem"
)

const (
	// maxLetters is how many dead letters of a queue are looked at.
	maxLetters = 200
	// batch is how many are asked for at once: they may be of 10 MB each.
	batch = 20
	// pullTimeout is how long Pub/Sub may take to say that there is nothing more, which it says by silence.
	pullTimeout = 2 * time.Second
	// lease is for how long a letter is nobody else's while it is replayed.
	lease = time.Minute
	// maxShown is how many bytes of a letter are shown.
	maxShown = 16 << 10
	// remembered is how many replayed letters an instance remembers.
	remembered = 1000
)

// Attributes that Pub/Sub adds to a dead letter:
// https://cloud.google.com/pubsub/docs/handling-failures#track_delivery_attempts.
const (
	pubsubPrefix        = "CloudPubSubDeadLetterSource"
	sourceDeliveryCount = pubsubPrefix + "DeliveryCount"
	sourceSubscription  = pubsubPrefix + "Subscription"
)

// ourPrefix begins the attributes that shared/event adds.
const ourPrefix = "dead_letter_"

// queue is what could not be handled of a topic: a pull subscription to its dead-letter topic, which keeps
// each letter until it is replayed, or too old.
type queue struct {
	name         string // in ids and answers
	subscription string // projects/P/subscriptions/S
	source       publisher

	// mu is held while letters are looked at, since those that are in one hand are in no other. There is one instance.
	mu sync.Mutex
	// replayed are letters that were published again. One may come back when its acknowledgement was lost.
	replayed []string
}

// letters shows what could not be handled to operators, and hands it back to where it came from.
type letters struct {
	api    *pubsubapi.SubscriptionAdminClient
	queues []*queue
}

// deadLetter is what could not be handled.
type deadLetter struct {
	ID         string            `json:"id" doc:"Of the letter, in replays."`
	Queue      string            `json:"queue" doc:"What could not be handled." example:"reviews"`
	Reason     string            `json:"reason"`
	Source     string            `json:"source" doc:"The subscription, or the event's source." example:"prod-hybridbts-reviews-sentiment"`
	DiedAt     time.Time         `json:"died_at"`
	Size       int               `json:"size" doc:"Of the body, in bytes."`
	Attributes map[string]string `json:"attributes" doc:"Of the message that could not be handled."`
	Body       string            `json:"body" doc:"Its first 16 KiB; what is no UTF-8 is replaced."`
}

func (l *letters) register(api huma.API) {
	handle(api, http.MethodGet, "/dead-letters", "list-dead-letters", "List what could not be handled, newest first", l.list,
		explained("At most 200 of each queue. To look changes nothing. What is younger than some seconds may be missing: Pub/Sub promises no more."))
	handle(api, http.MethodPost, "/dead-letters/{letter}/replay", "replay-dead-letter", "Hand it back to where it came from", l.replay, writing,
		explained("202: it is on its topic again, and no dead letter any more; it will be, once more, when the reason has not passed. "+
			"404: there is no such letter, or it was replayed already."), func(op *huma.Operation) { op.DefaultStatus = http.StatusAccepted })
}

type lettersOutput struct {
	Body struct {
		Letters []deadLetter `json:"dead_letters" nullable:"false"`
		More    bool         `json:"more" doc:"There are more than are listed."`
	}
}

// list answers GET /v1/admin/dead-letters.
func (l *letters) list(ctx context.Context, _ *struct{}) (*lettersOutput, error) {
	var out lettersOutput
	out.Body.Letters = []deadLetter{}
	found := make([][]deadLetter, len(l.queues))
	looks, ctx := errgroup.WithContext(ctx)
	for i, q := range l.queues {
		looks.Go(func() error {
			return l.look(ctx, q, func(m *pubsubpb.ReceivedMessage) bool {
				found[i] = append(found[i], q.show(m.Message))
				return false
			})
		})
	}
	if err := looks.Wait(); err != nil {
		return nil, err
	}
	for _, letters := range found {
		out.Body.Letters = append(out.Body.Letters, letters...)
		out.Body.More = out.Body.More || len(letters) >= maxLetters
	}
	slices.SortFunc(out.Body.Letters, func(a, b deadLetter) int {
		return cmp.Or(b.DiedAt.Compare(a.DiedAt), cmp.Compare(a.ID, b.ID))
	})
	return &out, nil
}

// show returns what an operator sees of a letter.
func (q *queue) show(m *pubsubpb.PubsubMessage) deadLetter {
	v := deadLetter{
		ID: q.id(m), Queue: q.name, Reason: m.Attributes[event.ReasonAttribute], Source: m.Attributes[event.SourceAttribute],
		DiedAt: m.PublishTime.AsTime(), Size: len(m.Data), Attributes: original(m.Attributes), Body: shown(m.Data),
	}
	if v.Reason == "" {
		v.Reason = "delivered " + m.Attributes[sourceDeliveryCount] + " times in vain"
		v.Source = m.Attributes[sourceSubscription]
	}
	return v
}

// id returns what a letter is called: the name of its queue and Pub/Sub's id, which is unique within a topic.
func (q *queue) id(m *pubsubpb.PubsubMessage) string { return q.name + "-" + m.MessageId }

// original returns the attributes of a message that became a dead letter.
func original(attributes map[string]string) map[string]string {
	left := maps.Clone(attributes)
	maps.DeleteFunc(left, func(name, _ string) bool {
		return strings.HasPrefix(name, ourPrefix) || strings.HasPrefix(name, pubsubPrefix)
	})
	if left == nil {
		left = map[string]string{}
	}
	return left
}

// shown returns the beginning of a body as text.
func shown(body []byte) string {
	cut := body[:min(len(body), maxShown)]
	if len(cut) < len(body) {
		for n := 1; n < utf8.UTFMax && n < len(cut); n++ { // not within a character
			if b := cut[len(cut)-n]; utf8.RuneStart(b) {
				if !utf8.FullRune(cut[len(cut)-n:]) {
					cut = cut[:len(cut)-n]
				}
				break
			}
		}
	}
	return strings.ToValidUTF8(string(cut), "\ufffd")
}

// ReplayInput names a dead letter. It is exported for huma.
type ReplayInput struct {
	Letter string `path:"letter" maxLength:"100" doc:"Its id."`
}

type replayOutput struct {
	Body struct {
		ID string `json:"id"`
	}
}

// replay answers POST /v1/admin/dead-letters/{letter}/replay. It publishes, then acknowledges: a letter is never lost,
// and published twice only when the acknowledgement is lost with the instance. Who handles it takes that as any redelivery.
func (l *letters) replay(ctx context.Context, in *ReplayInput) (*replayOutput, error) {
	name, _, _ := strings.Cut(in.Letter, "-")
	missing := problem.New(http.StatusNotFound, "no such dead letter, or it was replayed already")
	at := slices.IndexFunc(l.queues, func(q *queue) bool { return q.name == name })
	if at < 0 {
		return nil, missing
	}
	q := l.queues[at]
	replayed := false
	var failed error
	err := l.look(ctx, q, func(m *pubsubpb.ReceivedMessage) bool {
		if q.id(m.Message) != in.Letter {
			return false
		}
		replayed, failed = true, l.publish(ctx, q, m)
		return true
	})
	switch {
	case failed != nil:
		return nil, failed
	case err != nil:
		return nil, err
	case !replayed:
		return nil, missing
	}
	slog.InfoContext(ctx, "dead letter replayed", "letter", in.Letter, "operator", operatorOf(ctx))
	var out replayOutput
	out.Body.ID = in.Letter
	return &out, nil
}

// publish hands a letter back to its topic, and takes it out of its queue.
func (l *letters) publish(ctx context.Context, q *queue, m *pubsubpb.ReceivedMessage) error {
	attributes, err := restore(m.Message)
	if err != nil {
		return problem.New(http.StatusConflict, err.Error())
	}
	if err := l.extend(ctx, q, lease, m.AckId); err != nil {
		return err
	}
	if err := q.source.Publish(ctx, m.Message.Data, attributes); err != nil {
		return fmt.Errorf("replay dead letter %s: %w: %w", q.id(m.Message), errUnavailable, err)
	}
	q.replayed = append(q.replayed[max(0, len(q.replayed)-remembered+1):], m.Message.MessageId)
	if err := l.acknowledge(ctx, q, m.AckId); err != nil {
		// It was replayed, which is what was asked for. It comes back, and is known then.
		slog.ErrorContext(ctx, "dead letter replayed, but not acknowledged", "letter", q.id(m.Message), "err", err)
	}
	return nil
}

// kinds are the notifications of Cloud Storage by the events that Eventarc makes of them.
var kinds = map[string]string{
	"google.cloud.storage.object.v1.finalized": "OBJECT_FINALIZE",
	"google.cloud.storage.object.v1.deleted":   "OBJECT_DELETE",
}

// restore returns the attributes with which a letter is the message again that it was. An event of Cloud Storage
// becomes the notification of it, which says the same.
func restore(m *pubsubpb.PubsubMessage) (map[string]string, error) {
	kind, isEvent := m.Attributes[event.TypeAttribute]
	if !isEvent {
		return original(m.Attributes), nil
	}
	var object struct {
		Bucket     string `json:"bucket"`
		Name       string `json:"name"`
		Generation string `json:"generation"`
	}
	if kinds[kind] == "" || json.Unmarshal(m.Data, &object) != nil || object.Name == "" || object.Generation == "" {
		return nil, fmt.Errorf("it is a %.100s that no message can be made of", kind)
	}
	return map[string]string{
		"eventType": kinds[kind], "bucketId": object.Bucket, "objectId": object.Name, "objectGeneration": object.Generation,
		"payloadFormat": "JSON_API_V1",
	}, nil
}

// look shows the letters of a queue to f until f says that this was it, then gives back those that are still there.
func (l *letters) look(ctx context.Context, q *queue, f func(*pubsubpb.ReceivedMessage) bool) (err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var held, done []string
	defer func() {
		// What is not given back comes back by itself, when the subscription's ack deadline has passed.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pullTimeout)
		defer cancel()
		if len(held) > 0 {
			err = errors.Join(err, l.extend(ctx, q, 0, held...))
		}
		if len(done) > 0 {
			err = errors.Join(err, l.acknowledge(ctx, q, done...))
		}
	}()
	seen := map[string]bool{}
	for len(seen) < maxLetters {
		messages, err := l.pull(ctx, q)
		if err != nil || len(messages) == 0 {
			return err
		}
		news := false
		found := false
		for _, m := range messages {
			id := m.Message.MessageId
			if slices.Contains(q.replayed, id) {
				done = append(done, m.AckId)
				continue
			}
			if !found && !seen[id] {
				news = true
				if found = f(m); found && slices.Contains(q.replayed, id) {
					seen[id] = true
					continue
				}
			}
			seen[id] = true
			held = append(held, m.AckId)
		}
		if found || !news { // Pub/Sub may show one twice
			return nil
		}
	}
	return nil
}

// pull takes letters that are in nobody's hand; none when there are none.
func (l *letters) pull(ctx context.Context, q *queue) ([]*pubsubpb.ReceivedMessage, error) {
	wait, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	// Without the client's own retries, silence is told from trouble.
	once := gax.WithRetry(func() gax.Retryer { return nil })
	resp, err := l.api.Pull(wait, &pubsubpb.PullRequest{Subscription: q.subscription, MaxMessages: batch}, once)
	if status.Code(err) == codes.DeadlineExceeded && ctx.Err() == nil {
		return nil, nil
	}
	return resp.GetReceivedMessages(), trouble(err, "look at the dead letters of "+q.name)
}

func (l *letters) extend(ctx context.Context, q *queue, by time.Duration, ids ...string) error {
	err := l.api.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
		Subscription: q.subscription, AckIds: ids, AckDeadlineSeconds: int32(by.Seconds()),
	})
	return trouble(err, "hold or release dead letters of "+q.name)
}

func (l *letters) acknowledge(ctx context.Context, q *queue, ids ...string) error {
	err := l.api.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{Subscription: q.subscription, AckIds: ids})
	return trouble(err, "acknowledge dead letters of "+q.name)
}

// trouble turns the errors of Pub/Sub into ours, and says what was tried.
func trouble(err error, what string) error {
	if err == nil {
		return nil
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted, codes.Internal:
		return fmt.Errorf("%s: %w: %w", what, errUnavailable, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
