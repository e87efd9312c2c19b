// Package authortoken signs author tokens. The client that has the token of a review acts as its author: it may edit and
// delete the review.
//
// A token is an HMAC-SHA256 (RFC 2104) of the product and the review, so nothing is stored: the intake issues tokens and
// another function with the same keys verifies them. Both hold a key ring, so that keys can be rotated: the first key
// signs and every key verifies. A token is void once its key has left the ring.
//
// The last key, which is the oldest one, derives the IDs of reviews with an idempotency key, and pseudonyms. A new first key
// therefore does not change the ID of a review that a client submits again. Removing the last key does.
package authortoken

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// minKey is the minimum length of a key, in bytes.
const minKey = 16

// separator separates the keys of a ring. Base64 and hexadecimal keys do not contain it.
const separator = ","

// KeyRingForm describes the input of ParseKeyRing.
const KeyRingForm = "keys of 16 bytes or more, the newest first, separated by commas"

// KeyRing issues and verifies tokens. The zero KeyRing must not be used. Several goroutines may use a KeyRing.
type KeyRing struct {
	keys         [][]byte
	idKey        []byte
	pseudonymKey []byte
}

// The texts whose HMACs are the keys of IDs and of pseudonyms. They have no slash, so they are not the texts of tokens.
const (
	idLabel        = "review ID"
	pseudonymLabel = "pseudonym"
)

// ParseKeyRing returns the ring of a list of keys, separated by commas. It trims blanks around keys. A key has at least 16
// bytes and may occur repeatedly. The error does not contain keys.
func ParseKeyRing(list string) (KeyRing, error) {
	var r KeyRing
	for i, key := range strings.Split(list, separator) {
		key = strings.TrimSpace(key)
		if len(key) < minKey {
			return KeyRing{}, fmt.Errorf("author token key %d has less than %d bytes", i+1, minKey)
		}
		r.keys = append(r.keys, []byte(key))
	}
	oldest := r.keys[len(r.keys)-1]
	r.idKey, r.pseudonymKey = mac(oldest, []byte(idLabel)), mac(oldest, []byte(pseudonymLabel))
	return r, nil
}

// Token returns the token of a review of a product, 43 characters of the URL-safe base64 alphabet. Product must not
// contain a slash: it separates product and review in the signed text.
func (r KeyRing) Token(product, review string) string { return token(r.keys[0], product, review) }

// Valid reports whether text is the token of the review with a key of the ring. The time that Valid takes does not depend
// on the characters of text.
func (r KeyRing) Valid(text, product, review string) bool {
	valid := false
	for _, key := range r.keys {
		if hmac.Equal([]byte(text), []byte(token(key, product, review))) {
			valid = true
		}
	}
	return valid
}

// ReviewID returns the ID that the last key derives from data, a UUID of version 8 (RFC 9562, section 5.8). Equal data has
// equal IDs. Without the key, nobody can compute the ID of data or check a guess of data against an ID.
func (r KeyRing) ReviewID(data []byte) string {
	id := uuid.UUID(mac(r.idKey, data)[:16])
	id[6] = id[6]&0x0f | 8<<4    // version
	id[8] = id[8]&0x3f | 0b10<<6 // variant of RFC 9562
	return id.String()
}

// Pseudonym returns a name that the last key derives from a text: 43 characters of the URL-safe base64 alphabet. Equal texts
// have equal names. Without the key, nobody can check a guess of a text against a name.
func (r KeyRing) Pseudonym(text string) string {
	return base64.RawURLEncoding.EncodeToString(mac(r.pseudonymKey, []byte(text)))
}

// token returns the token of a review that a key signs.
func token(key []byte, product, review string) string {
	return base64.RawURLEncoding.EncodeToString(mac(key, []byte(product+"/"+review)))
}

// mac returns the HMAC-SHA256 of data.
func mac(key, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(data)
	return h.Sum(nil)
}
