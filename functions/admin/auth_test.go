package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hybrid-bts/functions/shared/fake/oidctest"
	"github.com/hybrid-bts/functions/shared/problem"
)

const audience = "shop-admin"

var operator, visitor = oidctest.People[0], oidctest.People[1]

func startIssuer(t testing.TB) *oidctest.Issuer {
	t.Helper()
	i, err := oidctest.Start("127.0.0.1:0", audience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}

// authorized returns the response of a handler behind a guard, which writes the subject of the operator.
func authorized(g *guard, authorization string) *httptest.ResponseRecorder {
	h := g.requireOperator(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(operatorFrom(r.Context()))) }))
	r := httptest.NewRequest(http.MethodGet, "/v1/admin/reviews", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// unsigned returns a token with the algorithm "none".
func unsigned(t testing.TB, i *oidctest.Issuer) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{
		"iss": i.URL, "aud": audience, "sub": "operator", "roles": []string{"operator"}, "exp": time.Now().Add(time.Hour).Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(claims) + "."
}

func TestOnlyOperatorTokensAreAuthorized(t *testing.T) {
	i := startIssuer(t)
	g := newGuard(i.URL, audience, "roles", "operator")
	otherKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	valid := i.Token(operator, nil)
	for name, tc := range map[string]struct {
		authorization string
		status        int
		challenge     string
	}{
		"operator":                     {"Bearer " + valid, 200, ""},
		"lower-case scheme":            {"bearer " + valid, 200, ""},
		"two audiences":                {"Bearer " + i.Token(operator, map[string]any{"aud": []string{"other", audience}}), 200, ""},
		"two roles":                    {"Bearer " + i.Token(operator, map[string]any{"roles": []string{"auditor", "operator"}}), 200, ""},
		"roles as words of a string":   {"Bearer " + i.Token(operator, map[string]any{"roles": "auditor operator"}), 200, ""},
		"expired within the clockSkew": {"Bearer " + i.Token(operator, map[string]any{"exp": ago(clockSkew / 2)}), 200, ""},
		"no token":                     {"", 401, `Bearer realm="admin"`},
		"other scheme":                 {"Basic b3BlcmF0b3I6", 401, `Bearer realm="admin"`},
		"empty token":                  {"Bearer ", 401, `Bearer realm="admin"`},
		"not a JWT":                    {"Bearer nonsense", 401, "invalid_token"},
		"unsigned":                     {"Bearer " + unsigned(t, i), 401, "invalid_token"},
		"wrong signature":              {"Bearer " + valid[:strings.LastIndex(valid, ".")+1] + "AAAA", 401, "invalid_token"},
		"signed by a shared secret":    {"Bearer " + i.Sign([]byte("a secret of thirty-two bytes, or more"), jose.HS256, "key-1", operator, nil), 401, "invalid_token"},
		"signed by another key":        {"Bearer " + i.Sign(otherKey, jose.ES256, "key-1", operator, nil), 401, "invalid_token"},
		"key of another type":          {"Bearer " + i.Sign(rsaKey, jose.RS256, "key-1", operator, nil), 401, "invalid_token"},
		"unknown key":                  {"Bearer " + i.Sign(otherKey, jose.ES256, "key-9", operator, nil), 401, "invalid_token"},
		"expired":                      {"Bearer " + i.Token(operator, map[string]any{"exp": ago(2 * clockSkew)}), 401, "has expired"},
		"no expiry":                    {"Bearer " + i.Token(operator, map[string]any{"exp": nil}), 401, "invalid_token"},
		"not valid yet":                {"Bearer " + i.Token(operator, map[string]any{"nbf": ago(-time.Hour)}), 401, "invalid_token"},
		"other audience":               {"Bearer " + i.Token(operator, map[string]any{"aud": "shop"}), 401, "invalid_token"},
		"no audience":                  {"Bearer " + i.Token(operator, map[string]any{"aud": nil}), 401, "invalid_token"},
		"other issuer":                 {"Bearer " + i.Token(operator, map[string]any{"iss": "https://issuer.example"}), 401, "invalid_token"},
		"no subject":                   {"Bearer " + i.Token(operator, map[string]any{"sub": nil}), 401, "no subject"},
		"long subject":                 {"Bearer " + i.Token(operator, map[string]any{"sub": strings.Repeat("o", 256)}), 401, "subject of the token is too long"},
		"no role":                      {"Bearer " + i.Token(visitor, nil), 403, "insufficient_scope"},
		"other role":                   {"Bearer " + i.Token(operator, map[string]any{"roles": []string{"operators"}}), 403, "insufficient_scope"},
		"role that is not a string":    {"Bearer " + i.Token(operator, map[string]any{"roles": []any{1, "operator"}}), 403, "insufficient_scope"},
		"roles as an object":           {"Bearer " + i.Token(operator, map[string]any{"roles": map[string]any{"operator": true}}), 403, "insufficient_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			w := authorized(g, tc.authorization)
			if w.Code != tc.status || w.Header().Get("Cache-Control") != "no-store" {
				t.Fatalf("got %d %s %v, want %d without caching", w.Code, w.Body, w.Header(), tc.status)
			}
			if tc.status == 200 {
				if w.Body.String() != "operator" {
					t.Errorf("got subject %q, want operator", w.Body)
				}
				return
			}
			if got := w.Header().Get("WWW-Authenticate"); !strings.HasPrefix(got, `Bearer realm="admin"`) || !strings.Contains(got, tc.challenge) {
				t.Errorf("got challenge %s", got)
			}
			if _, token, _ := strings.Cut(tc.authorization, " "); w.Header().Get("Content-Type") != problem.ContentType || len(token) > 9 && strings.Contains(w.Body.String(), token) {
				t.Errorf("got %v %s, want a problem that does not repeat the token", w.Header(), w.Body)
			}
		})
	}
}

