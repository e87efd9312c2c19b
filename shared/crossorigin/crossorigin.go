// Package crossorigin lets the pages of chosen origins call a web API from a browser.
package crossorigin

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rs/cors"
)

// remember is how long a browser need not ask again what it may send.
const remember = 10 * time.Minute

// OriginsForm describes the input of ParseOrigins.
const OriginsForm = "a list of origins such as https://shop.example, separated by spaces"

// ParseOrigins reads a list of origins such as https://shop.example, parted by spaces.
func ParseOrigins(s string) ([]string, error) {
	origins := strings.Fields(s)
	for _, o := range origins {
		u, err := url.Parse(o)
		if err != nil {
			return nil, fmt.Errorf("read origin %q: %w", o, err)
		}
		if u.Host == "" || strings.Contains(u.Host, "*") || (u.Scheme != "https" && u.Scheme != "http") || (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() != o {
			return nil, fmt.Errorf("%q is not an origin", o)
		}
	}
	return origins, nil
}

// Handler answers preflights, and lets pages of the origins read what next answers. Without origins only
// the pages of the same one may. Cookies are neither sent nor set from elsewhere.
func Handler(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next // cors would take none for all
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{"Content-Type", "Idempotency-Key", "Author-Token", "If-None-Match", "Traceparent"},
		ExposedHeaders: []string{"ETag", "Location", "Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-Id"},
		MaxAge:         int(remember.Seconds()),
	}).Handler(next)
}
