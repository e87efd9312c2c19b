package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/bigtable/bttest"
	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/fake/languagetest"
	"github.com/hybrid-bts/functions/shared/fake/oidctest"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

// Names in the local project.
const (
	project     = "hybrid-bts-local"
	instance    = "local" // of Spanner and of Bigtable
	database    = "shop"
	reviews     = "reviews"
	deadReviews = "reviews-dead"
	reviewNews  = "published" // what a page shows of a review has changed
	images      = "images"
	uploads     = "originals" // what Eventarc hands on
	deadUploads = "originals-dead"
	alerts      = "alerts"
	deadAlerts  = "alerts-dead"
	originals   = "hybrid-bts-local-originals"
	renditions  = "hybrid-bts-local-renditions"
	archive     = "hybrid-bts-local-archive" // of originals, and of what cannot be rendered
	operators   = "hybrid-bts-local-admin"   // whom the issuer's tokens are for
)

// subscription is a topic's way to a function.
type subscription struct {
	topic, function, deadTopic string
	ackDeadline                time.Duration
	format                     format
}

// subscriptions are all of them.
var subscriptions = []subscription{
	{topic: reviews, function: "sentiment", deadTopic: deadReviews, ackDeadline: 30 * time.Second, format: pushFormat},
	{topic: uploads, function: "image", deadTopic: deadUploads, ackDeadline: 60 * time.Second, format: storageFormat},
	{topic: alerts, function: "alert", deadTopic: deadAlerts, ackDeadline: 30 * time.Second, format: pushFormat},
}

// name is the subscription's own.
func (s subscription) name() string { return s.topic + "-" + s.function }

func topicPath(id string) string        { return "projects/" + project + "/topics/" + id }
func subscriptionPath(id string) string { return "projects/" + project + "/subscriptions/" + id }

// engines are what runs here in place of Google Cloud.
type engines struct {
	pubsub   *pstest.Server
	spanner  *spannerdbtest.Server
	bigtable *bttest.Server
	storage  *fakestorage.Server
	language *languagetest.Server
	slack    *httptest.Server
	issuer   *oidctest.Issuer

	conn    *grpc.ClientConn
	client  *pubsub.Client // of the embedded Pub/Sub
	closers []func()
}

// startEngines starts all engines, with schema, topics, subscriptions and buckets.
func startEngines(ctx context.Context) (e *engines, err error) {
	e = &engines{}
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	const anyPort = "127.0.0.1:0"
	e.pubsub = pstest.NewServerWithAddress(anyPort)
	e.closers = append(e.closers, func() { _ = e.pubsub.Close() })
	if e.spanner, err = spannerdbtest.Start(anyPort); err != nil {
		return nil, err
	}
	e.closers = append(e.closers, e.spanner.Close)
	if e.bigtable, err = bttest.NewServer(anyPort); err != nil {
		return nil, fmt.Errorf("embedded Bigtable: %w", err)
	}
	e.closers = append(e.closers, e.bigtable.Close)
	if e.storage, err = startStorage(e.pubsub.Addr); err != nil {
		return nil, fmt.Errorf("embedded Cloud Storage: %w", err)
	}
	e.closers = append(e.closers, e.storage.Stop)
	if e.language, err = languagetest.Start(anyPort); err != nil {
		return nil, err
	}
	e.closers = append(e.closers, e.language.Close)
	e.slack = startSlack()
	e.closers = append(e.closers, e.slack.Close)
	if e.issuer, err = oidctest.Start(anyPort, operators); err != nil {
		return nil, err
	}
	e.closers = append(e.closers, e.issuer.Close)
	for _, bucket := range []string{originals, renditions, archive} {
		e.storage.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: bucket})
	}
	if err := e.makeTopics(ctx); err != nil {
		return nil, err
	}
	return e, nil
}

// startStorage starts a Cloud Storage that publishes what lands in the originals bucket, and what is deleted there. It finds
// Pub/Sub by a variable of our environment alone.
func startStorage(pubsub string) (*fakestorage.Server, error) {
	const variable = "PUBSUB_EMULATOR_HOST"
	before, set := os.LookupEnv(variable)
	if err := os.Setenv(variable, pubsub); err != nil {
		return nil, err
	}
	defer func() {
		if set {
			_ = os.Setenv(variable, before) // it could be set a moment ago
		} else {
			_ = os.Unsetenv(variable)
		}
	}()
	return fakestorage.NewServerWithOptions(fakestorage.Options{
		Scheme: "http", Host: "127.0.0.1", PublicHost: "127.0.0.1",
		EventOptions: fakestorage.EventManagerOptions{
			ProjectID: project, TopicName: uploads, Bucket: originals, NotifyOn: fakestorage.EventNotificationOptions{Finalize: true, Delete: true},
		},
	})
}

