package main

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/hybrid-bts/functions/shared/etag"
)

// Values of Cache-Control. Browsers revalidate every response, because a shopper looks for the review just written.
// Only the CDN, which many shoppers share, may answer by itself.
const (
	cacheShared5s   = "public, max-age=0, s-maxage=5" // lists and totals: 5 seconds in the CDN
	cacheRevalidate = "public, no-cache"              // a single review and the documents
	cacheNoStore    = "private, no-store"             // responses that depend on a token, to changes, and errors
)

// revalidated adds a weak ETag to the responses of next to GET and HEAD, and answers 304 Not Modified to a matching
// If-None-Match. It passes on a response that has an ETag already or that next flushes, such as a stream. Errors
// and responses to other methods get cacheNoStore.
func revalidated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Cache-Control", cacheNoStore)
			next.ServeHTTP(w, r)
			return
		}
		b := &bufferedResponse{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(b, r)
		if b.sent {
			return
		}
		h := w.Header()
		if b.status != http.StatusOK || h.Get("ETag") != "" {
			if b.status >= http.StatusBadRequest {
				h.Set("Cache-Control", cacheNoStore)
			}
			b.send()
			return
		}
		tag := etag.Weak(b.body.Bytes())
		h.Set("ETag", tag)
		if etag.NoneMatch(r.Header, tag) {
			h.Del("Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Length", strconv.Itoa(b.body.Len()))
		b.send()
	})
}

// bufferedResponse holds a response back until send or Flush. Informational responses pass through.
type bufferedResponse struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
	sent   bool
}

// WriteHeader keeps the status for send.
func (b *bufferedResponse) WriteHeader(status int) {
	if b.sent || status < http.StatusOK {
		b.ResponseWriter.WriteHeader(status)
		return
	}
	b.status = status
}

// Write buffers p. After send it writes to the client.
func (b *bufferedResponse) Write(p []byte) (int, error) {
	if b.sent {
		return b.ResponseWriter.Write(p)
	}
	return b.body.Write(p)
}

// Flush sends the response so far and ends the buffering: a handler that flushes serves a stream.
func (b *bufferedResponse) Flush() {
	b.send()
	_ = http.NewResponseController(b.ResponseWriter).Flush() // unsupported by some test recorders
}

// send sends the buffered response. It does nothing the second time.
func (b *bufferedResponse) send() {
	if b.sent {
		return
	}
	b.sent = true
	b.ResponseWriter.WriteHeader(b.status)
	_, _ = b.ResponseWriter.Write(b.body.Bytes()) // fails only if the client disconnected
}

// Unwrap returns the wrapped writer, for http.ResponseController.
func (b *bufferedResponse) Unwrap() http.ResponseWriter { return b.ResponseWriter }
