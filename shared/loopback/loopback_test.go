package loopback_test

import (
	"net/url"
	"testing"

	"github.com/hybrid-bts/functions/shared/loopback"
)

func TestIsHost(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.8.9.1": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "0.0.0.0": false, "10.0.0.1": false, "localhost.example": false, "127.0.0.1.example": false, "127.1": false,
		"LOCALHOST": false, "localhost:80": false,
	} {
		if got := loopback.IsHost(host); got != want {
			t.Errorf("IsHost(%q) = %v", host, got)
		}
	}
}

func TestIsHostPort(t *testing.T) {
	for address, want := range map[string]bool{
		"localhost:80": true, "127.0.0.1:0": true, "[::1]:443": true,
		"": false, "localhost": false, ":80": false, "language.googleapis.com:443": false, "::1": false,
	} {
		if got := loopback.IsHostPort(address); got != want {
			t.Errorf("IsHostPort(%q) = %v", address, got)
		}
	}
}

func TestIsConfidential(t *testing.T) {
	for address, want := range map[string]bool{
		"https://hooks.slack.com/services/a": true, "http://localhost:8080": true, "http://[::1]/a": true, "https://127.0.0.1": true,
		"http://shop.example": false, "https://": false, "https:/a": false, "ftp://localhost": false, "localhost:80": false,
		"//localhost": false, "http://localhost.example": false, "http://127.0.0.1@shop.example": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := loopback.IsConfidential(u); got != want {
			t.Errorf("IsConfidential(%q) = %v", address, got)
		}
	}
}
