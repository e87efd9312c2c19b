package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"cloud.google.com/go/spanner"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/problem"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// serverEvent is an event of a stream.
type serverEvent struct{ name, id, data string }

// stream opens a stream, and returns the events of it. The channel is closed when it ends.
func stream(t testing.TB, url string, header ...string) (*http.Response, <-chan serverEvent) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/products/"+butter+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip") // which must not hold it back
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
		t.Errorf("the header of the stream is %v", resp.Header)
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

// next returns the next event with a name.
func next(t testing.TB, events <-chan serverEvent, name string) serverEvent {
	t.Helper()
	for timeout := time.After(10 * time.Second); ; {
		select {
		case e, more := <-events:
			if !more {
				t.Fatalf("the stream ended before %s", name)
			}
			if e.name == name {
				return e
			}
		case <-timeout:
			t.Fatalf("no %s within 10 s", name)
		}
	}
}

// countOf returns how many reviews the rating of an event counts.
func countOf(t testing.TB, e serverEvent) int64 {
	t.Helper()
	var r rating
	if err := json.Unmarshal([]byte(e.data), &r); err != nil || e.id == "" {
		t.Fatalf("%+v: %v", e, err)
	}
	return r.Count
}

// everybody is one client.
func everybody(*http.Request) netip.Prefix { return netip.Prefix{} }

// instance starts the function on an embedded Pub/Sub and a database.
func instance(t testing.TB, srv *pstest.Server, db *spanner.Client) (string, *feed) {
	t.Helper()
	t.Setenv("PUBSUB_EMULATOR_HOST", srv.Addr)
	client, err := pubsub.NewClient(context.WithoutCancel(t.Context()), "shop")
	if err != nil {
		t.Fatal(err)
	}
	store := spannerStore{db: db}
	f := newFeed(newSubscription(client, "published"), store.rating, maxStreams)
	s := httptest.NewServer((&server{store: store, events: newEvents(f, everybody)}).handler())
	t.Cleanup(func() {
		f.close(context.WithoutCancel(t.Context()))
		s.Close()
		_ = client.Close()
	})
	return s.URL, f
}

