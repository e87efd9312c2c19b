package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// fieldNames are the fields of a customer in requests and responses. The id is a part of the row key; all others are
// columns of the schema.
var fieldNames = [...]string{"id", "name", "email", "phone", "joined", "city", "country", "postcode", "street"}

// customer is a row of the table customers.
type customer struct {
	key    string                  // row key
	values [len(fieldNames)]string // indexed like fieldNames; "" if the cell is missing or was not read

	ambiguous bool // several places match the address; false if the cell was not read
}

// fieldIndex returns the index of a field in fieldNames.
func fieldIndex(name string) int { return slices.Index(fieldNames[:], name) }

// value returns the value of a field.
func (c *customer) value(field string) string { return c.values[fieldIndex(field)] }

// fields is a selection of fields as indices of fieldNames, in the order of the request.
type fields []int

// parseFields returns the selection for a list such as "name,joined"; nil for an empty list.
func parseFields(list string) (fields, error) {
	if list == "" {
		return nil, nil
	}
	var selected fields
	for name := range strings.SplitSeq(list, ",") {
		i := slices.Index(fieldNames[:], name)
		switch {
		case i < 0:
			return nil, fmt.Errorf("unknown field %.40q; valid fields: %s", name, strings.Join(fieldNames[:], ", "))
		case slices.Contains(selected, i):
			return nil, fmt.Errorf("field %s is given twice", name)
		}
		selected = append(selected, i)
	}
	return selected, nil
}

// contains reports whether the selection has the field with the given name.
func (f fields) contains(name string) bool {
	return slices.ContainsFunc(f, func(i int) bool { return fieldNames[i] == name })
}

// appendJSON appends the selected fields to b as a JSON object, in the order of the selection.
func (c *customer) appendJSON(b []byte, selected fields) []byte {
	b = append(b, '{')
	for i, f := range selected {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, fieldNames[f]...)
		b = append(b, '"', ':')
		b, _ = jsontext.AppendQuote(b, c.values[f]) // the error reports invalid UTF-8, which it replaces by U+FFFD
	}
	return append(b, '}')
}

// customerObject is a customer in a JSON page.
type customerObject struct {
	customer
	selected fields
}

// MarshalJSON returns the object with the selected fields.
func (o customerObject) MarshalJSON() ([]byte, error) { return o.appendJSON(nil, o.selected), nil }

// Schema returns the JSON schema of a customer. It implements huma.SchemaProvider.
func (customerObject) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeObject, Description: "A customer with the selected fields.", Properties: map[string]*huma.Schema{}}
	for _, name := range fieldNames {
		s.Properties[name] = &huma.Schema{Type: huma.TypeString}
	}
	return s
}
