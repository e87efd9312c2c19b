package main

import (
	"net"
	"net/url"
	"testing"
)

func TestIssuerURLIsHTTPSOrLoopback(t *testing.T) {
	for _, valid := range []string{
		"https://issuer.example", "https://issuer.example/", "https://issuer.example/realms/shop", "http://localhost:9000", "http://127.0.0.1:9000/", "http://[::1]:9000",
	} {
		if got, err := parseIssuer(valid); err != nil || got != valid {
			t.Errorf("parseIssuer(%q) = %q, %v; want it unchanged", valid, got, err)
		}
	}
	for _, invalid := range []string{
		"", "issuer.example", "https://", "http://issuer.example", "http://192.168.0.1", "ftp://issuer.example", "https://issuer.example?a=b", "https://issuer.example?",
		"https://issuer.example#a", "https://issuer.example#", "https://:443", "https://user@issuer.example", "http://localhost.issuer.example", "https://issuer.example\n", "//issuer.example",
	} {
		if got, err := parseIssuer(invalid); err == nil {
			t.Errorf("parseIssuer(%q) = %q, want an error", invalid, got)
		}
	}
}

func FuzzParseIssuer(f *testing.F) {
	for _, seed := range []string{"https://issuer.example/realms/shop", "http://127.0.0.1:9000", "http://[::1]", "http://localhost", "https://user:password@a", "https://a?b#c", "%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseIssuer(s)
		if err != nil {
			return
		}
		if got != s {
			t.Errorf("parseIssuer(%q) = %q, want it unchanged", s, got)
		}
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		loopback := u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()
		if u.Host == "" || u.User != nil || u.RawQuery != "" || u.Scheme != "https" && !loopback {
			t.Errorf("parseIssuer accepts %q", s)
		}
		// Discovery appends this path, so it must not end up in a query or a fragment.
		if document, err := url.Parse(s + "/.well-known/openid-configuration"); err != nil || document.Host != u.Host || document.RawQuery != "" || document.Fragment != "" {
			t.Errorf("discovery URL of %q is invalid: %v, %v", s, document, err)
		}
	})
}
