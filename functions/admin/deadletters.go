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
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/errgroup"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/problem"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/plaintext"
	"github.com/hybrid-bts/functions/shared/topic"
)

const (
	// maxDeadLetters is the number of dead letters of a queue after which a scan stops.
	maxDeadLetters = 200
	// settleLease is the lease of a dead letter during its replay or discard.
	settleLease = time.Minute
	// maxPreview bounds the preview of a body, in bytes.
	maxPreview = 16 << 10
	// maxSettled is the number of message IDs that a queue remembers after their replay or discard.
	maxSettled = 1000
)

// deadLetterHandlers lists dead letters, replays and discards them.
type deadLetterHandlers struct {
	queues   []*deadLetterQueue
	commands topic.Publisher // commands to the review writer, which keeps the audit
	now      func() time.Time
}

// deadLetter is a message that a subscriber could not handle, as operators see it.
type deadLetter struct {
	ID         string            `json:"id" doc:"ID of the dead letter, for replays."`
	Queue      string            `json:"queue" doc:"Name of the queue." example:"reviews"`
	Reason     string            `json:"reason" doc:"Error of the subscriber, or the number of failed deliveries."`
	Source     string            `json:"source" doc:"Subscription that delivered the message, or source of the event." example:"prod-hybridbts-reviews-sentiment"`
	DiedAt     time.Time         `json:"died_at" doc:"Time at which the message became a dead letter."`
	Size       int               `json:"size" doc:"Size of the body in bytes. A body near the limit of Pub/Sub is truncated in the dead letter, which cannot be replayed."`
	Attributes map[string]string `json:"attributes" doc:"Attributes of the message without those of dead-lettering."`
	Body       string            `json:"body" doc:"First 16 KiB of the body. Invalid UTF-8 is replaced by U+FFFD."`
}

func (l *deadLetterHandlers) register(api huma.API) {
	addOperation(api, http.MethodGet, "/dead-letters", "list-dead-letters", "List dead letters, newest first", l.list,
		withDescription("Returns at most about 200 dead letters of each queue. Listing changes nothing. Dead letters of the last seconds may be missing, because Pub/Sub does not guarantee that a pull returns them."))
	accepted := func(op *huma.Operation) { op.DefaultStatus = http.StatusAccepted }
	const missing = "404: the dead letter does not exist, or was replayed or discarded before."
	addOperation(api, http.MethodPost, "/dead-letters/{letter}/replay", "replay-dead-letter", "Publish a dead letter to its topic again", l.replay, withBody, accepted,
		withDescription("202: the message is published to its topic again and removed from the queue. If the cause persists, it becomes a dead letter again. "+
			missing+" 409: its event has no equivalent message, or the dead letter has only a part of the body."))
	addOperation(api, http.MethodPost, "/dead-letters/{letter}/discard", "discard-dead-letter", "Delete a dead letter", l.discard, withBody, accepted, withDescription(missing))
	l.registerQueues(api)
}

type lettersOutput struct {
	Body struct {
		Letters []deadLetter `json:"dead_letters" nullable:"false"`
		More    bool         `json:"more" doc:"True if a queue has more dead letters than the list."`
	}
}

