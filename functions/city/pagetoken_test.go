package main

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

// Row keys hold the id of a customer and the name of a city, which responses may mask.
func TestPageTokenHidesTheRowKey(t *testing.T) {
	tokens := pageTokens{[]byte("0123456789abcdef")}
	token := tokens.sign("paris#fr#jimin@example.com", "customers")
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || bytes.Contains(b, []byte("jimin")) || bytes.Contains(b, []byte("paris")) {
		t.Errorf("token holds %q, %v, want no row key", b, err)
	}
	if again := tokens.sign("paris#fr#jimin@example.com", "customers"); again != token {
		t.Errorf("tokens of one row are %q and %q, want one token", token, again)
	}
	if other := tokens.sign("paris#fr#jimin@example.com", "cities"); other[macBytes*4/3+2:] == token[macBytes*4/3+2:] {
		t.Error("tokens of two queries have one key stream")
	}
}

func FuzzPageTokens(f *testing.F) {
	tokens := pageTokens{[]byte("0123456789abcdef")}
	f.Add(tokens.sign("paris#fr#1", "customers", "paris", "fr"), "paris#fr#1", "customers", "paris", "fr")
	f.Add("", "", "", "", "")
	f.Add(tokens.sign("paris#fr#1", "customers", "paris", "fr")+"\n", "a", "customers", "paris", "fr")
	f.Add(strings.Repeat("A", 40), "a", "customers", "par", "isfr")
	f.Fuzz(func(t *testing.T, token, after, a, b, c string) {
		if got, err := tokens.open(token, a, b, c); err == nil && tokens.sign(got, a, b, c) != token {
			t.Errorf("open(%q) = %q, whose token is another one", token, got)
		}
		if after == "" {
			return
		}
		signed := tokens.sign(after, a, b, c)
		if got, err := tokens.open(signed, a, b, c); got != after || err != nil {
			t.Errorf("open(sign(%q)) = %q, %v", after, got, err)
		}
		if _, err := tokens.open(signed, a+b, c); err == nil {
			t.Errorf("token of query %q is valid for %q", []string{a, b, c}, []string{a + b, c})
		}
		if _, err := (pageTokens{[]byte("another key of 16")}).open(signed, a, b, c); err == nil {
			t.Error("token is valid with another key")
		}
	})
}
