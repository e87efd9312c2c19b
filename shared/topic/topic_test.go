package topic_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

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

// refusing returns a client of a Pub/Sub that refuses connections.
func refusing(t *testing.T) *topic.Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PUBSUB_EMULATOR_HOST", l.Addr().String())
	_ = l.Close()
	c, err := topic.Open(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPublishEndsAtTheDeadlineOfItsContext(t *testing.T) {
	c := refusing(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := c.Topic("reviews").Publish(ctx, []byte("a"), nil); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("Publish() = %v after %v, want an error after 50 ms", err, time.Since(began))
	}
	_ = c.Close()
}

func TestCloseDoesNotWaitForPubSub(t *testing.T) {
	c := refusing(t)
	reviews := c.Topic("reviews")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // of the caller alone, not of the batch
	defer cancel()
	published := make(chan error, 1)
	go func() { published <- reviews.Publish(ctx, []byte("a"), nil) }()
	time.Sleep(100 * time.Millisecond) // the batch is on its way
	began := time.Now()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Close() took %v, want half a second", took)
	}
	if err := <-published; err == nil {
		t.Error("an unconfirmed message is published")
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
