package customers

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxCustomerIDBytes is the maximum length of a customer id.
const MaxCustomerIDBytes = 200

// CheckCustomerID returns an error unless id is a valid customer id: printable text of at most MaxCustomerIDBytes without
// space around it. UUIDs, numbers and e-mail addresses are valid ids.
func CheckCustomerID(id string) error {
	switch {
	case id == "":
		return errors.New("is empty")
	case len(id) > MaxCustomerIDBytes:
		return fmt.Errorf("is longer than %d bytes", MaxCustomerIDBytes)
	case !utf8.ValidString(id), strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }):
		return errors.New("has a character that cannot be printed")
	case strings.TrimSpace(id) != id:
		return errors.New("has space around it")
	}
	return nil
}

// Key is a row key. City and Country are folded.
type Key struct{ City, Country, Customer string }

// String returns the row key of a customer. Without Customer, it is the row key of the city and the prefix of the row keys
// of its customers.
func (k Key) String() string {
	return escape(k.City) + separator + escape(k.Country) + separator + escape(k.Customer)
}

// ParseKey returns the parts of a row key. It is the inverse of Key.String, and returns an error for all other strings.
func ParseKey(key string) (Key, error) {
	parts := strings.Split(key, separator)
	if len(parts) != 3 {
		return Key{}, fmt.Errorf("parse row key %q: %d parts instead of 3", key, len(parts))
	}
	for i, p := range parts {
		s, err := unescape(p)
		if err != nil {
			return Key{}, fmt.Errorf("parse row key %q: %w", key, err)
		}
		parts[i] = s
	}
	return Key{parts[0], parts[1], parts[2]}, nil
}

// CityRange returns the first row key of a city and the first row key after the city. The range holds for CustomersTable
// and for CitiesTable. Both parts are folded. An empty country selects all countries; a country such as "us" includes its
// subdivisions such as "us-tx".
func CityRange(city, country string) (start, end string) {
	start = escape(city) + separator
	switch {
	case country == "":
		return start, prefixEnd(start)
	case len(country) == 2: // "#" or "-" follows a country; no character of a key sorts between the two
		return start + country + separator, start + country + string('-'+1)
	}
	start += escape(country) + separator
	return start, prefixEnd(start)
}

// PrefixRange returns the first row key of the cities whose folded name has a prefix, and the first row key after them. The
// end is "" if no row key can follow.
func PrefixRange(prefix string) (start, end string) {
	start = escape(prefix)
	return start, prefixEnd(start)
}

// prefixEnd returns the first string after all strings with the prefix, or "" if there is none. The prefix is UTF-8, so
// its last byte is not 0xff.
func prefixEnd(prefix string) string {
	if prefix == "" {
		return ""
	}
	last := len(prefix) - 1
	return prefix[:last] + string([]byte{prefix[last] + 1})
}

const (
	separator  = "#"
	escapeSign = '%'
)

// escape returns s with the separator, the escape sign and ASCII control characters as %XX.
func escape(s string) string {
	isEscaped := func(r rune) bool { return r < ' ' || r == 0x7f || r == rune(separator[0]) || r == escapeSign }
	if !strings.ContainsFunc(s, isEscaped) { // most parts; a load builds several keys for each customer
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; isEscaped(rune(c)) {
			fmt.Fprintf(&b, "%c%02X", escapeSign, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// errEscape is the error for a part of a row key that escape cannot return.
var errEscape = errors.New("invalid escape sequence or UTF-8")

// unescape is the inverse of escape. It returns errEscape for strings that escape does not return.
func unescape(s string) (string, error) {
	if strings.IndexByte(s, escapeSign) < 0 {
		if !utf8.ValidString(s) || escape(s) != s {
			return "", errEscape
		}
		return s, nil
	}
	var b strings.Builder
	for rest := s; rest != ""; {
		i := strings.IndexByte(rest, escapeSign)
		if i < 0 {
			b.WriteString(rest)
			break
		}
		if len(rest) < i+3 {
			return "", errEscape
		}
		c, err := hex.DecodeString(rest[i+1 : i+3])
		if err != nil {
			return "", errEscape
		}
		b.WriteString(rest[:i])
		b.Write(c)
		rest = rest[i+3:]
	}
	if !utf8.ValidString(b.String()) || escape(b.String()) != s {
		return "", errEscape
	}
	return b.String(), nil
}
