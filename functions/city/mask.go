package main

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// masked masks the contact data of each customer, unless the deployment sets UNMASK. It passes errors on.
func (s *server) masked(all iter.Seq2[customer, error]) iter.Seq2[customer, error] {
	if s.unmask {
		return all
	}
	return func(yield func(customer, error) bool) {
		for c, err := range all {
			c.mask()
			if !yield(c, err) {
				return
			}
		}
	}
}

// mask masks the fields by which a person can be contacted. A field that was not read stays empty.
func (c *customer) mask() {
	for i, name := range fieldNames {
		switch name {
		case "email":
			c.values[i] = maskEmail(c.values[i])
		case "phone":
			c.values[i] = maskPhone(c.values[i])
		}
	}
}

// maskText replaces the masked part of a value. Its length is independent of the length of that part.
const maskText = "•••"

// maskEmail keeps the host, and the first character of a local part that has two or more. It masks text that is no address
// as a whole.
func maskEmail(s string) string {
	if s == "" {
		return ""
	}
	at := strings.LastIndexByte(s, '@')
	if at < 1 {
		return maskText
	}
	_, n := utf8.DecodeRuneInString(s)
	if n >= at {
		n = 0 // the only character would reveal the whole local part
	}
	return s[:n] + maskText + s[at:]
}

// maskPhone keeps the last two digits of a number of six digits or more, and nothing of a shorter one.
func maskPhone(s string) string {
	if s == "" {
		return ""
	}
	var digits []rune
	for _, r := range s {
		if unicode.IsDigit(r) {
			digits = append(digits, r)
		}
	}
	if len(digits) < 6 {
		return maskText
	}
	return maskText + string(digits[len(digits)-2:])
}