// list answers GET /v1/admin/dead-letters.
func (l *deadLetterHandlers) list(ctx context.Context, _ *struct{}) (*lettersOutput, error) {
	var out lettersOutput
	out.Body.Letters = []deadLetter{}
	found := make([][]deadLetter, len(l.queues))
	scans, ctx := errgroup.WithContext(ctx)
	for i, q := range l.queues {
		scans.Go(func() error {
			return q.scan(ctx, func(m *pubsubpb.ReceivedMessage) bool {
				found[i] = append(found[i], q.view(m.Message))
				return false
			})
		})
	}
	if err := scans.Wait(); err != nil {
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

// view returns a dead letter as operators see it.
func (q *deadLetterQueue) view(m *pubsubpb.PubsubMessage) deadLetter {
	v := deadLetter{
		ID: q.id(m), Queue: q.name, Reason: m.Attributes[event.ReasonAttribute], Source: m.Attributes[event.SourceAttribute],
		DiedAt: m.PublishTime.AsTime(), Size: len(m.Data), Attributes: originalAttributes(m.Attributes), Body: preview(m.Data),
	}
	if size, err := strconv.Atoi(m.Attributes[event.TruncatedAttribute]); err == nil {
		v.Size = size
	}
	if v.Reason == "" {
		v.Reason = m.Attributes[event.PubSubDeliveryCount] + " deliveries failed"
		v.Source = m.Attributes[event.PubSubSubscription]
	}
	return v
}

// id returns the ID of a dead letter: the name of the queue and the message ID, which is unique within a topic.
func (q *deadLetterQueue) id(m *pubsubpb.PubsubMessage) string { return q.name + "-" + m.MessageId }

// originalAttributes returns the attributes that a message had before it became a dead letter.
func originalAttributes(attributes map[string]string) map[string]string {
	left := maps.Clone(attributes)
	maps.DeleteFunc(left, func(name, _ string) bool {
		return strings.HasPrefix(name, event.AttributePrefix) || strings.HasPrefix(name, event.PubSubPrefix)
	})
	if left == nil {
		left = map[string]string{}
	}
	return left
}

// preview returns the first maxPreview bytes of a body as valid UTF-8.
func preview(body []byte) string {
	if len(body) > maxPreview {
		body = trimPartialRune(body[:maxPreview])
	}
	return strings.ToValidUTF8(string(body), "\ufffd")
}

// trimPartialRune removes an incomplete UTF-8 sequence from the end of a text that was cut at a byte.
func trimPartialRune(cut []byte) []byte {
	for start := len(cut) - 1; start > 0 && start > len(cut)-utf8.UTFMax; start-- {
		if !utf8.RuneStart(cut[start]) {
			continue
		}
		if !utf8.FullRune(cut[start:]) {
			return cut[:start]
		}
		return cut
	}
	return cut
}

// LetterInput is the path of a dead letter. It is exported because huma reads exported types only.
type LetterInput struct {
	Letter string `path:"letter" maxLength:"100" doc:"ID of the dead letter."`
}

type letterOutput struct {
	Body struct {
		ID string `json:"id"`
	}
}

// replay answers POST /v1/admin/dead-letters/{letter}/replay.
func (l *deadLetterHandlers) replay(ctx context.Context, in *LetterInput) (*letterOutput, error) {
	return l.settleOne(ctx, in.Letter, wire.Replay)
}

// discard answers POST /v1/admin/dead-letters/{letter}/discard.
func (l *deadLetterHandlers) discard(ctx context.Context, in *LetterInput) (*letterOutput, error) {
	return l.settleOne(ctx, in.Letter, wire.Discard)
}

// settleOne replays or discards one dead letter.
func (l *deadLetterHandlers) settleOne(ctx context.Context, letter string, verb wire.LetterVerb) (*letterOutput, error) {
	name, _, _ := strings.Cut(letter, "-")
	missing := problem.New(http.StatusNotFound, "dead letter does not exist, or was replayed or discarded before")
	at := slices.IndexFunc(l.queues, func(q *deadLetterQueue) bool { return q.name == name })
	if at < 0 {
		return nil, missing
	}
	q := l.queues[at]
	found := false
	var failed error
	err := q.scan(ctx, func(m *pubsubpb.ReceivedMessage) bool {
		if q.id(m.Message) != letter {
			return false
		}
		found, failed = true, l.settle(ctx, q, m, verb)
		return true
	})
	switch {
	case failed != nil:
		return nil, failed
	case err != nil:
		return nil, err
	case !found:
		return nil, missing
	}
	var out letterOutput
	out.Body.ID = letter
	return &out, nil
}

// settle replays or discards a leased dead letter: it publishes the message of a replay, then the audit entry, then
// acknowledges. So no message and no entry is lost. If a step fails, the letter stays in the queue; then a message may be
// published twice, which its subscriber handles as a redelivery.
func (l *deadLetterHandlers) settle(ctx context.Context, q *deadLetterQueue, m *pubsubpb.ReceivedMessage, verb wire.LetterVerb) error {
	letter := q.id(m.Message)
	var attributes map[string]string
	if verb == wire.Replay {
		var err error
		if attributes, err = replayAttributes(m.Message); err != nil {
			return problem.New(http.StatusConflict, err.Error())
		}
	}
	if err := q.modifyAckDeadline(ctx, settleLease, m.AckId); err != nil {
		return err
	}
	if verb == wire.Replay {
		if err := q.source.Publish(ctx, m.Message.Data, attributes); err != nil {
			return fmt.Errorf("publish dead letter %s: %w", letter, err)
		}
	}
	action := wire.LetterAction{
		Verb: verb, Letter: letter, Reason: cutRunes(plaintext.Clean(q.view(m.Message).Reason, -1), wire.MaxReason), Operator: operatorFrom(ctx),
		At: l.now().UTC().Truncate(time.Microsecond),
	}
	if err := topic.Send(ctx, l.commands, wire.Encode, wire.Message(action)); err != nil {
		return fmt.Errorf("record %s of dead letter %s: %w", verb, letter, err)
	}
	q.settled = append(q.settled[max(0, len(q.settled)-maxSettled+1):], m.Message.MessageId)
	slog.InfoContext(ctx, "dead letter settled", "letter", letter, "verb", verb, "operator", action.Operator)
	if err := q.acknowledge(ctx, m.AckId); err != nil {
		// The action succeeded. Pub/Sub will redeliver the message, and scan then finds it in q.settled.
		slog.ErrorContext(ctx, "dead letter settled but not acknowledged", "letter", letter, "err", err)
	}
	return nil
}

// cutRunes returns the first n runes of s.
func cutRunes(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// notificationTypes maps the event types of Eventarc to the types of the Cloud Storage notifications behind them.
var notificationTypes = map[string]string{
	"google.cloud.storage.object.v1.finalized": "OBJECT_FINALIZE",
	"google.cloud.storage.object.v1.deleted":   "OBJECT_DELETE",
}

// replayAttributes returns the attributes of the replayed message. A message keeps its own. An event of Cloud Storage
// gets the attributes of the equivalent notification. A truncated message cannot be replayed:
// https://cloud.google.com/storage/docs/pubsub-notifications#attributes.
func replayAttributes(m *pubsubpb.PubsubMessage) (map[string]string, error) {
	if size, truncated := m.Attributes[event.TruncatedAttribute]; truncated {
		return nil, fmt.Errorf("dead letter has only the first %d of %.20s bytes of the body; publish the message again at its source", len(m.Data), size)
	}
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
		return nil, fmt.Errorf("event of type %.100s has no equivalent message", kind)
	}
	return map[string]string{
		"eventType": notificationTypes[kind], "bucketId": object.Bucket, "objectId": object.Name, "objectGeneration": object.Generation,
		"payloadFormat": "JSON_API_V1",
	}, nil
}
