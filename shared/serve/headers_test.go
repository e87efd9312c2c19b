package serve_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Every path of the handler has the fields: a response that it writes, an error of net/http, a redirect, an empty response
// and the health check.
func TestEveryResponseHasTheSecurityHeaders(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/picture", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = io.WriteString(w, "<script>")
	})
	mux.HandleFunc("POST /body", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1)); err != nil {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		}
	})
	mux.HandleFunc("/empty", func(http.ResponseWriter, *http.Request) {})
	for name, serve := range servers(t) {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			go func() { _ = serve(t.Context(), port, mux) }()
			get(t, "http://"+port+"/healthz")
			client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			for target, want := range map[string]int{
				"GET /picture": 200, "GET /none": 404, "GET /body": 405, "POST /body": 413, "GET /empty": 200, "GET //picture": 307, "GET /healthz": 200,
			} {
				for proto, hsts := range map[string]string{"https": "max-age=63072000; includeSubDomains", "http": "", "": ""} {
					method, path, _ := strings.Cut(target, " ")
					r, err := http.NewRequest(method, "http://"+port+path, strings.NewReader(strings.Repeat("a", 3)))
					if err != nil {
						t.Fatal(err)
					}
					r.Header.Set("X-Forwarded-Proto", proto)
					resp, err := client.Do(r)
					if err != nil {
						t.Fatal(err)
					}
					resp.Body.Close()
					if resp.StatusCode != want || resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Strict-Transport-Security") != hsts {
						t.Errorf("%s over %q: %d %v, want %d with nosniff and HSTS %q", target, proto, resp.StatusCode, resp.Header, want, hsts)
					}
				}
			}
		})
	}
}
