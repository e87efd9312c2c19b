package requestbody

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// MaxBytes is the size of the largest body that operations accept, in bytes.
	MaxBytes = 64 << 10

	// SmallBytes is the size of the largest small body, in bytes. Most reviews have less than 1 KiB.
	SmallBytes = 8 << 10

	// MaxHeld is the number of bytes of small bodies, and of large bodies, that the handlers of an instance hold at once: 8
	// bodies of the largest size. Decoding, validating and publishing a body take about ten times its size.
	MaxHeld = 8 * MaxBytes

	// MaxWait is the longest time that a body waits for others.
	MaxWait = 5 * time.Second
)

// ErrBusy is the error of a body that waited for MaxWait. The client may send the request again.
var ErrBusy = errors.New("too many bodies are being processed")

// Gate bounds the bytes of bodies that handlers hold at once. Its methods may be called concurrently.
type Gate struct{ small, large *semaphore.Weighted }

// NewGate returns a Gate for MaxHeld bytes of small bodies and as many of large ones.
func NewGate() *Gate { return &Gate{semaphore.NewWeighted(MaxHeld), semaphore.NewWeighted(MaxHeld)} }

// Middleware passes requests to next. The first read of a body waits until the gate has room, in the order of arrival, and
// fails with ErrBusy after MaxWait. The body keeps its room until next returns. A small body is read before it waits, so that
// clients that send slowly do not keep others waiting. A large body waits before it is read, so that it takes no memory; slow
// clients can keep only large bodies waiting.
func (g *Gate) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		b := &gatedBody{ReadCloser: r.Body, gate: g, ctx: r.Context(), length: r.ContentLength, release: func() {}}
		defer func() { b.release() }()
		gated := r.WithContext(r.Context()) // a copy, so that the caller still has the original body
		gated.Body = b
		next.ServeHTTP(w, gated)
	})
}

// gatedBody is a body that enters the gate at its first read.
type gatedBody struct {
	io.ReadCloser
	gate   *Gate
	ctx    context.Context
	length int64 // Content-Length; -1: unknown

	content io.Reader // nil before the first read
	release func()
}

// Read implements io.Reader.
func (b *gatedBody) Read(p []byte) (int, error) {
	if b.content == nil {
		b.content = b.enter()
	}
	return b.content.Read(p)
}

// enter waits for the gate and returns the content of the body. A large body is still in the connection, except its start.
func (b *gatedBody) enter() io.Reader {
	start, err := io.ReadAll(io.LimitReader(b.ReadCloser, SmallBytes+1))
	if err != nil {
		return io.MultiReader(bytes.NewReader(start), failedReader{err})
	}
	if len(start) <= SmallBytes {
		if err := b.wait(b.gate.small, int64(len(start))); err != nil {
			return failedReader{err}
		}
		return bytes.NewReader(start)
	}
	size := int64(MaxBytes)
	if b.length >= 0 {
		size = min(size, b.length)
	}
	if err := b.wait(b.gate.large, size); err != nil {
		return failedReader{err}
	}
	return io.MultiReader(bytes.NewReader(start), b.ReadCloser)
}

// wait takes room in a part of the gate.
func (b *gatedBody) wait(part *semaphore.Weighted, size int64) error {
	ctx, cancel := context.WithTimeout(b.ctx, MaxWait)
	defer cancel()
	if part.TryAcquire(size) || part.Acquire(ctx, size) == nil { // Acquire fails if ctx has ended, even if there is room
		b.release = func() { part.Release(size) }
		return nil
	}
	if b.ctx.Err() != nil { // the client disconnected
		return context.Cause(b.ctx)
	}
	return ErrBusy
}

// failedReader is an io.Reader whose reads fail.
type failedReader struct{ err error }

// Read implements io.Reader.
func (r failedReader) Read([]byte) (int, error) { return 0, r.err }

// Drain reads the rest of a body, at most 16 MiB in 5 s. A client that still writes when the connection closes may not read
// the response.
func Drain(w http.ResponseWriter, r *http.Request) {
	const most, longest = 16 << 20, 5 * time.Second
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(longest))
	_, _ = io.CopyN(io.Discard, r.Body, most) // the response does not depend on the rest
}
