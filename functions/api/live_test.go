package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/spanner"
	"cloud.google.com/go/storage"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/functions/api/live"
	"github.com/hybrid-bts/functions/shared/fake/buckettest"
	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/problem"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// serverEvent is a server-sent event.
type serverEvent struct{ name, id, data string }

// openStream opens a stream of butter and returns the response and the events. The channel is closed when the stream
// ends.
func openStream(t testing.TB, url string, header ...string) (*http.Response, <-chan serverEvent) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/products/"+butter+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip") // compression must not delay events
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode == http.StatusOK && (resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" ||
		resp.Header.Get("X-Accel-Buffering") != "no" || resp.Header.Get("Content-Encoding") != "" || resp.Header.Get("ETag") != "") {
		t.Errorf("header of the stream: %v", resp.Header)
	}
	events := make(chan serverEvent, 100)
	go func() {
		defer close(events)
		var e serverEvent
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch field {
			case "event":
				e.name = value
			case "id":
				e.id = value
			case "data":
				e.data = value
			case "retry", ":":
				e.name = strings.Trim(field, ":") + value
			case "":
				events <- e
				e = serverEvent{}
			}
		}
	}()
	return resp, events
}

// nextEvent returns the next event with the given name.
func nextEvent(t testing.TB, events <-chan serverEvent, name string) serverEvent {
	t.Helper()
	for timeout := time.After(10 * time.Second); ; {
		select {
		case e, more := <-events:
			if !more {
				t.Fatalf("stream ended before event %s", name)
			}
			if e.name == name {
				return e
			}
		case <-timeout:
			t.Fatalf("no event %s within 10 s", name)
		}
	}
}

// ratingCount returns the number of reviews in a rating event.
func ratingCount(t testing.TB, e serverEvent) int64 {
	t.Helper()
	var r rating
	if err := json.Unmarshal([]byte(e.data), &r); err != nil || e.id == "" {
		t.Fatalf("%+v: %v", e, err)
	}
	return r.Count
}

// oneClient counts all requests as those of one client.
func oneClient(*http.Request) netip.Prefix { return netip.Prefix{} }

