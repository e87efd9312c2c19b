package crossorigin_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/shared/crossorigin"
)

const partner = "https://partner.example"

func ask(t *testing.T, origins, method, origin string, header ...string) *http.Response {
	t.Helper()
	list, err := crossorigin.ParseOrigins(origins)
	if err != nil {
		t.Fatal(err)
	}
	h := crossorigin.Handler(list, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
	}))
	r := httptest.NewRequest(method, "/v1/reviews", nil)
	r.Header.Set("Origin", origin)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestAPreflightIsAnswered(t *testing.T) {
	for _, method := range []string{"POST", "PATCH", "DELETE"} {
		resp := ask(t, partner+" https://other.example:8443", http.MethodOptions, partner,
			"Access-Control-Request-Method", method, "Access-Control-Request-Headers", "author-token,content-type,idempotency-key")
		h := resp.Header
		if resp.StatusCode != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != partner || h.Get("Access-Control-Allow-Methods") != method ||
			h.Get("Access-Control-Max-Age") != "600" || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", method, resp.StatusCode, h)
		}
	}
	resp := ask(t, partner, http.MethodOptions, partner, "Access-Control-Request-Method", "PUT")
	if resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("PUT is allowed: %v", resp.Header)
	}
}

func TestAPageOfAnotherOriginMayRead(t *testing.T) {
	h := ask(t, partner, http.MethodGet, partner).Header
	exposed := strings.Split(h.Get("Access-Control-Expose-Headers"), ", ")
	if h.Get("Access-Control-Allow-Origin") != partner || !slices.Contains(exposed, "Retry-After") || !slices.Contains(h.Values("Vary"), "Origin") {
		t.Errorf("header %v", h)
	}
	for _, stranger := range []string{"https://evil.example", "http://partner.example", partner + ".evil.example", "null"} {
		if got := ask(t, partner, http.MethodGet, stranger).Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s may read, as %s", stranger, got)
		}
	}
}

func TestWithoutOriginsNobodyElseMay(t *testing.T) {
	resp := ask(t, " ", http.MethodOptions, partner, "Access-Control-Request-Method", "POST")
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

func TestOnlyOriginsAreTaken(t *testing.T) {
	for _, s := range []string{"*", "shop.example", "https://shop.example/", "https://shop.example/path", "https://*.example", "ftp://shop.example", "https://a b", "null"} {
		if got, err := crossorigin.ParseOrigins(s); err == nil {
			t.Errorf("ParseOrigins(%q) = %v, want an error", s, got)
		}
	}
}
