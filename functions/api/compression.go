package main

import (
	"net/http"

	"github.com/klauspost/compress/gzhttp"

	"github.com/hybrid-bts/functions/shared/problem"
)

// compressed compresses the text responses of next with gzip for clients that accept it. Neither Cloud Run nor a load
// balancer without CDN compresses. A response is flushed when next flushes it, so a stream is not delayed.
func compressed(next http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.EnableZstd(false), gzhttp.ContentTypes([]string{
		"application/json", problem.ContentType, "application/ld+json", "application/xml", "image/svg+xml",
		"text/css", "text/html", "text/javascript", "text/plain", "text/xml",
	}))
	if err != nil {
		panic(err) // the options are constants
	}
	return wrap(next)
}
