// Package oidctest is an embedded OpenID Connect issuer.
//
// It implements the authorization code flow with PKCE for one public client and signs valid tokens. Its login page asks for
// no password: the user picks an identity. Therefore it must be reachable only from the machine it runs on.
package oidctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Lifetime is the time for which a token is valid.
const Lifetime = time.Hour

// Person is an identity that can log in.
type Person struct {
	Subject string   // the claim "sub"
	Roles   []string // the claim "roles"
}

// People are the identities of the issuer: one with the role operator, and one without roles.
var People = []Person{{"operator", []string{"operator"}}, {"visitor", nil}}

// Issuer is an issuer with one client.
type Issuer struct {
	URL string

	client string
	server *http.Server

	mu      sync.Mutex
	key     jose.JSONWebKey
	made    int // number of keys made
	codes   map[string]login
	down    bool
	fetches int // requests for the keys
}

// login is the login that an authorization code stands for.
type login struct {
	person                     Person
	redirect, nonce, challenge string
}

// Start serves on addr. Port 0 picks a free port. client is the ID of the client, the audience of the tokens.
func Start(addr, client string) (*Issuer, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("start embedded issuer: %w", err)
	}
	i := &Issuer{URL: "http://" + l.Addr().String(), client: client, codes: map[string]login{}}
	i.Rotate()
	i.server = &http.Server{Handler: i.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = i.server.Serve(l) }() // ends at Close
	return i, nil
}

// Close stops the issuer.
func (i *Issuer) Close() { _ = i.server.Close() }

// Rotate replaces the signing key. Tokens signed with the old key become invalid.
func (i *Issuer) Rotate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // GenerateKey fails only without randomness
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.made++
	i.key = jose.JSONWebKey{Key: key, KeyID: fmt.Sprint("key-", i.made), Algorithm: string(jose.ES256), Use: "sig"}
}

// Fail makes the issuer answer 503 to all requests while down is true.
func (i *Issuer) Fail(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// KeyFetches returns the number of requests for the keys.
func (i *Issuer) KeyFetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

// Token returns a signed token for a person. changes overrides claims; a nil value removes the claim.
func (i *Issuer) Token(p Person, changes map[string]any) string {
	i.mu.Lock()
	key := i.key
	i.mu.Unlock()
	return i.Sign(key.Key, jose.ES256, key.KeyID, p, changes)
}

// Sign is Token with another signing key, such as a forged one. The key must fit the algorithm.
func (i *Issuer) Sign(key any, algorithm jose.SignatureAlgorithm, id string, p Person, changes map[string]any) string {
	now := time.Now()
	claims := map[string]any{
		"iss": i.URL, "aud": i.client, "sub": p.Subject, "roles": p.Roles,
		"iat": now.Unix(), "exp": now.Add(Lifetime).Unix(),
	}
	for name, v := range changes {
		claims[name] = v
		if v == nil {
			delete(claims, name)
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: id}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		panic(err) // the key does not fit the algorithm
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		panic(err) // the claims have no JSON form
	}
	return token
}

func (i *Issuer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("GET /keys", i.keys)
	mux.HandleFunc("GET /authorize", i.authorize)
	mux.HandleFunc("POST /authorize", i.loggedIn)
	mux.HandleFunc("POST /token", i.token)
	// A token without a login, for curl.
	mux.HandleFunc("GET /operator-token", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, i.Token(People[0], nil)) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		down := i.down
		i.mu.Unlock()
		if down {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", "*") // safe, since the code and the verifier protect the token
		mux.ServeHTTP(w, r)
	})
}

// discovery serves the metadata: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata.
func (i *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"issuer": i.URL, "jwks_uri": i.URL + "/keys", "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{string(jose.ES256)}, "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"none"},
	})
}

func (i *Issuer) keys(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	i.fetches++
	public := i.key.Public()
	i.mu.Unlock()
	answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
}

var choice = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Log in</title>
<h1>Who are you?</h1>
<p>This issuer runs on your own machine and asks for no password.</p>
<form method="post">{{range .}}<p><button name="as" value="{{.Subject}}" id="{{.Subject}}">{{.Subject}}</button> {{with .Roles}}with the roles {{.}}{{else}}without a role{{end}}</p>{{end}}</form>
`))

// authorize answers GET /authorize, the authorization request, with the login page:
// https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest.
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	if _, err := i.request(r.URL.Query()); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = choice.Execute(w, People) // the browser may have disconnected
}

// request validates the query of an authorization request. The redirect URI must have a loopback host.
func (i *Issuer) request(q url.Values) (login, error) {
	to, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case q.Get("client_id") != i.client:
		return login{}, fmt.Errorf("client_id is not %q", i.client)
	case err != nil || !loopback(to.Hostname()):
		return login{}, fmt.Errorf("redirect_uri has no loopback host")
	case q.Get("response_type") != "code":
		return login{}, fmt.Errorf("response_type is not code")
	case q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43:
		return login{}, fmt.Errorf("code_challenge is not a S256 challenge")
	}
	return login{redirect: to.String(), nonce: q.Get("nonce"), challenge: q.Get("code_challenge")}, nil
}

// loopback reports whether host is this machine. Fakes cannot import the package loopback.
func loopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// loggedIn answers POST /authorize, the form of the login page. It redirects the browser to the client with a code.
func (i *Issuer) loggedIn(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	l, err := i.request(q)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for _, p := range People {
		if p.Subject == r.PostFormValue("as") {
			l.person = p
		}
	}
	if l.person.Subject == "" {
		http.Error(w, "unknown identity", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	i.mu.Lock()
	i.codes[code] = l
	i.mu.Unlock()
	to, _ := url.Parse(l.redirect) // request has parsed it before
	back := to.Query()
	back.Set("code", code)
	back.Set("state", q.Get("state"))
	to.RawQuery = back.Encode()
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

// token answers POST /token. It exchanges a code and the verifier of its challenge for a token, once
// (https://datatracker.ietf.org/doc/html/rfc7636#section-4.6).
func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	l, known := i.codes[r.PostFormValue("code")]
	delete(i.codes, r.PostFormValue("code"))
	i.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	proof := base64.RawURLEncoding.EncodeToString(sum[:])
	if !known || r.PostFormValue("grant_type") != "authorization_code" || r.PostFormValue("client_id") != i.client ||
		r.PostFormValue("redirect_uri") != l.redirect || subtle.ConstantTimeCompare([]byte(proof), []byte(l.challenge)) == 0 {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	token := i.Token(l.person, map[string]any{"nonce": l.nonce})
	w.Header().Set("Cache-Control", "no-store")
	answer(w, http.StatusOK, map[string]any{
		"id_token": token, "access_token": token, "token_type": "Bearer", "expires_in": int(Lifetime.Seconds()),
	})
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have disconnected
}
