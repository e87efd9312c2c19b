package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:embed page.html
var layout string

// page is the data of the template.
type page struct {
	Title string
	// About are the paragraphs of the description.
	About []string
	// Groups are in the order of the document's tags.
	Groups []group
	// Schemas are sorted by name.
	Schemas []schemaSection
}

// group is a function: a section of the page.
type group struct {
	Title, Text string
	Operations  []operation
}

// operation is a method of a path.
type operation struct {
	// ID is the operation ID of the document, and the anchor of the page.
	ID, Method, Path, Summary string
	Text                      string
	Parameters                []parameter
	Bodies                    []body
	// Curl is a command that calls the operation.
	Curl      string
	Responses []response
}

// parameter is a parameter of an operation or a field of a schema. Type has links to schemas.
type parameter struct {
	// In is path, query or header; "" for a field.
	Name, In, Text string
	Required       bool
	Type           template.HTML
	Default        string
}

// body is a content type of a request or a response.
type body struct {
	ContentType string
	// Type describes the schema. Example is JSON; "" for other content types.
	Type    template.HTML
	Example string
}

// response is a response of an operation.
type response struct {
	// Status is an HTTP status, such as 404.
	Status, Text string
	Bodies       []body
	// Headers are names, sorted.
	Headers []string
}

// schemaSection is a schema with a name, which operations link to.
type schemaSection struct {
	Name, Text, Example string
	Fields              []parameter
}

// methods are the methods of the page, in order.
var methods = []string{"GET", "POST", "PATCH", "DELETE"}

// render returns the HTML page of an OpenAPI document, without scripts and inline styles. It fails if the document is invalid, and
// names the fault.
func render(document []byte) ([]byte, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(document)
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(loader.Context); err != nil {
		return nil, err
	}
	p := page{Title: doc.Info.Title, About: strings.Split(doc.Info.Description, "\n\n")}
	for _, tag := range doc.Tags {
		g := group{Title: tag.Name, Text: tag.Description}
		for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
			for _, method := range methods {
				if op := doc.Paths.Value(path).GetOperation(method); op != nil && slices.Contains(op.Tags, tag.Name) {
					g.Operations = append(g.Operations, newOperation(method, path, op))
				}
			}
		}
		p.Groups = append(p.Groups, g)
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		s := doc.Components.Schemas[name].Value
		p.Schemas = append(p.Schemas, schemaSection{Name: name, Text: s.Description, Fields: fields(s), Example: example(s, "")})
	}
	t, err := template.New("page").Parse(layout)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, p)
	return b.Bytes(), err
}

// newOperation returns an operation of the document for the page.
func newOperation(method, path string, op *openapi3.Operation) operation {
	o := operation{ID: op.OperationID, Method: method, Path: path, Summary: op.Summary, Text: op.Description}
	for _, ref := range op.Parameters {
		p := ref.Value
		// huma describes a parameter in its schema.
		if p.Description == "" && p.Schema != nil {
			p.Description = p.Schema.Value.Description
		}
		o.Parameters = append(o.Parameters, parameter{
			Name: p.Name, In: p.In, Text: p.Description, Required: p.Required, Type: typeOf(p.Schema), Default: text(p.Schema.Value.Default),
		})
	}
	if op.RequestBody != nil {
		o.Bodies = bodies(op.RequestBody.Value.Content)
	}
	o.Curl = curl(method, path, op)
	for _, status := range slices.Sorted(maps.Keys(op.Responses.Map())) {
		r := op.Responses.Value(status).Value
		one := response{Status: status, Headers: slices.Sorted(maps.Keys(r.Headers)), Bodies: bodies(r.Content)}
		if r.Description != nil {
			one.Text = *r.Description
		}
		o.Responses = append(o.Responses, one)
	}
	return o
}

// bodies returns the content types, sorted.
func bodies(content openapi3.Content) []body {
	var all []body
	for _, kind := range slices.Sorted(maps.Keys(content)) {
		b := body{ContentType: kind}
		if s := content[kind].Schema; s != nil {
			b.Type = typeOf(s)
			if strings.HasSuffix(kind, "json") && kind != "application/problem+json" { // the page shows the schema of problems once
				b.Example = example(s.Value, "")
			}
		}
		all = append(all, b)
	}
	return all
}

