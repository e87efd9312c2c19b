// Package requestbody bounds the memory that bodies of requests cost. Unmarshal bounds the structure of one JSON document,
// and a Gate bounds the bytes of all bodies that handlers hold at once.
package requestbody

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
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
