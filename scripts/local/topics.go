package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hybrid-bts/functions/scripts/deploy"
	"github.com/hybrid-bts/functions/shared/event"
)

// eventTopic carries the events of the originals bucket. It stands for the topic that Eventarc creates.
const eventTopic = prefix + "eventarc"

// erasures is the subscription that scripts/data/erasures reads.
const erasures = prefix + "commands-erasures"

// subscription is a push subscription with a dead-letter policy.
type subscription struct {
	// name, topic and deadTopic are ids in the local project.
	name, topic, deadTopic string
	// function receives the messages.
	function string
	// ackDeadline is the time that the function has for a message.
	ackDeadline time.Duration
	// format is the format of the requests to the function.
	format format
}

// subscriptions returns the push subscriptions of topics.csv, with the ack deadline that setup.sh gives them, and the one of
// the Eventarc triggers.
func subscriptions() []subscription {
	const ackDeadline = 60 * time.Second
	all := []subscription{{
		name: eventTopic + "-image", topic: eventTopic, function: "image", deadTopic: originals + "-dead", ackDeadline: ackDeadline, format: storageFormat,
	}}
	for _, t := range deploy.Topics() {
		if t.PushSubscription() != "" {
			all = append(all, subscription{
				name: prefix + t.PushSubscription(), topic: prefix + t.Name, function: t.Function, deadTopic: prefix + t.DeadLetterTopic,
				ackDeadline: ackDeadline, format: pushFormat,
			})
		}
	}
	return all
}

// topics returns the names of all topics.
func topics() []string {
	all := []string{eventTopic}
	for _, t := range deploy.Topics() {
		all = append(all, prefix+t.Name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// deadTopics returns the names of the dead-letter topics.
func deadTopics() []string {
	return slices.DeleteFunc(topics(), func(topic string) bool { return !strings.HasSuffix(topic, "-dead") })
}

// topicPath and subscriptionPath return full resource names, as the Pub/Sub API wants them.
func topicPath(id string) string        { return "projects/" + project + "/topics/" + id }
func subscriptionPath(id string) string { return "projects/" + project + "/subscriptions/" + id }

// createTopics creates the topics and their subscriptions. A dead-letter topic has a pull subscription for operators and
// another for the log. Pull subscriptions that instances claim have the same long ack deadline.
func (e *engines) createTopics(ctx context.Context) (err error) {
	if e.conn, err = grpc.NewClient(e.pubsub.Addr, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		return err
	}
	e.closers = append(e.closers, func() { _ = e.conn.Close() })
	// Dead letters are published after the signal to stop, too.
	if e.client, err = pubsub.NewClient(context.WithoutCancel(ctx), project, option.WithGRPCConn(e.conn)); err != nil {
		return err
	}
	e.closers = append(e.closers, func() { _ = e.client.Close() })
	for _, topic := range topics() {
		if _, err := e.client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: topicPath(topic)}); err != nil {
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	// The ack deadline is the maximum of Pub/Sub, because push.go extends it for each delivery.
	byName := map[string]string{} // topics of subscriptions
	for _, s := range subscriptions() {
		byName[s.name] = s.topic
	}
	for _, t := range deploy.Topics() {
		for _, name := range t.ClaimedSubscriptions() {
			byName[prefix+name] = prefix + t.Name
		}
	}
	for _, topic := range deadTopics() {
		byName[topic], byName[logSubscription(topic)] = topic, topic
	}
	byName[erasures] = prefix + "commands"
	for name, topic := range byName {
		s := &pubsubpb.Subscription{
			Name: subscriptionPath(name), Topic: topicPath(topic), AckDeadlineSeconds: 600, MessageRetentionDuration: durationpb.New(24 * time.Hour),
		}
		if name == erasures {
			s.Filter = `attributes.kind="erasure"`
		}
		if _, err := e.client.SubscriptionAdminClient.CreateSubscription(ctx, s); err != nil {
			return fmt.Errorf("create subscription %s: %w", name, err)
		}
	}
	return nil
}

// logSubscription returns the subscription that the log reads a dead-letter topic from.
func logSubscription(deadTopic string) string { return deadTopic + "-log" }

// logDeadLetters logs the messages of a dead-letter topic until ctx ends.
func (e *engines) logDeadLetters(ctx context.Context, topic string) {
	err := e.client.Subscriber(logSubscription(topic)).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		reason := m.Attributes[event.ReasonAttribute]
		if reason == "" {
			reason = "rejected " + m.Attributes[event.PubSubDeliveryCount] + " times"
		}
		slog.Warn("dead letter", "topic", topic, "bytes", len(m.Data), "reason", reason)
		m.Ack()
	})
	logFailure(ctx, "log dead letters of "+topic, err)
}
