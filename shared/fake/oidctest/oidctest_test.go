package oidctest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/hybrid-bts/functions/shared/fake/oidctest"
)

const (
	client   = "shop-admin"
	verifier = "a verifier of at least forty-three characters"
	redirect = "http://127.0.0.1:8080/admin"
)

func start(t *testing.T) *oidctest.Issuer {
	t.Helper()
	i, err := oidctest.Start("127.0.0.1:0", client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}

// request returns a valid authorization request.
func request() url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{
		"response_type": {"code"}, "client_id": {client}, "redirect_uri": {redirect}, "state": {"s"}, "nonce": {"n"}, "scope": {"openid"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
}

// code logs in and returns the code in the redirect.
func code(t *testing.T, i *oidctest.Issuer, as string) string {
	t.Helper()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.PostForm(i.URL+"/authorize?"+request().Encode(), url.Values{"as": {as}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	to, err := resp.Location()
	if err != nil || !strings.HasPrefix(to.String(), redirect+"?") || to.Query().Get("state") != "s" {
		t.Fatalf("%s to %v, %v", resp.Status, to, err)
	}
	return to.Query().Get("code")
}

// exchange exchanges a code for a token, or returns the error code.
func exchange(t *testing.T, i *oidctest.Issuer, form url.Values) (token, problem string) {
	t.Helper()
	resp, err := http.PostForm(i.URL+"/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Token string `json:"id_token"`
		Error string `json:"error"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("%v %v", err, resp.Header)
	}
	return answer.Token, answer.Error
}

func grant(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "client_id": {client}, "code_verifier": {verifier}}
}

func TestLoginReturnsAValidTokenOnce(t *testing.T) {
	i := start(t)
	resp, err := http.Get(i.URL + "/authorize?" + request().Encode())
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(page), `value="operator"`) {
		t.Fatalf("%s %v %s", resp.Status, err, page)
	}
	form := grant(code(t, i, "operator"))
	token, problem := exchange(t, i, form)
	if problem != "" {
		t.Fatal(problem)
	}
	p, err := oidc.NewProvider(t.Context(), i.URL)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Verifier(&oidc.Config{ClientID: client}).Verify(t.Context(), token)
	if err != nil || got.Subject != "operator" || got.Nonce != "n" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, problem := exchange(t, i, form); problem != "invalid_grant" {
		t.Errorf("second exchange of a code: %q", problem)
	}
}

func TestCodeNeedsItsVerifierClientAndRedirect(t *testing.T) {
	i := start(t)
	for name, change := range map[string]url.Values{
		"another verifier": {"code_verifier": {"guessed"}},
		"no verifier":      {"code_verifier": {""}},
		"another client":   {"client_id": {"shop"}},
		"another address":  {"redirect_uri": {"http://127.0.0.1:8080/other"}},
		"another grant":    {"grant_type": {"password"}},
		"another code":     {"code": {"guessed"}},
	} {
		form := grant(code(t, i, "operator"))
		maps.Copy(form, change)
		if token, problem := exchange(t, i, form); token != "" || problem != "invalid_grant" {
			t.Errorf("%s: %q %q", name, token, problem)
		}
	}
}

func TestInvalidAuthorizationRequestsAreRejected(t *testing.T) {
	i := start(t)
	for name, change := range map[string]url.Values{
		"another client":    {"client_id": {"shop"}},
		"remote redirect":   {"redirect_uri": {"https://shop.example/admin"}},
		"no challenge":      {"code_challenge": {""}},
		"a plain challenge": {"code_challenge_method": {"plain"}},
		"the implicit flow": {"response_type": {"token"}},
	} {
		q := request()
		maps.Copy(q, change)
		for _, ask := range []func() (*http.Response, error){
			func() (*http.Response, error) { return http.Get(i.URL + "/authorize?" + q.Encode()) },
			func() (*http.Response, error) {
				return http.PostForm(i.URL+"/authorize?"+q.Encode(), url.Values{"as": {"operator"}})
			},
		} {
			resp, err := ask()
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: %s", name, resp.Status)
			}
		}
	}
	resp, err := http.PostForm(i.URL+"/authorize?"+request().Encode(), url.Values{"as": {"root"}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("unknown identity: %s", resp.Status)
	}
}
