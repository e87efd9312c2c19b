package main

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// byteOrderMark starts a CSV file for spreadsheets: Excel reads a file without it in the code page of the machine.
const byteOrderMark = "\ufeff"

// isBrowser reports whether a browser loads the response as a page or a download, and not by a script. Browsers without
// fetch metadata accept HTML.
func isBrowser(h http.Header) bool {
	if mode := h.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(strings.ToLower(strings.Join(h.Values("Accept"), ",")), "text/html")
}

// csvEncoder writes records of RFC 4180 with a header. Like ndjsonEncoder, it holds back the last line break.
type csvEncoder struct {
	selected fields
	bom      bool // the file starts with byteOrderMark
}

// begin implements encoder.
func (e *csvEncoder) begin(b []byte) []byte {
	if e.bom {
		b = append(b, byteOrderMark...)
	}
	header := customer{values: fieldNames}
	return header.appendCSV(b, e.selected)
}

// row implements encoder.
func (e *csvEncoder) row(b []byte, c *customer) []byte {
	return c.appendCSV(append(b, "\r\n"...), e.selected)
}

// end implements encoder.
func (e *csvEncoder) end(b []byte) []byte { return append(b, "\r\n"...) }

// appendCSV appends the selected fields to b as a record of RFC 4180, without its line break.
func (c *customer) appendCSV(b []byte, selected fields) []byte {
	for i, f := range selected {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendCSVCell(b, c.values[f])
	}
	if len(selected) == 1 && c.values[selected[0]] == "" {
		b = append(b, `""`...) // CSV readers skip an empty line
	}
	return b
}

// appendCSVCell appends a cell to b. It quotes cells with formulas, separators, quotes or line breaks, and "\.", the end
// marker of PostgreSQL's COPY.
func appendCSVCell(b []byte, s string) []byte {
	escaped := escapeFormulas(s)
	if escaped == s && !strings.ContainsAny(s, "\",\r\n") && s != `\.` {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(escaped, `"`, `""`)...)
	return append(b, '"')
}

// escapeFormulas puts an apostrophe before each text that a spreadsheet may run as a formula: the whole cell, and each
// part after a semicolon, tab or bar, because spreadsheets of many European locales split cells there.
func escapeFormulas(s string) string {
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

// isFormula reports whether a spreadsheet may run a cell as a formula. The characters are those of OWASP's page "CSV
// Injection": a sign such as = after any blanks, or a leading control character.
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
