package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/event"
)

// addDeadLetter publishes a message to a dead-letter topic.
func (d *fixture) addDeadLetter(topic string, data string, attributes map[string]string) {
	d.t.Helper()
	p := d.client.Publisher(topic)
	defer p.Stop()
	if _, err := p.Publish(d.t.Context(), &pubsub.Message{Data: []byte(data), Attributes: attributes}).Get(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
}

type deadLetterList struct {
	Letters []deadLetter `json:"dead_letters"`
	More    bool         `json:"more"`
}

func (d *fixture) listDeadLetters() deadLetterList {
	d.t.Helper()
	return mustDecode[deadLetterList](d, 200, http.MethodGet, "/dead-letters", "")
}

// replayed pulls the messages that were published to a source topic.
func (d *fixture) replayed(topic string) (all []*pubsubpb.PubsubMessage) {
	d.t.Helper()
	resp, err := d.client.SubscriptionAdminClient.Pull(d.t.Context(), &pubsubpb.PullRequest{Subscription: "projects/shop/subscriptions/" + topic, MaxMessages: 100})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, m := range resp.ReceivedMessages {
		all = append(all, m.Message)
	}
	return all
}

// subscriberAttributes are the attributes of a message that a function dead-lettered.
var subscriberAttributes = map[string]string{
	"schema_version": "9", event.ReasonAttribute: "decode review: schema version \"9\"", event.SourceAttribute: "reviews-sentiment", event.SourceIDAttribute: "7",
}

func TestListingDeadLettersKeepsThem(t *testing.T) {
	t.Parallel()
	d := newFixture(t, nil)
	if got := d.listDeadLetters(); len(got.Letters) != 0 || got.Letters == nil || got.More {
		t.Errorf("got dead letters %+v, want an empty list", got)
	}
	d.addDeadLetter("reviews-dead", `{"text":"가"}`, subscriberAttributes)
	time.Sleep(2 * time.Millisecond)
	d.addDeadLetter("originals-dead", "\xff", map[string]string{
		"bucketId": "b", event.PubSubDeliveryCount: "10", event.PubSubSubscription: "originals-image", event.PubSubPrefix + "TopicPublishTime": "x",
	})
	for range 3 {
		got := d.listDeadLetters()
		if len(got.Letters) != 2 || got.More {
			t.Fatalf("got dead letters %+v, want 2", got)
		}
		want := []deadLetter{
			{Queue: "originals", Reason: "10 deliveries failed", Source: "originals-image", Size: 1, Attributes: map[string]string{"bucketId": "b"}, Body: "\ufffd"},
			{Queue: "reviews", Reason: `decode review: schema version "9"`, Source: "reviews-sentiment", Size: 14, Attributes: map[string]string{"schema_version": "9"}, Body: `{"text":"가"}`},
		}
		for i := range got.Letters {
			l := &got.Letters[i]
			if time.Since(l.DiedAt) > time.Minute || !strings.HasPrefix(l.ID, l.Queue+"-") {
				t.Errorf("dead letter has the wrong time or ID: %+v", l)
			}
			l.ID, l.DiedAt = "", time.Time{}
		}
		if diff := cmp.Diff(want, got.Letters); diff != "" {
			t.Error(diff)
		}
	}
}

func TestConcurrentReplaysPublishOnce(t *testing.T) {
	t.Parallel()
	d := newFixture(t, nil)
	for i := range 30 { // more than one pull returns
		d.addDeadLetter("reviews-dead", fmt.Sprint(i), subscriberAttributes)
	}
	all := d.listDeadLetters().Letters
	if len(all) != 30 {
		t.Fatalf("got %d dead letters, want 30", len(all))
	}
	one := all[7]
	path := "/dead-letters/" + one.ID + "/replay"
	var mu sync.Mutex
	var statuses []int
	var requests sync.WaitGroup
	for range 3 {
		requests.Go(func() {
			w := d.send(http.MethodPost, path, "")
			mu.Lock()
			defer mu.Unlock()
			statuses = append(statuses, w.Code)
		})
	}
	requests.Wait()
	slices.Sort(statuses)
	if !slices.Equal(statuses, []int{202, 404, 404}) {
		t.Errorf("got statuses %v, want one 202 and two 404", statuses)
	}
	got := d.replayed("reviews")
	if len(got) != 1 || string(got[0].Data) != one.Body || len(got[0].Attributes) != 1 || got[0].Attributes["schema_version"] != "9" {
		t.Errorf("published %v, want %s", got, one.Body)
	}
	if left := d.listDeadLetters().Letters; len(left) != 29 || slices.ContainsFunc(left, func(l deadLetter) bool { return l.ID == one.ID }) {
		t.Errorf("%d dead letters are left, want the other 29", len(left))
	}
}

func TestStorageEventIsReplayedAsNotification(t *testing.T) {
	t.Parallel()
	d := newFixture(t, nil)
	notification := map[string]string{"eventType": "OBJECT_FINALIZE", "bucketId": "b", "objectId": "products/가.jpg", "objectGeneration": "7", "payloadFormat": "JSON_API_V1"}
	const object = `{"bucket":"b","name":"products/가.jpg","generation":"7","size":"1"}`
	d.addDeadLetter("originals-dead", object, map[string]string{ // dead-lettered by the function image, which gets it from Eventarc
		event.ReasonAttribute: "no", event.SourceAttribute: "//storage.googleapis.com/projects/_/buckets/b", event.SourceIDAttribute: "7",
		event.TypeAttribute: "google.cloud.storage.object.v1.finalized",
	})
	d.addDeadLetter("originals-dead", object, notification) // dead-lettered by Pub/Sub
	for _, l := range d.listDeadLetters().Letters {
		mustDecode[map[string]string](d, 202, http.MethodPost, "/dead-letters/"+l.ID+"/replay", "")
	}
	got := d.replayed("originals")
	if len(got) != 2 {
		t.Fatalf("published %v, want 2 messages", got)
	}
	for _, m := range got {
		if diff := cmp.Diff(notification, m.Attributes); diff != "" || string(m.Data) != object {
			t.Errorf("published %s with attributes %s", m.Data, diff)
		}
	}
	d.addDeadLetter("originals-dead", "{}", map[string]string{event.ReasonAttribute: "no", event.TypeAttribute: "google.cloud.audit.log.v1.written"})
	d.addDeadLetter("originals-dead", "{}", map[string]string{event.ReasonAttribute: "no", event.TypeAttribute: "google.cloud.storage.object.v1.deleted"})
	for _, l := range d.listDeadLetters().Letters {
		if w := d.send(http.MethodPost, "/dead-letters/"+l.ID+"/replay", ""); w.Code != 409 {
			t.Errorf("event without an equivalent message: got %d %s, want 409", w.Code, w.Body)
		}
	}
	if n := len(d.listDeadLetters().Letters); n != 2 {
		t.Errorf("%d dead letters are left, want both", n)
	}
}

func TestPubSubErrorsNeitherLoseNorDuplicateDeadLetters(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method          string
		status          int
		left, published int
	}{
		"publish fails":     {"Publish", 503, 1, 0},
		"acknowledge fails": {"Acknowledge", 202, 0, 1},
		"lease fails":       {"ModifyAckDeadline", 503, 1, 0},
		"pull fails":        {"Pull", 503, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fault := &errorSwitch{}
			d := newFixture(t, nil, pstest.ServerReactorOption{FuncName: tc.method, Reactor: fault})
			d.addDeadLetter("reviews-dead", "a", subscriberAttributes)
			l := d.listDeadLetters().Letters[0]
			fault.set(codes.PermissionDenied)
			if tc.method != "Publish" && tc.method != "Acknowledge" {
				fault.set(codes.Internal)
			}
			path := "/dead-letters/" + l.ID + "/replay"
			if w := d.send(http.MethodPost, path, ""); w.Code != tc.status {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, tc.status)
			}
			fault.set(codes.OK)
			resp, err := d.client.SubscriptionAdminClient.Pull(t.Context(), &pubsubpb.PullRequest{Subscription: "projects/shop/subscriptions/reviews-dead", MaxMessages: 9})
			if err != nil {
				t.Fatal(err)
			}
			var leased []string
			for _, m := range resp.ReceivedMessages {
				leased = append(leased, m.AckId)
			}
			if len(leased) > 0 { // end the leases
				err := d.client.SubscriptionAdminClient.ModifyAckDeadline(t.Context(), &pubsubpb.ModifyAckDeadlineRequest{Subscription: "projects/shop/subscriptions/reviews-dead", AckIds: leased})
				if err != nil {
					t.Fatal(err)
				}
			}
			if got := len(d.replayed("reviews")); got != tc.published {
				t.Errorf("published %d messages, want %d", got, tc.published)
			}
			if tc.left == 0 {
				if w := d.send(http.MethodPost, path, ""); w.Code != 404 {
					t.Errorf("second replay: got %d %s, want 404", w.Code, w.Body)
				}
			}
		})
	}
}

