package authortoken_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/shared/authortoken"
)

const (
	product = "butter-cream-peaches"
	review  = "0190d4f4-3a5e-7cc0-8a3b-0242ac120002"
)

func newKey(t testing.TB, secret string) authortoken.Key {
	t.Helper()
	k, err := authortoken.NewKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTokenIsValidForOneReviewAndOneKeyOnly(t *testing.T) {
	k := newKey(t, "a key of 16 bytes or more")
	token := k.Token(product, review)
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`).MatchString(token) || token != k.Token(product, review) {
		t.Errorf("token = %q", token)
	}
	if !k.Valid(token, product, review) {
		t.Error("the token is not valid for its own review")
	}
	other := newKey(t, "another key for the same purpose")
	for name, valid := range map[string]bool{
		"another review":      k.Valid(token, product, strings.Replace(review, "0", "1", 1)),
		"another product":     k.Valid(token, "butter", review),
		"a shifted slash":     k.Valid(token, "butter-cream", "peaches/"+review),
		"another key":         other.Valid(token, product, review),
		"no token":            k.Valid("", product, review),
		"a prefix":            k.Valid(token[:42], product, review),
		"a longer token":      k.Valid(token+"A", product, review),
		"lower case":          k.Valid(strings.ToLower(token), product, review),
		"another last letter": k.Valid(token[:42]+"_", product, review),
	} {
		if valid {
			t.Errorf("the token is valid with %s", name)
		}
	}
}

func TestShortKeyIsRejectedAndNotQuoted(t *testing.T) {
	if _, err := authortoken.NewKey("short"); err == nil || strings.Contains(err.Error(), `"short"`) {
		t.Errorf("NewKey() = %v", err)
	}
}

func FuzzValid(f *testing.F) {
	k := newKey(f, "a key of 16 bytes or more")
	f.Add(k.Token(product, review), product, review)
	f.Add("", "", "")
	f.Add("%%%", "a/b", "c")
	f.Fuzz(func(t *testing.T, token, product, review string) {
		if want := k.Token(product, review); k.Valid(token, product, review) != (token == want) {
			t.Errorf("Valid(%q, %q, %q) is %v, the token is %q", token, product, review, token != want, want)
		}
		if !k.Valid(k.Token(product, review), product, review) {
			t.Errorf("the token of %q, %q is not valid", product, review)
		}
	})
}