func TestRotatedKeyIsAcceptedAtOnce(t *testing.T) {
	i := startIssuer(t)
	g := newGuard(i.URL, audience, "roles", "operator")
	before := "Bearer " + i.Token(operator, nil)
	for range 5 {
		if w := authorized(g, before); w.Code != http.StatusOK {
			t.Fatalf("got %d %s, want 200", w.Code, w.Body)
		}
	}
	if n := i.KeyFetches(); n != 1 {
		t.Errorf("guard fetched the keys %d times, want once", n)
	}
	i.Rotate()
	if w := authorized(g, "Bearer "+i.Token(operator, nil)); w.Code != http.StatusOK {
		t.Errorf("token signed by the new key: got %d %s, want 200", w.Code, w.Body)
	}
	// The key set replaces its cached keys in the background.
	w := authorized(g, before)
	for range 100 {
		if w.Code == http.StatusUnauthorized {
			break
		}
		time.Sleep(10 * time.Millisecond)
		w = authorized(g, before)
	}
	if w.Code != http.StatusUnauthorized {
		t.Errorf("token signed by the old key: got %d %s, want 401", w.Code, w.Body)
	}
}

func TestUnavailableIssuerAnswers503(t *testing.T) {
	i := startIssuer(t)
	g := newGuard(i.URL, audience, "roles", "operator")
	token := "Bearer " + i.Token(operator, nil)
	// For a moment after a fetch of keys, go-oidc answers further fetches with its result: before a rotation the old keys, in an
	// outage the error.
	after := func(shared int) *httptest.ResponseRecorder {
		w := authorized(g, token)
		for range 100 {
			if w.Code != shared {
				break
			}
			time.Sleep(20 * time.Millisecond)
			w = authorized(g, token)
		}
		return w
	}
	unavailable := func(state string) {
		t.Helper()
		i.Fail(true)
		w := after(http.StatusUnauthorized)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" || w.Header().Get("Content-Type") != problem.ContentType {
			t.Errorf("%s: got %d %v %s, want 503", state, w.Code, w.Header(), w.Body)
		}
		i.Fail(false)
	}
	unavailable("before discovery")
	if w := authorized(g, token); w.Code != http.StatusOK {
		t.Fatalf("after the outage: got %d %s, want 200", w.Code, w.Body)
	}
	i.Fail(true)
	if w := authorized(g, token); w.Code != http.StatusOK {
		t.Errorf("token signed by a cached key: got %d %s, want 200", w.Code, w.Body)
	}
	i.Rotate()
	token = "Bearer " + i.Token(operator, nil)
	unavailable("token signed by an unknown key")
	if w := after(http.StatusServiceUnavailable); w.Code != http.StatusOK {
		t.Errorf("after the outage: got %d %s, want 200", w.Code, w.Body)
	}

	unreachable := newGuard("http://127.0.0.1:1", audience, "roles", "operator")
	if w := authorized(unreachable, token); w.Code != http.StatusServiceUnavailable {
		t.Errorf("unreachable issuer: got %d %s, want 503", w.Code, w.Body)
	}
	other := newGuard(i.URL+"/", audience, "roles", "operator") // the discovery document names another issuer
	if w := authorized(other, token); w.Code != http.StatusServiceUnavailable {
		t.Errorf("issuer with another name: got %d %s, want 503", w.Code, w.Body)
	}
}

