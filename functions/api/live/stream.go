package live

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"time"
)

// streamTiming holds the time limits of streams.
type streamTiming struct {
	lifetime     time.Duration // a stream ends after 1 to 1.1 lifetimes
	heartbeat    time.Duration // between two comments that keep proxies from closing the connection
	writeTimeout time.Duration // of one write to the client
}

// The lifetime of 10 minutes frees the instance of a forgotten tab and moves clients to a new release.
var defaultStreamTiming = streamTiming{
	lifetime:     10 * time.Minute,
	heartbeat:    15 * time.Second,
	writeTimeout: 10 * time.Second,
}

// Clients reconnect after minReconnect plus a random part of reconnectSpread, so that clients disconnected together
// do not reconnect together. Both are in milliseconds.
const (
	minReconnect    = 1000
	reconnectSpread = 3000
)

// Stream is the stream of server-sent events of one client.
type Stream struct {
	feed    *Feed
	client  netip.Prefix
	product *productFeed
	first   []byte      // the event to begin with; empty: none
	batches chan []byte // encoded events; closed when the stream ends
	timing  streamTiming
}

// Close ends the stream and releases its place in the limits. It may be called more than once and after the feed
// closed the stream.
func (s *Stream) Close() {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	s.feed.remove(s)
}

// Serve writes the events of the stream to w until ctx ends, the client stops reading, the feed closes the stream or
// its lifetime is over.
func (s *Stream) Serve(ctx context.Context, w http.ResponseWriter) {
	SetHeader(w.Header())
	control := http.NewResponseController(w)
	// The connection may serve another request afterwards.
	defer func() { _ = control.SetWriteDeadline(time.Time{}) }()
	send := func(b []byte) bool {
		_ = control.SetWriteDeadline(time.Now().Add(s.timing.writeTimeout)) // unsupported by httptest.ResponseRecorder
		_, err := w.Write(b)
		return err == nil && control.Flush() == nil
	}
	reconnect := fmt.Appendf(nil, "retry: %d\n\n", minReconnect+rand.N(reconnectSpread))
	if !send(append(reconnect, s.first...)) {
		return
	}
	heartbeat := time.NewTicker(s.timing.heartbeat)
	defer heartbeat.Stop()
	end := time.After(s.timing.lifetime + rand.N(s.timing.lifetime/10+1))
	for {
		select {
		case <-ctx.Done():
			return
		case <-end:
			return
		case batch, open := <-s.batches:
			if !open || !send(batch) {
				return
			}
		case <-heartbeat.C:
			if !send([]byte(":\n\n")) {
				return
			}
		}
	}
}

// SetHeader sets the header fields of a response that is a stream of server-sent events.
func SetHeader(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // disables the response buffer of nginx and compatible proxies
}

// writeEvent appends a server-sent event with data on one line (HTML standard, section 9.2). An empty id is left out.
func writeEvent(to *bytes.Buffer, event, id string, data []byte) {
	if id != "" {
		fmt.Fprintf(to, "id: %s\n", id)
	}
	fmt.Fprintf(to, "event: %s\ndata: %s\n\n", event, data)
}
