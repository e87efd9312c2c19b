// Package pagetoken encodes the cursor of a list, the position of the last item of a page, as an opaque token. A token is
// neither secret nor signed: a client that forges one only skips items.
package pagetoken

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
)

// ErrToken is the error of Decode. Its text is for clients.
var ErrToken = errors.New("page token was not issued for this query")

// Encode returns the token of a cursor: its JSON in URL-safe base64, so URLs contain it without escapes. It fails when
// the cursor has no JSON form.
func Encode[T any](cursor T) (string, error) {
	b, err := json.Marshal(cursor)
	return base64.RawURLEncoding.EncodeToString(b), err
}

// Decode returns the cursor of a token. Its only error is ErrToken. The caller must validate the values of the cursor,
// since a client can write any.
func Decode[T any](token string) (cursor T, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || strings.ContainsAny(token, "\r\n") { // the decoder skips line breaks
		return cursor, ErrToken
	}
	if err := json.Unmarshal(b, &cursor, json.RejectUnknownMembers(true)); err != nil {
		return cursor, ErrToken
	}
	return cursor, nil
}
