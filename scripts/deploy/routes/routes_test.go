package routes_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/scripts/deploy/routes"
)

func TestRoutesNameFunctionsAndShadowNoOther(t *testing.T) {
	all := routes.All()
	if len(all) == 0 || all[len(all)-1].Prefix != "/" {
		t.Fatalf("routes = %v, want the last to match every path", all)
	}
	for i, r := range all {
		if _, err := os.Stat(filepath.Join("..", "..", "..", "functions", r.Function, "main.go")); err != nil {
			t.Errorf("route %s: %v", r.Prefix, err)
		}
		for _, before := range all[:i] {
			if strings.HasPrefix(r.Prefix, before.Prefix) {
				t.Errorf("route %s shadows %s, which follows it", before.Prefix, r.Prefix)
			}
		}
	}
}

func TestMatchesComparesWholePathSegments(t *testing.T) {
	for path, want := range map[string]string{
		"/v1/cities": "city", "/v1/cities/Paris/customers": "city", "/v1/customers": "city", "/v1/customersx": "api",
		"/v1/reviews": "review", "/v1/reviews/": "review", "/v1/reviews/1": "review", "/v1/reviewsx": "api", "/v1/photos": "review",
		"/img/products/a.jpg": "resize", "/admin": "admin", "/admin/admin.js": "admin", "/administrator": "api", "/v1/admin/days": "admin", "/images": "api",
		"/": "api", "/v1/products": "api", "": "api", "//v1/reviews": "api",
	} {
		got := "api" // no prefix matches ""
		for _, r := range routes.All() {
			if r.Matches(path) {
				got = r.Function
				break
			}
		}
		if got != want {
			t.Errorf("route of %q = %s, want %s", path, got, want)
		}
	}
}
