// Package loopback recognizes addresses of the machine that the program runs on. Requests to them never leave the
// machine, so they need neither TLS nor credentials: the embedded engines of a local run are reached this way.
package loopback

import (
	"net"
	"net/url"
)

// IsHost reports whether host, which has no port, is localhost or a loopback IP address. It does not resolve names.
func IsHost(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// IsHostPort reports whether address is host:port with a loopback host.
func IsHostPort(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && IsHost(host)
}

// IsConfidential reports whether requests to u cannot be read on the network: u is an HTTPS URL with a host, or an HTTP URL
// with a loopback host.
func IsConfidential(u *url.URL) bool {
	return u.Scheme == "https" && u.Host != "" || u.Scheme == "http" && IsHost(u.Hostname())
}
