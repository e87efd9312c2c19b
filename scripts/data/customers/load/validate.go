package load

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/engine/place"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// customerRow is a valid row in the form in which it is stored.
type customerRow struct {
	line     int
	key      customers.Key // with the city and the country of the place
	place    place.Place
	spelling string  // the city as written
	cells    []cell  // without empty cells and the id, which is in the key
	notes    []fault // values that were left out or kept as written
}

// cell is a cell of a customerRow. Its value is not empty.
type cell struct {
	customers.Column
	value string
}

// fault is a field of a row that cannot be stored as it is. The reason contains no values of the row, which may be
// personal data.
type fault struct {
	field  string // "" for the row
	reason string
}

// rejection is the error for a row that is not loaded. It has one fault at least.
type rejection []fault

// Error lists the faults.
func (r rejection) Error() string {
	var b strings.Builder
	for i, f := range r {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(strings.TrimSpace(f.field + " " + f.reason))
	}
	return b.String()
}

// maxCharacters is the maximum length of the values, indexed by field. 254 is the longest e-mail address that fits into
// a path of SMTP (RFC 5321, section 4.5.3.1.3).
var maxCharacters = [fieldCount]int{
	fieldCity: 200, fieldName: 200, fieldEmail: 254, fieldPhone: maxPhoneCharacters, fieldPart: 200, fieldPostcode: 20, fieldStreet: 300, fieldJoined: 60, fieldCountry: 100,
}

// emptyValues are texts that programs write for a missing value. "NA" is not one of them, because it is Namibia and a
// name.
var emptyValues = []string{
	"NULL", "null", "(null)", "<null>", "[NULL]", `\N`, "N/A", "n/a", "#N/A", "NaN", "nan", "-", "--", "–", "—", "undefined",
}

// clean returns a value without space around it, and "" for a missing one.
func clean(s string) string {
	s = strings.TrimSpace(s)
	if len(s) <= 9 && slices.Contains(emptyValues, s) {
		return ""
	}
	return s
}

// errEmpty is the reason for required values that are missing.
var errEmpty = errors.New("is empty")

// errDamaged is the reason for texts that cannot be decoded.
var errDamaged = errors.New("has characters that the encoding does not allow")

// checkText returns the text on one line, or an error if it is damaged, has a control character or more characters than
// limit. A limit of 0 is no limit.
func checkText(s string, limit int, lineBreak string) (string, error) {
	isPlain := true
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			isPlain = false
			break
		}
	}
	if !isPlain {
		if !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError) {
			return "", errDamaged
		}
		if strings.ContainsAny(s, "\r\n\t\v\f\u0085\u2028\u2029") {
			lines := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("\r\n\v\f\u0085\u2028\u2029", r) })
			for i := range lines {
				lines[i] = strings.TrimSpace(strings.ReplaceAll(lines[i], "\t", " "))
			}
			s = strings.Join(slices.DeleteFunc(lines, func(l string) bool { return l == "" }), lineBreak)
		}
		if strings.ContainsFunc(s, unicode.IsControl) {
			return "", errors.New("has a control character")
		}
	}
	if limit > 0 && len(s) > limit && utf8.RuneCountInString(s) > limit {
		return "", fmt.Errorf("is longer than %d characters", limit)
	}
	return s, nil
}

// validator makes customer rows of the rows of one file.
type validator struct {
	layout  *layout
	country string // of rows without one, "" if they are rejected
	dates   DateOrder
	// codes has the codes of written countries, "" for unknown ones. It holds at most maxCodes.
	codes map[string]string
}

// maxCodes bounds the memory of validator.codes.
const maxCodes = 10_000

