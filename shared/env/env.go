// Package env reads the configuration of a program from environment variables and reports all problems at once.
package env

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Reader reads variables and collects the problems. Lookup has the signature of os.LookupEnv. The Reader trims blanks
// around values; a variable of blanks counts as not set. Read all variables first, then call Err:
//
//	e := env.Reader{Lookup: lookup}
//	port, topic := e.String("PORT", "8080"), e.Required("REVIEWS_TOPIC")
//	if err := e.Err(); err != nil {
//		return err
//	}
//
// A Reader must not be used by several goroutines.
type Reader struct {
	Lookup func(name string) (string, bool)

	problems []error
}

// Required returns the value of a variable. A variable that is not set is a problem.
func (r *Reader) Required(name string) string {
	v := r.value(name)
	if v == "" {
		r.problem(name, "is not set")
	}
	return v
}

// String returns the value of a variable, or fallback when it is not set.
func (r *Reader) String(name, fallback string) string {
	if v := r.value(name); v != "" {
		return v
	}
	return fallback
}

// Int returns the value of a variable as an integer, or fallback when it is not set. Less than least is a problem.
func (r *Reader) Int(name string, fallback, least int) int {
	return Parsed(r, name, fallback, fmt.Sprintf("an integer of at least %d", least), func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err == nil && n < least {
			err = strconv.ErrRange
		}
		return n, err
	})
}

// Parsed returns the value of a variable as parse reads it, or fallback when it is not set. When parse fails, the
// problem names the variable and the expected form, such as "a rate such as 30/1m, or off". It contains neither the
// value, which may be a secret, nor the error of parse, which may quote the value.
func Parsed[T any](r *Reader, name string, fallback T, form string, parse func(string) (T, error)) T {
	v := r.value(name)
	if v == "" {
		return fallback
	}
	t, err := parse(v)
	if err != nil {
		r.problem(name, "is not "+form)
		return fallback
	}
	return t
}

// RequiredParsed is Parsed for a variable that must be set.
func RequiredParsed[T any](r *Reader, name, form string, parse func(string) (T, error)) T {
	var zero T
	if r.Required(name) == "" {
		return zero
	}
	return Parsed(r, name, zero, form, parse)
}

// Err returns all problems so far, one on each line, or nil.
func (r *Reader) Err() error { return errors.Join(r.problems...) }

func (r *Reader) value(name string) string {
	v, _ := r.Lookup(name)
	return strings.TrimSpace(v)
}

func (r *Reader) problem(name, text string) {
	r.problems = append(r.problems, fmt.Errorf("variable %s %s", name, text))
}
