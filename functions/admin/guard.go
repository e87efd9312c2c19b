package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/time/rate"

	"github.com/hybrid-bts/functions/shared/problem"
)

const (
	// skew is how far clocks may be apart: a token is taken for that long after it has expired.
	skew = time.Minute
	// issuerTimeout bounds a request to the issuer.
	issuerTimeout = 5 * time.Second
	// issuerRetry is what a caller is asked to wait when the issuer is away.
	issuerRetry = 5 * time.Second
	// maxDocument bounds what the issuer answers, in bytes.
	maxDocument = 1 << 20
)

// algorithms are those by which an issuer may sign: none with a shared secret, and not "none".
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}

// guard lets operators in, and nobody else. An operator is who has a token of the issuer, for the audience,
// with the role. Its keys are asked for when a token is signed by one that is not known, so a rotation is
// seen at once.
type guard struct {
	issuer, audience string
	claim, role      string // the role that the claim has to hold
	client           *http.Client
	now              func() time.Time

	mu    sync.Mutex
	found *metadata // nil: not yet
}

// metadata is what the issuer says of itself.
type metadata struct {
	keys                   oidc.KeySet
	authorizeURL, tokenURL string
}

// newGuard returns the guard for an issuer, which is asked on the first request, and again until it answers.
func newGuard(issuer, audience, claim, role string) *guard {
	return &guard{
		issuer: issuer, audience: audience, claim: claim, role: role, now: time.Now,
		client: &http.Client{
			Timeout: issuerTimeout,
			// Whoever sends tokens of keys that are not there must not make us ask for them without end. Beyond
			// the limit such a token counts as a bad one.
			Transport: &polite{next: http.DefaultTransport, limit: rate.NewLimiter(rate.Every(2*time.Second), 10)},
		},
	}
}

// errIssuer is the error of an issuer that is away, or answers nothing of use.
var errIssuer = errors.New("the issuer does not answer")

// polite asks no more often than the limit allows, and makes an error of all that is no answer.
type polite struct {
	next  http.RoundTripper
	limit *rate.Limiter
}

func (p *polite) RoundTrip(r *http.Request) (*http.Response, error) {
	if !p.limit.Allow() {
		return nil, errors.New("the issuer was asked often enough")
	}
	resp, err := p.next.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errIssuer, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errIssuer, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %s", errIssuer, resp.Status)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// metadata returns what the issuer says of itself. Only a success is remembered.
func (g *guard) metadata(ctx context.Context) (*metadata, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.found != nil {
		return g.found, nil
	}
	ctx = oidc.ClientContext(ctx, g.client)
	p, err := oidc.NewProvider(ctx, g.issuer)
	if err != nil {
		return nil, fmt.Errorf("discover the issuer: %w: %w", errIssuer, err)
	}
	var said struct {
		Keys string `json:"jwks_uri"`
	}
	if err := p.Claims(&said); err != nil {
		return nil, fmt.Errorf("discover the issuer: %w: %w", errIssuer, err)
	}
	g.found = &metadata{oidc.NewRemoteKeySet(ctx, said.Keys), p.Endpoint().AuthURL, p.Endpoint().TokenURL}
	return g.found, nil
}

// keySet remembers whether the issuer was away, which the verifier does not tell from a bad signature.
type keySet struct {
	oidc.KeySet
	away error
}

func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, token)
	if errors.Is(err, errIssuer) {
		k.away = err
	}
	return payload, err
}

// refusal is why a caller is not let in.
type refusal struct {
	status int
	code   string // of RFC 6750, section 3.1; "" when there was no token
	detail string
}

func (r *refusal) Error() string { return r.detail }

// operator returns who the caller is. Who is no operator gets a refusal; errIssuer: nobody can tell.
func (g *guard) operator(ctx context.Context, authorization string) (subject string, err error) {
	scheme, token, _ := strings.Cut(authorization, " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", &refusal{http.StatusUnauthorized, "", "this needs a bearer token of " + g.issuer}
	}
	found, err := g.metadata(ctx)
	if err != nil {
		return "", err
	}
	keys := &keySet{KeySet: found.keys}
	verified, err := oidc.NewVerifier(g.issuer, keys, &oidc.Config{
		ClientID: g.audience, SupportedSigningAlgs: algorithms, Now: func() time.Time { return g.now().Add(-skew) },
	}).Verify(ctx, token)
	var expired *oidc.TokenExpiredError
	switch {
	case keys.away != nil:
		return "", fmt.Errorf("ask for the issuer's keys: %w", keys.away)
	case errors.As(err, &expired):
		return "", &refusal{http.StatusUnauthorized, "invalid_token", "the token has expired"}
	case err != nil: // its words may hold what is in the token
		return "", &refusal{http.StatusUnauthorized, "invalid_token", "the token is none of " + g.issuer + " for this"}
	case verified.Subject == "":
		return "", &refusal{http.StatusUnauthorized, "invalid_token", "the token names nobody"}
	}
	var claims jsontext.Value
	if err := verified.Claims(&claims); err != nil {
		return "", &refusal{http.StatusUnauthorized, "invalid_token", "the token's claims are no JSON"}
	}
	if !slices.Contains(roles(claims, g.claim), g.role) {
		return "", &refusal{http.StatusForbidden, "insufficient_scope", "the token does not have the role " + strconv.Quote(g.role)}
	}
	return verified.Subject, nil
}

// roles returns what a claim holds: the strings of a list, or the words of a string. The claim is named by its name,
// or by a JSON Pointer when it is inside another one, such as /realm_access/roles.
func roles(claims jsontext.Value, claim string) (found []string) {
	for name := range jsontext.Pointer(pointer(claim)).Tokens() {
		var members map[string]jsontext.Value
		if json.Unmarshal(claims, &members) != nil {
			return nil
		}
		claims = members[name]
	}
	var words string
	if json.Unmarshal(claims, &words) == nil {
		return strings.Fields(words)
	}
	if json.Unmarshal(claims, &found) != nil {
		return nil
	}
	return found
}

func pointer(claim string) string {
	if strings.HasPrefix(claim, "/") {
		return claim
	}
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(claim) // it may be a URL
}

type operatorKey struct{}

// operatorOf returns who makes a request that the guard let in, as the issuer's subject.
func operatorOf(ctx context.Context) string {
	subject, _ := ctx.Value(operatorKey{}).(string)
	return subject
}

// protect lets operators through to next.
func (g *guard) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		subject, err := g.operator(r.Context(), r.Header.Get("Authorization"))
		var no *refusal
		switch {
		case err == nil:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), operatorKey{}, subject)))
		case errors.As(err, &no):
			challenge := `Bearer realm="admin"`
			if no.code != "" {
				challenge += fmt.Sprintf(`, error=%q, error_description=%q`, no.code, no.detail)
			}
			w.Header().Set("WWW-Authenticate", challenge)
			problem.Write(w, problem.New(no.status, no.detail))
		default:
			slog.ErrorContext(r.Context(), "request failed", "status", http.StatusServiceUnavailable, "err", err)
			w.Header().Set("Retry-After", strconv.Itoa(int(issuerRetry.Seconds())))
			problem.Write(w, problem.New(http.StatusServiceUnavailable, "the issuer of tokens does not answer"))
		}
	})
}