// validate returns the row to store. The error is a rejection: only a fault of the id, the city or the country rejects a
// row. Any other value is left out, or kept as written, with a note.
func (v *validator) validate(r *record) (customerRow, error) {
	c := customerRow{line: r.line}
	if r.rejected != nil {
		return c, r.rejected
	}
	values := &r.values
	var rejected rejection
	reject := func(field int, err error) { rejected = append(rejected, fault{fields[field].name, err.Error()}) }
	note := func(field int, reason string) { c.notes = append(c.notes, fault{fields[field].name, reason}) }
	for i := range values {
		if values[i] == "" {
			continue
		}
		lineBreak := " "
		if i == fieldStreet {
			lineBreak = ", "
		}
		text, err := checkText(values[i], maxCharacters[i], lineBreak)
		switch {
		case err == nil:
		case i <= fieldCountry: // the required fields precede
			reject(i, err)
		default:
			note(i, err.Error()+" and is left out")
		}
		values[i] = text
	}
	if rejected != nil {
		return c, rejected
	}
	var err error
	c.key.Customer = canonicalID(values[fieldID])
	if err := customers.CheckCustomerID(c.key.Customer); err != nil {
		reject(fieldID, err)
	}
	if values[fieldCity] == "" {
		reject(fieldCity, errEmpty)
	}
	if values[fieldCountry], err = v.countryOf(values[fieldCountry]); err != nil {
		reject(fieldCountry, err)
	}
	if rejected != nil {
		return c, rejected
	}
	c.spelling = values[fieldCity]
	c.place, err = place.Resolve(place.Address{
		City: values[fieldCity], Country: values[fieldCountry], Part: values[fieldPart], Postcode: values[fieldPostcode],
	})
	if err == nil && len(c.place.City) > customers.MaxCityBytes {
		err = fmt.Errorf("is longer than %d bytes", customers.MaxCityBytes)
	}
	if err != nil {
		reject(fieldCity, err)
		return c, rejected
	}
	c.key.City, c.key.Country = c.place.City, c.place.Country
	if values[fieldEmail] != "" && !isEmail(values[fieldEmail]) {
		values[fieldEmail] = ""
		note(fieldEmail, "is not an e-mail address and is left out")
	}
	if values[fieldPhone] != "" {
		if values[fieldPhone], err = phoneNumber(values[fieldPhone], values[fieldCountry][:2]); err != nil {
			note(fieldPhone, err.Error())
		}
	}
	if values[fieldJoined], err = v.dates.date(values[fieldJoined]); err != nil {
		note(fieldJoined, err.Error())
	}
	c.cells = make([]cell, 0, len(storedFields))
	for _, f := range storedFields {
		if value := values[f.field]; value != "" {
			c.cells = append(c.cells, cell{f.Column, value})
		}
	}
	if c.place.Ambiguous {
		c.cells = append(c.cells, cell{customers.AmbiguousColumn, "1"})
	}
	return c, nil
}

// storedField is a field with its column in table customers.
type storedField struct {
	customers.Column
	field int
}

// storedFields are the stored fields in the order of customers.Columns, and then the part.
var storedFields = func() []storedField {
	names := FieldNames()
	var stored []storedField
	for _, c := range append(customers.Columns(), customers.PartColumn) {
		if i := slices.Index(names, c.Name); i >= 0 {
			stored = append(stored, storedField{c, i})
		}
	}
	return stored
}()

// countryOf returns the code of a written country, and the default for a missing one.
func (v *validator) countryOf(written string) (string, error) {
	if written == "" {
		if v.country == "" {
			return "", errEmpty
		}
		return v.country, nil
	}
	if code, ok := v.codes[written]; ok {
		if code == "" {
			return "", errCountry
		}
		return code, nil
	}
	code, err := countryCode(written)
	if len(v.codes) < maxCodes {
		v.codes[strings.Clone(written)] = code
	}
	return code, err
}

// canonicalID returns a UUID in lower case, so that a customer has one id in all files. It returns other ids unchanged,
// and other notations of UUIDs, such as those with braces, too.
func canonicalID(id string) string {
	if len(id) != 36 {
		return id
	}
	if u, err := uuid.Parse(id); err == nil {
		return u.String()
	}
	return id
}

// isEmail reports whether s has one @ between a local part and a host, and no character that only quoted local parts
// have. It does not check whether the address can receive mail.
func isEmail(s string) bool {
	local, host, ok := strings.Cut(s, "@")
	return ok && local != "" && host != "" && !strings.ContainsAny(s, " ,;<>\"") && !strings.Contains(host, "@")
}
