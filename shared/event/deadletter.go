package event

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/hybrid-bts/functions/shared/event/delivery"
)

// DeadLetters stores an event that failed permanently, with the reason. When it returns an error, the event is redelivered.
type DeadLetters func(ctx context.Context, e Event, reason error) error

// Attributes that DeadLetterTopic adds to those of the event.
const (
	AttributePrefix   = "dead_letter_" // of all attributes below
	ReasonAttribute   = AttributePrefix + "reason"
	SourceAttribute   = AttributePrefix + "source"    // the subscription, or the source of a CloudEvent
	SourceIDAttribute = AttributePrefix + "source_id" // the ID of the event
	TypeAttribute     = AttributePrefix + "type"      // only for events that were not Pub/Sub messages

	// TruncatedAttribute is the size of the data of the event in bytes. Only a dead letter with truncated data has it.
	TruncatedAttribute = AttributePrefix + "truncated_from"
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

// maxMessage bounds the data and attributes of an event whose dead letter has all of the data, in bytes. A publish request
// has at most 10 MB (https://cloud.google.com/pubsub/quotas#resource_limits); the rest is for the attributes above and the name
// of the topic.
const maxMessage = 10_000_000 - 16<<10

// truncatedSize is the size of the data of a truncated dead letter, in bytes.
const truncatedSize = 64 << 10

// maxDeadIDs is the number of IDs of dead-lettered events that DeadLetterTopic remembers.
const maxDeadIDs = 1000

// Publisher publishes to one topic. topic.Topic implements it.
type Publisher interface {
	// Publish returns nil once Pub/Sub has stored the message.
	Publish(ctx context.Context, data []byte, attributes map[string]string) error
}

// DeadLetterTopic publishes events to a topic with their data and attributes, as far as there is room beside the
// attributes above. Of an event that Pub/Sub would reject as too large, it publishes the first 64 KiB of the data, with
// TruncatedAttribute. It publishes an event once, also for concurrent deliveries, which wait for one publication. Other
// instances, and this one after a restart, may publish it again with the same SourceIDAttribute. The topic bounds the time.
func DeadLetterTopic(topic Publisher) DeadLetters {
	var mu sync.Mutex
	var ids []string // of published dead letters; guarded by mu, which nothing holds while publishing
	var publications singleflight.Group
	return func(ctx context.Context, e Event, reason error) error {
		_, err, _ := publications.Do(e.ID, func() (any, error) {
			mu.Lock()
			published := slices.Contains(ids, e.ID)
			mu.Unlock()
			if published {
				return nil, nil
			}
			data, attributes := deadLetter(e, reason)
			if err := topic.Publish(ctx, data, attributes); err != nil {
				return nil, err
			}
			mu.Lock()
			defer mu.Unlock()
			ids = append(ids[max(0, len(ids)-maxDeadIDs+1):], e.ID)
			return nil, nil
		})
		return err
	}
}

// deadLetter returns the data and the attributes of the dead letter of e.
func deadLetter(e Event, reason error) (data []byte, attributes map[string]string) {
	if fitsMessage(e) {
		return e.Data, deadLetterAttributes(e, reason)
	}
	return e.Data[:min(len(e.Data), truncatedSize)], deadLetterAttributes(e, reason)
}

// fitsMessage reports whether a dead letter can have all data of e.
func fitsMessage(e Event) bool {
	const lengths = 12 // of an attribute in a request, in bytes
	size := len(e.Data)
	for name, value := range e.Attributes {
		size += len(name) + len(value) + lengths
	}
	return size <= maxMessage
}

// deadLetterAttributes returns the attributes of the dead letter of e. When there are too many, those of e with the last
// names are dropped.
func deadLetterAttributes(e Event, reason error) map[string]string {
	attributes := map[string]string{
		ReasonAttribute:   truncate(reason.Error(), 1024), // maximum length of a value in Pub/Sub, in bytes
		SourceAttribute:   truncate(e.Source, 1024),
		SourceIDAttribute: truncate(e.ID, 1024),
	}
	if e.Type != delivery.MessagePublished {
		attributes[TypeAttribute] = truncate(e.Type, 1024)
	}
	if !fitsMessage(e) {
		attributes[TruncatedAttribute] = strconv.Itoa(len(e.Data))
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
