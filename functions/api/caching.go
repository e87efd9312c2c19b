package main

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/klauspost/compress/gzhttp"

	"github.com/hybrid-bts/functions/shared/etag"
	"github.com/hybrid-bts/functions/shared/problem"
)

// How long an answer may be kept. A browser always asks whether what it has is still right, and is told so
// in few bytes, since a shopper looks for the review that was just written; only the CDN, which many
// shoppers share, answers by itself for a moment. What depends on a token is kept nowhere.
const (
	aMoment   = "public, max-age=0, s-maxage=5"
	asksAgain = "public, no-cache"
	unkept    = "private, no-store"
)

// revalidated gives what next answers to GET and HEAD an ETag, and answers 304 to who has it. The tag is
// weak: it is the same when the answer is compressed. An answer that has a tag of its own, or is flushed as a
// stream is, stays as it is. What went wrong is not kept.
func revalidated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Cache-Control", unkept)
			next.ServeHTTP(w, r)
			return
		}
		b := &buffered{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(b, r)
		if b.passed {
			return
		}
		h := w.Header()
		if b.status != http.StatusOK || h.Get("ETag") != "" {
			if b.status >= http.StatusBadRequest {
				h.Set("Cache-Control", unkept)
			}
			b.pass()
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
		b.pass()
	})
}

// compressed zips the texts among the answers of next, for who takes that: a shopper on slow 3G waits for
// bytes, and neither Cloud Run nor a load balancer without CDN zips. A stream is not held back for it.
func compressed(next http.Handler) http.Handler {
	zip, err := gzhttp.NewWrapper(gzhttp.EnableZstd(false), gzhttp.ContentTypes([]string{
		"application/json", problem.ContentType, "application/ld+json", "application/xml", "image/svg+xml",
		"text/css", "text/html", "text/javascript", "text/plain", "text/xml",
	}))
	if err != nil {
		panic(err) // the options are right
	}
	return zip(next)
}

// buffered is an answer that is not sent yet.
type buffered struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
	passed bool
}

func (b *buffered) WriteHeader(status int) {
	if b.passed || status < http.StatusOK {
		b.ResponseWriter.WriteHeader(status)
		return
	}
	b.status = status
}

func (b *buffered) Write(p []byte) (int, error) {
	if b.passed {
		return b.ResponseWriter.Write(p)
	}
	return b.body.Write(p)
}

// Flush ends the holding: it is a stream.
func (b *buffered) Flush() {
	b.pass()
	_ = http.NewResponseController(b.ResponseWriter).Flush() // a recorder in a test may have none
}

// pass sends what is held.
func (b *buffered) pass() {
	if b.passed {
		return
	}
	b.passed = true
	b.ResponseWriter.WriteHeader(b.status)
	_, _ = b.ResponseWriter.Write(b.body.Bytes()) // a caller who is gone cannot be told
}

func (b *buffered) Unwrap() http.ResponseWriter { return b.ResponseWriter }