func TestTruncatedDeadLetterIsNotReplayed(t *testing.T) {
	t.Parallel()
	d := newFixture(t, nil)
	attributes := maps.Clone(subscriberAttributes)
	attributes[event.TruncatedAttribute] = "9999000"
	d.addDeadLetter("reviews-dead", "a part", attributes)
	letter := d.listDeadLetters().Letters[0]
	if letter.Size != 9999000 || letter.Body != "a part" {
		t.Errorf("dead letter has size %d and body %q, want the size of the message", letter.Size, letter.Body)
	}
	w := d.send(http.MethodPost, "/dead-letters/"+letter.ID+"/replay", "")
	if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "only the first 6 of 9999000 bytes") {
		t.Errorf("replay: %d %s, want 409 with the sizes", w.Code, w.Body)
	}
	if got := d.replayed("reviews"); len(got) != 0 {
		t.Errorf("published %v", got)
	}
	if n := len(d.listDeadLetters().Letters); n != 1 {
		t.Errorf("%d dead letters are left, want one", n)
	}
}

// errorSwitch is a reactor of the fake Pub/Sub that fails calls with its code unless that is OK.
type errorSwitch struct {
	mu   sync.Mutex
	code codes.Code
}

func (s *errorSwitch) set(c codes.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.code = c
}

