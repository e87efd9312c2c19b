package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// csvSource reads CSV with the quotes of RFC 4180: a quoted cell may hold delimiters, doubled quotes and line breaks. A
// quote inside an unquoted cell is a character.
//
// Whoever fills a free-text cell can write lines that look like rows. So a record that RFC 4180 allows is always one row,
// however many lines it has, and is rejected as a whole if it has a wrong number of cells. Only a quote that RFC 4180 does
// not allow, because a character follows its closing quote or the file ends, costs just its first line: reading continues
// with the next line.
type csvSource struct {
	w         *window
	d         *decoder
	delimiter byte
	header    []string
	described string   // of breaks
	cells     []string // of the last row
}

// newCSVSource returns a source that has read the header. The delimiter is that of opts, of a line "sep=;" before the
// header, or the one that gives the most known columns.
func newCSVSource(w *window, d *decoder, opts Options) (*csvSource, error) {
	w.detectBreak()
	s := &csvSource{w: w, d: d, described: w.breakName(), delimiter: byte(opts.Delimiter)}
	if err := w.skipBreaks(); err != nil {
		return nil, fmt.Errorf("read header: %w", errors.Join(err, errors.New("file is empty")))
	}
	if n, ok := w.lineEnd(); ok && n < 16 { // written by and for spreadsheets
		if sep, ok := strings.CutPrefix(strings.ToLower(trimBreak(w.text[:n])), "sep="); ok && len(sep) == 1 {
			if s.delimiter == 0 {
				s.delimiter = sep[0]
			}
			w.consume(n)
			if err := w.skipBreaks(); err != nil {
				return nil, fmt.Errorf("read header: %w", err)
			}
		}
	}
	if s.delimiter == 0 {
		s.delimiter = s.detectDelimiter(opts)
	}
	s.header = slices.Clone(opts.Header)
	if s.header == nil {
		record, err := s.record()
		if err != nil {
			return nil, fmt.Errorf("read header: %w", err)
		}
		s.header = slices.Clone(record.Cells)
		for i := range s.header {
			s.header[i] = strings.TrimSpace(s.header[i])
		}
	}
	return s, nil
}

// detectDelimiter returns the delimiter with the most known columns in the header. If there are none, as for a file
// without a header, it returns the delimiter that gives the first lines an equal number of cells, and the most of them.
func (s *csvSource) detectDelimiter(opts Options) byte {
	best, bestScore := byte(','), 0
	for _, delimiter := range []byte{',', ';', '\t', '|'} {
		trial := csvSource{delimiter: delimiter}
		var counts []int
		score := 0
		for rest := s.w.text; len(rest) > 0 && len(counts) < 10; {
			n, state := trial.split(rest, s.w.breakByte, true)
			if state != recordComplete {
				break
			}
			if len(counts) == 0 && opts.Header == nil {
				for _, c := range trial.cells {
					if opts.Known(strings.TrimSpace(c)) {
						score += 1 << 20
					}
				}
			}
			counts = append(counts, len(trial.cells))
			rest = bytes.TrimLeft(rest[n:], "\r\n")
		}
		if len(counts) > 0 && slices.Min(counts) > 1 {
			score += slices.Min(counts)
			if slices.Min(counts) == slices.Max(counts) {
				score += 1 << 10
			}
		}
		if score > bestScore {
			best, bestScore = delimiter, score
		}
	}
	return best
}

// next implements source.
func (s *csvSource) next() (Row, error) {
	row, err := s.record()
	if err != nil {
		return row, err
	}
	// Some programs end each row, but not the header, with a delimiter.
	for len(row.Cells) > len(s.header) && row.Cells[len(row.Cells)-1] == "" {
		row.Cells = row.Cells[:len(row.Cells)-1]
	}
	if len(row.Cells) != len(s.header) && !isBlank(row.Cells) {
		return row, RowError{fmt.Sprintf("row has %d cells, header has %d", len(row.Cells), len(s.header))}
	}
	return row, nil
}

// record returns the next record, its cells valid until the next call.
func (s *csvSource) record() (Row, error) {
	if err := s.w.skipBreaks(); err != nil {
		return Row{Line: s.w.line}, err
	}
	row := Row{Line: s.w.line}
	for {
		n, state := s.split(s.w.text, s.w.breakByte, errors.Is(s.w.err, io.EOF))
		switch state {
		case recordComplete:
			s.w.consume(n)
			if n > MaxRowBytes {
				return row, errRowTooLong
			}
			row.Cells = s.cells
			return row, nil
		case recordTooWide:
			return row, fmt.Errorf("line %d has more than %d cells", row.Line, MaxColumns)
		case recordBroken:
			n, _ := s.w.lineEnd()
			s.w.consume(n)
			return row, RowError{"text after a closing quote, or a quote that is not closed"}
		}
		if s.w.fill() {
			continue
		}
		if s.w.err != nil && !errors.Is(s.w.err, io.EOF) {
			return row, s.w.err
		}
		if errors.Is(s.w.err, io.EOF) {
			continue // split now knows that the text ends
		}
		if state == recordInQuotes {
			return row, fmt.Errorf("line %d has a quote that is not closed within %d bytes; correct the line", row.Line, maxWindowBytes)
		}
		s.w.consume(n)
		return row, s.skipLine()
	}
}

