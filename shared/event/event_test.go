package event

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/hybrid-bts/functions/shared/event/delivery"
	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/topic"
)

// request returns a recorded request from testdata.
func request(t testing.TB, file string) *http.Request {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := bytes.Cut(raw, []byte("\n\n"))
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(append(head, "\n\n"...))))
	if err != nil {
		t.Fatal(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r
}

func noDeadLetters(t testing.TB) DeadLetters {
	return func(_ context.Context, e Event, reason error) error {
		t.Errorf("dead-lettered %+v: %v", e, reason)
		return nil
	}
}

func TestAllEncodingsOfAnEventAreRead(t *testing.T) {
	const published = "google.cloud.pubsub.topic.v1.messagePublished"
	message := func(source string) Event {
		return Event{
			ID: "12571849373951142", Type: published, Source: source,
			Data: []byte("안녕"), Attributes: map[string]string{"schema_version": "1"},
		}
	}
	for file, want := range map[string]Event{
		"push.http":              message("projects/shop/subscriptions/reviews-sentiment"),
		"eventarc_pubsub.http":   message("//pubsub.googleapis.com/projects/shop/topics/reviews"),
		"structured_pubsub.http": message("//pubsub.googleapis.com/projects/shop/topics/reviews"),
		"eventarc_storage.http": {
			ID: "7400012345678901", Type: "google.cloud.storage.object.v1.finalized",
			Source:  "//storage.googleapis.com/projects/_/buckets/shop-originals",
			Subject: "objects/products/butter.jpg", Data: []byte("compared apart"),
		},
	} {
		t.Run(file, func(t *testing.T) {
			var got Event
			h := Handler(func(_ context.Context, e Event) error { got = e; return nil }, noDeadLetters(t))
			w := httptest.NewRecorder()
			h.ServeHTTP(w, request(t, file))
			if w.Code != http.StatusNoContent {
				t.Fatalf("%d %s, want 204", w.Code, w.Body)
			}
			if strings.HasSuffix(file, "storage.http") {
				if !bytes.Contains(got.Data, []byte(`"generation":"1795166102310000"`)) {
					t.Errorf("Data = %q, want the object", got.Data)
				}
				got.Data = want.Data
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRequestsWithoutAnEventAreRejected(t *testing.T) {
	ce := func(h http.Header) http.Header {
		h.Set("Ce-Specversion", "1.0")
		return h
	}
	for _, tc := range []struct {
		name, method string
		header       http.Header
		body         string
		status       int
	}{
		{"empty", "POST", nil, "", 400},
		{"no message id", "POST", nil, `{"message":{"data":"YQ=="}}`, 400},
		{"data is not base64", "POST", nil, `{"message":{"data":"%","messageId":"1"}}`, 400},
		{"CloudEvent without id", "POST", ce(http.Header{"Ce-Type": {"t"}, "Ce-Source": {"s"}}), `{}`, 400},
		{"invalid structured CloudEvent", "POST", http.Header{"Content-Type": {"application/cloudevents+json"}}, `{"specversion":"1.0"`, 400},
		{"CloudEvent without a message", "POST", ce(http.Header{"Ce-Id": {"1"}, "Ce-Type": {delivery.MessagePublished}, "Ce-Source": {"s"}, "Content-Type": {"application/json"}}), `{}`, 400},
		{"unknown compression", "POST", http.Header{"Content-Encoding": {"br"}}, `{}`, 415},
		{"too large", "POST", nil, strings.Repeat(" ", MaxBody+1), 413},
		{"GET", "GET", nil, "", 405},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := Handler(func(context.Context, Event) error { t.Error("handled"); return nil }, noDeadLetters(t))
			r := httptest.NewRequest(tc.method, "/", strings.NewReader(tc.body))
			if tc.header != nil {
				r.Header = tc.header
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tc.status {
				t.Errorf("%d %s, want %d", w.Code, w.Body, tc.status)
			}
		})
	}
}

func TestErrorOfTheHandlerDeterminesTheOutcome(t *testing.T) {
	cause := errors.New("the cause")
	for _, tc := range []struct {
		name   string
		handle func() error
		dead   error // the result of dead-lettering
		status int
		letter bool
	}{
		{"success", func() error { return nil }, nil, 204, false},
		{"permanent", func() error { return Permanent(cause) }, nil, 204, true},
		{"wrapped permanent", func() error { return errors.Join(errors.New("x"), Permanent(cause)) }, nil, 204, true},
		{"permanent, but dead-lettering fails", func() error { return Permanent(cause) }, errors.New("down"), 503, true},
		{"transient", func() error { return cause }, nil, 503, false},
		{"premature", func() error { return fmt.Errorf("vote: %w", Premature(cause)) }, nil, 503, false},
		{"panic", func() error { panic(cause) }, nil, 500, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log bytes.Buffer
			old := slog.Default()
			slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
			defer slog.SetDefault(old)

			var letters []Event
			h := Handler(func(context.Context, Event) error { return tc.handle() },
				func(_ context.Context, e Event, reason error) error {
					letters = append(letters, e)
					if reason.Error() != "the cause" {
						t.Errorf("reason = %q, want the cause alone", reason)
					}
					return tc.dead
				})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, request(t, "push.http"))
			if w.Code != tc.status {
				t.Errorf("status %d, want %d", w.Code, tc.status)
			}
			if tc.letter != (len(letters) == 1) {
				t.Errorf("dead letters = %v, want one: %v", letters, tc.letter)
			}
			wantLines := 1
			if tc.name == "success" {
				wantLines = 0
			}
			if got := strings.Count(log.String(), "level="); got != wantLines {
				t.Errorf("logged %d lines, want %d: %s", got, wantLines, log.String())
			}
			if got, want := strings.Contains(log.String(), "level=INFO"), tc.name == "premature"; got != want {
				t.Errorf("logged as information: %v, want %v: %s", got, want, log.String())
			}
			if strings.Contains(log.String(), "안녕") {
				t.Errorf("the log contains the data: %s", log.String())
			}
		})
	}
}

func TestDeadLetterHasTheDataAndTheReason(t *testing.T) {
	p, srv := pubsubtest.New(t, "dead")
	e := Event{ID: "7", Type: delivery.MessagePublished, Source: "projects/shop/subscriptions/s", Data: []byte{0, 0xff}, Attributes: map[string]string{"schema_version": "9"}}
	reason := errors.New(strings.Repeat("가", 500))
	if err := DeadLetterTopic(topic.New(p))(t.Context(), e, reason); err != nil {
		t.Fatal(err)
	}
	got := srv.Messages()
	if len(got) != 1 || !bytes.Equal(got[0].Data, e.Data) {
		t.Fatalf("published %v, want the data of the event", got)
	}
	why := got[0].Attributes[ReasonAttribute]
	if !utf8.ValidString(why) || len(why) > 1024 || !strings.HasPrefix(reason.Error(), why) || len(why) < 1000 {
		t.Errorf("reason has %d bytes %q, want a valid prefix of the reason with at most 1024", len(why), why)
	}
	delete(got[0].Attributes, ReasonAttribute)
	want := map[string]string{"schema_version": "9", SourceAttribute: e.Source, SourceIDAttribute: "7"}
	if diff := cmp.Diff(want, got[0].Attributes); diff != "" {
		t.Error(diff)
	}
	if len(e.Attributes) != 1 {
		t.Errorf("the attributes of the event changed to %v", e.Attributes)
	}
}

// The replay of a dead letter converts it to a message of the original kind.
func TestDeadLetterOfACloudEventHasItsType(t *testing.T) {
	const kind = "google.cloud.storage.object.v1.finalized"
	got := deadLetterAttributes(Event{ID: "7", Type: kind, Source: "s"}, errors.New("why"))
	want := map[string]string{ReasonAttribute: "why", SourceAttribute: "s", SourceIDAttribute: "7", TypeAttribute: kind}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDeadLetterIsPublishedOnce(t *testing.T) {
	p, srv := pubsubtest.New(t, "dead")
	dead := DeadLetterTopic(topic.New(p))
	var wg sync.WaitGroup
	for range 10 {
		for _, id := range []string{"7", "8"} {
			wg.Go(func() {
				if err := dead(t.Context(), Event{ID: id, Data: []byte("x")}, errors.New("why")); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if got := len(srv.Messages()); got != 2 {
		t.Errorf("%d dead letters, want one for each of the 2 events", got)
	}
}

func TestDeadLetterWithTooManyAttributesKeepsTheReason(t *testing.T) {
	e := Event{ID: "7", Attributes: map[string]string{}}
	for i := range maxAttributes {
		e.Attributes[strconv.Itoa(i)] = "x"
	}
	got := deadLetterAttributes(e, errors.New("why"))
	if len(got) != maxAttributes || got[ReasonAttribute] != "why" || got[SourceIDAttribute] != "7" {
		t.Errorf("%d attributes with reason %q, want %d with it", len(got), got[ReasonAttribute], maxAttributes)
	}
}

func TestFailedDeadLetterIsAnError(t *testing.T) {
	p, _ := pubsubtest.New(t, "dead", pstest.WithErrorInjection("Publish", codes.PermissionDenied, "no"))
	if err := DeadLetterTopic(topic.New(p))(t.Context(), Event{ID: "7"}, errors.New("why")); err == nil {
		t.Error("no error, so the event would be lost")
	}
}

// functions.CloudEvent of the Functions Framework hangs some of many concurrent deliveries.
func TestConcurrentDeliveriesAreAllHandled(t *testing.T) {
	var handled atomic.Int64
	srv := httptest.NewServer(Handler(func(context.Context, Event) error { handled.Add(1); return nil }, noDeadLetters(t)))
	defer srv.Close()
	body, err := io.ReadAll(request(t, "push.http").Body)
	if err != nil {
		t.Fatal(err)
	}
	const workers, each = 80, 25
	failed := make(chan string, workers)
	for range workers {
		go func() {
			for range each {
				resp, err := http.Post(srv.URL, "application/json", bytes.NewReader(body))
				if err != nil {
					failed <- err.Error()
					return
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusNoContent {
					failed <- resp.Status
					return
				}
			}
			failed <- ""
		}()
	}
	for range workers {
		if f := <-failed; f != "" {
			t.Error(f)
		}
	}
	if got := handled.Load(); got != workers*each {
		t.Errorf("handled %d, want %d", got, workers*each)
	}
}

func FuzzDeadLetterAttributes(f *testing.F) {
	f.Add("7", "google.cloud.storage.object.v1.finalized", "projects/shop/subscriptions/s", "decode review: unknown kind", "schema_version", "9")
	f.Add("", delivery.MessagePublished, "", "", ReasonAttribute, "forged")
	f.Add("\xff", "", strings.Repeat("가", 400), "\xff", "", "\x00")
	f.Fuzz(func(t *testing.T, id, typ, source, reason, name, value string) {
		e := Event{ID: id, Type: typ, Source: source, Attributes: map[string]string{name: value}}
		got := deadLetterAttributes(e, errors.New(reason))
		for _, name := range []string{ReasonAttribute, SourceAttribute, SourceIDAttribute} {
			if v, ok := got[name]; !ok || len(v) > 1024 || !utf8.ValidString(v) {
				t.Errorf("%s = %q", name, v)
			}
		}
		if _, ok := got[TypeAttribute]; ok != (typ != delivery.MessagePublished) && name != TypeAttribute {
			t.Errorf("the type of %q is an attribute: %v", typ, ok)
		}
		if !strings.HasPrefix(name, AttributePrefix) && got[name] != value {
			t.Errorf("%s = %q, want %q", name, got[name], value)
		}
		if want := strings.ToValidUTF8(reason[:min(len(reason), 1024)], ""); got[ReasonAttribute] != want {
			t.Errorf("the reason became %q, want %q", got[ReasonAttribute], want)
		}
	})
}
