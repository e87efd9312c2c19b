package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// fieldNames are the fields of a customer, as callers name them. All but the id are columns of the schema.
var fieldNames = [...]string{"id", "name", "email", "phone", "joined", "city", "country", "postcode", "street"}

// customer is one row.
type customer struct {
	key    string
	values [len(fieldNames)]string // as fieldNames; "" where there is none, or where it was not asked for
}

// fields are those that a caller asked for, in the order of the question, as indices of fieldNames.
type fields []int

// parseFields reads a list such as "name,joined"; an empty one is all fields.
func parseFields(list string) (fields, error) {
	if list == "" {
		all := make(fields, len(fieldNames))
		for i := range all {
			all[i] = i
		}
		return all, nil
	}
	var chosen fields
	for name := range strings.SplitSeq(list, ",") {
		i := slices.Index(fieldNames[:], name)
		switch {
		case i < 0:
			return nil, fmt.Errorf("knows no field %.40q; the fields are %s", name, strings.Join(fieldNames[:], ", "))
		case slices.Contains(chosen, i):
			return nil, fmt.Errorf("names %s twice", name)
		}
		chosen = append(chosen, i)
	}
	return chosen, nil
}

// mask hides most of what reaches a person.
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

const hidden = "•••"

// maskEmail leaves the first character and the host.
func maskEmail(s string) string {
	if s == "" {
		return ""
	}
	at := strings.LastIndexByte(s, '@')
	if at < 1 {
		return hidden
	}
	_, n := utf8.DecodeRuneInString(s)
	if n >= at {
		n = 0 // one letter is the whole name
	}
	return s[:n] + hidden + s[at:]
}

// maskPhone leaves the last two digits, of six or more.
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
		return hidden
	}
	return hidden + string(digits[len(digits)-2:])
}

// appendJSON appends the chosen fields as a JSON object.
func (c *customer) appendJSON(b []byte, chosen fields) []byte {
	b = append(b, '{')
	for i, f := range chosen {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, fieldNames[f]...)
		b = append(b, '"', ':')
		b, _ = jsontext.AppendQuote(b, c.values[f]) // what is not UTF-8 becomes U+FFFD
	}
	return append(b, '}')
}

// appendCSV appends the chosen fields as a record of RFC 4180, without its line break.
func (c *customer) appendCSV(b []byte, chosen fields) []byte {
	for i, f := range chosen {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendCell(b, c.values[f])
	}
	if len(chosen) == 1 && c.values[chosen[0]] == "" {
		b = append(b, `""`...) // readers skip an empty line
	}
	return b
}

func appendCell(b []byte, s string) []byte {
	safe := defuse(s)
	if safe == s && !strings.ContainsAny(s, "\",\r\n") && s != `\.` {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(safe, `"`, `""`)...)
	return append(b, '"')
}

// defuse puts an apostrophe before what a spreadsheet may take for a formula: the cell, or a part of it
// behind a character that is the separator where the comma is not, as in much of Europe.
func defuse(s string) string {
	if s == "" {
		return ""
	}
	var b strings.Builder
	if isFormula(s) {
		b.WriteByte('\'')
	}
	for i, c := range s {
		b.WriteRune(c)
		if strings.ContainsRune(";\t|", c) && isFormula(s[i+1:]) {
			b.WriteByte('\'')
		}
	}
	return b.String()
}

// isFormula reports whether a spreadsheet may take a cell for a formula, as OWASP's "CSV Injection"
// lists them: by its first character that is not a blank, or by a control character before all.
func isFormula(s string) bool {
	if s == "" {
		return false
	}
	if s[0] == '\t' || s[0] == '\r' || s[0] == '\n' {
		return true
	}
	s = strings.TrimLeftFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf) })
	r, _ := utf8.DecodeRuneInString(s)
	return strings.ContainsRune("=+-@＝＋－＠", r) && s != ""
}

// row is a customer in a JSON page.
type row struct {
	customer
	chosen fields
}

func (r row) MarshalJSON() ([]byte, error) { return r.appendJSON(nil, r.chosen), nil }

// Schema describes a row to huma.
func (row) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeObject, Description: "A customer: the fields that were asked for.", Properties: map[string]*huma.Schema{}}
	for _, name := range fieldNames {
		s.Properties[name] = &huma.Schema{Type: huma.TypeString}
	}
	return s
}
