package main

import (
	"net/url"
	"strings"
	"testing"
	"unicode"
)

// An accepted origin is safe inside a header: it has no separator of Content-Security-Policy and only one line.
func FuzzParseOrigin(f *testing.F) {
	for _, s := range []string{"https://shop.example", "http://127.0.0.1:8080", "https://[::1]:443", "https://shop.example/", "https://a;b", "javascript:alert(1)", "//a", "https://달.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseOrigin(s)
		if err != nil {
			return
		}
		u, err := url.Parse(got)
		if err != nil || got != s || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" ||
			strings.ContainsAny(got, ";,'\"") || strings.ContainsFunc(got, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
			t.Errorf("parseOrigin(%q) = %q: %+v, %v", s, got, u, err)
		}
	})
}

func TestOnlyOriginsAreParsedAsOrigins(t *testing.T) {
	for s, valid := range map[string]bool{
		"https://storage.googleapis.com": true, "http://127.0.0.1:8080": true,
		"": false, "//shop.example": false, "shop.example": false, "https://": false, "https://shop.example/": false, "https://shop.example?q": false,
		"https://u@shop.example": false, "https://shop.example; script-src *": false, "https://shop.example\n": false,
	} {
		if got, err := parseOrigin(s); (err == nil) != valid {
			t.Errorf("parseOrigin(%q) = %q, %v, want valid: %v", s, got, err, valid)
		}
	}
}
