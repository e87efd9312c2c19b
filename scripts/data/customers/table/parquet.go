package table

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// parquetSource reads a Parquet file. The bounds of checkParquet limit its memory.
type parquetSource struct {
	file    *parquet.File
	header  []string
	leaves  map[int]parquetLeaf // by index of the leaf column
	group   int                 // index of the row group after the current one
	rows    parquet.Rows        // nil before the first row group and after the last
	buffer  [64]parquet.Row
	pending []parquet.Row // of buffer
	row     int           // number of the last row
	cells   []string
}

// parquetLeaf is a column of the file that becomes a column of the table.
type parquetLeaf struct {
	column int // index in the header
	text   func(parquet.Value) string
}

// newParquetSource returns a source that has read the schema.
func newParquetSource(file *os.File, size int64) (s *parquetSource, err error) {
	defer recoverParquet(&err)
	if err := checkParquet(file, size); err != nil {
		return nil, fmt.Errorf("read Parquet: %w", err)
	}
	f, err := parquet.OpenFile(file, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("read Parquet: %w", errParquet)
	}
	s = &parquetSource{file: f, leaves: map[int]parquetLeaf{}}
	s.addLeaves(f.Root(), "", false)
	if len(s.header) == 0 {
		return nil, errors.New("read Parquet: no column without repetition")
	}
	s.cells = make([]string, len(s.header))
	return s, nil
}

// errParquet is the reason for all faults of a Parquet file beyond its bounds. The errors of package parquet may quote
// values.
var errParquet = errors.New("file is damaged or uses an unknown feature")

// recoverParquet turns a panic of package parquet, which damaged files cause, into an error.
func recoverParquet(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("read Parquet: %w", errParquet)
	}
}

// addLeaves adds the leaf columns below c to the header. It leaves out columns that repeat, such as lists.
func (s *parquetSource) addLeaves(c *parquet.Column, prefix string, repeated bool) {
	for _, child := range c.Columns() {
		name, repeats := prefix+child.Name(), repeated || child.Repeated()
		if !child.Leaf() {
			s.addLeaves(child, name+".", repeats)
		} else if !repeats {
			s.leaves[child.Index()] = parquetLeaf{len(s.header), textOf(child.Type())}
			s.header = append(s.header, name)
		}
	}
}

// textOf returns the function that formats values of a column. Dates and times get their ISO form, decimals their digits.
func textOf(t parquet.Type) func(parquet.Value) string {
	var logical any
	if l := t.LogicalType(); l != nil {
		logical = l.Value
	}
	switch l := logical.(type) {
	case *format.DateType:
		return func(v parquet.Value) string { return time.Unix(int64(v.Int32())*86400, 0).UTC().Format(time.DateOnly) }
	case *format.TimestampType:
		return func(v parquet.Value) string { return timestamp(v.Int64(), l).UTC().Format(time.RFC3339) }
	case *format.DecimalType:
		return func(v parquet.Value) string { return decimal(v, int(l.Scale)) }
	}
	return func(v parquet.Value) string {
		switch v.Kind() {
		case parquet.Double:
			return strconv.FormatFloat(v.Double(), 'f', -1, 64)
		case parquet.Float:
			return strconv.FormatFloat(float64(v.Float()), 'f', -1, 32)
		case parquet.Int96:
			i := v.Int96() // nanoseconds of the day and Julian day
			nanos, day := int64(i[0])|int64(i[1])<<32, int64(i[2])-2440588
			return time.Unix(day*86400, nanos).UTC().Format(time.RFC3339)
		case parquet.ByteArray, parquet.FixedLenByteArray:
			return string(v.ByteArray())
		}
		return v.String()
	}
}

// timestamp returns the time of a value in the unit of its type.
func timestamp(n int64, t *format.TimestampType) time.Time {
	switch t.Unit.Value.(type) {
	case *format.MilliSeconds:
		return time.UnixMilli(n)
	case *format.MicroSeconds:
		return time.UnixMicro(n)
	}
	return time.Unix(0, n)
}

// decimal returns the digits of a decimal: a big-endian two's complement number or an integer, divided by 10^scale.
func decimal(v parquet.Value, scale int) string {
	n := new(big.Int)
	switch v.Kind() {
	case parquet.Int32:
		n.SetInt64(int64(v.Int32()))
	case parquet.Int64:
		n.SetInt64(v.Int64())
	default:
		b := v.ByteArray()
		if len(b) > 64 { // 38 digits take 16 bytes
			return ""
		}
		n.SetBytes(b)
		if len(b) > 0 && b[0] >= 0x80 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
	}
	if scale <= 0 || scale > 64 {
		return n.String()
	}
	return strings.TrimSuffix(strings.TrimRight(new(big.Rat).SetFrac(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).FloatString(scale), "0"), ".")
}

// next implements source.
func (s *parquetSource) next() (row Row, err error) {
	defer recoverParquet(&err)
	row.Line = s.row + 1
	for len(s.pending) == 0 {
		if s.rows == nil {
			groups := s.file.RowGroups()
			if s.group == len(groups) {
				return row, io.EOF
			}
			s.rows = groups[s.group].Rows()
			s.group++
		}
		n, err := s.rows.ReadRows(s.buffer[:])
		s.pending = s.buffer[:n]
		if err != nil {
			if closeErr := s.rows.Close(); !errors.Is(err, io.EOF) || closeErr != nil {
				return row, fmt.Errorf("read Parquet after row %d: %w", s.row, errParquet)
			}
			s.rows = nil
		}
	}
	values := s.pending[0]
	s.pending = s.pending[1:]
	s.row++
	clear(s.cells)
	length := 0
	for _, v := range values {
		leaf, ok := s.leaves[v.Column()]
		if !ok || v.IsNull() {
			continue
		}
		if k := v.Kind(); k == parquet.ByteArray || k == parquet.FixedLenByteArray {
			if length += len(v.ByteArray()); length > MaxRowBytes {
				return row, errRowTooLong
			}
		}
		s.cells[leaf.column] = leaf.text(v)
	}
	row.Cells = s.cells
	return row, nil
}

// columns implements source.
func (s *parquetSource) columns() []string { return slices.Clip(s.header) }

// fraction implements source.
func (s *parquetSource) fraction() float64 {
	return float64(s.row) / float64(max(s.file.NumRows(), 1))
}

// form implements source.
func (s *parquetSource) form() string { return "Parquet" }
