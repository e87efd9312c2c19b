package main

import (
	"fmt"
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

// die puts a message into a dead-letter topic.
func (d *desk) die(topic string, data string, attributes map[string]string) {
	d.t.Helper()
	p := d.client.Publisher(topic)
	defer p.Stop()
	if _, err := p.Publish(d.t.Context(), &pubsub.Message{Data: []byte(data), Attributes: attributes}).Get(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
}

type letterList struct {
	Letters []deadLetter `json:"dead_letters"`
	More    bool         `json:"more"`
}

func (d *desk) letters() letterList {
	d.t.Helper()
	return answer[letterList](d, 200, http.MethodGet, "/dead-letters", "")
}

// replayed returns what is on a topic again: it takes it.
func (d *desk) replayed(topic string) (all []*pubsubpb.PubsubMessage) {
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

var ours = map[string]string{
	"schema_version": "9", event.ReasonAttribute: "decode review: schema version \"9\"", event.SourceAttribute: "reviews-sentiment", event.SourceIDAttribute: "7",
}

func TestDeadLettersAreShownAndStay(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	if got := d.letters(); len(got.Letters) != 0 || got.Letters == nil || got.More {
		t.Errorf("there are %+v", got)
	}
	d.die("reviews-dead", `{"text":"가"}`, ours)
	time.Sleep(2 * time.Millisecond)
	d.die("originals-dead", "\xff", map[string]string{
		"bucketId": "b", sourceDeliveryCount: "10", sourceSubscription: "originals-image", pubsubPrefix + "TopicPublishTime": "x",
	})
	for range 3 {
		got := d.letters()
		if len(got.Letters) != 2 || got.More {
			t.Fatalf("there are %+v", got)
		}
		want := []deadLetter{
			{Queue: "originals", Reason: "delivered 10 times in vain", Source: "originals-image", Size: 1, Attributes: map[string]string{"bucketId": "b"}, Body: "\ufffd"},
			{Queue: "reviews", Reason: `decode review: schema version "9"`, Source: "reviews-sentiment", Size: 14, Attributes: map[string]string{"schema_version": "9"}, Body: `{"text":"가"}`},
		}
		for i := range got.Letters {
			l := &got.Letters[i]
			if time.Since(l.DiedAt) > time.Minute || !strings.HasPrefix(l.ID, l.Queue+"-") {
				t.Errorf("letter %+v", l)
			}
			l.ID, l.DiedAt = "", time.Time{}
		}
		if diff := cmp.Diff(want, got.Letters); diff != "" {
			t.Error(diff)
		}
	}
}

func TestADeadLetterIsReplayedOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	for i := range 30 { // more than are looked at in one go
		d.die("reviews-dead", fmt.Sprint(i), ours)
	}
	all := d.letters().Letters
	if len(all) != 30 {
		t.Fatalf("%d letters, want 30", len(all))
	}
	one := all[7]
	path := "/dead-letters/" + one.ID + "/replay"
	var mu sync.Mutex
	var statuses []int
	var clicks sync.WaitGroup
	for range 3 {
		clicks.Go(func() {
			w := d.send(http.MethodPost, path, "")
			mu.Lock()
			defer mu.Unlock()
			statuses = append(statuses, w.Code)
		})
	}
	clicks.Wait()
	slices.Sort(statuses)
	if !slices.Equal(statuses, []int{202, 404, 404}) {
		t.Errorf("answered %v, want 202 once", statuses)
	}
	got := d.replayed("reviews")
	if len(got) != 1 || string(got[0].Data) != one.Body || len(got[0].Attributes) != 1 || got[0].Attributes["schema_version"] != "9" {
		t.Errorf("replayed %v, want %s", got, one.Body)
	}
	if left := d.letters().Letters; len(left) != 29 || slices.ContainsFunc(left, func(l deadLetter) bool { return l.ID == one.ID }) {
		t.Errorf("%d are left, want the other 29", len(left))
	}
}

func TestAPictureIsReplayedAsTheNotificationThatItWas(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	notification := map[string]string{"eventType": "OBJECT_FINALIZE", "bucketId": "b", "objectId": "products/가.jpg", "objectGeneration": "7", "payloadFormat": "JSON_API_V1"}
	const object = `{"bucket":"b","name":"products/가.jpg","generation":"7","size":"1"}`
	d.die("originals-dead", object, map[string]string{ // of the function image, by Eventarc
		event.ReasonAttribute: "no", event.SourceAttribute: "//storage.googleapis.com/projects/_/buckets/b", event.SourceIDAttribute: "7",
		event.TypeAttribute: "google.cloud.storage.object.v1.finalized",
	})
	d.die("originals-dead", object, notification) // of Pub/Sub
	for _, l := range d.letters().Letters {
		answer[map[string]string](d, 202, http.MethodPost, "/dead-letters/"+l.ID+"/replay", "")
	}
	got := d.replayed("originals")
	if len(got) != 2 {
		t.Fatalf("replayed %v", got)
	}
	for _, m := range got {
		if diff := cmp.Diff(notification, m.Attributes); diff != "" || string(m.Data) != object {
			t.Errorf("%s %s", m.Data, diff)
		}
	}
	d.die("originals-dead", "{}", map[string]string{event.ReasonAttribute: "no", event.TypeAttribute: "google.cloud.audit.log.v1.written"})
	d.die("originals-dead", "{}", map[string]string{event.ReasonAttribute: "no", event.TypeAttribute: "google.cloud.storage.object.v1.deleted"})
	for _, l := range d.letters().Letters {
		if w := d.send(http.MethodPost, "/dead-letters/"+l.ID+"/replay", ""); w.Code != 409 {
			t.Errorf("what no message can be made of: %d %s", w.Code, w.Body)
		}
	}
	if n := len(d.letters().Letters); n != 2 {
		t.Errorf("%d are left, want both", n)
	}
}

func TestNoLetterIsLostOrReplayedTwiceWhenPubSubFails(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method     string
		status     int
		left, sent int
	}{
		"it is not published":    {"Publish", 503, 1, 0},
		"it is not acknowledged": {"Acknowledge", 202, 0, 1},
		"it is not held":         {"ModifyAckDeadline", 503, 1, 0},
		"nothing can be read":    {"Pull", 503, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fault := &switched{}
			d := newDesk(t, nil, pstest.ServerReactorOption{FuncName: tc.method, Reactor: fault})
			d.die("reviews-dead", "a", ours)
			l := d.letters().Letters[0]
			fault.set(codes.PermissionDenied)
			if tc.method != "Publish" && tc.method != "Acknowledge" {
				fault.set(codes.Internal)
			}
			path := "/dead-letters/" + l.ID + "/replay"
			if w := d.send(http.MethodPost, path, ""); w.Code != tc.status {
				t.Errorf("%d %s, want %d", w.Code, w.Body, tc.status)
			}
			fault.set(codes.OK)
			resp, err := d.client.SubscriptionAdminClient.Pull(t.Context(), &pubsubpb.PullRequest{Subscription: "projects/shop/subscriptions/reviews-dead", MaxMessages: 9})
			if err != nil {
				t.Fatal(err)
			}
			var held []string
			for _, m := range resp.ReceivedMessages {
				held = append(held, m.AckId)
			}
			if len(held) > 0 { // as if the lease had ended
				err := d.client.SubscriptionAdminClient.ModifyAckDeadline(t.Context(), &pubsubpb.ModifyAckDeadlineRequest{Subscription: "projects/shop/subscriptions/reviews-dead", AckIds: held})
				if err != nil {
					t.Fatal(err)
				}
			}
			if got := len(d.replayed("reviews")); got != tc.sent {
				t.Errorf("replayed %d times, want %d", got, tc.sent)
			}
			if tc.left == 0 {
				if w := d.send(http.MethodPost, path, ""); w.Code != 404 {
					t.Errorf("again: %d %s", w.Code, w.Body)
				}
			}
		})
	}
}

