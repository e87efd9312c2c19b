package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxJSONNesting is the maximum depth of objects in a row; deeper members are left out.
const maxJSONNesting = 4

// jsonSource reads JSON objects: one a line, or, if the first line is not a whole object, objects that span lines, such
// as those of an array. A line that is not an object is a RowError; an invalid object that spans lines ends the reading,
// because its end is unknown.
type jsonSource struct {
	w       *window
	d       *decoder
	byLine  bool
	inArray bool
	names   []string
	index   map[string]int // of names
	cells   []string
	decoder *jsontext.Decoder
}

// newJSONSource returns a source for the text of w, which is not empty. The header has the names of the rows in the
// sample.
func newJSONSource(w *window, d *decoder) *jsonSource {
	s := &jsonSource{w: w, d: d, index: map[string]int{}, decoder: jsontext.NewDecoder(bytes.NewReader(nil))}
	_ = w.skipBreaks() // the text is not empty
	n, ok := w.lineEnd()
	s.byLine = ok && s.parse(w.text[:n]) == nil
	if s.byLine {
		for rest := w.text; len(rest) > 0; {
			line, more, _ := bytes.Cut(rest, []byte{w.breakByte})
			_ = s.parse(line) // next returns the error
			rest = more
		}
	} else {
		start := bytes.TrimLeft(w.text, " \t\r\n")
		if s.inArray = start[0] == '['; s.inArray {
			w.consume(len(w.text) - len(start) + 1)
		}
		for rest := w.text; ; {
			begin := bytes.IndexByte(rest, '{')
			if begin < 0 {
				break
			}
			n, complete := objectEnd(rest[begin:])
			if !complete || s.parse(rest[begin:begin+n]) != nil {
				break
			}
			rest = rest[begin+n:]
		}
	}
	return s
}

// next implements source.
func (s *jsonSource) next() (Row, error) {
	if s.byLine {
		return s.nextLine()
	}
	return s.nextObject()
}

// nextLine returns the object on the next line that is not empty.
func (s *jsonSource) nextLine() (Row, error) {
	if err := s.w.skipBreaks(); err != nil {
		return Row{Line: s.w.line}, err
	}
	row := Row{Line: s.w.line}
	n, ok := s.w.lineEnd()
	if !ok || n > MaxRowBytes {
		for !ok { // a line beyond the window is skipped in constant memory
			s.w.consume(n)
			if n, ok = s.w.lineEnd(); n == 0 && !ok {
				return row, s.w.err
			}
		}
		s.w.consume(n)
		return row, errRowTooLong
	}
	err := s.parse(s.w.text[:n])
	s.w.consume(n)
	row.Cells = s.cells
	return row, err
}

// nextObject returns the next object of a text whose objects may span lines.
func (s *jsonSource) nextObject() (Row, error) {
	for {
		n := 0
		for n < len(s.w.text) && strings.IndexByte(" \t\r\n,", s.w.text[n]) >= 0 {
			n++
		}
		s.w.consume(n)
		if len(s.w.text) > 0 {
			break
		}
		if !s.w.fill() {
			if s.inArray && errors.Is(s.w.err, io.EOF) {
				return Row{Line: s.w.line}, fmt.Errorf("array is cut off at line %d: %w", s.w.line, io.ErrUnexpectedEOF)
			}
			return Row{Line: s.w.line}, s.w.err
		}
	}
	row := Row{Line: s.w.line}
	if s.inArray && s.w.text[0] == ']' {
		return row, io.EOF
	}
	if s.w.text[0] != '{' {
		return row, fmt.Errorf("line %d is not the start of a JSON object", row.Line)
	}
	for {
		n, complete := objectEnd(s.w.text)
		if complete {
			err := s.parse(s.w.text[:n])
			s.w.consume(n)
			row.Cells = s.cells
			return row, err
		}
		if len(s.w.text) > MaxRowBytes {
			return row, fmt.Errorf("object at line %d is longer than %d bytes", row.Line, MaxRowBytes)
		}
		if !s.w.fill() {
			if errors.Is(s.w.err, io.EOF) {
				return row, fmt.Errorf("object at line %d is cut off: %w", row.Line, io.ErrUnexpectedEOF)
			}
			return row, s.w.err
		}
	}
}

// objectEnd returns the length of the JSON object at the start of text, and false if text does not hold its end.
func objectEnd(text []byte) (int, bool) {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i + 1, true
			}
		}
	}
	return 0, false
}

// errNotObject is the reason for rows that are no JSON object.
var errNotObject = RowError{"row is not a JSON object with unique names, in UTF-8"} // the parser's error may quote a value

// parse sets s.cells to the members of the object, and adds new names to the header.
func (s *jsonSource) parse(object []byte) error {
	s.cells = s.cells[:0]
	for range s.names {
		s.cells = append(s.cells, "")
	}
	s.decoder.Reset(bytes.NewReader(object))
	if s.decoder.PeekKind() != '{' {
		return errNotObject
	}
	if err := s.parseObject("", 1); err != nil {
		return err
	}
	if _, err := s.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return errNotObject
	}
	return nil
}

// parseObject sets the cells of an object whose names get the prefix. Numbers keep their digits: a float would change
// ids. Arrays are left out.
func (s *jsonSource) parseObject(prefix string, depth int) error {
	if _, err := s.decoder.ReadToken(); err != nil {
		return errNotObject
	}
	for s.decoder.PeekKind() != '}' {
		token, err := s.decoder.ReadToken()
		if err != nil {
			return errNotObject
		}
		name := prefix + token.String()
		switch kind := s.decoder.PeekKind(); {
		case kind == '{' && depth < maxJSONNesting:
			if err := s.parseObject(name+".", depth+1); err != nil {
				return err
			}
		case kind == '{' || kind == '[':
			if err := s.decoder.SkipValue(); err != nil {
				return errNotObject
			}
		default:
			token, err := s.decoder.ReadToken()
			if err != nil {
				return errNotObject
			}
			value := token.String()
			if kind == 'n' {
				value = ""
			}
			s.set(name, value)
		}
	}
	if _, err := s.decoder.ReadToken(); err != nil {
		return errNotObject
	}
	return nil
}

// set sets the cell of a name. It leaves out new names beyond MaxColumns: rows may have new names without end.
func (s *jsonSource) set(name, value string) {
	i, ok := s.index[name]
	if !ok {
		if len(s.names) == MaxColumns || len(name) > 200 {
			return
		}
		i = len(s.names)
		s.index[name] = i
		s.names = append(s.names, name)
		s.cells = append(s.cells, "")
	}
	s.cells[i] = value
}

// columns implements source.
func (s *jsonSource) columns() []string { return s.names }

// fraction implements source.
func (s *jsonSource) fraction() float64 { return -1 }

// form implements source.
func (s *jsonSource) form() string {
	kind := "JSON objects"
	switch {
	case s.byLine:
		kind = "NDJSON"
	case s.inArray:
		kind = "JSON array"
	}
	return kind + ", " + s.d.encodingOr()
}
