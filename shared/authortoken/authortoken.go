// Package authortoken signs the tokens by which the author of a review is known: who has the token of a review wrote it.
//
// Nothing is stored. A token is an HMAC of the review's name, so that intake can give one and another function
// check it with the same key. With another key all tokens of before are void.
package authortoken

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// minKey is the least length of a key, in bytes.
const minKey = 16

// KeyForm describes the input of NewKey.
const KeyForm = "a key of 16 bytes or more"

// Key signs tokens.
type Key struct{ secret []byte }

// NewKey returns the key of a secret, which is 16 bytes or more.
func NewKey(secret string) (Key, error) {
	if len(secret) < minKey {
		return Key{}, fmt.Errorf("the key of author tokens is shorter than %d bytes", minKey)
	}
	return Key{[]byte(secret)}, nil
}

// Token returns the token of the author of a review. A product's id holds no slash, so that no two
// reviews are signed alike.
func (k Key) Token(product, review string) string {
	h := hmac.New(sha256.New, k.secret)
	h.Write([]byte(product + "/" + review))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// Valid reports whether a token is that of the author of a review, in a time that does not depend on how
// much of it is right.
func (k Key) Valid(token, product, review string) bool {
	return hmac.Equal([]byte(token), []byte(k.Token(product, review)))
}
