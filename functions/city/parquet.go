package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"strings"
	"time"
)

// The Parquet files of this function have optional columns of texts, and of dates for joined. Each column of a row group is
// one page with plain encoding, compressed with gzip. The structures are those of github.com/apache/parquet-format. A
// general library would add 9 MB to the binary.
const (
	parquetMagic = "PAR1" // the first and the last bytes of a file

	// A row group ends at either size. It bounds the memory of a stream; the footer adds about 1 KiB for each group.
	rowGroupRows  = 20_000
	rowGroupBytes = 1 << 20
)

// parquetEncoder implements encoder. A file without its footer is invalid, so readers notice an incomplete stream.
type parquetEncoder struct {
	columns []parquetColumn
	groups  []rowGroup // that are written
	offset  int64      // bytes appended

	rows  int // of the current row group
	bytes int // of the values in the current row group
	zip   *gzip.Writer
	page  bytes.Buffer
}

// parquetColumn is a column with its values in the current row group.
type parquetColumn struct {
	field  int    // index of fieldNames
	isDate bool   // days since 1970-01-01
	levels []byte // definition levels, 0 for null and 1 for a value, in the encoding RLE
	run    uint64 // length of the last run, which is not in levels yet
	level  byte   // of the last run
	values []byte // in the encoding PLAIN
}

// rowGroup is the entry of a row group in the footer.
type rowGroup struct {
	rows   int
	chunks []columnChunk
}

// columnChunk is the position of a column of a row group in the file. The sizes include the page header.
type columnChunk struct{ offset, uncompressed, compressed int64 }

// newParquetEncoder returns an encoder of the selected fields.
func newParquetEncoder(selected fields) *parquetEncoder {
	e := &parquetEncoder{}
	for _, f := range selected {
		e.columns = append(e.columns, parquetColumn{field: f, isDate: fieldNames[f] == "joined"})
	}
	e.zip, _ = gzip.NewWriterLevel(&e.page, gzip.BestSpeed) // the only error is an invalid level
	return e
}

// begin implements encoder.
func (e *parquetEncoder) begin(b []byte) []byte {
	e.offset = int64(len(parquetMagic))
	return append(b, parquetMagic...)
}

// row implements encoder. It appends a row group when the group is full. A missing value, and a date that is not of the
// form 2006-01-02, is null.
func (e *parquetEncoder) row(b []byte, c *customer) []byte {
	for i := range e.columns {
		e.bytes += e.columns[i].add(c.values[e.columns[i].field])
	}
	e.rows++
	if e.rows < rowGroupRows && e.bytes < rowGroupBytes {
		return b
	}
	return e.flush(b)
}

// end implements encoder. It appends the last row group and the footer.
func (e *parquetEncoder) end(b []byte) []byte {
	if e.rows > 0 {
		b = e.flush(b)
	}
	footer := e.footer()
	b = append(b, footer...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(footer)))
	return append(b, parquetMagic...)
}

// add adds a value and returns its size in bytes.
func (c *parquetColumn) add(s string) int {
	before := len(c.values)
	level := byte(1)
	if c.isDate {
		if day, err := time.Parse(time.DateOnly, s); err == nil {
			c.values = binary.LittleEndian.AppendUint32(c.values, uint32(day.Unix()/(24*60*60)))
		} else {
			level = 0
		}
	} else if s != "" {
		s = strings.ToValidUTF8(s, "\ufffd")
		c.values = binary.LittleEndian.AppendUint32(c.values, uint32(len(s)))
		c.values = append(c.values, s...)
	} else {
		level = 0
	}
	if level != c.level {
		c.endRun()
	}
	c.run, c.level = c.run+1, level
	return len(c.values) - before
}

// endRun appends the last run of equal definition levels.
func (c *parquetColumn) endRun() {
	if c.run > 0 {
		c.levels = append(binary.AppendUvarint(c.levels, c.run<<1), c.level)
		c.run = 0
	}
}

