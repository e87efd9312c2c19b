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

// maxLineBytes is the maximum length of a line of a file, its line break included. It bounds the memory of a row.
const maxLineBytes = 64 << 10

// maxIgnored is the maximum number of unknown columns that a load reports.
const maxIgnored = 20

// columnNames are the columns of a file. A file may have them in any order; the first requiredColumns are required. In
// a CSV header, case and surrounding space do not matter; members of a JSON object have exactly these names.
var columnNames = [...]string{"id", "name", "city", "country", "email", "phone", "joined", "postcode", "street"}

// requiredColumns is the number of required columns at the start of columnNames.
const requiredColumns = 4

// Indices of columnNames. Both lists have the same order.
const (
	columnID = iota
	columnName
	columnCity
	columnCountry
	columnEmail
	columnPhone
	columnJoined
	columnPostcode
	columnStreet
)

// record is a row of the file before validation.
type record struct {
	line   int                      // from 1
	values [len(columnNames)]string // indexed like columnNames; "" if missing
}

// size returns the length of all values in bytes.
func (r *record) size() int {
	n := 0
	for _, v := range r.values {
		n += len(v)
	}
	return n
}

// rowError is the reason for which one row is rejected. The reader can continue with the next row; after any other error
// it cannot. Its text contains no values of the row, which may be personal data.
type rowError struct{ error }

// reader reads the rows of a file: CSV with a header, or one JSON object per line; either may be compressed with gzip.
// A row is one line. CSV allows line breaks in quoted cells, but no value may contain one; so an unclosed quote makes
// one row invalid and does not swallow the rows after it. A reader is not safe for concurrent use.
type reader struct {
	in      *bufio.Reader // of the decompressed file
	line    int           // number of the next line
	columns []int         // index in columnNames of each column of the file, -1 for unknown ones; nil for JSON
	ignored []string      // unknown columns, at most maxIgnored
}

// newReader returns a reader of r. For CSV it reads the header, so an empty file is an error. The first bytes decide
// the format: those of gzip (RFC 1952), then "{" for JSON. Errors of Peek are not lost, because the next read returns
// them.
func newReader(r io.Reader) (*reader, error) {
	in := bufio.NewReaderSize(r, 16*maxLineBytes)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("read gzip: %w", err)
		}
		in = bufio.NewReaderSize(z, 16*maxLineBytes)
	}
	// Spreadsheets start UTF-8 files with a byte order mark.
	if bom, _ := in.Peek(3); string(bom) == "\ufeff" {
		_, _ = in.Discard(3)
	}
	rd := &reader{in: in, line: 1}
	if start, _ := in.Peek(1); string(start) == "{" {
		return rd, nil
	}
	return rd, rd.readHeader()
}

// readHeader reads the header of a CSV file. A missing required column or a column that occurs twice is an error; an
// unknown column is ignored, so that files may have more columns than the shop stores.
func (rd *reader) readHeader() error {
	text, _, err := rd.nextLine()
	if err != nil {
		return fmt.Errorf("read header: %w", err)
	}
	cells, err := splitCSV(text)
	if err != nil {
		return fmt.Errorf("read header: %w", err)
	}
	for _, cell := range cells {
		cell = strings.ToLower(strings.TrimSpace(cell))
		i := slices.Index(columnNames[:], cell)
		if i < 0 {
			rd.ignore(cell)
		} else if slices.Contains(rd.columns, i) {
			return fmt.Errorf("read header: duplicate column %s", cell)
		}
		rd.columns = append(rd.columns, i)
	}
	var missing []string
	for i, name := range columnNames[:requiredColumns] {
		if !slices.Contains(rd.columns, i) {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return fmt.Errorf("read header: missing columns %s; expected comma-separated CSV or one JSON object per line",
			strings.Join(missing, ", "))
	}
	return nil
}

// ignore records an unknown column once. It drops columns beyond maxIgnored: JSON rows may have new names without end.
func (rd *reader) ignore(name string) {
	if len(rd.ignored) < maxIgnored && !slices.Contains(rd.ignored, name) {
		rd.ignored = append(rd.ignored, name)
	}
}

// read returns the next row. The error is io.EOF after the last row, and a rowError for an invalid row, whose line is
// set. Other errors are those of the underlying reader.
func (rd *reader) read() (record, error) {
	text, line, err := rd.nextLine()
	r := record{line: line}
	if err != nil {
		return r, err
	}
	if rd.columns == nil {
		return r, rd.parseObject(text, &r)
	}
	cells, err := splitCSV(text)
	if err != nil {
		return r, err
	}
	if len(cells) != len(rd.columns) {
		return r, rowError{fmt.Errorf("row has %d cells, header has %d", len(cells), len(rd.columns))}
	}
	for i, column := range rd.columns {
		if column >= 0 {
			r.values[column] = cells[i]
		}
	}
	return r, nil
}

// parseObject sets the values of r to the members of a JSON object. A null member is a missing value. A repeated name
// and a value that is not a string make the row invalid; numbers would lose the leading zeros of postcodes. The error
// is a rowError.
func (rd *reader) parseObject(text []byte, r *record) error {
	var members map[string]*string
	if err := json.Unmarshal(text, &members); err != nil {
		return rowError{errors.New("row is not a JSON object of strings with unique names, in UTF-8")} // err may quote a value
	}
	for name, value := range members {
		i := slices.Index(columnNames[:], name)
		if i < 0 {
			rd.ignore(name)
		} else if value != nil {
			r.values[i] = *value
		}
	}
	return nil
}

// nextLine returns the next line that is not empty, without its line break, and its number. The text is valid until the
// next call. For the errors, see readLine.
func (rd *reader) nextLine() (text []byte, line int, err error) {
	for {
		text, line, err = rd.readLine()
		if text = bytes.TrimRight(text, "\r\n"); err != nil || len(text) > 0 {
			return text, line, err
		}
	}
}

// readLine returns the next line with its line break, and its number. It skips a line that is too long, in constant
// memory, and returns a rowError for it. The error after the last line is io.EOF. The text is valid until the next
// call.
func (rd *reader) readLine() (text []byte, line int, err error) {
	line = rd.line
	text, err = rd.in.ReadSlice('\n')
	rd.line++
	switch {
	case errors.Is(err, bufio.ErrBufferFull), len(text) > maxLineBytes:
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = rd.in.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, line, err
		}
		return nil, line, rowError{fmt.Errorf("row is longer than %d bytes", maxLineBytes)}
	case errors.Is(err, io.EOF) && len(text) > 0:
		return text, line, nil // the last line may lack a line break
	}
	return text, line, err
}

// splitCSV returns the cells of a record of CSV (RFC 4180) without its line break. Space around a cell belongs to the
// cell, and a quote is allowed in quoted cells only, where it is doubled. The error is a rowError.
func splitCSV(record []byte) ([]string, error) {
	text := string(record) // one allocation for all cells without quotes
	cells := make([]string, 0, len(columnNames))
	for {
		if !strings.HasPrefix(text, `"`) {
			cell, rest, more := strings.Cut(text, ",")
			if strings.Contains(cell, `"`) {
				return nil, rowError{errors.New("quote in an unquoted cell")}
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
				return nil, rowError{errors.New("unclosed quote")}
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
			return nil, rowError{errors.New("text after a closing quote")}
		}
		text = text[1:]
	}
}
