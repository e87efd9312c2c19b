package topic_test

import (
	"context"
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc/codes"

	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/topic"
)

func TestAMessageIsThereWhenPublishReturns(t *testing.T) {
	p, srv := pubsubtest.New(t, "reviews")
	to := topic.New(p)
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp() // which undoes nothing
	for _, data := range []string{"a", "b"} {
		if err := to.Publish(ctx, []byte(data), map[string]string{"kind": data}); err != nil {
			t.Fatal(err)
		}
		got := srv.Messages()
		if last := got[len(got)-1]; string(last.Data) != data || last.Attributes["kind"] != data {
			t.Errorf("published %s %v, want %s", last.Data, last.Attributes, data)
		}
	}
}

func TestAMessageThatIsRefusedIsTold(t *testing.T) {
	p, _ := pubsubtest.New(t, "reviews", pstest.WithErrorInjection("Publish", codes.PermissionDenied, "injected"))
	if err := topic.New(p).Publish(t.Context(), []byte("a"), nil); err == nil || !strings.Contains(err.Error(), "topics/reviews") {
		t.Errorf("Publish() = %v, want an error that names the topic", err)
	}
}
