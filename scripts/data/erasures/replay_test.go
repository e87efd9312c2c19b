package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc/codes"

	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/topic"
)

// Names of the deployment.
const subscriptionName = "projects/shop/subscriptions/commands-erasures"

// fixture is a topic of commands with the subscription that keeps erasures.
type fixture struct {
	client *pubsub.Client
	server *pstest.Server
	topic  topic.Topic
}

func newFixture(t *testing.T, opts ...pstest.ServerReactorOption) fixture {
	t.Helper()
	client, srv := pubsubtest.Client(t, []string{"commands"}, opts...)
	if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name: subscriptionName, Topic: "projects/shop/topics/commands", AckDeadlineSeconds: 60, Filter: `attributes.kind = "erasure"`,
	}); err != nil {
		t.Fatal(err)
	}
	f := fixture{client, srv, topic.New(client.Publisher("commands"))}
	t.Cleanup(f.topic.Stop)
	return f
}

// replay returns a run of the program.
func (f fixture) replay() *replay {
	return &replay{client: f.client.SubscriptionAdminClient, subscription: subscriptionName, commands: f.topic, idle: time.Second}
}

// send publishes a message to the topic of commands.
func (f fixture) send(t *testing.T, m review.Message) {
	t.Helper()
	if err := topic.Send(t.Context(), f.topic, review.Encode, m); err != nil {
		t.Fatal(err)
	}
}

func key(n int) review.Key {
	return review.Key{Product: "butter", Review: fmt.Sprintf("%08d-0000-4000-8000-000000000000", n)}
}

// erasures returns the number of erasures on the topic by review, and fails the test on any message that is none.
func (f fixture) erasures(t *testing.T, others int) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, m := range f.server.Messages() {
		decoded, err := review.Decode(m.Data, m.Attributes)
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := decoded.(review.Erasure); ok {
			counts[e.Review]++
		} else {
			others--
		}
	}
	if others != 0 {
		t.Errorf("%d messages besides erasures were published again", -others)
	}
	return counts
}

func TestErasuresArePublishedOncePerRun(t *testing.T) {
	f := newFixture(t)
	want := map[string]int{}
	for n := range 30 {
		f.send(t, review.Erasure{Key: key(n)})
		want[key(n).Review] = 1
	}
	f.send(t, review.Vote{Key: key(99), Visitor: strings.Repeat("v", 43)})
	for runs := 1; runs <= 3; runs++ { // each restore needs all of them
		var out strings.Builder
		dry := f.replay()
		dry.dryRun, dry.commands = true, nil
		if err := dry.run(t.Context(), &out); err != nil || out.String() != "30 erasures to publish again\n" {
			t.Fatalf("dry run %d: %q, %v", runs, out.String(), err)
		}
		out.Reset()
		if err := f.replay().run(t.Context(), &out); err != nil || out.String() != "30 erasures published again\n" {
			t.Fatalf("run %d: %q, %v", runs, out.String(), err)
		}
		for id := range want {
			want[id]++
		}
		if got := f.erasures(t, 1); !maps.Equal(got, want) {
			t.Errorf("run %d: erasures %v, want %v", runs, got, want)
		}
	}
}

func TestEmptySubscriptionIsNoError(t *testing.T) {
	var out strings.Builder
	if err := newFixture(t).replay().run(t.Context(), &out); err != nil || out.String() != "0 erasures published again\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// failing is a topic whose nth publication fails.
type failing struct {
	topic.Topic
	left *int
}

func (f failing) Publish(ctx context.Context, data []byte, attributes map[string]string) error {
	if *f.left--; *f.left < 0 {
		return errors.New("unavailable")
	}
	return f.Topic.Publish(ctx, data, attributes)
}

// No erasure is lost, wherever a run fails.
func TestNextRunFinishesAFailedOne(t *testing.T) {
	for name, fail := range map[string]func(t *testing.T, f fixture, r *replay) context.Context{
		"publish": func(t *testing.T, f fixture, r *replay) context.Context {
			left := 4
			r.commands = failing{f.topic, &left}
			return t.Context()
		},
		"signal": func(t *testing.T, _ fixture, _ *replay) context.Context {
			ctx, stop := context.WithCancel(t.Context())
			stop()
			return ctx
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			for n := range 10 {
				f.send(t, review.Erasure{Key: key(n)})
			}
			first := f.replay()
			if err := first.run(fail(t, f, first), io.Discard); err == nil {
				t.Fatal("the run reports no error")
			}
			var out strings.Builder
			if err := f.replay().run(t.Context(), &out); err != nil || out.String() != "10 erasures published again\n" {
				t.Fatalf("%q, %v", out.String(), err)
			}
			for id, n := range f.erasures(t, 0) {
				if n < 2 {
					t.Errorf("erasure of %s was not published again", id)
				}
			}
		})
	}
}

func TestFaultsOfPubSubAreErrors(t *testing.T) {
	for _, call := range []string{"Pull", "Acknowledge", "ModifyAckDeadline"} {
		f := newFixture(t, pstest.WithErrorInjection(call, codes.PermissionDenied, "injected"))
		f.send(t, review.Erasure{Key: key(1)})
		r := f.replay()
		r.dryRun = call == "ModifyAckDeadline"
		if err := r.run(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "injected") {
			t.Errorf("%s fails: %v", call, err)
		}
	}
}

func TestOtherMessagesStopTheRun(t *testing.T) {
	f := newFixture(t)
	// Only a subscription without the filter can have them; an attribute is enough for the embedded server.
	if err := f.topic.Publish(t.Context(), []byte("{}"), map[string]string{review.KindAttribute: "erasure", review.VersionAttribute: review.ChangeVersion}); err != nil {
		t.Fatal(err)
	}
	if err := f.replay().run(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "message ") {
		t.Errorf("malformed erasure: %v, want an error", err)
	}
}

func TestInvalidFlagsAreReportedTogether(t *testing.T) {
	err := run(t.Context(), []string{"extra"}, io.Discard, io.Discard)
	for _, name := range []string{"extra", "-project", "-subscription", "-topic"} {
		if !strings.Contains(fmt.Sprint(err), name) {
			t.Errorf("run() = %v, want %s named", err, name)
		}
	}
}