// makeTopics makes the topics and subscriptions, and for each dead-letter topic one subscription for our log and one that
// keeps what is in it, for operators.
func (e *engines) makeTopics(ctx context.Context) (err error) {
	if e.conn, err = grpc.NewClient(e.pubsub.Addr, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		return fmt.Errorf("embedded Pub/Sub: %w", err)
	}
	e.closers = append(e.closers, func() { _ = e.conn.Close() })
	// The publishers of dead letters outlive the signal to stop.
	if e.client, err = pubsub.NewClient(context.WithoutCancel(ctx), project, option.WithGRPCConn(e.conn)); err != nil {
		return fmt.Errorf("embedded Pub/Sub: %w", err)
	}
	e.closers = append(e.closers, func() { _ = e.client.Close() })
	topics := []string{images, reviewNews} // nothing pushes them: api subscribes to the second by itself
	for _, s := range subscriptions {
		topics = append(topics, s.topic, s.deadTopic)
	}
	for _, topic := range topics {
		if _, err := e.client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: topicPath(topic)}); err != nil {
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	for _, s := range subscriptions {
		for _, sub := range []*pubsubpb.Subscription{
			{Name: subscriptionPath(s.name()), Topic: topicPath(s.topic)},
			{Name: subscriptionPath(deadLog(s)), Topic: topicPath(s.deadTopic)},
			{Name: subscriptionPath(s.deadTopic), Topic: topicPath(s.deadTopic)},
		} {
			sub.AckDeadlineSeconds, sub.MessageRetentionDuration = 600, durationpb.New(24*time.Hour)
			if _, err := e.client.SubscriptionAdminClient.CreateSubscription(ctx, sub); err != nil {
				return fmt.Errorf("create subscription %s: %w", sub.Name, err)
			}
		}
	}
	return nil
}

// deadLog is the subscription that our log reads a subscription's dead letters from.
func deadLog(s subscription) string { return s.deadTopic + "-log" }

// logDeadLetters logs the dead letters of a subscription until ctx ends, and hands them on to the
// alerts as a subscription of alert does; but not its own, which would come back for ever.
func (e *engines) logDeadLetters(ctx context.Context, s subscription) {
	told := e.client.Publisher(alerts)
	defer told.Stop()
	err := e.client.Subscriber(deadLog(s)).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		if s.deadTopic != deadAlerts {
			if _, err := told.Publish(ctx, &pubsub.Message{Attributes: m.Attributes}).Get(ctx); err != nil {
				m.Nack()
				return
			}
		}
		reason := m.Attributes[event.ReasonAttribute]
		if reason == "" {
			reason = "delivered " + m.Attributes[event.PubSubDeliveryCount] + " times in vain"
		}
		slog.Warn("dead letter", "topic", s.deadTopic, "bytes", len(m.Data), "reason", reason)
		m.Ack()
	})
	died(ctx, "dead letters are not logged any more", err)
}

func (e *engines) close() {
	for _, f := range slices.Backward(e.closers) {
		f()
	}
}

// environ is what the functions, and other tools, need to find everything.
func (e *engines) environ() []string {
	return []string{
		"GOOGLE_CLOUD_PROJECT=" + project,
		"PUBSUB_EMULATOR_HOST=" + e.pubsub.Addr,
		"SPANNER_EMULATOR_HOST=" + e.spanner.Addr,
		"BIGTABLE_EMULATOR_HOST=" + e.bigtable.Addr,
		"STORAGE_EMULATOR_HOST=" + e.storage.URL(),
		"LANGUAGE_ENDPOINT=" + e.language.Addr,
		"SPANNER_INSTANCE=" + instance,
		"SPANNER_DATABASE=" + database,
		"PRODUCT_SEARCH=scan",
		"RATE_LIMIT=off", // on a laptop all clients are one
		"BIGTABLE_INSTANCE=" + instance,
		"PAGE_TOKEN_KEY=no-secret-on-a-laptop",
		"AUTHOR_TOKEN_KEY=no-secret-on-a-laptop",
		"SLACK_WEBHOOK_URL=" + e.slack.URL + "/services/local",
		"REVIEWS_TOPIC=" + reviews,
		"REVIEWS_DEAD=" + deadReviews,
		"ORIGINALS_TOPIC=" + uploads,
		"ORIGINALS_DEAD=" + deadUploads,
		"OIDC_ISSUER=" + e.issuer.URL,
		"OIDC_AUDIENCE=" + operators,
		"PUBLISHED_TOPIC=" + reviewNews,
		"ALERTS_TOPIC=" + alerts,
		"DEAD_LETTER_TOPIC=" + deadReviews,
		"ORIGINALS_BUCKET=" + originals,
		"RENDITIONS_BUCKET=" + renditions,
		"FAILED_BUCKET=" + archive,
		"ARCHIVE_BUCKET=" + archive,
		"IMAGES_TOPIC=" + images,
		"UPLOAD_ORIGIN=" + e.storage.URL(),
		"MEMORY_MIB=256",
	}
}

// deadLetterTopic is the variable that names a function's topic of dead letters, when it has one.
func deadLetterTopic(function string) []string {
	for _, s := range subscriptions {
		if s.function == function {
			return []string{"DEAD_LETTER_TOPIC=" + s.deadTopic}
		}
	}
	return nil
}

// databaseName is the full name of the local database.
func databaseName() string { return spannerdb.Name(project, instance, database) }

// writeEnv writes the variables at once, so that who waits for the file finds it whole.
func writeEnv(file string, environ []string) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	_, err = tmp.WriteString(strings.Join(environ, "\n") + "\n")
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", file, err), os.Remove(tmp.Name()))
	}
	return nil
}
