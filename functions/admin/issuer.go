package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/time/rate"

	"github.com/hybrid-bts/functions/shared/loopback"
)

const (
	// issuerTimeout bounds a request to the issuer.
	issuerTimeout = 5 * time.Second
	// issuerRetry is the Retry-After of responses while the issuer is unavailable.
	issuerRetry = 5 * time.Second
	// issuerInterval and issuerBurst limit requests to the issuer. Each token signed by an unknown key causes one, and
	// anyone can make such tokens. Beyond the limit such a token counts as invalid.
	issuerInterval = 2 * time.Second
	issuerBurst    = 10
	// maxIssuerResponse bounds a response of the issuer, in bytes.
	maxIssuerResponse = 1 << 20
)

// errIssuerUnavailable is wrapped by errors of an issuer that does not answer, or answers without valid metadata or
// keys.
var errIssuerUnavailable = errors.New("issuer is unavailable")

// issuerForm describes the input of parseIssuer.
const issuerForm = "an HTTPS URL without query, such as https://accounts.google.com"

// parseIssuer checks the URL of an OpenID Connect issuer and returns it unchanged, since tokens repeat it byte by byte.
// The scheme must be https, except on loopback addresses.
func parseIssuer(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", err
	}
	// Discovery appends a path to the URL, so even an empty query or fragment would swallow that path.
	if !loopback.IsConfidential(u) || u.Hostname() == "" || u.User != nil || strings.ContainsAny(s, "?#") {
		return "", errors.New("not the URL of an issuer")
	}
	return s, nil
}

// issuer is a client of an OpenID Connect issuer. It caches the metadata. The key set fetches the keys again when a
// token names an unknown key, so it learns of a key rotation with the first new token.
type issuer struct {
	url    string
	client *http.Client

	mu     sync.Mutex
	cached *issuerMetadata // nil until discovery succeeds
}

// issuerMetadata is the part of a discovery document (OpenID Connect Discovery 1.0, section 3) that this function uses.
type issuerMetadata struct {
	keys                   oidc.KeySet
	authorizeURL, tokenURL string
}

func newIssuer(url string) *issuer {
	limiter := rate.NewLimiter(rate.Every(issuerInterval), issuerBurst)
	return &issuer{url: url, client: &http.Client{
		Timeout: issuerTimeout, Transport: &rateLimitedTransport{next: http.DefaultTransport, limiter: limiter},
	}}
}

// metadata returns the metadata of the issuer. It repeats discovery on each call until one succeeds.
func (i *issuer) metadata(ctx context.Context) (*issuerMetadata, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cached != nil {
		return i.cached, nil
	}
	ctx = oidc.ClientContext(ctx, i.client)
	provider, err := oidc.NewProvider(ctx, i.url)
	if err != nil {
		return nil, fmt.Errorf("discover issuer %s: %w: %w", i.url, errIssuerUnavailable, err)
	}
	var document struct {
		KeysURL string `json:"jwks_uri"`
	}
	if err := provider.Claims(&document); err != nil {
		return nil, fmt.Errorf("discover issuer %s: %w: %w", i.url, errIssuerUnavailable, err)
	}
	endpoint := provider.Endpoint()
	i.cached = &issuerMetadata{oidc.NewRemoteKeySet(ctx, document.KeysURL), endpoint.AuthURL, endpoint.TokenURL}
	return i.cached, nil
}

// rateLimitedTransport limits the rate of requests. It fails on any status but 200 and reads whole bodies, so each
// failure of the issuer is an error that wraps errIssuerUnavailable. A request beyond the limit fails with another
// error.
type rateLimitedTransport struct {
	next    http.RoundTripper
	limiter *rate.Limiter
}

// RoundTrip implements http.RoundTripper.
func (t *rateLimitedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !t.limiter.Allow() {
		return nil, errors.New("rate limit of requests to the issuer exceeded")
	}
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errIssuerUnavailable, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxIssuerResponse))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errIssuerUnavailable, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %s", errIssuerUnavailable, resp.Status)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}