// withSubscriptions creates the subscriptions to change notices, as the deployment does.
func withSubscriptions(t testing.TB, client *pubsub.Client) {
	t.Helper()
	for _, id := range []string{"published-api-1", "published-api-2"} {
		s := &pubsubpb.Subscription{Name: "projects/shop/subscriptions/" + id, Topic: "projects/shop/topics/published", AckDeadlineSeconds: 10}
		if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// newEvents returns the live updates of an instance with at most streams streams.
func newEvents(client *pubsub.Client, leases *storage.BucketHandle, store spannerStore, streams int) *productEvents {
	read := func(ctx context.Context, product string) (any, error) { return store.rating(ctx, product) }
	return &productEvents{feed: live.NewFeed(live.NewSubscriptions(client, []string{"published-api-1", "published-api-2"}, leases), read, streams), store: store, client: oneClient}
}

// startInstance starts an instance of the function. It returns its URL and a function that ends its streams.
func startInstance(t testing.TB, client *pubsub.Client, leases *storage.BucketHandle, db *spanner.Client) (url string, stop func()) {
	t.Helper()
	store := spannerStore{db: db}
	events := newEvents(client, leases, store, live.DefaultStreams)
	s := httptest.NewServer((&server{store: store, events: events}).handler())
	stop = events.feed.Close
	t.Cleanup(func() {
		stop()
		s.Close()
	})
	return s.URL, stop
}

// publishNotice publishes a notice as the review writer does.
func publishNotice(t testing.TB, p *pubsub.Publisher, n wire.ChangeNotice) {
	t.Helper()
	data, attributes, err := wire.Encode(n)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Publish(t.Context(), &pubsub.Message{Data: data, Attributes: attributes}).Get(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestEveryInstanceSendsEveryChange(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	addProducts(t, db, butter)
	client, _ := pubsubtest.Client(t, []string{"published"})
	withSubscriptions(t, client)
	files, _ := buckettest.New(t, nil, "leases")
	leases := files.Bucket("leases")
	p := client.Publisher("published")
	defer p.Stop()
	a, stopA := startInstance(t, client, leases, db)
	b, _ := startInstance(t, client, leases, db)
	_, eventsA := openStream(t, a)
	_, eventsB := openStream(t, b)
	for _, events := range []<-chan serverEvent{eventsA, eventsB} {
		if got := ratingCount(t, nextEvent(t, events, "rating")); got != 0 {
			t.Errorf("first rating has count %d, want 0", got)
		}
	}

	id := uuid.NewString()
	addRating(t, db, butter, 3, [5]int64{0, 0, 0, 0, 1}, 1, 900000)
	if _, err := p.Publish(t.Context(), &pubsub.Message{Data: []byte("not a notice")}).Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // as a redelivery does
		publishNotice(t, p, wire.ChangeNotice{Key: wire.Key{Product: butter, Review: id}, Status: wire.Published, Revision: 7})
	}
	var tag string
	for _, events := range []<-chan serverEvent{eventsA, eventsB} {
		if got := nextEvent(t, events, "review"); got.data != `{"id":"`+id+`","status":"published","revision":7}` {
			t.Errorf("review event %s", got.data)
		}
		e := nextEvent(t, events, "rating")
		if tag == "" {
			tag = e.id
		}
		if ratingCount(t, e) != 1 || e.id != tag {
			t.Errorf("rating event %+v, want count 1 and the same id %s on each instance", e, tag)
		}
	}
	// A third instance finds no subscription and polls.
	c, _ := startInstance(t, client, leases, db)
	_, eventsC := openStream(t, c)
	nextEvent(t, eventsC, "rating")

	// A client that reconnects to any instance receives a missed rating, and no rating that it has.
	_, again := openStream(t, b, "Last-Event-ID", tag)
	addRating(t, db, butter, 4, [5]int64{0, 0, 0, 0, 1}, 1, 900000)
	publishNotice(t, p, wire.ChangeNotice{Key: wire.Key{Product: butter, Review: uuid.NewString()}, Status: wire.Published, Revision: 8})
	if got := ratingCount(t, nextEvent(t, again, "rating")); got != 2 {
		t.Errorf("client that reconnects in time: first rating has count %d, want 2", got)
	}
	_, late := openStream(t, a, "Last-Event-ID", tag)
	if got := ratingCount(t, nextEvent(t, late, "rating")); got != 2 {
		t.Errorf("client that reconnects late: first rating has count %d, want 2", got)
	}

	stopA()
	for range eventsA { // until it ends
	}
	// Its subscription is free for the next instance.
	d, _ := startInstance(t, client, leases, db)
	_, eventsD := openStream(t, d)
	nextEvent(t, eventsD, "rating")
	publishNotice(t, p, wire.ChangeNotice{Key: wire.Key{Product: butter, Review: id}, Status: wire.Published, Revision: 9})
	for _, events := range []<-chan serverEvent{eventsB, eventsD} {
		for nextEvent(t, events, "review").data != `{"id":"`+id+`","status":"published","revision":9}` { // until the newest
		}
	}
	// The third instance sends the rating by polls alone. Its first poll may repeat the rating of the first event.
	for ratingCount(t, nextEvent(t, eventsC, "rating")) != 2 {
	}
}

// Open streams must not delay the shutdown: Cloud Run kills an instance 10 s after SIGTERM.
func TestShutdownEndsOpenStreamsAtOnce(t *testing.T) {
	db, spannerServer := spannerdbtest.New(t)
	addProducts(t, db, butter)
	client, srv := pubsubtest.Client(t, []string{"published"})
	withSubscriptions(t, client)
	p := client.Publisher("published")
	defer p.Stop()
	t.Setenv("PUBSUB_EMULATOR_HOST", srv.Addr)
	_, files := buckettest.New(t, nil, "leases")
	t.Setenv("STORAGE_EMULATOR_HOST", files.URL())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	environ := map[string]string{
		"GOOGLE_CLOUD_PROJECT": "shop", "SPANNER_INSTANCE": "embedded", "SPANNER_DATABASE": "shop", "SPANNER_EMULATOR_HOST": spannerServer.Addr,
		"COMMANDS_TOPIC": "commands", "PUBLISHED_SUBSCRIPTIONS": "published-api:2", "LEASES_BUCKET": "leases", "AUTHOR_TOKEN_KEY": "no secret in a test", "PORT": addr, "FORWARDED_HOPS": "1",
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, func(name string) (string, bool) { v, ok := environ[name]; return v, ok })
	}()
	for !listening(addr) {
		time.Sleep(10 * time.Millisecond)
	}

	const streams = 200
	all := make([]<-chan serverEvent, streams)
	for i := range all {
		_, all[i] = openStream(t, "http://"+addr, "X-Forwarded-For", fmt.Sprintf("198.51.%d.1", i/2))
	}
	for _, events := range all {
		nextEvent(t, events, "rating")
	}
	publishNotice(t, p, wire.ChangeNotice{Key: wire.Key{Product: butter, Review: uuid.NewString()}, Status: wire.Published, Revision: 7})
	for _, events := range all {
		nextEvent(t, events, "review")
	}
	for range live.MaxClientStreams {
		if resp, _ := openStream(t, "http://"+addr, "X-Forwarded-For", "203.0.113.1"); resp.StatusCode != http.StatusOK {
			t.Fatalf("status %d below the limit of %d streams per client", resp.StatusCode, live.MaxClientStreams)
		}
	}
	if resp, _ := openStream(t, "http://"+addr, "X-Forwarded-For", "203.0.113.1"); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "10" {
		t.Errorf("status %d, Retry-After %q above the limit of a client", resp.StatusCode, resp.Header.Get("Retry-After"))
	}

	began := time.Now()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > time.Second { // the drain waits up to 8 s
		t.Errorf("shutdown took %v", took)
	} else {
		t.Logf("stopped in %v with %d streams", took, streams+live.MaxClientStreams)
	}
	for _, events := range all {
		for range events { // until it ends
		}
	}
	leases, err := files.ListObjectsWithOptionsPaginated("leases", fakestorage.ListOptions{})
	if err != nil || len(leases.Objects) != 1 {
		t.Fatalf("%d leases after the shutdown, %v, want one", len(leases.Objects), err)
	}
	if until, err := time.Parse(time.RFC3339Nano, leases.Objects[0].Metadata["until"]); err != nil || until.After(time.Now()) {
		t.Errorf("the lease lasts until %v, %v, want it released", until, err)
	}
}

func listening(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err == nil {
		c.Close()
	}
	return err == nil
}

func TestStreamRequestsAreRejected(t *testing.T) {
	db, spannerServer := spannerdbtest.New(t)
	addProducts(t, db, butter)
	store := spannerStore{db: db}
	client, _ := pubsubtest.Client(t, []string{"published"})
	withSubscriptions(t, client)
	files, _ := buckettest.New(t, nil, "leases")
	const path = "/v1/products/" + butter + "/events"
	for name, tc := range map[string]struct {
		path       string
		spannerErr error
		streams    int
		status     int
		body       string // a part of it
		retryAfter string
	}{
		"unknown product":          {path: "/v1/products/none/events", streams: 1, status: 404, body: `no product \"none\"`},
		"malformed product":        {path: "/v1/products/UPPER/events", streams: 1, status: 422, body: "product"},
		"unknown parameter":        {path: path + "?status=held", streams: 1, status: 422, body: "status"},
		"too many streams":         {path: path, streams: 0, status: 429, body: "poll the rating", retryAfter: "10"},
		"Spanner is unavailable":   {path: path, streams: 1, spannerErr: status.Error(codes.ResourceExhausted, "secret detail"), status: 503, retryAfter: "10"},
		"Spanner rejects the read": {path: path, streams: 1, spannerErr: status.Error(codes.PermissionDenied, "secret detail"), status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			events := newEvents(client, files.Bucket("leases"), store, tc.streams)
			defer events.feed.Close()
			h := checked(t, &server{store: store, events: events})
			spannerServer.Fail(tc.spannerErr)
			defer spannerServer.Fail(nil)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, tc.path, nil))
			if w.Code != tc.status || w.Header().Get("Content-Type") != problem.ContentType || w.Header().Get("Retry-After") != tc.retryAfter ||
				!strings.Contains(w.Body.String(), tc.body) || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
			}
		})
	}
}

