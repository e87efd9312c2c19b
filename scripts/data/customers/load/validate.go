package load

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// customerRow is a valid row in the form in which it is stored.
type customerRow struct {
	key   customers.Key // with folded city and country
	cells []cell        // in the order of columnNames, without empty cells and the id, which is in the key
}

// cell is a cell of a customerRow. Its value is not empty.
type cell struct {
	customers.Column
	value string
}

// storedColumns maps the index in columnNames of each stored column to the column.
var storedColumns = func() map[int]customers.Column {
	m := map[int]customers.Column{}
	for _, c := range customers.Columns() {
		m[slices.Index(columnNames[:], c.Name)] = c
	}
	return m
}()

// maxCharacters is the maximum length of each value, indexed like columnNames. The syntax of the other values bounds
// their length. 254 is the longest e-mail address that fits into a path of SMTP (RFC 5321, section 4.5.3.1.3).
var maxCharacters = [len(columnNames)]int{columnName: 200, columnCity: 200, columnEmail: 254, columnPhone: 40, columnPostcode: 20, columnStreet: 300}

// phonePattern accepts common notations of telephone numbers and rejects formulas of spreadsheets, which may start with
// "+" too: functions/city exports customers as CSV.
var phonePattern = regexp.MustCompile(`^\+?[0-9][0-9 ()./-]*$`)

// validate returns the row to store, with trimmed values, an upper-case country and a date without time. The error is a
// rowError. Faults of the text, such as invalid UTF-8, are reported alone, because the other checks expect text; else
// the error joins all faults of the row. Its text names columns and contains no values, which may be personal data.
func validate(r *record) (customerRow, error) {
	var c customerRow
	v := r.values
	var errs []error
	reject := func(column int, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %w", columnNames[column], err))
		}
	}
	for i := range v {
		v[i] = strings.TrimSpace(v[i])
		reject(i, checkText(v[i], maxCharacters[i]))
	}
	if errs != nil {
		return c, rowError{errors.Join(errs...)}
	}
	var err error
	c.key.City, err = customers.FoldCity(v[columnCity])
	reject(columnCity, err)
	c.key.Country, err = customers.FoldCountry(v[columnCountry])
	reject(columnCountry, err)
	v[columnCountry] = strings.ToUpper(c.key.Country)
	v[columnID] = canonicalID(v[columnID])
	c.key.Customer = v[columnID]
	reject(columnID, customers.CheckCustomerID(v[columnID]))
	if v[columnName] == "" {
		reject(columnName, errors.New("is empty"))
	}
	if v[columnEmail] != "" && !isEmail(v[columnEmail]) {
		reject(columnEmail, errors.New("is not an e-mail address"))
	}
	if v[columnPhone] != "" && !phonePattern.MatchString(v[columnPhone]) {
		reject(columnPhone, errors.New("is not a telephone number"))
	}
	v[columnJoined], err = parseDate(v[columnJoined])
	reject(columnJoined, err)
	if errs != nil {
		return c, rowError{errors.Join(errs...)}
	}
	c.cells = make([]cell, 0, len(storedColumns))
	for i, value := range v {
		if column, ok := storedColumns[i]; ok && value != "" {
			c.cells = append(c.cells, cell{column, value})
		}
	}
	return c, nil
}

// canonicalID returns a UUID in lower case, so that a customer has one id in all files. It returns other ids unchanged,
// and other notations of UUIDs, such as those with braces, too.
func canonicalID(id string) string {
	if u, err := uuid.Parse(id); err == nil && len(id) == len(u.String()) {
		return u.String()
	}
	return id
}

// checkText returns an error if s is not UTF-8, has a control character or more characters than limit. A limit of 0 is
// no limit.
func checkText(s string, limit int) error {
	switch {
	case !utf8.ValidString(s):
		return errors.New("is not UTF-8")
	case limit > 0 && utf8.RuneCountInString(s) > limit:
		return fmt.Errorf("is longer than %d characters", limit)
	case strings.ContainsFunc(s, unicode.IsControl):
		return errors.New("contains a control character")
	}
	return nil
}

// isEmail reports whether s has one @ between a local part and a host, and no character that only quoted local parts
// have. It does not check whether the address can receive mail.
func isEmail(s string) bool {
	local, host, ok := strings.Cut(s, "@")
	return ok && local != "" && host != "" && !strings.ContainsAny(s, " ,;<>\"") && !strings.Contains(host, "@")
}

// parseDate returns the date, YYYY-MM-DD, of a date or a timestamp. The date of a timestamp is that of its own offset,
// not of UTC: the day on which the customer joined. An empty text has an empty date.
func parseDate(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format(time.DateOnly), nil
		}
	}
	return "", errors.New("is neither a date such as 2013-06-13 nor an RFC 3339 timestamp")
}
