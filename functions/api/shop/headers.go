package shop

import (
	"net/http"
	"strings"
)

// Values of Cache-Control. The middleware of the API adds an ETag, so a revalidated page costs no transfer.
const (
	cacheNoStore    = "no-store"
	cacheRevalidate = "no-cache"
	cacheShared5s   = "public, max-age=0, s-maxage=5" // shared caches for 5 s; browsers revalidate
	cache1h         = "public, max-age=3600"
	cacheImmutable  = "public, max-age=31536000, immutable"
)

// contentSecurityPolicy returns a policy that allows files of the own host, previews of photos, and connections to the
// own host and to the origin of uploads. It forbids scripts to build markup from strings.
func contentSecurityPolicy(uploads string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
		"connect-src " + strings.TrimSpace("'self' "+uploads) + "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
		"require-trusted-types-for 'script'; trusted-types 'none'"
}

// setSecurityHeaders sets the security headers that every response of the site has.
func (s *Site) setSecurityHeaders(h http.Header) {
	h.Set("Content-Security-Policy", s.policy)
	h.Set("Referrer-Policy", "same-origin")
}

// writeBody writes a response with status 200.
func writeBody(w http.ResponseWriter, contentType, cacheControl string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", cacheControl)
	_, _ = w.Write(body) // an error means that the client has disconnected
}