// switched fails calls with a code while it is not OK.
type switched struct {
	mu   sync.Mutex
	code codes.Code
}

func (s *switched) set(c codes.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.code = c
}

func TestAReplayedLetterThatComesBackIsNeitherShownNorReplayed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	d.die("reviews-dead", "a", ours)
	d.die("reviews-dead", "b", ours)
	all := d.letters().Letters
	q := &deadLetterQueue{client: d.client.SubscriptionAdminClient, name: "reviews", subscription: "projects/shop/subscriptions/reviews-dead", replayed: []string{strings.TrimPrefix(all[0].ID, "reviews-")}}
	var seen []string
	if err := q.scan(t.Context(), func(m *pubsubpb.ReceivedMessage) bool { seen = append(seen, q.id(m.Message)); return false }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, []string{all[1].ID}) {
		t.Errorf("seen %v, want %s", seen, all[1].ID)
	}
	if left := d.letters().Letters; len(left) != 1 || left[0].ID != all[1].ID {
		t.Errorf("left are %v", left)
	}
}

func TestLettersThatAreNotThere(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	d.die("reviews-dead", "a", ours)
	for _, id := range []string{"reviews-nope", "orders-1", "reviews", "-", "originals-" + strings.TrimPrefix(d.letters().Letters[0].ID, "reviews-")} {
		if w := d.send(http.MethodPost, "/dead-letters/"+id+"/replay", ""); w.Code != 404 {
			t.Errorf("%s: %d %s", id, w.Code, w.Body)
		}
	}
	if n := len(d.letters().Letters); n != 1 {
		t.Errorf("%d are left, want one", n)
	}
}

