// Package pubsubtest runs an embedded Pub/Sub for a test.
package pubsubtest

import (
	"context"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Client returns an embedded Pub/Sub with the given topics in the project shop, and a client of it. The server records the
// published messages. Both end with the test. The options inject faults.
func Client(t testing.TB, topics []string, opts ...pstest.ServerReactorOption) (*pubsub.Client, *pstest.Server) {
	t.Helper()
	srv := pstest.NewServer(opts...)
	conn, err := grpc.NewClient(srv.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	// The context of the test ends before the cleanup, which would drop the messages of open batches.
	ctx := context.WithoutCancel(t.Context())
	client, err := pubsub.NewClient(ctx, "shop", option.WithGRPCConn(conn))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range topics {
		if _, err := client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: "projects/shop/topics/" + id}); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		_ = client.Close()
		_ = conn.Close()
		_ = srv.Close()
	})
	return client, srv
}

// New returns an embedded Pub/Sub with one topic, and a publisher of the topic. Both end with the test.
func New(t testing.TB, topic string, opts ...pstest.ServerReactorOption) (*pubsub.Publisher, *pstest.Server) {
	t.Helper()
	client, srv := Client(t, []string{topic}, opts...)
	p := client.Publisher(topic)
	t.Cleanup(p.Stop)
	return p, srv
}
