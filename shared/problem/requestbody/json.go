// Package requestbody bounds the memory that bodies of requests cost. Unmarshal bounds the structure of one JSON document,
// and a Gate bounds the bytes of all bodies that handlers hold at once.
package requestbody

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Limits of a document. They are far above each body that the API documents describe: the largest, a review with all its
// photos, has 13 values on 2 levels. Validators of schemas report each invalid value, so their memory grows with the values.
const (
	MaxValues = 256 // values in a document, objects and arrays included
	MaxDepth  = 8   // levels of objects and arrays
	MaxName   = 64  // bytes of the name of a field
)

// InvalidError is the error of a body that is not valid JSON, exceeds a limit, or does not fit its Go type.
type InvalidError struct {
	Pointer jsontext.Pointer // place of the invalid value
	Err     error
}

// pointerEnd separates the pointer from the cause in the text of an InvalidError.
const pointerEnd = "\x00"

// Error implements error. The text begins with the pointer, which CutPointer reads again: huma passes on only texts.
func (e *InvalidError) Error() string {
	return "#" + strings.ReplaceAll(string(e.Pointer), pointerEnd, "") + pointerEnd + e.Err.Error()
}

// CutPointer splits the text of an InvalidError into the pointer, in its fragment form, and the text of the cause. ok is false
// for other texts.
func CutPointer(text string) (pointer, cause string, ok bool) {
	return strings.Cut(text, pointerEnd)
}

// Unwrap returns the cause.
func (e *InvalidError) Unwrap() error { return e.Err }

// Unmarshal decodes strict JSON within the limits: it rejects duplicate names and invalid UTF-8 (RFC 7493). It checks the
// limits before it stores any value in v. Its errors are *InvalidError for all that clients can send.
func Unmarshal(b []byte, v any) error {
	if err := checkLimits(b); err != nil {
		return err
	}
	err := json.Unmarshal(b, v)
	if syntax := (*jsontext.SyntacticError)(nil); errors.As(err, &syntax) {
		return &InvalidError{syntax.JSONPointer, fmt.Errorf("not valid JSON at byte %d: %w", syntax.ByteOffset, syntax.Err)}
	}
	if semantic := (*json.SemanticError)(nil); errors.As(err, &semantic) && semantic.Err != nil {
		return &InvalidError{semantic.JSONPointer, semantic.Err}
	}
	return err
}

// checkLimits returns an error for a document beyond the limits. It stops at the first value beyond a limit, and at the
// first syntax error, which json.Unmarshal reports.
func checkLimits(b []byte) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(b), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for values := 0; ; {
		container, members := d.StackIndex(d.StackDepth())
		isName := container == '{' && members%2 == 0
		token, err := d.ReadToken()
		if err != nil {
			return nil // the end of the document, or a syntax error
		}
		switch kind := token.Kind(); {
		case kind == '}' || kind == ']':
			continue
		case isName:
			name := token.String()
			if len(name) > MaxName {
				return &InvalidError{d.StackPointer().Parent(), fmt.Errorf("has a name of more than %d bytes", MaxName)}
			}
			if strings.ContainsAny(name, ".[") { // huma separates names by these, and its path grows with each such name
				return &InvalidError{d.StackPointer(), errors.New(validation.MsgUnexpectedProperty)}
			}
			continue
		}
		if values++; values > MaxValues {
			return &InvalidError{"", fmt.Errorf("has more than %d values", MaxValues)}
		}
		if d.StackDepth() > MaxDepth {
			return &InvalidError{"", fmt.Errorf("is nested deeper than %d levels", MaxDepth)}
		}
	}
}