func TestManyLettersAreABoundedList(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	p := d.client.Publisher("reviews-dead")
	for i := range maxDeadLetters + 50 {
		p.Publish(t.Context(), &pubsub.Message{Data: []byte(strings.Repeat("가", maxPreview/2) + fmt.Sprint(i)), Attributes: ours})
	}
	p.Stop()
	got := d.letters()
	if n := len(got.Letters); n < maxDeadLetters || n >= maxDeadLetters+pullBatch || !got.More {
		t.Errorf("%d letters, more: %v", n, got.More)
	}
	for _, l := range got.Letters {
		if len(l.Body) > maxPreview || strings.Contains(l.Body, "\ufffd") || l.Size < maxPreview {
			t.Fatalf("%d bytes of %d are shown", len(l.Body), l.Size)
		}
	}
}

func FuzzShown(f *testing.F) {
	f.Add([]byte("가"), 5462)
	f.Add([]byte("\xff"), 20000)
	f.Add([]byte("a"), 1)
	f.Fuzz(func(t *testing.T, part []byte, times int) {
		body := []byte(strings.Repeat(string(part), max(0, min(times, 20000/(len(part)+1)))))
		got := preview(body)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxPreview {
			t.Errorf("%d bytes of %d", len(got), len(body))
		}
		if utf8.Valid(body) && !strings.HasPrefix(string(body), got) {
			t.Errorf("it is not the beginning")
		}
	})
}

func FuzzRestore(f *testing.F) {
	f.Add([]byte(`{"bucket":"b","name":"n","generation":"7"}`), "google.cloud.storage.object.v1.finalized")
	f.Add([]byte(`{"bucket":"b","name":"n","generation":7}`), "google.cloud.storage.object.v1.deleted")
	f.Add([]byte(`null`), "")
	f.Fuzz(func(t *testing.T, data []byte, kind string) {
		got, err := replayAttributes(&pubsubpb.PubsubMessage{Data: data, Attributes: map[string]string{event.TypeAttribute: kind}})
		if err == nil && (got["eventType"] == "" || got["objectId"] == "" || got["objectGeneration"] == "") {
			t.Errorf("%s of %q became %v", kind, data, got)
		}
	})
}

// React is called for each call.
func (s *switched) React(any) (handled bool, answer any, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.code == codes.OK {
		return false, nil, nil
	}
	return true, nil, status.Error(s.code, "injected")
}