// announce publishes news as the function sentiment does.
func announce(t testing.TB, p *pubsub.Publisher, n wire.ChangeNotice) {
	t.Helper()
	data, attributes, err := wire.Encode(n)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Publish(t.Context(), &pubsub.Message{Data: data, Attributes: attributes}).Get(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestEveryInstanceTellsWhatHappens(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	addProducts(t, db, butter)
	p, srv := pubsubtest.New(t, "published")
	a, feedA := instance(t, srv, db)
	b, _ := instance(t, srv, db)
	if subs := subscriptions(t, srv); len(subs) != 0 {
		t.Errorf("before the first stream there is %v", subs)
	}
	_, eventsA := stream(t, a)
	_, eventsB := stream(t, b)
	for _, events := range []<-chan serverEvent{eventsA, eventsB} {
		if got := countOf(t, next(t, events, "rating")); got != 0 {
			t.Errorf("the first rating counts %d", got)
		}
	}

	id := uuid.NewString()
	addRating(t, db, butter, 3, [5]int64{0, 0, 0, 0, 1}, 1, 900000)
	if _, err := p.Publish(t.Context(), &pubsub.Message{Data: []byte("no news")}).Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // as a redelivery does
		announce(t, p, wire.ChangeNotice{Key: wire.Key{Product: butter, Review: id}, Status: wire.Published, Revision: 7})
	}
	var tag string
	for _, events := range []<-chan serverEvent{eventsA, eventsB} {
		if got := next(t, events, "review"); got.data != `{"id":"`+id+`","status":"published","revision":7}` {
			t.Errorf("review %s", got.data)
		}
		e := next(t, events, "rating")
		if tag == "" {
			tag = e.id
		}
		if countOf(t, e) != 1 || e.id != tag {
			t.Errorf("rating %+v, want one with the id %s on each instance", e, tag)
		}
	}
	if subs := subscriptions(t, srv); len(subs) != 2 {
		t.Errorf("two instances have %v", subs)
	}

	// Who comes back, to any instance, learns what it missed, and nothing that it knows.
	_, again := stream(t, b, "Last-Event-ID", tag)
	addRating(t, db, butter, 4, [5]int64{0, 0, 0, 0, 1}, 1, 900000)
	announce(t, p, wire.ChangeNotice{Key: wire.Key{Product: butter, Review: uuid.NewString()}, Status: wire.Published, Revision: 8})
	if got := countOf(t, next(t, again, "rating")); got != 2 {
		t.Errorf("the first rating that it is told counts %d", got)
	}
	_, late := stream(t, a, "Last-Event-ID", tag)
	if got := countOf(t, next(t, late, "rating")); got != 2 {
		t.Errorf("who missed something is told of %d", got)
	}

	feedA.close(t.Context())
	for range eventsA { // which ends
	}
	if subs := subscriptions(t, srv); len(subs) != 1 {
		t.Errorf("after the end of one instance there is %v", subs)
	}
}

// subscriptions returns the names of those that there are.
func subscriptions(t testing.TB, srv *pstest.Server) (names []string) {
	t.Helper()
	list, err := srv.GServer.ListSubscriptions(t.Context(), &pubsubpb.ListSubscriptionsRequest{Project: "projects/shop"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list.Subscriptions {
		names = append(names, s.Name)
		if s.ExpirationPolicy.GetTtl().AsDuration() != 24*time.Hour {
			t.Errorf("%s never expires", s.Name)
		}
	}
	return names
}

// A stream that is open must not keep a program that is to stop, whose instance Cloud Run kills after 10 s.
func TestTwoHundredStreamsEndWithTheProgram(t *testing.T) {
	db, spannerServer := spannerdbtest.New(t)
	addProducts(t, db, butter)
	p, srv := pubsubtest.New(t, "published")
	t.Setenv("PUBSUB_EMULATOR_HOST", srv.Addr)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	environ := map[string]string{
		"GOOGLE_CLOUD_PROJECT": "shop", "SPANNER_INSTANCE": "embedded", "SPANNER_DATABASE": "shop", "SPANNER_EMULATOR_HOST": spannerServer.Addr,
		"REVIEWS_TOPIC": "reviews", "PUBLISHED_TOPIC": "published", "AUTHOR_TOKEN_KEY": "no secret in a test", "PORT": addr, "FORWARDED_HOPS": "1",
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, func(name string) (string, bool) { v, ok := environ[name]; return v, ok })
	}()
	for !reached(addr) {
		time.Sleep(10 * time.Millisecond)
	}

	const streams = 200
	all := make([]<-chan serverEvent, streams)
	for i := range all {
		_, all[i] = stream(t, "http://"+addr, "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i/2))
	}
	for _, events := range all {
		next(t, events, "rating")
	}
	announce(t, p, wire.ChangeNotice{Key: wire.Key{Product: butter, Review: uuid.NewString()}, Status: wire.Published, Revision: 7})
	for _, events := range all {
		next(t, events, "review")
	}
	for range maxClientStreams {
		if resp, _ := stream(t, "http://"+addr, "X-Forwarded-For", "203.0.113.1"); resp.StatusCode != http.StatusOK {
			t.Fatalf("%d before a client has its %d streams", resp.StatusCode, maxClientStreams)
		}
	}
	if resp, _ := stream(t, "http://"+addr, "X-Forwarded-For", "203.0.113.1"); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "10" {
		t.Errorf("%d, Retry-After %q after a client has its streams", resp.StatusCode, resp.Header.Get("Retry-After"))
	}

	began := time.Now()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > time.Second { // of the 8 that a drain waits
		t.Errorf("it took %v to stop", took)
	} else {
		t.Logf("stopped in %v with %d streams", took, streams+maxClientStreams)
	}
	for _, events := range all {
		for range events { // which ends
		}
	}
	if subs := subscriptions(t, srv); len(subs) != 0 {
		t.Errorf("it leaves %v behind", subs)
	}
}

func reached(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err == nil {
		c.Close()
	}
	return err == nil
}

func TestStreamsThatThereAreNot(t *testing.T) {
	db, spannerServer := spannerdbtest.New(t)
	addProducts(t, db, butter)
	store := spannerStore{db: db}
	s := &wireService{broken: make(chan error)}
	f := newFeed(s, store.rating, maxStreams)
	defer f.close(t.Context())
	h := checked(t, &server{store: store, events: newEvents(f, everybody)})
	const path = "/v1/products/" + butter + "/events"
	for name, tc := range map[string]struct {
		path     string
		fails    error // of Pub/Sub
		spanner  error
		streams  int
		status   int
		says     string
		patience string
	}{
		"of no product":      {path: "/v1/products/none/events", streams: 1, status: 404, says: `no product \"none\"`},
		"of no name":         {path: "/v1/products/UPPER/events", streams: 1, status: 422, says: "product"},
		"with a filter":      {path: path + "?status=held", streams: 1, status: 422, says: "status"},
		"one too many":       {path: path, streams: 0, status: 429, says: "read the rating", patience: "10"},
		"Pub/Sub is away":    {path: path, streams: 1, fails: errors.New("secret detail"), status: 503, patience: "10"},
		"Spanner is away":    {path: path, streams: 1, spanner: status.Error(codes.ResourceExhausted, "secret detail"), status: 503, patience: "10"},
		"Spanner is refused": {path: path, streams: 1, spanner: status.Error(codes.PermissionDenied, "secret detail"), status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			spannerServer.Fail(tc.spanner)
			defer spannerServer.Fail(nil)
			f.opened, f.streams, s.fails = false, tc.streams, tc.fails
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, tc.path, nil))
			if w.Code != tc.status || w.Header().Get("Content-Type") != problem.ContentType || w.Header().Get("Retry-After") != tc.patience ||
				!strings.Contains(w.Body.String(), tc.says) || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
			}
			if f.watching != 0 {
				t.Errorf("%d still watch", f.watching)
			}
		})
	}

	f.opened, f.streams, s.fails = false, 1, nil
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodHead, path, nil))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/event-stream" || w.Header().Get("ETag") != "" || f.watching != 0 {
		t.Errorf("HEAD: %d %v, %d watch", w.Code, w.Header(), f.watching)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)) // which the document describes
	if !strings.HasPrefix(w.Body.String(), "retry: ") || !strings.Contains(w.Body.String(), "\n\nid: ") || f.watching != 0 {
		t.Errorf("a stream that its reader ends: %q, %d watch", w.Body, f.watching)
	}
}

