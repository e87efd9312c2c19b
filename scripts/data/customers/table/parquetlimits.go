package table

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Bounds of a Parquet file. Package parquet allocates the sizes that a file declares, so the declarations are checked before.
const (
	maxFooterBytes     = 16 << 20
	maxFooterElements  = 400_000  // of all lists of the footer
	maxPageBytes       = 64 << 20 // of a page after decompression
	maxPagesInMemory   = 256 << 20
	maxPageValues      = 16 << 20
	maxThriftNesting   = 16
	maxPageHeaderBytes = 64 << 10
)

// checkParquet returns an error if the footer or a page header declares more than the bounds. It walks the footer, and
// then the headers of all pages, without their content.
func checkParquet(file io.ReaderAt, size int64) error {
	const trailer = 8 // length of the footer and the magic
	var end [trailer]byte
	if size < 12 {
		return errors.New("file is cut off")
	}
	if _, err := file.ReadAt(end[:], size-trailer); err != nil {
		return err
	}
	length := int64(binary.LittleEndian.Uint32(end[:]))
	if string(end[4:]) != "PAR1" || length > size-12 {
		return errors.New("file is cut off, or encrypted")
	}
	if length > maxFooterBytes {
		return fmt.Errorf("footer is longer than %d bytes", maxFooterBytes)
	}
	footer := make([]byte, length)
	if _, err := file.ReadAt(footer, size-trailer-length); err != nil {
		return err
	}
	w := footerWalk{thriftWalk: thriftWalk{text: footer}}
	if err := w.fileMetaData(); err != nil {
		return err
	}
	// A reader holds one page of each column, and its dictionary.
	memory := map[int]int64{} // by row group
	for _, c := range w.chunks {
		largest, dictionary, err := checkPages(file, size, c)
		if err != nil {
			return err
		}
		if memory[c.group] += largest + dictionary; memory[c.group] > maxPagesInMemory {
			return fmt.Errorf("one page of each column is longer than %d bytes in sum; write smaller pages", maxPagesInMemory)
		}
	}
	return nil
}

