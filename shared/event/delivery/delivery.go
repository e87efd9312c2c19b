// Package delivery reads events from HTTP requests: CloudEvents in binary and structured mode, and messages of Pub/Sub push
// subscriptions, with or without the envelope of Pub/Sub.
package delivery

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"
)

// MaxBody bounds the body of a request, in bytes, before and after decompression. A Pub/Sub message has at most 10 MB,
// 13.4 MB in base64.
const MaxBody = 16 << 20

// maxBodies bounds the bytes of all bodies in memory. Decoding a body doubles it, and the garbage collector lets the heap
// double again, so one of the largest bodies costs about 60 MB.
const maxBodies = MaxBody

// waitTimeout bounds the wait for the memory of a body. With the deadline of a handler (20 s), it ends before the ack
// deadline of the subscriptions (30 s).
const waitTimeout = 5 * time.Second

// Event is one delivery of an event. Events are delivered one or more times, in any order, and possibly to several
// instances at once.
type Event struct {
	ID      string // equal in all deliveries of the event
	Type    string // such as "google.cloud.storage.object.v1.finalized"
	Source  string
	Subject string

	// Data is the payload of the Pub/Sub message, or of the CloudEvent.
	Data []byte
	// Attributes are the attributes of the Pub/Sub message. They are nil for other events.
	Attributes map[string]string
}

// MessagePublished is the type of events that carry a Pub/Sub message.
const MessagePublished = "google.cloud.pubsub.topic.v1.messagePublished"

// Errors of Reader.Read besides those of a malformed event, and *http.MaxBytesError for a body larger than MaxBody.
var (
	// ErrBusy reports that the bodies of other requests occupy the memory.
	ErrBusy = errors.New("too many bytes of events in memory")
	// ErrEncoding reports an unknown Content-Encoding.
	ErrEncoding = errors.New("unknown Content-Encoding; valid encodings: gzip, identity")
)

// Reader reads events. It bounds the bytes of the events that are in memory at once. Several goroutines may use it.
type Reader struct{ memory *semaphore.Weighted }

// NewReader returns a Reader that has read nothing.
func NewReader() *Reader { return &Reader{semaphore.NewWeighted(maxBodies)} }

// Read returns the event that a request holds. The caller calls release, which is never nil, when it no longer uses the
// event.
func (r *Reader) Read(w http.ResponseWriter, req *http.Request) (e Event, release func(), err error) {
	none := func() {}
	compressed := false
	switch encoding := strings.ToLower(req.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip":
		compressed = true
	default:
		return Event{}, none, fmt.Errorf("read event with Content-Encoding %.100q: %w", encoding, ErrEncoding)
	}
	size := req.ContentLength
	if size > MaxBody {
		return Event{}, none, fmt.Errorf("read event: %w", &http.MaxBytesError{Limit: MaxBody})
	}
	if size < 0 || compressed { // unknown
		size = MaxBody
	}
	ctx, cancel := context.WithTimeout(req.Context(), waitTimeout)
	defer cancel()
	if err := r.memory.Acquire(ctx, size); err != nil {
		return Event{}, none, fmt.Errorf("read event: %w: %w", ErrBusy, err)
	}
	release = func() { r.memory.Release(size) }
	body, err := readBody(w, req, compressed)
	if err != nil {
		release()
		return Event{}, none, fmt.Errorf("read event: %w", err)
	}
	if e, err = decode(req.Header, body); err != nil {
		release()
		return Event{}, none, err
	}
	return e, release, nil
}

// readBody returns the body of a request without its compression.
func readBody(w http.ResponseWriter, req *http.Request, compressed bool) ([]byte, error) {
	var body bytes.Buffer
	limited := http.MaxBytesReader(w, req.Body, MaxBody)
	if !compressed {
		body.Grow(int(max(0, req.ContentLength)) + bytes.MinRead) // ReadFrom then allocates nothing
		_, err := body.ReadFrom(limited)
		return body.Bytes(), err
	}
	unzipped, err := gzip.NewReader(limited)
	if err != nil {
		return nil, err
	}
	n, err := body.ReadFrom(io.LimitReader(unzipped, MaxBody+1))
	if n > MaxBody {
		return nil, &http.MaxBytesError{Limit: MaxBody}
	}
	return body.Bytes(), err
}
