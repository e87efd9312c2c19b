// Package table reads files of customers in the forms in which people have them, and returns rows of text cells.
//
//	form      detected by                     notes
//	CSV       anything that is not below      delimiter, line breaks and encoding are detected; RFC 4180 quotes
//	NDJSON    "{" at the start                one object a line, scalars of any type; nested objects give "outer.inner"
//	JSON      "[" at the start                an array of objects; also objects that span lines
//	xlsx      zip with xl/workbook.xml        the sheet with the most known columns, or Options.Sheet
//	Parquet   "PAR1" at the start             columns that repeat are left out
//	gzip      1f 8b at the start              around any other form
//	zip       "PK" at the start               around any other form: its only file of data, or Options.Member
//
// A file is not trusted. Each form has bounds for the length of a row, the number of columns and the memory that it
// may take; a file beyond them is an error that names the bound. Errors never contain a value of a row, which may be
// personal data.
package table

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
)

// Bounds of a file.
const (
	// MaxRowBytes is the maximum length of a row in UTF-8. A longer row is rejected.
	MaxRowBytes = 1 << 20
	// MaxColumns is the maximum number of columns, which is that of a spreadsheet.
	MaxColumns = 16384
	// sampleBytes is the length of the start of a text that detection reads.
	sampleBytes = 1 << 20
	// maxSpoolBytes is the maximum length of a stream that needs a temporary file, for forms with random access.
	maxSpoolBytes = 4 << 30
	// maxNesting is the maximum number of packings, such as gzip in zip.
	maxNesting = 3
)

// Options change how a file is read. The zero value detects everything.
type Options struct {
	// Delimiter separates the cells of CSV; 0 detects a comma, semicolon, tab or bar. It is an ASCII character.
	Delimiter rune
	// Encoding is a label of the WHATWG encoding standard such as "euc-kr" or "shift_jis"; "" detects UTF-8, UTF-16,
	// CP949, Shift_JIS and windows-1252.
	Encoding string
	// Header has the names of the columns of a file without a header row; nil if the file has one.
	Header []string
	// Member is the path of a file in a zip; "" selects the only file of data.
	Member string
	// Sheet is the name of a sheet of an xlsx file; "" selects the sheet with the most known columns.
	Sheet string
	// Size is the length of the input in bytes for Reader.Fraction; 0 if it is unknown.
	Size int64
	// Known reports whether a header cell names a column that the caller reads. Detection prefers the delimiter and the
	// sheet with the most known columns. Nil knows no column.
	Known func(name string) bool
}

// Row is a row of a file.
type Row struct {
	// Line is the line on which the row starts, from 1. For xlsx and Parquet it is the number of the row.
	Line int
	// Cells are indexed like Header. A missing cell is "". The slice is valid until the next Read, its strings stay valid.
	Cells []string
}

// RowError is the reason for which one row cannot be read. The next Read continues with a later row.
type RowError struct{ Reason string }

// Error returns the reason.
func (e RowError) Error() string { return e.Reason }

// Reader reads the rows of a file. It is not safe for concurrent use.
type Reader struct {
	source
	opts    Options
	input   countingReader
	closers []func() error
}

// source is a form of file.
type source interface {
	// columns returns the names of the columns. It may grow between rows; existing names keep their index.
	columns() []string
	// next returns the next row. The error is io.EOF after the last row and a RowError for a row that is skipped. Line
	// is set in both cases.
	next() (Row, error)
	// form describes the form of the file, such as "CSV, delimiter comma, UTF-8, LF".
	form() string
	// fraction returns the part of the rows that were read, from 0 to 1, or -1 if the source does not know.
	fraction() float64
}

// Open returns a reader of a file, whose form its first bytes decide. If in is an *os.File of a regular file at its
// start, forms with random access read it in place; else they copy it to a temporary file. The caller closes the reader,
// which leaves in open.
func Open(in io.Reader, opts Options) (*Reader, error) {
	r := &Reader{opts: opts, input: countingReader{in: in}}
	if opts.Known == nil {
		r.opts.Known = func(string) bool { return false }
	}
	var err error
	if r.source, err = r.detect(bufio.NewReaderSize(&r.input, sampleBytes), in, 0); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if n := len(r.columns()); n > MaxColumns {
		return nil, errors.Join(fmt.Errorf("file has %d columns; the maximum is %d", n, MaxColumns), r.Close())
	}
	return r, nil
}

