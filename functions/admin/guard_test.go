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

// knock asks a guard for the subject behind it.
func knock(g *guard, authorization string) *httptest.ResponseRecorder {
	h := g.requireOperator(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(operatorFrom(r.Context()))) }))
	r := httptest.NewRequest(http.MethodGet, "/v1/admin/reviews", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// unsigned is a token of the algorithm "none".
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

func TestOnlyOperatorsComeIn(t *testing.T) {
	i := startIssuer(t)
	g := newGuard(i.URL, audience, "roles", "operator")
	another, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	anRSA, err := rsa.GenerateKey(rand.Reader, 2048)
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
		"an operator":                  {"Bearer " + valid, 200, ""},
		"a scheme in small":            {"bearer " + valid, 200, ""},
		"several audiences":            {"Bearer " + i.Token(operator, map[string]any{"aud": []string{"other", audience}}), 200, ""},
		"several roles":                {"Bearer " + i.Token(operator, map[string]any{"roles": []string{"auditor", "operator"}}), 200, ""},
		"roles as words":               {"Bearer " + i.Token(operator, map[string]any{"roles": "auditor operator"}), 200, ""},
		"expired within the clockSkew": {"Bearer " + i.Token(operator, map[string]any{"exp": ago(clockSkew / 2)}), 200, ""},
		"no token":                     {"", 401, `Bearer realm="admin"`},
		"another scheme":               {"Basic b3BlcmF0b3I6", 401, `Bearer realm="admin"`},
		"an empty token":               {"Bearer ", 401, `Bearer realm="admin"`},
		"no JWT":                       {"Bearer nonsense", 401, "invalid_token"},
		"no signature":                 {"Bearer " + unsigned(t, i), 401, "invalid_token"},
		"another signature":            {"Bearer " + valid[:strings.LastIndex(valid, ".")+1] + "AAAA", 401, "invalid_token"},
		"a shared secret":              {"Bearer " + i.Sign([]byte("a secret of thirty-two bytes, or more"), jose.HS256, "key-1", operator, nil), 401, "invalid_token"},
		"a key of somebody else":       {"Bearer " + i.Sign(another, jose.ES256, "key-1", operator, nil), 401, "invalid_token"},
		"a key of another kind":        {"Bearer " + i.Sign(anRSA, jose.RS256, "key-1", operator, nil), 401, "invalid_token"},
		"a key that is not there":      {"Bearer " + i.Sign(another, jose.ES256, "key-9", operator, nil), 401, "invalid_token"},
		"expired":                      {"Bearer " + i.Token(operator, map[string]any{"exp": ago(2 * clockSkew)}), 401, "has expired"},
		"no expiry":                    {"Bearer " + i.Token(operator, map[string]any{"exp": nil}), 401, "invalid_token"},
		"not yet":                      {"Bearer " + i.Token(operator, map[string]any{"nbf": ago(-time.Hour)}), 401, "invalid_token"},
		"another audience":             {"Bearer " + i.Token(operator, map[string]any{"aud": "shop"}), 401, "invalid_token"},
		"no audience":                  {"Bearer " + i.Token(operator, map[string]any{"aud": nil}), 401, "invalid_token"},
		"another issuer":               {"Bearer " + i.Token(operator, map[string]any{"iss": "https://issuer.example"}), 401, "invalid_token"},
		"nobody":                       {"Bearer " + i.Token(operator, map[string]any{"sub": nil}), 401, "no subject"},
		"no role":                      {"Bearer " + i.Token(visitor, nil), 403, "insufficient_scope"},
		"another role":                 {"Bearer " + i.Token(operator, map[string]any{"roles": []string{"operators"}}), 403, "insufficient_scope"},
		"a role that is no string":     {"Bearer " + i.Token(operator, map[string]any{"roles": []any{1, "operator"}}), 403, "insufficient_scope"},
		"roles by name":                {"Bearer " + i.Token(operator, map[string]any{"roles": map[string]any{"operator": true}}), 403, "insufficient_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			w := knock(g, tc.authorization)
			if w.Code != tc.status || w.Header().Get("Cache-Control") != "no-store" {
				t.Fatalf("%d %s %v, want %d", w.Code, w.Body, w.Header(), tc.status)
			}
			if tc.status == 200 {
				if w.Body.String() != "operator" {
					t.Errorf("it is %q", w.Body)
				}
				return
			}
			if got := w.Header().Get("WWW-Authenticate"); !strings.HasPrefix(got, `Bearer realm="admin"`) || !strings.Contains(got, tc.challenge) {
				t.Errorf("WWW-Authenticate: %s", got)
			}
			if _, token, _ := strings.Cut(tc.authorization, " "); w.Header().Get("Content-Type") != problem.ContentType || len(token) > 9 && strings.Contains(w.Body.String(), token) {
				t.Errorf("%v %s", w.Header(), w.Body)
			}
		})
	}
}

