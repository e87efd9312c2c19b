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

// entry is a customer's row as it is to be stored.
type entry struct {
	line  int
	key   customers.Key
	cells []cell
}

type cell struct {
	customers.Column
	value string
}

// stored are the indices in names of the columns that are stored, and the columns.
var stored = func() map[int]customers.Column {
	m := map[int]customers.Column{}
	for _, c := range customers.Columns() {
		m[slices.Index(names[:], c.Name)] = c
	}
	return m
}()

// maxima bound the values, in characters, as names; the others have a form that bounds them.
var maxima = [len(names)]int{name: 200, city: 200, email: 254, phone: 40, postcode: 20, street: 300}

var number = regexp.MustCompile(`^\+?[0-9][0-9 ()./-]*$`)

// check returns what is to be stored of a row, or everything that is wrong with it. What it says names
// the column and not the value, which may be personal.
func check(r *row) (entry, error) {
	e := entry{line: r.line}
	v := r.values
	var errs []error
	refuse := func(i int, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %w", names[i], err))
		}
	}
	for i := range v {
		v[i] = strings.TrimSpace(v[i])
		refuse(i, checkText(v[i], maxima[i]))
	}
	if errs != nil {
		return e, bad{errors.Join(errs...)}
	}
	var err error
	e.key.City, err = customers.Fold(v[city])
	refuse(city, err)
	e.key.Country, err = customers.FoldCountry(v[country])
	refuse(country, err)
	v[country] = strings.ToUpper(e.key.Country)
	if u, err := uuid.Parse(v[id]); err == nil && len(v[id]) == len(u.String()) {
		v[id] = u.String() // in capitals it is the same
	}
	e.key.Customer = v[id]
	refuse(id, customers.CheckCustomer(v[id]))
	if v[name] == "" {
		refuse(name, errors.New("is empty"))
	}
	if v[email] != "" && !isEmail(v[email]) {
		refuse(email, errors.New("is not an address"))
	}
	if v[phone] != "" && !number.MatchString(v[phone]) {
		refuse(phone, errors.New("is not a number"))
	}
	v[joined], err = day(v[joined])
	refuse(joined, err)
	if errs != nil {
		return e, bad{errors.Join(errs...)}
	}
	e.cells = make([]cell, 0, len(stored))
	for i, value := range v {
		if c, ok := stored[i]; ok && value != "" {
			e.cells = append(e.cells, cell{c, value})
		}
	}
	return e, nil
}

func checkText(s string, most int) error {
	switch {
	case !utf8.ValidString(s):
		return errors.New("is not UTF-8")
	case most > 0 && utf8.RuneCountInString(s) > most:
		return fmt.Errorf("is longer than %d characters", most)
	case strings.ContainsFunc(s, unicode.IsControl):
		return errors.New("holds a control character")
	}
	return nil
}

// isEmail reports whether s has the form of a mail address. Only the mail that arrives proves more.
func isEmail(s string) bool {
	local, host, ok := strings.Cut(s, "@")
	return ok && local != "" && host != "" && !strings.ContainsAny(s, " ,;<>\"") && !strings.Contains(host, "@")
}

// day returns the date of a date or a moment.
func day(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format(time.DateOnly), nil
		}
	}
	return "", errors.New("is neither a date such as 2013-06-13 nor a moment of RFC 3339")
}
