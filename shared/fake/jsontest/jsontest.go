// Package jsontest makes hostile JSON bodies for fuzz targets of operations.
package jsontest

import (
	"bytes"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Operation is an operation with a JSON body in an OpenAPI document.
type Operation struct {
	Method, Path string
	ContentTypes []string
	Fields       []string // names of the fields of the body and of the objects in it
}

// schema is the part of a JSON Schema that names fields.
type schema struct {
	Ref        string             `json:"$ref"`
	Properties map[string]*schema `json:"properties"`
	Items      *schema            `json:"items"`
}

// Operations returns the operations of an OpenAPI document that have a body, in the order of their paths and methods. It fails
// the test if there are none.
func Operations(t testing.TB, document json.Marshaler) []Operation {
	t.Helper()
	b, err := document.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct{ Schema *schema }
			}
		}
		Components struct{ Schemas map[string]*schema }
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	fields := map[string]bool{}
	var collect func(s *schema)
	collect = func(s *schema) {
		if s == nil {
			return
		}
		collect(d.Components.Schemas[path.Base(s.Ref)])
		for name, field := range s.Properties {
			fields[name] = true
			collect(field)
		}
		collect(s.Items)
	}
	var all []Operation
	for _, at := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(d.Paths[at])) {
			content := d.Paths[at][method].RequestBody.Content
			if len(content) == 0 {
				continue
			}
			clear(fields)
			for _, media := range content {
				collect(media.Schema)
			}
			all = append(all, Operation{strings.ToUpper(method), at, slices.Sorted(maps.Keys(content)), slices.Sorted(maps.Keys(fields))})
		}
	}
	if len(all) == 0 {
		t.Fatal("no operation with a body")
	}
	return all
}

// Body returns a body whose shape the seed decides: a JSON document of any values, with the given field names and strings
// among others, or the seed itself. Documents may have duplicate names, thousands of values and levels, numbers beyond
// every type, lone surrogates and invalid UTF-8.
func Body(seed []byte, fields, strs []string) []byte {
	if len(seed) > 0 && seed[0] == 0xff {
		return seed[1:]
	}
	g := generator{seed: seed, fields: fields, strs: strs}
	g.object(0) // most bodies that are no objects are rejected at once
	if g.next()%8 == 1 {
		g.out.Reset()
		g.value(0)
	}
	if g.next()%32 == 1 {
		g.out.Truncate(g.out.Len() / 2)
	}
	return g.out.Bytes()
}

type generator struct {
	seed         []byte
	fields, strs []string
	out          bytes.Buffer
}

// next returns the next byte of the seed, and 0 after its end.
func (g *generator) next() byte {
	if len(g.seed) == 0 {
		return 0
	}
	b := g.seed[0]
	g.seed = g.seed[1:]
	return b
}

func pick(from []string, b byte) string { return from[int(b)%len(from)] }

// object writes an object. Half of its fields have the name of a field.
func (g *generator) object(level int) {
	g.out.WriteByte('{')
	for i := range g.next() % 8 {
		if i > 0 {
			g.out.WriteByte(',')
		}
		if g.next()%4 < 3 && len(g.fields) > 0 {
			g.out.WriteString(strconv.Quote(pick(g.fields, g.next())))
		} else {
			g.str()
		}
		g.out.WriteByte(':')
		g.value(level + 1)
	}
	g.out.WriteByte('}')
}

// value writes any value.
func (g *generator) value(level int) {
	kind := g.next() % 16
	if level > 6 && kind >= 10 { // the generator recurses no further
		kind %= 10
	}
	switch kind {
	case 0:
		g.out.WriteString(pick([]string{"null", "true", "false", "[]", "{}"}, g.next()))
	case 1, 2, 3:
		g.out.WriteString(pick([]string{
			"5", "1", "0", "-0", "-1", "4.5", "5.0", "6", "1e0", "1e300", "1e400", "-1e400", "1e-400", "9223372036854775807", "9223372036854775808",
			"1795089600000000", "05", "NaN", "1" + strings.Repeat("0", 400), "0." + strings.Repeat("9", 2000),
		}, g.next()))
	case 4, 5, 6, 7:
		g.str()
	case 8: // equal items in a row
		item := pick([]string{"1", "[]", "{}", "null", `""`, `"a"`, "[[]]", `{"a":[]}`, "true", "1.5"}, g.next())
		g.out.WriteString("[" + strings.TrimSuffix(strings.Repeat(item+",", int(g.next())<<(g.next()%8)), ",") + "]")
	case 9: // levels
		g.out.WriteString(strings.Repeat(pick([]string{"[", `{"a":`, `[{"photos":`}, g.next()), int(g.next())<<(g.next()%8)))
	case 10, 11:
		g.object(level)
	default:
		g.out.WriteByte('[')
		for i := range g.next() % 6 {
			if i > 0 {
				g.out.WriteByte(',')
			}
			g.value(level + 1)
		}
		g.out.WriteByte(']')
	}
}

// str writes a string.
func (g *generator) str() {
	switch b := g.next(); {
	case b%4 < 2 && len(g.strs) > 0:
		g.out.WriteString(strconv.Quote(pick(g.strs, g.next())))
	case b%4 == 2:
		g.out.WriteString(pick([]string{
			`""`, `" "`, `"\u0000"`, `"\ud800"`, `"\udc00\ud800"`, "\"\xff\"", `"\x"`, `"a.b[0]~/"`, `"` + strings.Repeat("가", 6000) + `"`,
			`"` + strings.Repeat(`\u1e9b\u0323`, 3000) + `"`, `"` + strings.Repeat("n.", 500) + `"`, `"💜\n"`, `"null"`, `"__proto__"`,
		}, g.next()))
	default:
		n := min(int(b), len(g.seed))
		g.out.WriteString(strconv.Quote(string(g.seed[:n])))
		g.seed = g.seed[n:]
	}
}