func TestARotationIsSeenAtOnce(t *testing.T) {
	i := startIssuer(t)
	g := newGuard(i.URL, audience, "roles", "operator")
	before := "Bearer " + i.Token(operator, nil)
	for range 5 {
		if w := knock(g, before); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if n := i.Asked(); n != 1 {
		t.Errorf("the issuer was asked for its keys %d times, want once", n)
	}
	i.Rotate()
	if w := knock(g, "Bearer "+i.Token(operator, nil)); w.Code != http.StatusOK {
		t.Errorf("with the new key: %d %s", w.Code, w.Body)
	}
	// The new keys take the place of the old ones a moment after they came.
	w := knock(g, before)
	for range 100 {
		if w.Code == http.StatusUnauthorized {
			break
		}
		time.Sleep(10 * time.Millisecond)
		w = knock(g, before)
	}
	if w.Code != http.StatusUnauthorized {
		t.Errorf("with the old key: %d %s", w.Code, w.Body)
	}
}

func TestAnIssuerThatIsAwayIsNobodysFault(t *testing.T) {
	i := startIssuer(t)
	g := newGuard(i.URL, audience, "roles", "operator")
	token := "Bearer " + i.Token(operator, nil)
	away := func(what string) {
		t.Helper()
		i.Fail(true)
		w := knock(g, token)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" || w.Header().Get("Content-Type") != problem.ContentType {
			t.Errorf("%s: %d %v %s, want 503", what, w.Code, w.Header(), w.Body)
		}
		i.Fail(false)
	}
	away("before it was ever seen")
	if w := knock(g, token); w.Code != http.StatusOK {
		t.Fatalf("when it is back: %d %s", w.Code, w.Body)
	}
	i.Fail(true)
	if w := knock(g, token); w.Code != http.StatusOK {
		t.Errorf("with a key that is known: %d %s", w.Code, w.Body)
	}
	i.Rotate()
	token = "Bearer " + i.Token(operator, nil)
	away("with a key that is not known")
	if w := knock(g, token); w.Code != http.StatusOK {
		t.Errorf("when it is back: %d %s", w.Code, w.Body)
	}

	gone := newGuard("http://127.0.0.1:1", audience, "roles", "operator")
	if w := knock(gone, token); w.Code != http.StatusServiceUnavailable {
		t.Errorf("an issuer that is nowhere: %d %s", w.Code, w.Body)
	}
	other := newGuard(i.URL+"/", audience, "roles", "operator") // it says that it is somebody else
	if w := knock(other, token); w.Code != http.StatusServiceUnavailable {
		t.Errorf("an issuer of another name: %d %s", w.Code, w.Body)
	}
}

func TestTokensOfUnknownKeysDoNotMakeUsAskWithoutEnd(t *testing.T) {
	i := startIssuer(t)
	g := newGuard(i.URL, audience, "roles", "operator")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	valid := "Bearer " + i.Token(operator, nil)
	knock(g, valid)
	for range 100 {
		if w := knock(g, "Bearer "+i.Sign(key, jose.ES256, "nowhere", operator, nil)); w.Code == http.StatusOK {
			t.Fatal("it is let in")
		}
	}
	if n := i.Asked(); n > 20 {
		t.Errorf("the issuer was asked %d times", n)
	}
	if w := knock(g, valid); w.Code != http.StatusOK {
		t.Errorf("meanwhile an operator gets %d %s", w.Code, w.Body)
	}
}

func TestNoTokenIsLogged(t *testing.T) {
	i := startIssuer(t)
	var logged strings.Builder
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logged, nil)))
	defer slog.SetDefault(before)
	g := newGuard(i.URL, audience, "roles", "operator")
	token := i.Token(operator, nil)
	knock(g, "Bearer "+i.Token(visitor, nil))
	i.Fail(true)
	knock(newGuard(i.URL, audience, "roles", "operator"), "Bearer "+token)
	if !strings.Contains(logged.String(), "issuer is unavailable") {
		t.Errorf("logged %q", &logged)
	}
	for part := range strings.SplitSeq(token, ".") {
		if strings.Contains(logged.String(), part) {
			t.Errorf("logged %q", &logged)
		}
	}
}

func TestRolesAreWhereTheIssuerPutsThem(t *testing.T) {
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

func FuzzOperator(f *testing.F) {
	i := startIssuer(f)
	g := newGuard(i.URL, audience, "roles", "operator")
	valid := i.Token(operator, nil)
	f.Add("Bearer " + unsigned(f, i))
	f.Add("Bearer " + i.Token(visitor, nil))
	f.Add("Bearer {\"payload\":\"\",\"signatures\":[{}]}")
	f.Add("Bearer a.b.c")
	f.Add("Bearer\t")
	f.Fuzz(func(t *testing.T, authorization string) {
		w := knock(g, authorization)
		if w.Code == http.StatusOK && !strings.Contains(authorization, valid) {
			t.Errorf("%q is let in", authorization)
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
				t.Errorf("%q holds %q", claims, role)
			}
		}
	})
}
