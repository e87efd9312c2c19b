// Package etag makes the entity tags of responses and evaluates If-None-Match (RFC 9110, sections 8.8.3 and 13.1.2).
package etag

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// size is the number of bytes of the SHA-256 sum in a tag. Two of 2^32 versions of a resource collide with a
// probability of 2^-33.
const size = 12

// Strong returns the strong tag of a representation. It fits bytes that are sent as they are: a range of them may be
// requested by it.
func Strong(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:size]) + `"`
}

// Weak returns the weak tag of a representation. It stays valid when a middleware compresses the body.
func Weak(body []byte) string { return "W/" + Strong(body) }

// NoneMatch reports whether the If-None-Match fields of a request match tag, so that the response to a GET or HEAD is
// 304 Not Modified. The comparison is weak. "*" matches only as the whole value. After a malformed tag the rest of the
// value is ignored: the client receives the full response. Without the field the result is false.
func NoneMatch(request http.Header, tag string) bool {
	list := strings.Trim(strings.Join(request.Values("If-None-Match"), ","), ", \t")
	if list == "*" {
		return true
	}
	for list != "" {
		candidate, rest, ok := cut(list)
		if !ok {
			return false
		}
		if opaque(candidate) == opaque(tag) {
			return true
		}
		list = strings.TrimLeft(rest, ", \t")
	}
	return false
}

// cut splits a list after its first tag. ok is false when the list does not begin with a tag, or when something other
// than a comma follows the tag.
func cut(list string) (tag, rest string, ok bool) {
	quoted := opaque(list)
	if !strings.HasPrefix(quoted, `"`) {
		return "", "", false
	}
	end := strings.IndexByte(quoted[1:], '"') + 2
	if end < 2 || strings.ContainsFunc(quoted[1:end-1], func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", "", false
	}
	n := len(list) - len(quoted) + end
	tag, rest = list[:n], strings.TrimLeft(list[n:], " \t")
	return tag, rest, rest == "" || rest[0] == ','
}

// opaque returns a tag, or a list that begins with one, without the mark of a weak tag. The mark is case-sensitive.
func opaque(tag string) string { return strings.TrimPrefix(tag, "W/") }
