package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hybrid-bts/functions/shared/problem"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// clockSkew is the tolerated difference between the clocks of the issuer and of this instance: a token is valid for that much longer
// than its expiry time.
const clockSkew = time.Minute

// signingAlgorithms are the accepted signature algorithms of ID tokens. All are asymmetric: with a shared secret, each
// holder of the secret could issue tokens, and "none" has no signature at all.
var signingAlgorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// guard authenticates and authorizes operators. Anyone holding a valid token of the issuer, for the audience and with
// the role, is an operator. Its methods may be called concurrently.
type guard struct {
	issuer      *issuer
	audience    string
	claim, role string // the claim, by name or JSON Pointer, that must contain the role
	now         func() time.Time
}

// newGuard returns a guard that contacts the issuer on the first request, not earlier.
func newGuard(issuerURL, audience, claim, role string) *guard {
	return &guard{issuer: newIssuer(issuerURL), audience: audience, claim: claim, role: role, now: time.Now}
}

// authError is the reason why a request is not authorized. Its text may be shown to the client.
type authError struct {
	status int
	code   string // error code of RFC 6750, section 3.1; "" when the request has no token
	detail string
}

// Error implements error.
func (e *authError) Error() string { return e.detail }

func invalidToken(detail string) *authError {
	return &authError{http.StatusUnauthorized, "invalid_token", detail}
}

// authorize returns the subject of the operator whose token is in an Authorization header. Its error is an *authError
// when the header has no valid token of an operator, and wraps errIssuerUnavailable when the token cannot be verified
// now.
func (g *guard) authorize(ctx context.Context, authorization string) (subject string, err error) {
	scheme, token, _ := strings.Cut(authorization, " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", &authError{http.StatusUnauthorized, "", "request needs a bearer token of " + g.issuer.url}
	}
	verified, err := g.verify(ctx, token)
	if err != nil {
		return "", err
	}
	if verified.Subject == "" {
		return "", invalidToken("token has no subject")
	}
	if utf8.RuneCountInString(verified.Subject) > wire.MaxOperator {
		return "", invalidToken("subject of the token is too long")
	}
	var claims jsontext.Value
	if err := verified.Claims(&claims); err != nil {
		return "", invalidToken("token claims are not valid JSON")
	}
	if !slices.Contains(roles(claims, g.claim), g.role) {
		return "", &authError{http.StatusForbidden, "insufficient_scope", "token does not have the role " + strconv.Quote(g.role)}
	}
	return verified.Subject, nil
}

// verify checks the signature, the issuer, the audience and the times of an ID token.
func (g *guard) verify(ctx context.Context, token string) (*oidc.IDToken, error) {
	metadata, err := g.issuer.metadata(ctx)
	if err != nil {
		return nil, err
	}
	keys := &keySet{KeySet: metadata.keys}
	verified, err := oidc.NewVerifier(g.issuer.url, keys, &oidc.Config{
		ClientID: g.audience, SupportedSigningAlgs: signingAlgorithms, Now: func() time.Time { return g.now().Add(-clockSkew) },
	}).Verify(ctx, token)
	var expired *oidc.TokenExpiredError
	switch {
	case keys.unavailable != nil:
		return nil, fmt.Errorf("read the keys of the issuer: %w", keys.unavailable)
	case errors.As(err, &expired):
		return nil, invalidToken("token has expired")
	case err != nil: // err itself may quote claims of the token
		return nil, invalidToken("token was not issued by " + g.issuer.url + " for this audience")
	}
	return verified, nil
}

// keySet records that the issuer was unavailable, because the verifier returns the same error for a bad signature.
type keySet struct {
	oidc.KeySet
	unavailable error
}

// VerifySignature implements oidc.KeySet.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, token)
	if errors.Is(err, errIssuerUnavailable) {
		k.unavailable = err
	}
	return payload, err
}

// roles returns the roles in a claim: the items of an array of strings, or the words of a string. It returns none for a
// missing claim and for any other type. The claim is a name, or a JSON Pointer (RFC 6901) such as /realm_access/roles.
func roles(claims jsontext.Value, claim string) (found []string) {
	for name := range jsontext.Pointer(claimPointer(claim)).Tokens() {
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

// claimPointer returns the JSON Pointer of a claim. Names of claims may be URLs, so slashes in them are escaped.
func claimPointer(claim string) string {
	if strings.HasPrefix(claim, "/") {
		return claim
	}
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(claim)
}

type operatorKey struct{}

// operatorFrom returns the subject of the operator who made a request, for audit logs. It is "" unless the request
// passed requireOperator.
func operatorFrom(ctx context.Context) string {
	subject, _ := ctx.Value(operatorKey{}).(string)
	return subject
}

// requireOperator is middleware that passes requests of operators on, and answers all others 401, 403 or, while the
// issuer is unavailable, 503.
func (g *guard) requireOperator(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", cacheNoStore)
		subject, err := g.authorize(r.Context(), r.Header.Get("Authorization"))
		var denied *authError
		switch {
		case err == nil:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), operatorKey{}, subject)))
		case errors.As(err, &denied):
			challenge := `Bearer realm="admin"`
			if denied.code != "" {
				challenge += fmt.Sprintf(`, error=%q, error_description=%q`, denied.code, denied.detail)
			}
			w.Header().Set("WWW-Authenticate", challenge)
			problem.Write(w, problem.New(denied.status, denied.detail))
		default:
			slog.ErrorContext(r.Context(), "request failed", "status", http.StatusServiceUnavailable, "err", err)
			w.Header().Set("Retry-After", strconv.Itoa(int(issuerRetry.Seconds())))
			problem.Write(w, problem.New(http.StatusServiceUnavailable, "token issuer is unavailable"))
		}
	})
}
