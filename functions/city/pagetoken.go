package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
)

// pageTokens signs and opens page tokens. A token holds the row key at the end of a page, signed together with its query.
// So a client cannot make a token that starts a page in the range of another query.
type pageTokens struct{ key []byte }

// macBytes is the length of the signature in a token. HMAC-SHA256 is truncated to 128 bits (RFC 2104, section 5).
const macBytes = 16

// errToken is the error for a token of another query or another key, and for text that is no token.
var errToken = errors.New("token was not issued for this query")

// sign returns the token of the page after the row with the key lastKey.
func (t pageTokens) sign(lastKey string, query ...string) string {
	return base64.RawURLEncoding.EncodeToString(append(t.mac(lastKey, query), lastKey...))
}

// open returns the row key of a token that sign returned for the same query. Its only error is errToken.
func (t pageTokens) open(token string, query ...string) (lastKey string, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	// The base64 decoder ignores line breaks, so two texts would be one token.
	if err != nil || len(b) <= macBytes || strings.ContainsAny(token, "\r\n") {
		return "", errToken
	}
	lastKey = string(b[macBytes:])
	if !hmac.Equal(b[:macBytes], t.mac(lastKey, query)) {
		return "", errToken
	}
	return lastKey, nil
}

// mac returns the signature of the query and the key. It signs the length of each part too, so that ("ab", "c") and
// ("a", "bc") have different signatures.
func (t pageTokens) mac(lastKey string, query []string) []byte {
	h := hmac.New(sha256.New, t.key)
	for _, part := range append(query[:len(query):len(query)], lastKey) {
		_ = binary.Write(h, binary.BigEndian, uint32(len(part)))
		h.Write([]byte(part))
	}
	return h.Sum(nil)[:macBytes]
}