// checkPages checks the headers of the pages of a column chunk. It returns the largest size of a data page and the size
// of the dictionary.
func checkPages(file io.ReaderAt, size int64, c columnChunk) (largest, dictionary int64, err error) {
	start := c.dataPage
	if c.dictionaryPage > 0 && c.dictionaryPage < start {
		start = c.dictionaryPage
	}
	if start < 4 || c.compressed < 0 || start > size || c.compressed > size-start {
		return 0, 0, errParquet
	}
	var buffer [maxPageHeaderBytes]byte
	for at, values := start, int64(0); at < start+c.compressed && values < c.values; {
		n, err := file.ReadAt(buffer[:min(int64(512), size-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, 0, err
		}
		p, err := parsePageHeader(buffer[:n])
		if err != nil { // statistics make a header longer
			if n, err = file.ReadAt(buffer[:min(int64(len(buffer)), size-at)], at); err != nil && !errors.Is(err, io.EOF) {
				return 0, 0, err
			}
			if p, err = parsePageHeader(buffer[:n]); err != nil {
				return 0, 0, err
			}
		}
		if p.uncompressed < 0 || p.compressed < 0 || p.uncompressed > maxPageBytes || p.values < 0 || p.values > maxPageValues {
			return 0, 0, fmt.Errorf("a page is longer than %d bytes or has more than %d values", maxPageBytes, maxPageValues)
		}
		// The reader decodes indexes of a dictionary to 4 bytes a value, and levels to 1 byte.
		memory := p.uncompressed + 8*p.values
		if p.isDictionary {
			dictionary = max(dictionary, memory)
		} else {
			values += p.values
			largest = max(largest, memory)
		}
		at += int64(p.headerLength) + p.compressed
	}
	return largest, dictionary, nil
}

// columnChunk is the part of a column in a row group, as the footer declares it.
type columnChunk struct {
	group                                        int
	values, compressed, dataPage, dictionaryPage int64
}

// pageHeader is the header of a page.
type pageHeader struct {
	uncompressed, compressed, values int64
	isDictionary                     bool
	headerLength                     int
}

// parsePageHeader parses the page header at the start of text. The numbers are the field ids of the Thrift definition of
// Parquet.
func parsePageHeader(text []byte) (pageHeader, error) {
	var p pageHeader
	w := thriftWalk{text: text}
	err := w.fields(0, func(id int, kind byte) (bool, error) {
		switch id {
		case 1:
			n, err := w.integer(kind)
			p.isDictionary = n == 2
			return true, err
		case 2:
			n, err := w.integer(kind)
			p.uncompressed = n
			return true, err
		case 3:
			n, err := w.integer(kind)
			p.compressed = n
			return true, err
		case 5, 7, 8: // data page, dictionary page, data page of version 2: the first field is the number of values
			if kind != thriftStruct {
				return false, errParquet
			}
			return true, w.fields(1, func(id int, kind byte) (bool, error) {
				if id != 1 {
					return false, nil
				}
				n, err := w.integer(kind)
				p.values = max(p.values, n)
				if n < 0 {
					p.values = n
				}
				return true, err
			})
		}
		return false, nil
	})
	p.headerLength = w.at
	return p, err
}

// footerWalk collects the column chunks of a footer.
type footerWalk struct {
	thriftWalk
	chunks []columnChunk
	group  int
}

// fileMetaData walks the footer: field 4 is the list of row groups, whose field 1 is the list of column chunks, whose
// field 3 is the metadata.
func (w *footerWalk) fileMetaData() error {
	return w.fields(0, func(id int, kind byte) (bool, error) {
		if id != 4 || kind != thriftList {
			return false, nil
		}
		return true, w.list(func(kind byte) error {
			if kind != thriftStruct {
				return errParquet
			}
			w.group++
			return w.fields(1, func(id int, kind byte) (bool, error) {
				if id != 1 || kind != thriftList {
					return false, nil
				}
				return true, w.list(w.columnChunk)
			})
		})
	})
}

// columnChunk walks a column chunk and appends it to chunks.
func (w *footerWalk) columnChunk(kind byte) error {
	if kind != thriftStruct {
		return errParquet
	}
	c := columnChunk{group: w.group}
	err := w.fields(2, func(id int, kind byte) (bool, error) {
		if id != 3 || kind != thriftStruct {
			return false, nil
		}
		return true, w.fields(3, func(id int, kind byte) (bool, error) {
			field := map[int]*int64{5: &c.values, 7: &c.compressed, 9: &c.dataPage, 11: &c.dictionaryPage}[id]
			if field == nil {
				return false, nil
			}
			n, err := w.integer(kind)
			*field = n
			return true, err
		})
	})
	w.chunks = append(w.chunks, c)
	return err
}

// Types of Thrift's compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

// thriftWalk walks a text in Thrift's compact protocol without allocating the sizes that it declares.
type thriftWalk struct {
	text     []byte
	at       int
	elements int // of all lists so far
}

// byte returns the next byte.
func (w *thriftWalk) byte() (byte, error) {
	if w.at >= len(w.text) {
		return 0, errParquet
	}
	w.at++
	return w.text[w.at-1], nil
}

// varint returns the next unsigned variable-length integer.
func (w *thriftWalk) varint() (uint64, error) {
	n, length := binary.Uvarint(w.text[w.at:])
	if length <= 0 {
		return 0, errParquet
	}
	w.at += length
	return n, nil
}

// integer returns the next i16, i32 or i64, which the protocol encodes alike.
func (w *thriftWalk) integer(kind byte) (int64, error) {
	if kind < thriftI16 || kind > thriftI64 {
		return 0, errParquet
	}
	n, err := w.varint()
	return int64(n>>1) ^ -int64(n&1), err
}

// fields calls f for each field of the next struct. f reports whether it consumed the field.
func (w *thriftWalk) fields(depth int, f func(id int, kind byte) (bool, error)) error {
	if depth > maxThriftNesting {
		return errParquet
	}
	for id := 0; ; {
		b, err := w.byte()
		if err != nil {
			return err
		}
		if b == 0 {
			return nil
		}
		kind := b & 15
		if delta := int(b >> 4); delta > 0 {
			id += delta
		} else {
			n, err := w.integer(thriftI16)
			if err != nil {
				return err
			}
			id = int(int16(n))
		}
		consumed, err := f(id, kind)
		if err == nil && !consumed {
			err = w.skip(kind, depth+1)
		}
		if err != nil {
			return err
		}
	}
}

// list calls f for each element of the next list.
func (w *thriftWalk) list(f func(kind byte) error) error {
	b, err := w.byte()
	if err != nil {
		return err
	}
	n := uint64(b >> 4)
	if n == 15 {
		if n, err = w.varint(); err != nil {
			return err
		}
	}
	// Each element takes a byte at least.
	if n > uint64(len(w.text)-w.at) || w.elements+int(n) > maxFooterElements {
		return fmt.Errorf("footer declares more than %d elements", maxFooterElements)
	}
	w.elements += int(n)
	for range n {
		if err := f(b & 15); err != nil {
			return err
		}
	}
	return nil
}

// skip consumes a value.
func (w *thriftWalk) skip(kind byte, depth int) error {
	if depth > maxThriftNesting {
		return errParquet
	}
	switch kind {
	case thriftTrue, thriftFalse: // of a field: the type is the value
		return nil
	case thriftByte:
		_, err := w.byte()
		return err
	case thriftDouble:
		return w.advance(8)
	case thriftBinary:
		n, err := w.varint()
		if err != nil {
			return err
		}
		return w.advance(n)
	case thriftList, thriftSet:
		return w.list(func(kind byte) error {
			if kind == thriftTrue || kind == thriftFalse { // of a list: one byte
				return w.advance(1)
			}
			return w.skip(kind, depth+1)
		})
	case thriftMap:
		return errParquet // Parquet has no maps
	case thriftStruct:
		return w.fields(depth+1, func(int, byte) (bool, error) { return false, nil })
	}
	_, err := w.integer(kind)
	return err
}

// advance consumes n bytes.
func (w *thriftWalk) advance(n uint64) error {
	if n > uint64(len(w.text)-w.at) {
		return errParquet
	}
	w.at += int(n)
	return nil
}