// fields returns the fields of an object schema, sorted by name; none for other schemas.
func fields(s *openapi3.Schema) []parameter {
	var all []parameter
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		all = append(all, parameter{
			Name: name, Text: p.Value.Description, Required: slices.Contains(s.Required, name), Type: typeOf(p), Default: text(p.Value.Default),
		})
	}
	return all
}

// typeOf describes the values of a schema in words, such as "integer, 1 to 5", with links to named schemas. A nil schema gives "".
func typeOf(ref *openapi3.SchemaRef) template.HTML {
	if ref == nil {
		return ""
	}
	if name, ok := strings.CutPrefix(ref.Ref, "#/components/schemas/"); ok {
		return link(name)
	}
	s := ref.Value
	if len(s.OneOf) > 0 {
		var either []string
		for _, one := range s.OneOf {
			either = append(either, string(typeOf(one)))
		}
		return template.HTML(strings.Join(either, " or "))
	}
	var kinds []string
	if s.Type != nil {
		kinds = s.Type.Slice()
	}
	// A nullable value has two kinds: its own and null.
	var words []string
	for _, kind := range kinds {
		switch {
		case kind == "array":
			words = append(words, "array of "+string(typeOf(s.Items)))
		case kind == "object" && s.AdditionalProperties.Schema != nil:
			words = append(words, "object with values of "+string(typeOf(s.AdditionalProperties.Schema)))
		case s.Format != "" && kind != "null" && kind != "integer" && kind != "number":
			words = append(words, kind+" ("+template.HTMLEscapeString(s.Format)+")")
		default:
			words = append(words, kind)
		}
	}
	var out strings.Builder
	out.WriteString(strings.Join(words, " or "))
	for _, bound := range bounds(s) {
		out.WriteString(", " + template.HTMLEscapeString(bound))
	}
	return template.HTML(out.String())
}

// link returns a link to the section of a schema on the same page.
func link(name string) template.HTML {
	escaped := template.HTMLEscapeString(name)
	return template.HTML(`<a href="#schema-` + escaped + `">` + escaped + `</a>`)
}

// bounds describes the limits of a schema: its values, range, length, number of items, and pattern.
func bounds(s *openapi3.Schema) []string {
	var all []string
	if len(s.Enum) > 0 {
		var values []string
		for _, v := range s.Enum {
			values = append(values, text(v))
		}
		all = append(all, "one of "+strings.Join(values, ", "))
	}
	switch {
	case s.Min != nil && s.Max != nil:
		all = append(all, fmt.Sprintf("%v to %v", *s.Min, *s.Max))
	case s.Min != nil:
		all = append(all, fmt.Sprintf("%v or more", *s.Min))
	case s.Max != nil:
		all = append(all, fmt.Sprintf("up to %v", *s.Max))
	}
	if s.MaxLength != nil {
		all = append(all, fmt.Sprintf("at most %d characters", *s.MaxLength))
	}
	if s.MaxItems != nil {
		all = append(all, fmt.Sprintf("at most %d", *s.MaxItems))
	}
	if s.Pattern != "" {
		all = append(all, "matching "+s.Pattern)
	}
	return all
}

// text formats a value as JSON, but a string without quotes. The text of nil is "".
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// example returns indented JSON that is valid for a schema. indent goes before every line but the first.
func example(s *openapi3.Schema, indent string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent(indent, "  ")
	if err := e.Encode(sample(s, "")); err != nil {
		return "" // samples hold JSON values alone, which always encode
	}
	return strings.TrimSpace(b.String())
}

