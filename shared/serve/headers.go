package serve

import "net/http"

// hsts is the value of Strict-Transport-Security: browsers use HTTPS for the host and its subdomains for two years, also when
// a link or a typed address says http. https://hstspreload.org requires at least one year.
const hsts = "max-age=63072000; includeSubDomains"

// secureHeaders sets the header fields that every response of every program has: browsers take a response for nothing else
// than its Content-Type, and use HTTPS from then on. Responses over plain HTTP must not have the second field (RFC 6797,
// section 7.2); the load balancer and Cloud Run write X-Forwarded-Proto.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		if r.Header.Get("X-Forwarded-Proto") == "https" {
			h.Set("Strict-Transport-Security", hsts)
		}
		next.ServeHTTP(w, r)
	})
}
