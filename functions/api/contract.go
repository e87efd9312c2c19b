package main

import (
	"embed"
	"net/http"
	"path"
)

// contract holds the OpenAPI document of the whole web API, which scripts/openapi merges from the documents of all
// functions, and a page that shows it. The page needs no script and no other host.
//
//go:embed contract
var contract embed.FS

// serveContract adds the document and its page to mux.
func serveContract(mux *http.ServeMux) {
	for at, file := range map[string]struct{ name, contentType string }{
		"/openapi.json": {"openapi.json", "application/json"},
		"/docs":         {"docs.html", "text/html; charset=utf-8"},
		"/docs.css":     {"docs.css", "text/css; charset=utf-8"},
	} {
		mux.HandleFunc("GET "+at, func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("Content-Type", file.contentType)
			h.Set("Cache-Control", cacheRevalidate)
			h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
			h.Set("Referrer-Policy", "same-origin")
			// ReadFile copies the file, so reading at startup would add to the cold start.
			b, err := contract.ReadFile(path.Join("contract", file.name))
			if err != nil {
				panic(err) // it is embedded
			}
			_, _ = w.Write(b) // fails only if the client disconnected
		})
	}
}