// stuck is a reader that takes nothing any more: a write fails when its deadline comes.
type stuck struct {
	http.ResponseWriter
	mu       sync.Mutex
	deadline time.Time
}

func (s *stuck) SetWriteDeadline(d time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = d
	return nil
}

func (s *stuck) Write([]byte) (int, error) {
	s.mu.Lock()
	until := s.deadline
	s.mu.Unlock()
	if until.IsZero() {
		select {} // for ever
	}
	time.Sleep(time.Until(until))
	return 0, os.ErrDeadlineExceeded
}

func TestStreamsEnd(t *testing.T) {
	f := newFeed(&wireService{broken: make(chan error)}, (&counted{}).rating, maxStreams)
	defer f.close(t.Context())
	e := newEvents(f, everybody)
	w, err := f.watch(t.Context(), butter, home)
	if err != nil {
		t.Fatal(err)
	}
	e.patience = time.Millisecond
	e.stream(t.Context(), &stuck{ResponseWriter: httptest.NewRecorder()}, w, nil) // returns, though nobody reads
	e.patience, e.life, e.heartbeat = time.Second, 100*time.Millisecond, 10*time.Millisecond
	rec := httptest.NewRecorder()
	e.stream(t.Context(), rec, w, nil) // returns, though nothing else ends it
	if !rec.Flushed || strings.Count(rec.Body.String(), "\n:\n\n") < 2 {
		t.Errorf("a life of ten heartbeats was %q", rec.Body)
	}
	e.life = time.Hour
	f.leave(w)
	e.stream(t.Context(), httptest.NewRecorder(), w, nil) // returns, as it is over
}