// flush appends the current row group to b and starts the next one.
func (e *parquetEncoder) flush(b []byte) []byte {
	start := len(b)
	group := rowGroup{rows: e.rows}
	for i := range e.columns {
		c := &e.columns[i]
		c.endRun()
		size := binary.LittleEndian.AppendUint32(nil, uint32(len(c.levels)))
		e.page.Reset()
		e.zip.Reset(&e.page)
		for _, part := range [][]byte{size, c.levels, c.values} {
			_, _ = e.zip.Write(part) // a bytes.Buffer has no errors
		}
		_ = e.zip.Close()
		uncompressed := len(size) + len(c.levels) + len(c.values)
		header := pageHeader(e.rows, uncompressed, e.page.Len())
		group.chunks = append(group.chunks, columnChunk{
			offset:       e.offset + int64(len(b)-start),
			uncompressed: int64(len(header) + uncompressed),
			compressed:   int64(len(header) + e.page.Len()),
		})
		b = append(append(b, header...), e.page.Bytes()...)
		c.levels, c.values = c.levels[:0], c.values[:0]
	}
	e.groups = append(e.groups, group)
	e.offset += int64(len(b) - start)
	e.rows, e.bytes = 0, 0
	return b
}

// Values of the enumerations of parquet.thrift.
const (
	parquetInt32     = 1 // Type
	parquetByteArray = 6
	parquetOptional  = 1 // FieldRepetitionType
	parquetUTF8      = 0 // ConvertedType
	parquetDate      = 6
	parquetPlain     = 0 // Encoding
	parquetRLE       = 3
	parquetGzip      = 2 // CompressionCodec
	parquetDataPage  = 0 // PageType
)

// pageHeader returns the PageHeader of a data page.
func pageHeader(rows, uncompressed, compressed int) []byte {
	var t thrift
	t.int32(1, parquetDataPage)
	t.int32(2, uncompressed)
	t.int32(3, compressed)
	t.structure(5, func() { // DataPageHeader
		t.int32(1, rows)
		t.int32(2, parquetPlain)
		t.int32(3, parquetRLE) // definition levels
		t.int32(4, parquetRLE) // repetition levels, which flat columns lack
	})
	return t.end()
}

// footer returns the FileMetaData.
func (e *parquetEncoder) footer() []byte {
	var t thrift
	t.int32(1, 1) // version
	t.list(2, thriftStruct, len(e.columns)+1)
	t.element(func() {
		t.text(4, "customers")
		t.int32(5, len(e.columns))
	})
	for _, c := range e.columns {
		t.element(func() { c.schema(&t) })
	}
	rows := 0
	for _, g := range e.groups {
		rows += g.rows
	}
	t.int64(3, int64(rows))
	t.list(4, thriftStruct, len(e.groups))
	for _, g := range e.groups {
		t.element(func() { e.rowGroup(&t, g) })
	}
	t.text(6, "hybrid-bts city")
	return t.end()
}

// schema writes the SchemaElement of a column, with the converted type for old readers.
func (c *parquetColumn) schema(t *thrift) {
	kind, converted, logical := parquetByteArray, parquetUTF8, 1 // StringType
	if c.isDate {
		kind, converted, logical = parquetInt32, parquetDate, 6 // DateType
	}
	t.int32(1, kind)
	t.int32(3, parquetOptional)
	t.text(4, fieldNames[c.field])
	t.int32(6, converted)
	t.structure(10, func() { t.structure(logical, func() {}) })
}

// rowGroup writes a RowGroup.
func (e *parquetEncoder) rowGroup(t *thrift, g rowGroup) {
	var uncompressed, compressed int64
	t.list(1, thriftStruct, len(g.chunks))
	for i, chunk := range g.chunks {
		uncompressed += chunk.uncompressed
		compressed += chunk.compressed
		t.element(func() { // ColumnChunk
			t.int64(2, 0) // file_offset, which is deprecated
			t.structure(3, func() { e.columns[i].metadata(t, g.rows, chunk) })
		})
	}
	t.int64(2, uncompressed)
	t.int64(3, int64(g.rows))
	t.int64(5, g.chunks[0].offset)
	t.int64(6, compressed)
}

// metadata writes the ColumnMetaData of a column in a row group.
func (c *parquetColumn) metadata(t *thrift, rows int, chunk columnChunk) {
	kind := parquetByteArray
	if c.isDate {
		kind = parquetInt32
	}
	t.int32(1, kind)
	t.list(2, thriftInt32, 2)
	t.varint(parquetPlain)
	t.varint(parquetRLE)
	t.list(3, thriftBinary, 1)
	t.string(fieldNames[c.field])
	t.int32(4, parquetGzip)
	t.int64(5, int64(rows))
	t.int64(6, chunk.uncompressed)
	t.int64(7, chunk.compressed)
	t.int64(9, chunk.offset)
}
