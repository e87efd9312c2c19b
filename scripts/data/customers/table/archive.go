package table

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// Bounds of the central directory of a zip.
const (
	maxZipMembers        = 10_000
	maxZipDirectoryBytes = 4 << 20
)

// detectZip returns the source for a zip: its sheet if it is a workbook, else the source for its file of data.
func (r *Reader) detectZip(file *os.File, size int64, depth int) (source, error) {
	if err := checkZipDirectory(file, size); err != nil {
		return nil, fmt.Errorf("read zip: %w", err)
	}
	z, err := zip.NewReader(file, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // no member is written under its name
		return nil, fmt.Errorf("read zip: %w", err)
	}
	for _, m := range z.File {
		if strings.EqualFold(strings.ReplaceAll(m.Name, `\`, "/"), "xl/workbook.xml") {
			return r.newSheetSource(file, size, z)
		}
	}
	member, err := selectMember(z.File, r.opts.Member)
	if err != nil {
		return nil, fmt.Errorf("read zip: %w", err)
	}
	in, err := member.Open()
	if err != nil {
		return nil, fmt.Errorf("read zip: %w", err)
	}
	r.closers = append(r.closers, in.Close)
	counted := &countingReader{in: in}
	s, err := r.detect(bufio.NewReaderSize(counted, sampleBytes), nil, depth+1)
	if err != nil {
		return nil, err
	}
	return &memberSource{s, counted, float64(member.UncompressedSize64)}, nil
}

// selectMember returns the member with the given path. If name is empty, it returns the only file of data: files of
// systems, and texts beside a file of data, do not count.
func selectMember(members []*zip.File, name string) (*zip.File, error) {
	var files, data []*zip.File
	for _, m := range members {
		base := path.Base(m.Name)
		switch {
		case name != "" && m.Name == name:
			return m, nil
		case m.FileInfo().IsDir(), strings.HasPrefix(base, "."), strings.HasPrefix(m.Name, "__MACOSX/"):
			continue
		}
		files = append(files, m)
		if slices.Contains([]string{".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".xlsx", ".parquet", ".gz"}, strings.ToLower(path.Ext(base))) {
			data = append(data, m)
		}
	}
	switch {
	case name != "":
		return nil, errors.New("no file with the path of -member")
	case len(files) == 1:
		return files[0], nil
	case len(data) == 1:
		return data[0], nil
	case len(files) == 0:
		return nil, errors.New("it is empty")
	}
	return nil, fmt.Errorf("it has %d files; name one with -member", max(len(data), len(files)))
}

// checkZipDirectory bounds the number and the size of the directory entries, because package zip reads all of them into
// memory. It refuses zip64, whose counts are elsewhere: such archives have 4 GiB or 65,535 files and more.
func checkZipDirectory(file io.ReaderAt, size int64) error {
	const endLength = 22 // of the end of central directory record, without its comment
	tail := make([]byte, min(size, endLength+1<<16))
	if _, err := file.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for i := len(tail) - endLength; i >= 0; i-- {
		if !bytes.HasPrefix(tail[i:], []byte("PK\x05\x06")) || i+endLength+int(binary.LittleEndian.Uint16(tail[i+20:])) > len(tail) {
			continue
		}
		entries, length, offset := binary.LittleEndian.Uint16(tail[i+10:]), binary.LittleEndian.Uint32(tail[i+12:]), binary.LittleEndian.Uint32(tail[i+16:])
		if entries > maxZipMembers || length > maxZipDirectoryBytes || length == 0xffff || offset == 1<<32-1 {
			return fmt.Errorf("it has more than %d files, or is in the format zip64", maxZipMembers)
		}
		return nil
	}
	return errors.New("it is cut off")
}

// memberSource is the source for a member of a zip. It knows the length of the member.
type memberSource struct {
	source
	read *countingReader
	size float64
}

// fraction implements source.
func (s *memberSource) fraction() float64 {
	if f := s.source.fraction(); f >= 0 || s.size == 0 {
		return f
	}
	return float64(s.read.n) / s.size
}

// form implements source.
func (s *memberSource) form() string { return "zip, " + s.source.form() }
