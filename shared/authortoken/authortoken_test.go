package authortoken_test

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/authortoken"
)

const (
	product = "butter-cream-peaches"
	review  = "0190d4f4-3a5e-7cc0-8a3b-0242ac120002"
)

func newRing(t testing.TB, list string) authortoken.KeyRing {
	t.Helper()
	r, err := authortoken.ParseKeyRing(list)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTokenIsValidForOneReviewAndOneKeyOnly(t *testing.T) {
	k := newRing(t, "a key of 16 bytes or more")
	token := k.Token(product, review)
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`).MatchString(token) || token != k.Token(product, review) {
		t.Errorf("token = %q", token)
	}
	if !k.Valid(token, product, review) {
		t.Error("the token is not valid for its own review")
	}
	other := newRing(t, "another key for the same purpose")
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
	for list, position := range map[string]string{
		"short": "key 1 ", "": "key 1 ", oldKey + ",short": "key 2 ", "short," + oldKey: "key 1 ", oldKey + ",": "key 2 ", oldKey + ",," + newKey: "key 2 ",
	} {
		if _, err := authortoken.ParseKeyRing(list); err == nil || strings.Contains(err.Error(), "short") || !strings.Contains(err.Error(), position) {
			t.Errorf("ParseKeyRing(%q) = %v, want an error about %s", list, err, position)
		}
	}
}

// The keys of a rotation.
const oldKey, newKey = "a key with blanks", "bmV3IGtleSBvZiBhIHJvdGF0aW9u"

func TestFirstKeySignsAndAllKeysVerify(t *testing.T) {
	before, during, after := newRing(t, oldKey), newRing(t, newKey+","+oldKey), newRing(t, newKey)
	oldToken, newToken := before.Token(product, review), during.Token(product, review)
	if newToken != after.Token(product, review) || newToken == oldToken {
		t.Errorf("the ring signs %q, its first key %q, its last key %q", newToken, after.Token(product, review), oldToken)
	}
	for name, tc := range map[string]struct{ got, want bool }{
		"old token during": {during.Valid(oldToken, product, review), true},
		"new token during": {during.Valid(newToken, product, review), true},
		"old token after":  {after.Valid(oldToken, product, review), false},
		"new token before": {before.Valid(newToken, product, review), false},
		"another review":   {during.Valid(oldToken, product, review+"0"), false},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: valid is %v", name, tc.got)
		}
	}
}

func TestBlanksAroundKeysAreIgnored(t *testing.T) {
	if got := newRing(t, " "+newKey+"\n, "+oldKey+"\n"); got.Token(product, review) != newRing(t, newKey).Token(product, review) ||
		got.ReviewID(nil) != newRing(t, oldKey).ReviewID(nil) {
		t.Error("blanks around keys change the keys")
	}
	if _, err := authortoken.ParseKeyRing(strings.Repeat(" ", 32)); err == nil {
		t.Error("32 blanks are a key")
	}
}

// The rings are those of the rotation in scripts/deploy/monitoring/RUNBOOK.md. While a rotation proceeds, an instance with a ring
// may verify a token that an instance with the previous or the next ring has signed.
func TestRotationVoidsNoTokenAndKeepsIDsUntilTheOldKeyLeaves(t *testing.T) {
	rings := []authortoken.KeyRing{newRing(t, oldKey), newRing(t, oldKey+","+newKey+","+oldKey), newRing(t, newKey+","+oldKey)}
	for i, r := range rings {
		if got, want := r.ReviewID([]byte("data")), rings[0].ReviewID([]byte("data")); got != want {
			t.Errorf("ring %d derives the ID %s, want %s", i, got, want)
		}
		if !r.Valid(rings[0].Token(product, review), product, review) {
			t.Errorf("ring %d rejects a token from before the rotation", i)
		}
		if i > 0 && !rings[i-1].Valid(r.Token(product, review), product, review) {
			t.Errorf("ring %d rejects a token of ring %d", i-1, i)
		}
	}
	last := newRing(t, newKey)
	if !last.Valid(rings[2].Token(product, review), product, review) {
		t.Error("the new key alone rejects a token that it has signed")
	}
	if last.ReviewID([]byte("data")) == rings[0].ReviewID([]byte("data")) {
		t.Error("another key derives the same ID")
	}
}

func TestReviewIDIsAUUIDThatNeedsTheKey(t *testing.T) {
	r := newRing(t, newKey)
	seen := map[string]bool{}
	for i := range 1000 {
		id := r.ReviewID([]byte(strings.Repeat("a", i)))
		u, err := uuid.Parse(id)
		if err != nil || u.Version() != 8 || u.Variant() != uuid.RFC4122 || u.String() != id {
			t.Fatalf("%q is not a UUID of version 8: %v", id, err)
		}
		seen[id] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d IDs of 1000 texts", len(seen))
	}
	if id := r.ReviewID([]byte("data")); id != r.ReviewID([]byte("data")) || id == newRing(t, oldKey).ReviewID([]byte("data")) {
		t.Errorf("ID %s does not depend on key and data alone", id)
	}
	// A token is public to its author. It must not contain the ID of its signed text.
	signed, err := base64.RawURLEncoding.DecodeString(r.Token(product, review))
	if err != nil {
		t.Fatal(err)
	}
	if u := uuid.MustParse(r.ReviewID([]byte(product + "/" + review))); string(u[:6]) == string(signed[:6]) {
		t.Error("tokens and IDs are the same function of a text")
	}
}

func FuzzValid(f *testing.F) {
	k := newRing(f, "a key of 16 bytes or more")
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

func TestPseudonymsFollowFromTheLastKeyAlone(t *testing.T) {
	ring := func(list string) authortoken.KeyRing {
		r, err := authortoken.ParseKeyRing(list)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	old, rotated, other := ring("an old key of the shop"), ring("a new key of the shop,an old key of the shop"), ring("a new key of the shop")
	name := old.Pseudonym("192.0.2.7/32")
	if len(name) != 43 || rotated.Pseudonym("192.0.2.7/32") != name {
		t.Errorf("%q becomes %q with a new first key", name, rotated.Pseudonym("192.0.2.7/32"))
	}
	if other.Pseudonym("192.0.2.7/32") == name || old.Pseudonym("192.0.2.8/32") == name || old.Token("192.0.2.7", "32") == name {
		t.Error("another key, text or use has the same name")
	}
}
