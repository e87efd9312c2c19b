package requestbody

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/go-json-experiment/json/jsontext"
)

// Limits of a document. They are far above each body that the API documents describe: the largest, a review with all its
// photos, has 13 values on 2 levels. Validators of schemas report each invalid value, so their memory grows with the values.
const (
	MaxValues = 256 // values in a document, objects and arrays included
	MaxDepth  = 8   // levels of objects and arrays
	MaxName   = 64  // bytes of the name of a field
)

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
