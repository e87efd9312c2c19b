package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/errgroup"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/problem"
)

const (
	// maxDeadLetters is how many dead letters of a queue are looked at.
	maxDeadLetters = 200
	// replayLease is for how long a letter is nobody else's while it is replayed.
	replayLease = time.Minute
	// maxPreview is how many bytes of a letter are shown.
	maxPreview = 16 << 10
	// maxReplayed is how many replayed letters an instance remembers.
	maxReplayed = 1000
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

// deadLetterHandlers shows what could not be handled to operators, and hands it back to where it came from.
type deadLetterHandlers struct {
	queues []*deadLetterQueue
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

func (l *deadLetterHandlers) register(api huma.API) {
	addOperation(api, http.MethodGet, "/dead-letters", "list-dead-letters", "List what could not be handled, newest first", l.list,
		withDescription("At most 200 of each queue. To look changes nothing. What is younger than some seconds may be missing: Pub/Sub promises no more."))
	addOperation(api, http.MethodPost, "/dead-letters/{letter}/replay", "replay-dead-letter", "Hand it back to where it came from", l.replay, withBody,
		withDescription("202: it is on its topic again, and no dead letter any more; it will be, once more, when the reason has not passed. "+
			"404: there is no such letter, or it was replayed already."), func(op *huma.Operation) { op.DefaultStatus = http.StatusAccepted })
}

type lettersOutput struct {
	Body struct {
		Letters []deadLetter `json:"dead_letters" nullable:"false"`
		More    bool         `json:"more" doc:"There are more than are listed."`
	}
}

// list answers GET /v1/admin/dead-letters.
func (l *deadLetterHandlers) list(ctx context.Context, _ *struct{}) (*lettersOutput, error) {
	var out lettersOutput
	out.Body.Letters = []deadLetter{}
	found := make([][]deadLetter, len(l.queues))
	looks, ctx := errgroup.WithContext(ctx)
	for i, q := range l.queues {
		looks.Go(func() error {
			return q.scan(ctx, func(m *pubsubpb.ReceivedMessage) bool {
				found[i] = append(found[i], q.view(m.Message))
				return false
			})
		})
	}
	if err := looks.Wait(); err != nil {
		return nil, err
	}
	for _, letters := range found {
		out.Body.Letters = append(out.Body.Letters, letters...)
		out.Body.More = out.Body.More || len(letters) >= maxDeadLetters
	}
	slices.SortFunc(out.Body.Letters, func(a, b deadLetter) int {
		return cmp.Or(b.DiedAt.Compare(a.DiedAt), cmp.Compare(a.ID, b.ID))
	})
	return &out, nil
}

// view returns what an operator sees of a letter.
func (q *deadLetterQueue) view(m *pubsubpb.PubsubMessage) deadLetter {
	v := deadLetter{
		ID: q.id(m), Queue: q.name, Reason: m.Attributes[event.ReasonAttribute], Source: m.Attributes[event.SourceAttribute],
		DiedAt: m.PublishTime.AsTime(), Size: len(m.Data), Attributes: originalAttributes(m.Attributes), Body: preview(m.Data),
	}
	if v.Reason == "" {
		v.Reason = "delivered " + m.Attributes[sourceDeliveryCount] + " times in vain"
		v.Source = m.Attributes[sourceSubscription]
	}
	return v
}

// id returns what a letter is called: the name of its queue and Pub/Sub's id, which is unique within a topic.
func (q *deadLetterQueue) id(m *pubsubpb.PubsubMessage) string { return q.name + "-" + m.MessageId }

// originalAttributes returns the attributes of a message that became a dead letter.
func originalAttributes(attributes map[string]string) map[string]string {
	left := maps.Clone(attributes)
	maps.DeleteFunc(left, func(name, _ string) bool {
		return strings.HasPrefix(name, ourPrefix) || strings.HasPrefix(name, pubsubPrefix)
	})
	if left == nil {
		left = map[string]string{}
	}
	return left
}

// preview returns the beginning of a body as text.
func preview(body []byte) string {
	cut := body[:min(len(body), maxPreview)]
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
func (l *deadLetterHandlers) replay(ctx context.Context, in *ReplayInput) (*replayOutput, error) {
	name, _, _ := strings.Cut(in.Letter, "-")
	missing := problem.New(http.StatusNotFound, "no such dead letter, or it was replayed already")
	at := slices.IndexFunc(l.queues, func(q *deadLetterQueue) bool { return q.name == name })
	if at < 0 {
		return nil, missing
	}
	q := l.queues[at]
	replayed := false
	var failed error
	err := q.scan(ctx, func(m *pubsubpb.ReceivedMessage) bool {
		if q.id(m.Message) != in.Letter {
			return false
		}
		replayed, failed = true, q.republish(ctx, m)
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
	slog.InfoContext(ctx, "dead letter replayed", "letter", in.Letter, "operator", operatorFrom(ctx))
	var out replayOutput
	out.Body.ID = in.Letter
	return &out, nil
}

// republish hands a letter back to its topic, and takes it out of its queue.
func (q *deadLetterQueue) republish(ctx context.Context, m *pubsubpb.ReceivedMessage) error {
	attributes, err := replayAttributes(m.Message)
	if err != nil {
		return problem.New(http.StatusConflict, err.Error())
	}
	if err := q.modifyAckDeadline(ctx, replayLease, m.AckId); err != nil {
		return err
	}
	if err := q.source.Publish(ctx, m.Message.Data, attributes); err != nil {
		return fmt.Errorf("replay dead letter %s: %w: %w", q.id(m.Message), errUnavailable, err)
	}
	q.replayed = append(q.replayed[max(0, len(q.replayed)-maxReplayed+1):], m.Message.MessageId)
	if err := q.acknowledge(ctx, m.AckId); err != nil {
		// It was replayed, which is what was asked for. It comes back, and is known then.
		slog.ErrorContext(ctx, "dead letter replayed, but not acknowledged", "letter", q.id(m.Message), "err", err)
	}
	return nil
}

// notificationTypes are the notifications of Cloud Storage by the events that Eventarc makes of them.
var notificationTypes = map[string]string{
	"google.cloud.storage.object.v1.finalized": "OBJECT_FINALIZE",
	"google.cloud.storage.object.v1.deleted":   "OBJECT_DELETE",
}

// replayAttributes returns the attributes with which a letter is the message again that it was. An event of Cloud Storage
// becomes the notification of it, which says the same.
func replayAttributes(m *pubsubpb.PubsubMessage) (map[string]string, error) {
	kind, isEvent := m.Attributes[event.TypeAttribute]
	if !isEvent {
		return originalAttributes(m.Attributes), nil
	}
	var object struct {
		Bucket     string `json:"bucket"`
		Name       string `json:"name"`
		Generation string `json:"generation"`
	}
	if notificationTypes[kind] == "" || json.Unmarshal(m.Data, &object) != nil || object.Name == "" || object.Generation == "" {
		return nil, fmt.Errorf("it is a %.100s that no message can be made of", kind)
	}
	return map[string]string{
		"eventType": notificationTypes[kind], "bucketId": object.Bucket, "objectId": object.Name, "objectGeneration": object.Generation,
		"payloadFormat": "JSON_API_V1",
	}, nil
}
