package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strings"

	"cloud.google.com/go/bigtable/bttest"
	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"google.golang.org/grpc"

	"github.com/hybrid-bts/functions/shared/fake/languagetest"
	"github.com/hybrid-bts/functions/shared/fake/oidctest"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
)

// engines are the embedded servers that replace Google Cloud, Slack and the OpenID Connect issuer.
type engines struct {
	// Google's test servers, or servers with the API of the real ones.
	pubsub   *pstest.Server
	spanner  *spannerdbtest.Server
	bigtable *bttest.Server
	storage  *fakestorage.Server
	language *languagetest.Server
	slack    *httptest.Server
	issuer   *oidctest.Issuer

	// conn and client are connected to the embedded Pub/Sub.
	conn   *grpc.ClientConn
	client *pubsub.Client
	// closers stop the servers and clients, in order of creation.
	closers []func()
}

// startEngines starts all engines, and creates the topics, subscriptions and buckets. The caller closes them.
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
		return nil, fmt.Errorf("start embedded Spanner: %w", err)
	}
	e.closers = append(e.closers, e.spanner.Close)
	if e.bigtable, err = bttest.NewServer(anyPort); err != nil {
		return nil, fmt.Errorf("start embedded Bigtable: %w", err)
	}
	e.closers = append(e.closers, e.bigtable.Close)
	if e.storage, err = startStorage(e.pubsub.Addr); err != nil {
		return nil, fmt.Errorf("start embedded Cloud Storage: %w", err)
	}
	e.closers = append(e.closers, e.storage.Stop)
	if e.language, err = languagetest.Start(anyPort); err != nil {
		return nil, fmt.Errorf("start embedded Natural Language API: %w", err)
	}
	e.closers = append(e.closers, e.language.Close)
	e.slack = startSlack()
	e.closers = append(e.closers, e.slack.Close)
	if e.issuer, err = oidctest.Start(anyPort, audience); err != nil {
		return nil, fmt.Errorf("start embedded OpenID Connect issuer: %w", err)
	}
	e.closers = append(e.closers, e.issuer.Close)
	for _, bucket := range buckets() {
		e.storage.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: bucket})
	}
	if err := e.createTopics(ctx); err != nil {
		return nil, fmt.Errorf("prepare embedded Pub/Sub: %w", err)
	}
	return e, nil
}

// startStorage starts a Cloud Storage that publishes the events of the originals bucket to eventTopic. fakestorage reads the
// address of Pub/Sub from PUBSUB_EMULATOR_HOST alone, so startStorage sets that variable while it runs.
func startStorage(pubsub string) (*fakestorage.Server, error) {
	const variable = "PUBSUB_EMULATOR_HOST"
	before, set := os.LookupEnv(variable)
	if err := os.Setenv(variable, pubsub); err != nil {
		return nil, err
	}
	defer func() {
		if set {
			_ = os.Setenv(variable, before) // the same name was accepted above
		} else {
			_ = os.Unsetenv(variable)
		}
	}()
	return fakestorage.NewServerWithOptions(fakestorage.Options{
		Scheme: "http", Host: "127.0.0.1", PublicHost: "127.0.0.1",
		EventOptions: fakestorage.EventManagerOptions{
			ProjectID: project, TopicName: eventTopic, Bucket: originals, NotifyOn: fakestorage.EventNotificationOptions{Finalize: true, Delete: true},
		},
	})
}

// buckets returns the buckets that variables of functions name.
func buckets() []string {
	var all []string
	for _, v := range tableVariables() {
		if strings.HasSuffix(v.Name, "_BUCKET") {
			all = append(all, expand(v.Value, ""))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// close stops the engines, the last started first.
func (e *engines) close() {
	for _, stop := range slices.Backward(e.closers) {
		stop()
	}
}