// detect returns the source for the bytes of in. raw is the input below in if in has all its bytes, and nil for the
// content of a packed file. depth is the number of packings around it.
func (r *Reader) detect(in *bufio.Reader, raw io.Reader, depth int) (source, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("file is packed more than %d times", maxNesting)
	}
	start, _ := in.Peek(8) // the next read returns the error
	has := func(magic string) bool { return bytes.HasPrefix(start, []byte(magic)) }
	switch {
	case has("\x1f\x8b"): // RFC 1952
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("read gzip: %w", err)
		}
		return r.detect(bufio.NewReaderSize(z, sampleBytes), nil, depth+1)
	case has("PK\x03\x04"), has("PK\x05\x06"):
		file, size, err := r.randomAccess(in, raw)
		if err != nil {
			return nil, err
		}
		return r.detectZip(file, size, depth)
	case has("PAR1"):
		file, size, err := r.randomAccess(in, raw)
		if err != nil {
			return nil, err
		}
		return newParquetSource(file, size)
	case has("\xd0\xcf\x11\xe0"): // compound file binary
		return nil, errors.New("file is an .xls file or an encrypted workbook; save it as .xlsx without a password")
	}
	return r.newTextSource(in)
}

// randomAccess returns the bytes of in with random access: the file itself if raw is a regular file, else a temporary
// copy, which Close removes.
func (r *Reader) randomAccess(in io.Reader, raw io.Reader) (*os.File, int64, error) {
	if f, ok := raw.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return f, info.Size(), nil
		}
	}
	f, err := os.CreateTemp("", "customers-*")
	if err != nil {
		return nil, 0, fmt.Errorf("copy input: %w", err)
	}
	r.closers = append(r.closers, func() error { return errors.Join(f.Close(), os.Remove(f.Name())) })
	n, err := io.Copy(f, io.LimitReader(in, maxSpoolBytes+1))
	if err != nil {
		return nil, 0, fmt.Errorf("copy input: %w", err)
	}
	if n > maxSpoolBytes {
		return nil, 0, fmt.Errorf("packed file is longer than %d bytes", int64(maxSpoolBytes))
	}
	return f, n, nil
}

// Header returns the names of the columns, which may be empty or equal. For JSON it grows with names that later rows
// add. The caller does not change it.
func (r *Reader) Header() []string { return r.columns() }

// Read returns the next row that is not blank. The error is io.EOF after the last row, and a RowError for a row that
// cannot be read, whose line is set. Reading ends with any other error.
func (r *Reader) Read() (Row, error) {
	for {
		row, err := r.next()
		if err != nil || !isBlank(row.Cells) {
			return row, err
		}
	}
}

// isBlank reports whether all cells are empty. Spreadsheets write such rows below the data.
func isBlank(cells []string) bool {
	for _, c := range cells {
		if c != "" {
			return false
		}
	}
	return true
}

// Form describes the detected form for people, such as "CSV, delimiter semicolon, windows-1252, CRLF". The encoding of a
// text may be known only after a read of its first letter beyond ASCII.
func (r *Reader) Form() string { return r.form() }

// Fraction returns the part of the file that was read, from 0 to 1, or -1 if it is unknown.
func (r *Reader) Fraction() float64 {
	if f := r.fraction(); f >= 0 {
		return min(f, 1)
	}
	if r.opts.Size <= 0 {
		return -1
	}
	return min(float64(r.input.n)/float64(r.opts.Size), 1)
}

// Close removes temporary files. It does not close the input.
func (r *Reader) Close() error {
	var errs []error
	for i := range r.closers {
		errs = append(errs, r.closers[len(r.closers)-1-i]())
	}
	r.closers = nil
	return errors.Join(errs...)
}

// countingReader counts the bytes that were read from in.
type countingReader struct {
	in io.Reader
	n  int64
}

// Read implements io.Reader.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	return n, err
}
