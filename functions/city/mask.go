package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// masking is the masking policy of a deployment. It names the fields that responses show in full; the policy masks all
// other fields of maskedFields. The zero value masks all of them.
type masking struct{ shown []string }

// maskedFields are the fields that the policy masks unless the variable UNMASK names them.
var maskedFields = []string{"name", "email", "phone", "street"}

// parseMasking returns the policy of a value of UNMASK: false, true for all fields, or a list such as "name,street".
func parseMasking(value string) (masking, error) {
	if all, err := strconv.ParseBool(value); err == nil {
		if all {
			return masking{maskedFields}, nil
		}
		return masking{}, nil
	}
	shown := strings.Split(value, ",")
	for _, name := range shown {
		if !slices.Contains(maskedFields, name) {
			return masking{}, fmt.Errorf("%.40q is none of %s", name, strings.Join(maskedFields, ", "))
		}
	}
	return masking{shown}, nil
}

// shows reports whether responses have the field in full.
func (m masking) shows(field string) bool {
	return !slices.Contains(maskedFields, field) || slices.Contains(m.shown, field)
}

// errStreet is the error of a request for streets that the policy masks: no part of a street is harmless.
var errStreet = errors.New("street is off by the masking policy of this deployment")

// allFields returns the fields of a response to a request without a list of fields.
func (m masking) allFields() fields {
	var all fields
	for i, name := range fieldNames {
		if name != "street" || m.shows(name) {
			all = append(all, i)
		}
	}
	return all
}

// check returns errStreet if the selection of a request has streets that the policy masks.
func (m masking) check(selected fields) error {
	if selected.contains("street") && !m.shows("street") {
		return errStreet
	}
	return nil
}

// masker returns the function that masks a customer. A field that was not read stays empty.
func (m masking) masker() func(*customer) {
	var rules [len(fieldNames)]func(string) string
	for i, name := range fieldNames {
		rules[i] = m.rule(name)
	}
	return func(c *customer) {
		for i, rule := range rules {
			if c.values[i] != "" {
				c.values[i] = rule(c.values[i])
			}
		}
	}
}

// rule returns the function that masks the values of a field. A value of a field that responses show may be in the wrong
// column, so its mail addresses and telephone numbers are masked unless the policy shows those.
func (m masking) rule(field string) func(string) string {
	switch {
	case m.shows(field):
		return func(s string) string { return m.text(field, s) }
	case field == "name":
		return maskName
	case field == "email":
		return maskEmail
	case field == "phone":
		return maskPhone
	}
	return func(string) string { return maskText }
}

// text masks the mail addresses and telephone numbers in a text. field is its field, "city" for a spelling of a place.
func (m masking) text(field, s string) string {
	if !m.shows("email") {
		s = maskMailPattern(s)
	}
	if !m.shows("phone") {
		s = maskPhonePattern(field, s)
	}
	return s
}

// maskText replaces the masked part of a value. Its length is independent of the length of that part. It is ASCII, because
// Excel reads CSV without a byte order mark in the code page of the machine, and it does not start a formula.
const maskText = "***"

// maskName keeps the first character of a name that has two or more.
func maskName(s string) string {
	if s = strings.TrimSpace(s); s == "" {
		return ""
	}
	return initial(s) + maskText
}

// maskEmail keeps the first character of a local part that has two or more. It masks text that is no address as a whole.
// The host is masked, because the host of a small organization or of a family names the person.
func maskEmail(s string) string {
	at := strings.LastIndexByte(s, '@')
	if at < 1 {
		return maskText
	}
	return initial(s[:at]) + maskText + "@" + maskText
}

// initial returns the first character of s with its combining marks; "" if it is the only character, which would reveal s.
func initial(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		if !unicode.Is(unicode.M, r) {
			return s[:n]
		}
		n += size
	}
	return ""
}

// maskPhone keeps the last two digits of a number of six digits or more, and nothing of a shorter one.
func maskPhone(s string) string {
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
