// Package env reads a program's configuration from named variables, reporting every problem at once.
package env

import (
	"errors"
	"fmt"
	"strings"
)

// Reader reads variables through Lookup, which has the shape of os.LookupEnv, and collects what is
// wrong with them. Read every variable first, then ask Err:
//
//	e := env.Reader{Lookup: lookup}
//	port, topic := e.String("PORT", "8080"), e.Required("REVIEWS_TOPIC")
//	if err := e.Err(); err != nil {
//		return err
//	}
type Reader struct {
	Lookup func(name string) (string, bool)

	problems []error
}

// Required returns the value of a variable that must be set to something other than blanks.
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

// Parsed returns what parse makes of a variable, or fallback when it is not set. What parse refuses
// is a problem that names the variable, never its value, which may be a secret.
func Parsed[T any](r *Reader, name string, fallback T, parse func(string) (T, error)) T {
	v := r.value(name)
	if v == "" {
		return fallback
	}
	t, err := parse(v)
	if err != nil {
		r.problem(name, fmt.Sprintf("is not a %T", t))
		return fallback
	}
	return t
}

// Err returns every problem met so far, a line each, or nil.
func (r *Reader) Err() error { return errors.Join(r.problems...) }

func (r *Reader) value(name string) string {
	v, _ := r.Lookup(name)
	return strings.TrimSpace(v)
}

func (r *Reader) problem(name, what string) {
	r.problems = append(r.problems, fmt.Errorf("variable %s %s", name, what))
}
