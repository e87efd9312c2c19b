package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hybrid-bts/functions/shared/event"
)

// received is a delivery.
type received struct {
	Subscription    string
	DeliveryAttempt int
	Message         struct {
		Data       []byte
		Attributes map[string]string
		MessageID  string `json:"messageId"`
	}
}

// function is an HTTP handler that records its deliveries and answers with the status that answer returns.
type function struct {
	mu     sync.Mutex
	got    []received
	answer func(r received) int
}

// ServeHTTP implements http.Handler.
func (f *function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var got received
	if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	f.got = append(f.got, got)
	f.mu.Unlock()
	w.WriteHeader(f.answer(got))
}

// deliveries returns the deliveries so far.
func (f *function) deliveries() []received {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got)
}

// delivering publishes n numbered messages to the topic of the reviews, and delivers them to f until the test ends.
func delivering(t *testing.T, f *function, n int, ackDeadline time.Duration, o pushOptions) *engines {
	t.Helper()
	e, err := startEngines(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(f)
	p := e.client.Publisher(prefix + "reviews")
	for i := range n {
		if _, err := p.Publish(t.Context(), &pubsub.Message{Data: []byte(strconv.Itoa(i)), Attributes: map[string]string{"a": "b"}}).Get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	p.Stop()
	s := subscriptionOf(t, prefix+"reviews")
	s.ackDeadline = ackDeadline
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		newPush(e, s, srv.URL, o).run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
		srv.Close()
		e.close()
	})
	return e
}

// subscriptionOf returns the push subscription of a topic.
func subscriptionOf(t *testing.T, topic string) subscription {
	t.Helper()
	all := subscriptions()
	i := slices.IndexFunc(all, func(s subscription) bool { return s.topic == topic })
	if i < 0 {
		t.Fatalf("no push subscription of %s", topic)
	}
	return all[i]
}

// wait returns the deliveries once there are n or more.
func (f *function) wait(t *testing.T, n int) []received {
	t.Helper()
	for range 500 {
		if got := f.deliveries(); len(got) >= n {
			return got
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d deliveries, want %d", len(f.deliveries()), n)
	return nil
}

// deadLetters returns the messages that arrive on the dead-letter topic of the reviews within a second.
func deadLetters(t *testing.T, e *engines) []*pubsub.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var mu sync.Mutex
	var got []*pubsub.Message
	err := e.client.Subscriber(logSubscription(prefix+"reviews-dead")).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, m)
		m.Ack()
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// noFaults returns options without faults.
func noFaults() pushOptions { return pushOptions{maxAttempts: 5, minBackoff: time.Millisecond} }

func TestMessageIsDeliveredUntilItIsAccepted(t *testing.T) {
	f := &function{answer: func(r received) int { return map[bool]int{true: 204, false: 503}[r.DeliveryAttempt == 3] }}
	e := delivering(t, f, 1, time.Second, noFaults())
	got := f.wait(t, 3)
	for i, r := range got {
		if r.DeliveryAttempt != i+1 || string(r.Message.Data) != "0" || r.Message.Attributes["a"] != "b" || r.Message.MessageID == "" ||
			r.Subscription != "projects/hybrid-bts-local/subscriptions/local-hybridbts-reviews-sentiment" {
			t.Errorf("delivery %d is %+v", i, r)
		}
	}
	if dead := deadLetters(t, e); len(dead) != 0 {
		t.Errorf("%d dead letters, want none", len(dead))
	}
	if n := len(f.deliveries()); n != 3 {
		t.Errorf("%d deliveries, want 3", n)
	}
}

func TestMessageRejectedTooOftenIsDeadLetteredOnce(t *testing.T) {
	f := &function{answer: func(r received) int { return map[bool]int{true: 500, false: 204}[string(r.Message.Data) == "0"] }}
	e := delivering(t, f, 2, time.Second, noFaults())
	f.wait(t, 6)
	dead := deadLetters(t, e)
	if len(dead) != 1 || string(dead[0].Data) != "0" || dead[0].Attributes["a"] != "b" {
		t.Fatalf("dead letters %v, want the one message unchanged", dead)
	}
	for name, want := range map[string]string{
		event.PubSubDeliveryCount: "5", event.PubSubSubscription: "local-hybridbts-reviews-sentiment", event.PubSubSubscriptionProject: project,
	} {
		if got := dead[0].Attributes[name]; got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if n := len(f.deliveries()); n != 6 {
		t.Errorf("%d deliveries, want 5 of one message and 1 of the other", n)
	}
}

func TestAckDeadlineEndsADelivery(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) }) // before the server of the function closes
	f := &function{}
	f.answer = func(r received) int {
		if r.DeliveryAttempt == 1 {
			select {
			case <-release:
			case <-time.After(2 * time.Second):
			}
		}
		return 204
	}
	delivering(t, f, 1, 50*time.Millisecond, noFaults())
	f.wait(t, 1)
	began := time.Now()
	f.wait(t, 2)
	if took := time.Since(began); took > 1500*time.Millisecond {
		t.Errorf("the second delivery came after %v, want less than 1.5 s", took)
	}
}

func TestRedeliverDeliversTwice(t *testing.T) {
	f := &function{answer: func(received) int { return 204 }}
	o := noFaults()
	o.redeliver = 1
	delivering(t, f, 20, time.Second, o)
	times := map[string]int{}
	for _, r := range f.wait(t, 40) {
		times[string(r.Message.Data)]++
	}
	for i := range 20 {
		if times[strconv.Itoa(i)] != 2 {
			t.Errorf("message %d was delivered %d times, want 2", i, times[strconv.Itoa(i)])
		}
	}
}

func TestShuffleDeliversOutOfOrder(t *testing.T) {
	f := &function{answer: func(received) int { return 204 }}
	o := noFaults()
	o.shuffle = true
	delivering(t, f, 30, time.Second, o)
	var order []int
	for _, r := range f.wait(t, 30) {
		n, err := strconv.Atoi(string(r.Message.Data))
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, n)
	}
	if slices.IsSorted(order) {
		t.Errorf("messages were delivered in order: %v", order)
	}
	slices.Sort(order)
	if len(slices.Compact(order)) != 30 {
		t.Errorf("delivered %v, want each message once", order)
	}
}

// The testdata of shared/event holds a recorded event of Eventarc.
func TestStorageFormatEqualsARecordedEventOfEventarc(t *testing.T) {
	m := &pubsubpb.PubsubMessage{
		MessageId: "7400012345678901", PublishTime: timestamppb.New(time.Date(2026, 11, 20, 9, 15, 2, 313e6, time.UTC)),
		Data: []byte(`{"name":"products/사진 1.jpg"}`), Attributes: map[string]string{"bucketId": "shop-originals", "objectId": "products/사진 1\n.jpg"},
	}
	header, body, err := storageFormat("", m, 1)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("../../shared/event/testdata/eventarc_storage.http")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	recorded, err := http.ReadRequest(bufio.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	recorded.Header.Set("Ce-Subject", "objects/products/%EC%82%AC%EC%A7%84%201%0A.jpg")
	recorded.Header.Del("Connection")
	if diff := cmp.Diff(recorded.Header, header); diff != "" {
		t.Error(diff)
	}
	var got event.Event
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header = header
	h := event.Handler(func(_ context.Context, e event.Event) error { got = e; return nil }, nil)
	h.ServeHTTP(httptest.NewRecorder(), r)
	if got.Type != header.Get("Ce-Type") || got.ID != m.MessageId || string(got.Data) != string(m.Data) {
		t.Errorf("event.Handler decodes it as %+v", got)
	}
}
