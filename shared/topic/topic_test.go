package topic_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc/codes"

	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/topic"
)

func TestMessageIsStoredWhenPublishReturns(t *testing.T) {
	p, srv := pubsubtest.New(t, "reviews")
	reviews := topic.New(p)
	ctx, disconnect := context.WithCancel(t.Context())
	disconnect() // must not stop a publication
	for _, data := range []string{"a", "b"} {
		if err := reviews.Publish(ctx, []byte(data), map[string]string{"kind": data}); err != nil {
			t.Fatal(err)
		}
		got := srv.Messages()
		if last := got[len(got)-1]; string(last.Data) != data || last.Attributes["kind"] != data {
			t.Errorf("published %s %v, want %s", last.Data, last.Attributes, data)
		}
	}
}

func TestFailedPublicationNamesTheTopicAndIsUnavailable(t *testing.T) {
	p, _ := pubsubtest.New(t, "reviews", pstest.WithErrorInjection("Publish", codes.PermissionDenied, "injected"))
	err := topic.New(p).Publish(t.Context(), []byte("a"), nil)
	if err == nil || !strings.Contains(err.Error(), "topics/reviews") {
		t.Errorf("Publish() = %v, want an error that names the topic", err)
	}
	var u interface{ Unavailable() bool }
	if !errors.As(err, &u) || !u.Unavailable() {
		t.Errorf("%v is not unavailable", err)
	}
}

func TestInvalidMessageIsNotPublished(t *testing.T) {
	p, srv := pubsubtest.New(t, "reviews")
	invalid := errors.New("invalid")
	err := topic.Send(t.Context(), topic.New(p), func(string) ([]byte, map[string]string, error) { return nil, nil, invalid }, "a")
	if !errors.Is(err, invalid) || len(srv.Messages()) != 0 {
		t.Errorf("Send() = %v with %d messages, want the error of the encoder and none", err, len(srv.Messages()))
	}
}

// printed publishes to the standard output.
type printed struct{}

func (printed) Publish(_ context.Context, data []byte, attributes map[string]string) error {
	fmt.Printf("%s %v\n", data, attributes)
	return nil
}

func ExampleSend() {
	encode := func(rating int) ([]byte, map[string]string, error) {
		if rating < 1 || rating > 5 {
			return nil, nil, fmt.Errorf("encode rating %d: not 1 to 5", rating)
		}
		return fmt.Append(nil, rating), map[string]string{"kind": "rating"}, nil
	}
	fmt.Println(topic.Send(context.Background(), printed{}, encode, 5))
	fmt.Println(topic.Send(context.Background(), printed{}, encode, 9))
	// Output:
	// 5 map[kind:rating]
	// <nil>
	// encode rating 9: not 1 to 5
}
