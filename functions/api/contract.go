package main

import (
	"embed"
	"net/http"
	"path"
)

// contract is the contract of the whole web API, which scripts/openapi writes from the documents of all
// functions, and a page that shows it, complete without scripts and without other hosts.
//
//go:embed contract
var contract embed.FS

// serveContract adds the contract to mux.
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
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "same-origin")
			// Here, because to read is to copy, which an instance that starts has no time for.
			b, err := contract.ReadFile(path.Join("contract", file.name))
			if err != nil {
				panic(err) // it is embedded
			}
			_, _ = w.Write(b) // a caller who is gone cannot be told
		})
	}
}
