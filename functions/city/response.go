package main

import (
	"compress/gzip"
	"fmt"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	encoding "github.com/go-json-experiment/json"

	"github.com/hybrid-bts/functions/shared/etag"
)

// setPrivateHeaders sets the headers that every successful response has. Responses hold personal data, so shared caches
// must not store them.
func setPrivateHeaders(h http.Header, contentType, cacheDirective string) {
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "private, "+cacheDirective)
	h.Set("Vary", "Accept, Accept-Encoding")
}

// jsonResponse returns a response with v as JSON. It is 304 when If-None-Match lists the ETag of v.
func jsonResponse(v any) (*huma.StreamResponse, error) {
	body, err := encoding.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode page: %w", err)
	}
	body = append(body, '\n')
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		tag := etag.Weak(body) // also valid for the compressed body
		h := w.Header()
		setPrivateHeaders(h, "application/json", "no-cache")
		h.Set("ETag", tag)
		if etag.NoneMatch(r.Header, tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		if r.Method == http.MethodHead || !acceptsGzip(r) {
			h.Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = w.Write(body) // a write error means that the client disconnected; net/http drops the body of a HEAD
			return
		}
		h.Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(body)
		_ = z.Close()
	}}, nil
}
