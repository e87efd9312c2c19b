package table

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxWindowBytes is the maximum length of the text that a source holds to find the end of a row. Beyond it, an open
// quote is an error of the file.
const maxWindowBytes = 8 << 20

// window is the part of a decoded text from the next row on. It grows up to maxWindowBytes when a row needs it.
type window struct {
	in        io.Reader
	buf       []byte
	text      []byte // the part of buf that is read and not consumed
	err       error  // of in; io.EOF at the end
	line      int    // number of the line at the start of text, from 1
	breakByte byte   // the last byte of each line break: '\n', or '\r' if the text has no '\n'
}

// newTextSource returns the source for a text: JSON if it starts with a brace or a bracket, else CSV.
func (r *Reader) newTextSource(in *bufio.Reader) (source, error) {
	d, err := newDecoder(in, r.opts.Encoding)
	if err != nil {
		return nil, err
	}
	w := &window{in: d, line: 1, breakByte: '\n'}
	for len(w.text) < sampleBytes && w.fill() {
	}
	if w.err != nil && !errors.Is(w.err, io.EOF) {
		return nil, fmt.Errorf("read header: %w", w.err)
	}
	if len(w.text) == 0 {
		return nil, errors.New("read header: file is empty")
	}
	switch start := bytes.TrimLeft(w.text, " \t\r\n"); {
	case bytes.HasPrefix(start, []byte("{")), bytes.HasPrefix(start, []byte("[")):
		w.detectBreak()
		return newJSONSource(w, d), nil
	}
	return newCSVSource(w, d, r.opts)
}

// fill reads more text. It returns false if the text has ended or the window is full.
func (w *window) fill() bool {
	if w.err != nil || len(w.text) >= maxWindowBytes {
		return false
	}
	const step = 256 << 10
	if cap(w.buf)-len(w.buf) < step { // move the text to the start of a buffer that has room
		buf := w.buf[:0]
		if need := len(w.text) + step; cap(w.buf) < need || cap(w.buf)-len(w.text) < cap(w.buf)/2 {
			buf = make([]byte, 0, 2*need)
		}
		w.buf = append(buf, w.text...)
		w.text = w.buf
	}
	n, err := w.in.Read(w.buf[len(w.buf):cap(w.buf)])
	w.text = w.buf[len(w.buf)-len(w.text) : len(w.buf)+n]
	w.buf = w.buf[:len(w.buf)+n]
	w.err = err
	return true
}

// consume removes n bytes of the text and counts their lines.
func (w *window) consume(n int) {
	w.line += bytes.Count(w.text[:n], []byte{w.breakByte})
	w.text = w.text[n:]
}

// detectBreak sets the line break of the text: CR if the first line ends with one that no LF follows. Quotes do not count.
func (w *window) detectBreak() {
	quoted := false
	for i, c := range w.text {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\n':
			return
		case c == '\r':
			if i+1 < len(w.text) && w.text[i+1] != '\n' {
				w.breakByte = '\r'
			}
			return
		}
	}
}

// breakName returns the name of the line breaks.
func (w *window) breakName() string {
	if w.breakByte == '\r' {
		return "CR"
	}
	if i := bytes.IndexByte(w.text, '\n'); i > 0 && w.text[i-1] == '\r' {
		return "CRLF"
	}
	return "LF"
}

// lineEnd returns the length of the first line with its line break, and false if the window does not hold its end. The
// last line may lack a line break.
func (w *window) lineEnd() (int, bool) {
	for searched := 0; ; {
		if i := bytes.IndexByte(w.text[searched:], w.breakByte); i >= 0 {
			return searched + i + 1, true
		}
		searched = len(w.text)
		if searched > MaxRowBytes || !w.fill() {
			return searched, errors.Is(w.err, io.EOF)
		}
	}
}

// skipBreaks consumes empty lines. It returns the error of the input, such as io.EOF, if no text follows.
func (w *window) skipBreaks() error {
	for {
		n := 0
		for n < len(w.text) && (w.text[n] == '\n' || w.text[n] == '\r') {
			n++
		}
		w.consume(n)
		if len(w.text) > 0 {
			return nil
		}
		if !w.fill() {
			return w.err
		}
	}
}

// errRowTooLong is the reason for rows beyond MaxRowBytes.
var errRowTooLong = RowError{fmt.Sprintf("row is longer than %d bytes", MaxRowBytes)}

// encodingOr returns the name of the encoding, and ASCII as long as the text has no other character.
func (d *decoder) encodingOr() string {
	if d.name == "" {
		return "ASCII so far"
	}
	return d.name
}

// trimBreak returns a line without its line break.
func trimBreak(line []byte) string { return strings.TrimRight(string(line), "\r\n") }