// samples are example values by field name, for schemas without an example. They belong together: the same product, review and
// picture appear everywhere.
var samples = map[string]any{
	"title": "BTS Single Album BUTTER [Cream + Peaches Ver.]", "text": "포토카드가 정말 예뻐요 💜", "author": "보라", "language": "ko", "q": "버터",
	"scored_by": "natural-language-v2", "score": 0.9, "magnitude": 0.9, "next_page_token": "", "page_token": "eyJs…",
	"thumbhash": "K/YFHwYIlKOYd3dSq3eHWJh1aoIJUHQH", "author_token": "mE2v…", "Author-Token": "mE2v…", "average": 4.5, "price": 32900, "currency": "KRW",
	"url": "/img/products/butter-cream-peaches.jpg?p=card&g=1795166102310000", "width": 400, "height": 400, "product": "butter-cream-peaches",
	"prefix": "par", "detail": "validation failed", "status": 422, "request_id": "4bf92f3577b34da6a3ce929d0e0e4736", "helpful": 3, "city": "Paris",
	"review": "6f2c5c0e-8a53-5d2e-9d2b-1e6f0a4f7c11", "rating": 5, "photos": []any{}, "max_bytes": 15000000, "parameter": "page_size",
}

// sample returns a valid value for a field of the given name; name is "" outside an object. Examples of the schema win, then its
// values, then samples, then a value of its kind.
func sample(s *openapi3.Schema, name string) any {
	kind := ""
	if s.Type != nil {
		kind = s.Type.Slice()[0]
	}
	// The order is from the most specific source of a value to the least.
	v, known := samples[name]
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Example != nil:
		return s.Example
	case len(s.OneOf) > 0:
		return sample(s.OneOf[0].Value, name)
	case len(s.Enum) > 0:
		return s.Enum[0]
	case kind == "object" && s.AdditionalProperties.Schema != nil:
		return map[string]any{"…": sample(s.AdditionalProperties.Schema.Value, "")}
	case kind == "object":
		all := map[string]any{}
		for field, p := range s.Properties {
			all[field] = sample(p.Value, field)
		}
		return all
	// Photos are empty: most reviews have none, and the example stays short.
	case kind == "array" && name != "photos":
		return []any{sample(s.Items.Value, "")}
	case known:
		return v
	case kind == "array":
		return []any{}
	case s.Format == "uuid":
		return "6f2c5c0e-8a53-5d2e-9d2b-1e6f0a4f7c11"
	case s.Format == "date-time":
		return "2026-11-20T12:00:00Z"
	case s.Format == "date":
		return "2021-07-09"
	case kind == "integer" || kind == "number":
		return 1
	case kind == "boolean":
		return true
	}
	return "…"
}

// curl returns a command that calls the operation at the address in the variable SHOP. It breaks a long command into lines. It sends
// required query parameters, and those with an example.
func curl(method, path string, op *openapi3.Operation) string {
	var words []string
	if method != "GET" && (method != "POST" || op.RequestBody == nil) {
		words = append(words, "-X "+method)
	}
	var query []string
	for _, ref := range op.Parameters {
		p := ref.Value
		value := text(sample(p.Schema.Value, p.Name))
		switch {
		case p.In == "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", value)
		case p.In == "query" && (p.Required || len(p.Schema.Value.Examples) > 0 && p.Schema.Value.Type.Is("string")):
			query = append(query, "--data-urlencode '"+p.Name+"="+value+"'")
		case p.In == "header" && (method == "PATCH" || method == "DELETE"):
			words = append(words, "-H '"+p.Name+": "+value+"'")
		}
	}
	// -G turns the data into the query of a GET, and encodes it.
	if len(query) > 0 {
		words = append(append(words, "-G"), query...)
	}
	if op.RequestBody != nil {
		content := op.RequestBody.Value.Content
		kind := slices.Max(slices.Collect(maps.Keys(content))) // prefers a JSON patch type to application/json
		b, _ := json.Marshal(sample(content[kind].Schema.Value, ""))
		words = append(words, "-H 'Content-Type: "+kind+"'", "-d '"+string(b)+"'")
	}
	if op.Security != nil {
		words = append(words, `-H "Authorization: Bearer $(gcloud auth print-identity-token)"`)
	}
	words = append(words, `"$SHOP`+path+`"`)
	if one := "curl " + strings.Join(words, " "); len(one) < 90 {
		return one
	}
	return "curl " + strings.Join(words, " \\\n  ")
}