// skipLine consumes the rest of a record that is longer than the window, from its unquoted cell that does not end there,
// in constant memory. A quote that opens at the start of a cell
// beyond the window is an error of the file, because the end of the row is then unknown.
func (s *csvSource) skipLine() error {
	line, previous := s.w.line, byte(0)
	for {
		i := bytes.IndexByte(s.w.text, s.w.breakByte)
		part := s.w.text
		if i >= 0 {
			part = s.w.text[:i+1]
		}
		for j, c := range part {
			if j > 0 {
				previous = part[j-1]
			}
			if c == '"' && previous == s.delimiter {
				return fmt.Errorf("line %d is longer than %d bytes and has quotes; correct the line", line, maxWindowBytes)
			}
		}
		if len(part) > 0 {
			previous = part[len(part)-1]
		}
		s.w.consume(len(part))
		if i >= 0 {
			return errRowTooLong
		}
		if !s.w.fill() {
			if errors.Is(s.w.err, io.EOF) {
				return errRowTooLong
			}
			return s.w.err
		}
	}
}

// recordState is the result of split.
type recordState int

const (
	recordComplete recordState = iota
	recordOpen                 // the text ends in an unquoted cell
	recordInQuotes             // the text ends in a quoted cell
	recordBroken               // the quotes are not those of RFC 4180
	recordTooWide              // more cells than MaxColumns
)

// split parses the record at the start of text into s.cells, and returns its length with the line break; for recordOpen,
// the start of the open cell. atEnd reports that the file ends with text.
func (s *csvSource) split(text []byte, breakByte byte, atEnd bool) (int, recordState) {
	s.cells = s.cells[:0]
	if i := bytes.IndexByte(text, breakByte); i >= 0 || atEnd {
		if i < 0 {
			i = len(text) - 1
		}
		if bytes.IndexByte(text[:i+1], '"') < 0 {
			return s.splitUnquoted(text[:i+1])
		}
	} else if bytes.IndexByte(text, '"') < 0 {
		return 0, recordOpen
	}
	for at := 0; ; {
		if len(s.cells) == MaxColumns {
			return 0, recordTooWide
		}
		cell, n, last, state := s.splitCell(text[at:], breakByte, atEnd)
		if state != recordComplete {
			return at, state
		}
		s.cells = append(s.cells, cell)
		at += n
		if last {
			return at, recordComplete
		}
	}
}

// splitUnquoted splits a line without quotes. All cells share one string.
func (s *csvSource) splitUnquoted(line []byte) (int, recordState) {
	for rest := trimBreak(line); ; {
		i := strings.IndexByte(rest, s.delimiter)
		if i < 0 {
			s.cells = append(s.cells, rest)
			return len(line), recordComplete
		}
		if len(s.cells) == MaxColumns {
			return 0, recordTooWide
		}
		s.cells = append(s.cells, rest[:i])
		rest = rest[i+1:]
	}
}

// splitCell parses the cell at the start of text. n is its length with the delimiter or line break that ends it; last
// reports that it ends the record.
func (s *csvSource) splitCell(text []byte, breakByte byte, atEnd bool) (cell string, n int, last bool, state recordState) {
	if !bytes.HasPrefix(text, []byte(`"`)) {
		i := bytes.IndexFunc(text, func(r rune) bool { return r == rune(s.delimiter) || r == rune(breakByte) })
		switch {
		case i >= 0:
			last = text[i] == breakByte
			cell = string(text[:i])
			if last {
				cell = trimBreak(text[:i])
			}
			return cell, i + 1, last, recordComplete
		case atEnd:
			return trimBreak(text), len(text), true, recordComplete
		}
		return "", 0, false, recordOpen
	}
	var value []byte
	for at := 1; ; {
		i := bytes.IndexByte(text[at:], '"')
		if i < 0 {
			if atEnd {
				return "", 0, false, recordBroken
			}
			return "", 0, false, recordInQuotes
		}
		value = append(value, text[at:at+i]...)
		at += i + 1
		after := text[at:]
		if len(after) > 1 && after[0] == '\r' && breakByte == '\n' && after[1] == '\n' {
			return string(value), at + 2, true, recordComplete
		}
		switch {
		case len(after) == 0 && !atEnd, len(after) == 1 && after[0] == '\r' && !atEnd:
			return "", 0, false, recordInQuotes
		case len(after) == 0, len(after) == 1 && after[0] == '\r':
			return string(value), len(text), true, recordComplete
		case after[0] == '"':
			value = append(value, '"')
			at++
		case after[0] == s.delimiter, after[0] == breakByte:
			return string(value), at + 1, after[0] == breakByte, recordComplete
		default:
			return "", 0, false, recordBroken
		}
	}
}

// columns implements source.
func (s *csvSource) columns() []string { return s.header }

// fraction implements source.
func (s *csvSource) fraction() float64 { return -1 }

// form implements source.
func (s *csvSource) form() string {
	name := map[byte]string{',': "comma", ';': "semicolon", '\t': "tab", '|': "bar"}[s.delimiter]
	if name == "" {
		name = string(rune(s.delimiter))
	}
	return fmt.Sprintf("CSV, delimiter %s, %s, %s", name, s.d.encodingOr(), s.described)
}
