package crossorigin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/shared/problem/crossorigin"
)

const partner = "https://partner.example"

func send(t *testing.T, origins, method, origin string, header ...string) *http.Response {
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
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestPreflightAllowsTheMethodsOfTheAPI(t *testing.T) {
	for _, method := range []string{"POST", "PATCH", "DELETE"} {
		resp := send(t, partner+" https://other.example:8443", http.MethodOptions, partner,
			"Access-Control-Request-Method", method, "Access-Control-Request-Headers", "author-token,content-type,idempotency-key")
		h := resp.Header
		if resp.StatusCode != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != partner || h.Get("Access-Control-Allow-Methods") != method ||
			h.Get("Access-Control-Max-Age") != "600" || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", method, resp.StatusCode, h)
		}
	}
	resp := send(t, partner, http.MethodOptions, partner, "Access-Control-Request-Method", "PUT")
	if resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("PUT is allowed: %v", resp.Header)
	}
}

func TestPagesOfAllowedOriginsMayReadResponses(t *testing.T) {
	h := send(t, partner, http.MethodGet, partner).Header
	exposed := strings.Split(h.Get("Access-Control-Expose-Headers"), ", ")
	if h.Get("Access-Control-Allow-Origin") != partner || !slices.Contains(exposed, "Retry-After") || !slices.Contains(h.Values("Vary"), "Origin") {
		t.Errorf("header %v", h)
	}
	for _, origin := range []string{"https://evil.example", "http://partner.example", partner + ".evil.example", "null"} {
		if got := send(t, partner, http.MethodGet, origin).Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s may read responses, as %s", origin, got)
		}
	}
}

func TestChangesNeedTheSameOrATrustedOrigin(t *testing.T) {
	const same, evil = "http://example.com", "https://evil.example" // httptest requests have the host example.com
	for _, tc := range []struct {
		name, origins, origin, site string
		want                        int
	}{
		{"same origin", "", same, "same-origin", 200},
		{"same origin of an old browser", "", same, "", 200},
		{"same host behind a load balancer that ends TLS", "", "https://example.com", "", 200},
		{"no browser", "", "", "", 200},
		{"typed into the address bar", "", "", "none", 200},
		{"trusted origin", partner, partner, "cross-site", 200},
		{"trusted origin of an old browser", partner, partner, "", 200},
		{"trusted origin in upper case", "https://Partner.Example", partner, "cross-site", 200},
		{"second trusted origin", evil + " " + partner, partner, "same-site", 200},
		{"other origin", "", evil, "cross-site", 403},
		{"other origin with a trusted one", partner, evil, "cross-site", 403},
		{"other host of the site", partner, "http://blog.example.com", "same-site", 403},
		{"other port of an old browser", "", "http://example.com:8080", "", 403},
		{"trusted host with another scheme", partner, "http://partner.example", "cross-site", 403},
		{"other origin of an old browser", partner, evil, "", 403},
		{"sandboxed page", partner, "null", "cross-site", 403},
		{"sandboxed page of an old browser", partner, "null", "", 403},
		{"other origin without Origin", partner, "", "cross-site", 403},
	} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			resp := send(t, tc.origins, method, tc.origin, "Sec-Fetch-Site", tc.site)
			if resp.StatusCode != tc.want || (tc.want == 403) != (resp.Header.Get("Content-Type") == "application/problem+json") {
				t.Errorf("%s, %s: %d %v, want %d", tc.name, method, resp.StatusCode, resp.Header, tc.want)
			}
		}
		for _, method := range []string{"GET", "HEAD"} {
			if resp := send(t, tc.origins, method, tc.origin, "Sec-Fetch-Site", tc.site); resp.StatusCode != 200 {
				t.Errorf("%s, %s: %d, want 200", tc.name, method, resp.StatusCode)
			}
		}
	}
}

func TestNoOriginIsAllowedByDefault(t *testing.T) {
	resp := send(t, " ", http.MethodOptions, partner, "Access-Control-Request-Method", "POST")
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

func TestParseOriginsRejectsOtherTexts(t *testing.T) {
	for _, s := range []string{"*", "shop.example", "https://shop.example/", "https://shop.example/path", "https://*.example", "ftp://shop.example", "https://a b", "null"} {
		if got, err := crossorigin.ParseOrigins(s); err == nil {
			t.Errorf("ParseOrigins(%q) = %v, want an error", s, got)
		}
	}
}

func ExampleParseOrigins() {
	fmt.Println(crossorigin.ParseOrigins("https://shop.example http://localhost:8080"))
	_, err := crossorigin.ParseOrigins("https://shop.example/cart")
	fmt.Println(err)
	// Output:
	// [https://shop.example http://localhost:8080] <nil>
	// read origin "https://shop.example/cart": not scheme://host[:port]
}

func FuzzParseOrigins(f *testing.F) {
	for _, s := range []string{"", "https://shop.example", "http://a https://b:8443", "https://*.example", "https://[::1]:80", "HTTPS://a", "https://a/", "//a", "https://a\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		origins, err := crossorigin.ParseOrigins(s)
		if err != nil {
			return
		}
		for _, o := range origins {
			u, err := url.Parse(o)
			if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.Contains(o, "*") {
				t.Errorf("ParseOrigins(%q) has %q", s, o)
			}
		}
		crossorigin.Handler(origins, http.NotFoundHandler()) // panics if an origin is invalid
		again, err := crossorigin.ParseOrigins(strings.Join(origins, " "))
		if err != nil || !slices.Equal(again, origins) {
			t.Errorf("%q became %q, then %q: %v", s, origins, again, err)
		}
	})
}