func TestTokensWithUnknownKeysCauseFewRequestsToTheIssuer(t *testing.T) {
	i := startIssuer(t)
	g := newGuard(i.URL, audience, "roles", "operator")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	valid := "Bearer " + i.Token(operator, nil)
	authorized(g, valid)
	for range 100 {
		if w := authorized(g, "Bearer "+i.Sign(key, jose.ES256, "nowhere", operator, nil)); w.Code == http.StatusOK {
			t.Fatal("token with an unknown key is authorized")
		}
	}
	if n := i.KeyFetches(); n > 20 {
		t.Errorf("guard sent %d requests to the issuer, want at most 20", n)
	}
	if w := authorized(g, valid); w.Code != http.StatusOK {
		t.Errorf("operator meanwhile: got %d %s, want 200", w.Code, w.Body)
	}
}

func TestTokensAreNotLogged(t *testing.T) {
	i := startIssuer(t)
	var logged strings.Builder
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logged, nil)))
	defer slog.SetDefault(before)
	g := newGuard(i.URL, audience, "roles", "operator")
	token := i.Token(operator, nil)
	authorized(g, "Bearer "+i.Token(visitor, nil))
	i.Fail(true)
	authorized(newGuard(i.URL, audience, "roles", "operator"), "Bearer "+token)
	if !strings.Contains(logged.String(), "issuer is unavailable") {
		t.Errorf("logged %q, want the unavailable issuer", &logged)
	}
	for part := range strings.SplitSeq(token, ".") {
		if strings.Contains(logged.String(), part) {
			t.Errorf("logged a part of the token: %q", &logged)
		}
	}
}

func TestRolesAreReadFromAnyClaim(t *testing.T) {
	for _, tc := range []struct {
		claims, claim string
		want          []string
	}{
		{`{"roles":["a","b"]}`, "roles", []string{"a", "b"}},
		{`{"scope":"openid a"}`, "scope", []string{"openid", "a"}},
		{`{"realm_access":{"roles":["a"]}}`, "/realm_access/roles", []string{"a"}},
		{`{"https://shop.example/roles":["a"]}`, "https://shop.example/roles", []string{"a"}},
		{`{"resource.access":{"shop/admin":{"roles":["a"]}}}`, "/resource.access/shop~1admin/roles", []string{"a"}},
		{`{"roles":"` + `"}`, "roles", nil},
		{`{"roles":null}`, "roles", nil},
		{`{"roles":7}`, "roles", nil},
		{`{}`, "roles", nil},
		{`{"roles":["a"]}`, "/roles/0", nil},
		{`[]`, "roles", nil},
	} {
		if got := roles([]byte(tc.claims), tc.claim); !slices.Equal(got, tc.want) {
			t.Errorf("roles(%s, %q) = %q, want %q", tc.claims, tc.claim, got, tc.want)
		}
	}
}

func FuzzAuthorize(f *testing.F) {
	i := startIssuer(f)
	g := newGuard(i.URL, audience, "roles", "operator")
	valid := i.Token(operator, nil)
	f.Add("Bearer " + unsigned(f, i))
	f.Add("Bearer " + i.Token(visitor, nil))
	f.Add("Bearer {\"payload\":\"\",\"signatures\":[{}]}")
	f.Add("Bearer a.b.c")
	f.Add("Bearer\t")
	f.Fuzz(func(t *testing.T, authorization string) {
		w := authorized(g, authorization)
		if w.Code == http.StatusOK && !strings.Contains(authorization, valid) {
			t.Errorf("%q is authorized", authorization)
		}
	})
}

func FuzzRoles(f *testing.F) {
	f.Add(`{"a":{"b":["c"]}}`, "/a/b")
	f.Add(`{"roles":["operator"]}`, "roles")
	f.Add(`{"~":1}`, "/~0~2/")
	f.Fuzz(func(t *testing.T, claims, claim string) {
		for _, role := range roles([]byte(claims), claim) {
			if !strings.Contains(claims, `"`) {
				t.Errorf("claims %q have no string, got role %q", claims, role)
			}
		}
	})
}
