package load

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// maxRow bounds a row of a file, in bytes.
const maxRow = 64 << 10

// names are the columns of a file, in any order; the first four are required.
var names = [...]string{"id", "name", "city", "country", "email", "phone", "joined", "postcode", "street"}

const required = 4

// Indices of names.
const (
	id = iota
	name
	city
	country
	email
	phone
	joined
	postcode
	street
)

// row is a row as the file has it.
type row struct {
	line   int // its first, from 1
	values [len(names)]string
}

// bad is what is wrong with one row. The rows after it can be read.
type bad struct{ error }

// reader reads the rows of a file: CSV with a header, or a JSON object a line; either may be gzipped. A
// row is a line. A quoted cell of CSV could span lines, but none of our values may hold a line break; so
// a quote that nobody closed costs its own line, and takes none of those below along.
type reader struct {
	in      *bufio.Reader
	line    int // the first that was not read yet
	columns []int
	ignored []string // columns that are none of names
}

func newReader(r io.Reader) (*reader, error) {
	in := bufio.NewReaderSize(r, 16*maxRow)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("read gzip: %w", err)
		}
		in = bufio.NewReaderSize(z, 16*maxRow)
	}
	if bom, _ := in.Peek(3); string(bom) == "\ufeff" {
		_, _ = in.Discard(3)
	}
	rd := &reader{in: in, line: 1}
	if start, _ := in.Peek(1); string(start) == "{" {
		return rd, nil
	}
	return rd, rd.header()
}

// header reads the header of a CSV file.
func (rd *reader) header() error {
	text, _, err := rd.text()
	if err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	cells, err := split(text)
	if err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	for _, cell := range cells {
		cell = strings.ToLower(strings.TrimSpace(cell))
		i := slices.Index(names[:], cell)
		if i < 0 {
			rd.ignore(cell)
		} else if slices.Contains(rd.columns, i) {
			return fmt.Errorf("read the header: column %s is there twice", cell)
		}
		rd.columns = append(rd.columns, i)
	}
	var lacks []string
	for i, name := range names[:required] {
		if !slices.Contains(rd.columns, i) {
			lacks = append(lacks, name)
		}
	}
	if lacks != nil {
		return fmt.Errorf("read the header: there is no column %s; a file is CSV with commas, or a JSON object a line",
			strings.Join(lacks, ", "))
	}
	return nil
}

// ignore remembers a column that is not known, if there are not too many.
func (rd *reader) ignore(name string) {
	if len(rd.ignored) < 20 && !slices.Contains(rd.ignored, name) {
		rd.ignored = append(rd.ignored, name)
	}
}

// read returns the next row, io.EOF after the last, and a bad for a row that is none; then its line is set.
func (rd *reader) read() (row, error) {
	text, line, err := rd.text()
	r := row{line: line}
	if err != nil {
		return r, err
	}
	if rd.columns == nil {
		return r, rd.object(text, &r)
	}
	cells, err := split(text)
	if err != nil {
		return r, err
	}
	if len(cells) != len(rd.columns) {
		return r, bad{fmt.Errorf("it has %d cells, the header has %d", len(cells), len(rd.columns))}
	}
	for i, column := range rd.columns {
		if column >= 0 {
			r.values[column] = cells[i]
		}
	}
	return r, nil
}

// object reads a row that is a JSON object.
func (rd *reader) object(text []byte, r *row) error {
	var members map[string]*string
	if err := json.Unmarshal(text, &members); err != nil {
		// The error may quote the value.
		return bad{errors.New("it is not a JSON object of strings, each named once, in UTF-8")}
	}
	for name, value := range members {
		i := slices.Index(names[:], name)
		if i < 0 {
			rd.ignore(name)
		} else if value != nil {
			r.values[i] = *value
		}
	}
	return nil
}

// text returns the next line that is not blank, without its line break. It is valid until the next call.
func (rd *reader) text() (text []byte, line int, err error) {
	for {
		text, line, err = rd.one()
		if text = bytes.TrimRight(text, "\r\n"); err != nil || len(text) > 0 {
			return text, line, err
		}
	}
}

func (rd *reader) one() (text []byte, line int, err error) {
	line = rd.line
	text, err = rd.in.ReadSlice('\n')
	rd.line++
	switch {
	case errors.Is(err, bufio.ErrBufferFull), len(text) > maxRow:
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = rd.in.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, line, err
		}
		return nil, line, bad{fmt.Errorf("it is longer than %d bytes", maxRow)}
	case errors.Is(err, io.EOF) && len(text) > 0:
		return text, line, nil // the last line has no break
	}
	return text, line, err
}

// split returns the cells of a record of CSV (RFC 4180), without its line break.
func split(record []byte) ([]string, error) {
	text := string(record) // one allocation for all cells without quotes
	cells := make([]string, 0, len(names))
	for {
		if !strings.HasPrefix(text, `"`) {
			cell, rest, more := strings.Cut(text, ",")
			if strings.Contains(cell, `"`) {
				return nil, bad{errors.New("a cell with a quote is not quoted")}
			}
			cells = append(cells, cell)
			if !more {
				return cells, nil
			}
			text = rest
			continue
		}
		var cell strings.Builder
		for text = text[1:]; ; {
			i := strings.IndexByte(text, '"')
			if i < 0 {
				return nil, bad{errors.New("a quote is not closed")}
			}
			cell.WriteString(text[:i])
			text = text[i+1:]
			if !strings.HasPrefix(text, `"`) {
				break
			}
			cell.WriteByte('"')
			text = text[1:]
		}
		cells = append(cells, cell.String())
		if text == "" {
			return cells, nil
		}
		if text[0] != ',' {
			return nil, bad{errors.New("something follows a closed quote")}
		}
		text = text[1:]
	}
}
