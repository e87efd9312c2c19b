package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
)

// tokens makes and reads page tokens. A token holds the key of the last row of a page, and is signed
// together with the query that it is of: nobody can make one that reads elsewhere.
type tokens struct{ key []byte }

// macSize is how much of the signature a token carries.
const macSize = 16

var errToken = errors.New("is not a page token of this query")

// sign returns the token of the page after the row with the given key.
func (t tokens) sign(after string, query ...string) string {
	return base64.RawURLEncoding.EncodeToString(append(t.mac(after, query), after...))
}

// open returns the key that sign was given for the same query.
func (t tokens) open(token string, query ...string) (after string, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	// The decoder passes over line breaks.
	if err != nil || len(b) <= macSize || strings.ContainsAny(token, "\r\n") {
		return "", errToken
	}
	after = string(b[macSize:])
	if !hmac.Equal(b[:macSize], t.mac(after, query)) {
		return "", errToken
	}
	return after, nil
}

// mac signs the parts with their lengths, so that no two lists of parts are signed alike.
func (t tokens) mac(after string, query []string) []byte {
	h := hmac.New(sha256.New, t.key)
	for _, part := range append(query[:len(query):len(query)], after) {
		_ = binary.Write(h, binary.BigEndian, uint32(len(part)))
		h.Write([]byte(part))
	}
	return h.Sum(nil)[:macSize]
}
