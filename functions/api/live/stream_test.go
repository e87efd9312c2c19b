package live

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// stalledClient is a connection whose client reads nothing: a write fails at its deadline.
type stalledClient struct {
	http.ResponseWriter
	mu       sync.Mutex
	deadline time.Time
}

func (c *stalledClient) SetWriteDeadline(d time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = d
	return nil
}

func (c *stalledClient) Write([]byte) (int, error) {
	c.mu.Lock()
	deadline := c.deadline
	c.mu.Unlock()
	if deadline.IsZero() {
		select {} // forever
	}
	time.Sleep(time.Until(deadline))
	return 0, os.ErrDeadlineExceeded
}

// Serve must return in each of these cases; otherwise the test times out.
func TestStreamEnds(t *testing.T) {
	f := newFeed(&fakeSource{failure: make(chan error)}, (&fakeRating{}).read, DefaultStreams)
	defer f.Close()
	s, err := f.Watch(t.Context(), butter, clientA, "")
	if err != nil {
		t.Fatal(err)
	}

	s.timing.writeTimeout = time.Millisecond
	s.Serve(t.Context(), &stalledClient{ResponseWriter: httptest.NewRecorder()})

	s.timing = streamTiming{lifetime: 100 * time.Millisecond, heartbeat: 10 * time.Millisecond, writeTimeout: time.Second}
	w := httptest.NewRecorder()
	s.Serve(t.Context(), w)
	if !w.Flushed || strings.Count(w.Body.String(), "\n:\n\n") < 2 {
		t.Errorf("a lifetime of ten heartbeats wrote %q", w.Body)
	}

	s.timing.lifetime = time.Hour
	s.Close()
	s.Serve(t.Context(), httptest.NewRecorder())
}

func TestStreamBeginsWithTheRatingUnlessTheClientHasIt(t *testing.T) {
	f := newFeed(&fakeSource{failure: make(chan error)}, (&fakeRating{count: 7}).read, DefaultStreams)
	defer f.Close()
	serve := func(lastEventID string) string {
		s, err := f.Watch(t.Context(), butter, clientA, lastEventID)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		w := httptest.NewRecorder()
		s.Serve(t.Context(), w)
		return w.Body.String()
	}
	first := serve("")
	_, rest, _ := strings.Cut(first, "\n\nid: ")
	id, event, _ := strings.Cut(rest, "\n")
	if !strings.HasPrefix(first, "retry: ") || event != "event: rating\ndata: {\"count\":7}\n\n" {
		t.Errorf("first connection: %q", first)
	}
	if again := serve(id); strings.Contains(again, "rating") {
		t.Errorf("reconnection with the id %q: %q", id, again)
	}
	if other := serve("another"); !strings.Contains(other, "id: "+id+"\n") {
		t.Errorf("reconnection with another id: %q, want the rating with the id %q", other, id)
	}
}