func TestRedeliveredReplayIsAcknowledgedAndHidden(t *testing.T) {
	t.Parallel()
	d := newFixture(t, nil)
	d.addDeadLetter("reviews-dead", "a", subscriberAttributes)
	d.addDeadLetter("reviews-dead", "b", subscriberAttributes)
	all := d.listDeadLetters().Letters
	q := &deadLetterQueue{client: d.client.SubscriptionAdminClient, name: "reviews", subscription: "projects/shop/subscriptions/reviews-dead", settled: []string{strings.TrimPrefix(all[0].ID, "reviews-")}}
	var seen []string
	if err := q.scan(t.Context(), func(m *pubsubpb.ReceivedMessage) bool { seen = append(seen, q.id(m.Message)); return false }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, []string{all[1].ID}) {
		t.Errorf("visited %v, want %s", seen, all[1].ID)
	}
	if left := d.listDeadLetters().Letters; len(left) != 1 || left[0].ID != all[1].ID {
		t.Errorf("%v are left, want the one that was not replayed", left)
	}
}

func TestReplayOfUnknownIDIsNotFound(t *testing.T) {
	t.Parallel()
	d := newFixture(t, nil)
	d.addDeadLetter("reviews-dead", "a", subscriberAttributes)
	for _, id := range []string{"reviews-nope", "orders-1", "reviews", "-", "originals-" + strings.TrimPrefix(d.listDeadLetters().Letters[0].ID, "reviews-")} {
		if w := d.send(http.MethodPost, "/dead-letters/"+id+"/replay", ""); w.Code != 404 {
			t.Errorf("replay of %s: got %d %s, want 404", id, w.Code, w.Body)
		}
	}
	if n := len(d.listDeadLetters().Letters); n != 1 {
		t.Errorf("%d dead letters are left, want one", n)
	}
}

func TestListOfDeadLettersIsBounded(t *testing.T) {
	t.Parallel()
	d := newFixture(t, nil)
	p := d.client.Publisher("reviews-dead")
	for i := range maxDeadLetters + 50 {
		p.Publish(t.Context(), &pubsub.Message{Data: []byte(strings.Repeat("가", maxPreview/2) + fmt.Sprint(i)), Attributes: subscriberAttributes})
	}
	p.Stop()
	got := d.listDeadLetters()
	if n := len(got.Letters); n < maxDeadLetters || n >= maxDeadLetters+pullBatch || !got.More {
		t.Errorf("got %d dead letters with more = %v", n, got.More)
	}
	for _, l := range got.Letters {
		if len(l.Body) > maxPreview || strings.Contains(l.Body, "\ufffd") || l.Size < maxPreview {
			t.Fatalf("preview has %d bytes of %d, or is not valid UTF-8", len(l.Body), l.Size)
		}
	}
}

func FuzzPreview(f *testing.F) {
	f.Add([]byte("가"), 5462)
	f.Add([]byte("\xff"), 20000)
	f.Add([]byte("a"), 1)
	f.Fuzz(func(t *testing.T, part []byte, times int) {
		body := []byte(strings.Repeat(string(part), max(0, min(times, 20000/(len(part)+1)))))
		got := preview(body)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxPreview {
			t.Errorf("preview of %[2]d bytes has %[1]d or is not valid UTF-8", len(got), len(body))
		}
		if utf8.Valid(body) && !strings.HasPrefix(string(body), got) {
			t.Errorf("preview %q is not a prefix of the body", got)
		}
	})
}

func FuzzReplayAttributes(f *testing.F) {
	f.Add([]byte(`{"bucket":"b","name":"n","generation":"7"}`), "google.cloud.storage.object.v1.finalized")
	f.Add([]byte(`{"bucket":"b","name":"n","generation":7}`), "google.cloud.storage.object.v1.deleted")
	f.Add([]byte(`null`), "")
	f.Fuzz(func(t *testing.T, data []byte, kind string) {
		got, err := replayAttributes(&pubsubpb.PubsubMessage{Data: data, Attributes: map[string]string{event.TypeAttribute: kind}})
		if err == nil && (got["eventType"] == "" || got["objectId"] == "" || got["objectGeneration"] == "") {
			t.Errorf("event %s with data %q: got incomplete attributes %v", kind, data, got)
		}
	})
}

// React implements pstest.Reactor.
func (s *errorSwitch) React(any) (handled bool, answer any, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.code == codes.OK {
		return false, nil, nil
	}
	return true, nil, status.Error(s.code, "injected")
}
