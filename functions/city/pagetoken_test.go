package main

import (
	"strings"
	"testing"
)

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
