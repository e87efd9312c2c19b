// Package crossorigin is the middleware of the web APIs for requests of pages of other origins: CORS
// (https://fetch.spec.whatwg.org/#http-cors-protocol), and protection against forged requests (CSRF).
package crossorigin

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rs/cors"

	"github.com/hybrid-bts/functions/shared/problem"
)

// preflightAge is the time for which a browser may cache the answer to a preflight request.
const preflightAge = 10 * time.Minute

// OriginsForm describes the input of ParseOrigins.
const OriginsForm = "a list of origins such as https://shop.example, separated by spaces"

// ParseOrigins returns the origins in a list separated by blanks, such as "https://shop.example http://localhost:8080".
// It rejects wildcards, paths and schemes other than http and https. An empty list has no origins.
func ParseOrigins(s string) ([]string, error) {
	origins := strings.Fields(s)
	for _, o := range origins {
		u, err := url.Parse(o)
		if err != nil {
			return nil, fmt.Errorf("read origin %q: %w", o, err)
		}
		if u.Host == "" || strings.Contains(u.Host, "*") || (u.Scheme != "https" && u.Scheme != "http") || (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() != o {
			return nil, fmt.Errorf("read origin %q: not scheme://host[:port]", o)
		}
	}
	return origins, nil
}

// Handler answers preflight requests and lets pages of the given origins call next. Without origins only pages of the same
// origin may. Browsers send no cookies across origins.
//
// Other pages can send requests of some forms without a preflight request. Handler answers 403 to these, unless the method
// is GET, HEAD or OPTIONS, which change nothing. Clients that send neither Sec-Fetch-Site nor Origin are not browsers and
// pass. Old browsers send only Origin, which Handler compares with Host, so proxies must pass on Host unchanged. Handler
// panics if ParseOrigins did not return the origins.
func Handler(origins []string, next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem.Write(w, problem.New(http.StatusForbidden, "request comes from a page of another origin"))
	}))
	for _, o := range origins {
		if err := protection.AddTrustedOrigin(strings.ToLower(o)); err != nil { // browsers send hosts in lower case
			panic(err)
		}
	}
	next = protection.Handler(next)
	if len(origins) == 0 {
		return next // package cors treats an empty list as all origins
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{"Content-Type", "Idempotency-Key", "Author-Token", "If-None-Match", "Traceparent"},
		ExposedHeaders: []string{"ETag", "Location", "Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-Id"},
		MaxAge:         int(preflightAge.Seconds()),
	}).Handler(next)
}
