// Package authortoken signs author tokens. The client that has the token of a review acts as its author: it may edit and
// delete the review.
//
// A token is an HMAC-SHA256 (RFC 2104) of the product and the review, so nothing is stored: the intake issues tokens and
// another function with the same key verifies them. A new key invalidates all tokens.
package authortoken

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// minKey is the minimum length of a key, in bytes.
const minKey = 16

// KeyForm describes the input of NewKey.
const KeyForm = "a key of 16 bytes or more"

// Key issues and verifies tokens. The zero Key must not be used. Several goroutines may use a Key.
type Key struct{ secret []byte }

// NewKey returns the key for a secret of at least 16 bytes. Its error does not contain the secret.
func NewKey(secret string) (Key, error) {
	if len(secret) < minKey {
		return Key{}, fmt.Errorf("author token key has less than %d bytes", minKey)
	}
	return Key{[]byte(secret)}, nil
}

// Token returns the token of a review of a product, 43 characters of the URL-safe base64 alphabet. Product must not
// contain a slash: it separates product and review in the signed text.
func (k Key) Token(product, review string) string {
	h := hmac.New(sha256.New, k.secret)
	h.Write([]byte(product + "/" + review))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// Valid reports whether token is the token of the review. It compares in constant time.
func (k Key) Valid(token, product, review string) bool {
	return hmac.Equal([]byte(token), []byte(k.Token(product, review)))
}