func TestHeadOpensNoStream(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	addProducts(t, db, butter)
	client, _ := pubsubtest.Client(t, []string{"published"})
	files, storageServer := buckettest.New(t, nil, "leases")
	events := newEvents(client, files.Bucket("leases"), spannerStore{db: db}, 1)
	defer events.feed.Close()
	h := checked(t, &server{store: spannerStore{db: db}, events: events})
	w := ask(h, http.MethodHead, "/v1/products/"+butter+"/events")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/event-stream" || w.Header().Get("ETag") != "" {
		t.Errorf("HEAD of a product: %d %v", w.Code, w.Header())
	}
	if w := ask(h, http.MethodHead, "/v1/products/none/events"); w.Code != http.StatusNotFound {
		t.Errorf("HEAD of an unknown product: %d", w.Code)
	}
	if leases, err := storageServer.ListObjectsWithOptionsPaginated("leases", fakestorage.ListOptions{}); err != nil || len(leases.Objects) != 0 {
		t.Errorf("%d leases, %v, want none", len(leases.Objects), err)
	}
}

// The response of a stream must match its description in the OpenAPI document.
func TestClosedRequestEndsItsStream(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	addProducts(t, db, butter)
	client, _ := pubsubtest.Client(t, []string{"published"})
	files, _ := buckettest.New(t, nil, "leases")
	events := newEvents(client, files.Bucket("leases"), spannerStore{db: db}, 1)
	defer events.feed.Close()
	h := checked(t, &server{store: spannerStore{db: db}, events: events})
	for range 2 { // the second stream needs the place of the first
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/products/"+butter+"/events", nil))
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), "retry: ") || !strings.Contains(w.Body.String(), "\n\nid: ") {
			t.Errorf("%d %q", w.Code, w.Body)
		}
	}
}
