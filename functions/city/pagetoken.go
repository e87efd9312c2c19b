package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
)

// pageTokens signs and opens page tokens. A token holds the row key at the end of a page, signed together with its query.
// So a client cannot make a token that starts a page in the range of another query. The key is encrypted, because it holds
// the spelling of a city and the id of a customer, which may be personal data that responses mask.
//
// The signature is the initialization vector of the encryption, as in SIV mode (RFC 5297). So a row has one token for a
// query, and a page that did not change keeps its ETag.
type pageTokens struct{ key []byte }

// macBytes is the length of the signature in a token. HMAC-SHA256 is truncated to 128 bits (RFC 2104, section 5).
const macBytes = aes.BlockSize

// errToken is the error for a token of another query or another key, and for text that is no token.
var errToken = errors.New("token was not issued for this query")

// sign returns the token of the page after the row with the key lastKey.
func (t pageTokens) sign(lastKey string, query ...string) string {
	mac := t.mac(lastKey, query)
	return base64.RawURLEncoding.EncodeToString(append(mac, t.crypt(mac, []byte(lastKey))...))
}

// open returns the row key of a token that sign returned for the same query. Its only error is errToken.
func (t pageTokens) open(token string, query ...string) (lastKey string, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	// The base64 decoder ignores line breaks, so two texts would be one token.
	if err != nil || len(b) <= macBytes || strings.ContainsAny(token, "\r\n") {
		return "", errToken
	}
	lastKey = string(t.crypt(b[:macBytes], b[macBytes:]))
	if !hmac.Equal(b[:macBytes], t.mac(lastKey, query)) {
		return "", errToken
	}
	return lastKey, nil
}

// crypt encrypts or decrypts a row key. Its key is derived from that of the signatures: a message of mac starts with the
// length of a part, which cannot be that of the label.
func (t pageTokens) crypt(iv, text []byte) []byte {
	h := hmac.New(sha256.New, t.key)
	h.Write([]byte("page token encryption"))
	block, err := aes.NewCipher(h.Sum(nil))
	if err != nil {
		panic(err) // the only error is the length of the key, which is that of SHA-256
	}
	out := make([]byte, len(text))
	cipher.NewCTR(block, iv).XORKeyStream(out, text)
	return out
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
