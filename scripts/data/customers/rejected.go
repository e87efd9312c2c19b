package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
)

// rejectedFile is the CSV file of rejected rows, with the columns line, column and reason. It has a row for each
// fault, and no values. close removes it if it has no rows. It is not safe for concurrent use; a load rejects rows one at a time.
type rejectedFile struct {
	file    *os.File
	created bool // whether this process created the file and may remove it
	out     *csv.Writer
	rows    int // without the header
}

// createRejectedFile creates the file with the given name. If name is empty, it derives an unused name from the input.
// It never overwrites a file.
func createRejectedFile(name, input string) (*rejectedFile, error) {
	f, created, err := openRejectedFile(name, input)
	if err != nil {
		return nil, fmt.Errorf("create file of rejected rows: %w", err)
	}
	r := &rejectedFile{file: f, created: created, out: csv.NewWriter(f)}
	return r, r.out.Write([]string{"line", "column", "reason"})
}

// openRejectedFile opens the file and reports whether it created it. Existing files that are not regular, such as
// /dev/null, are opened for writing. An existing regular file is an error if it has the given name. Derived names are
// INPUT.rejected.csv, INPUT.rejected-2.csv and so on in the working directory.
func openRejectedFile(name, input string) (f *os.File, created bool, err error) {
	const create, mode = os.O_WRONLY | os.O_CREATE | os.O_EXCL, 0o600
	if name != "" {
		if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
			f, err := os.OpenFile(name, os.O_WRONLY, 0)
			return f, false, err
		}
		f, err := os.OpenFile(name, create, mode)
		return f, true, err
	}
	base := "stdin"
	if input != "-" {
		base = path.Base(input)
	}
	for n := 1; ; n++ {
		name := base + ".rejected.csv"
		if n > 1 {
			name = fmt.Sprintf("%s.rejected-%d.csv", base, n)
		}
		f, err := os.OpenFile(name, create, mode)
		if !errors.Is(err, fs.ErrExist) {
			return f, true, err
		}
	}
}

// add writes a fault. close reports write errors.
func (r *rejectedFile) add(line int, field, reason string) {
	r.rows++
	_ = r.out.Write([]string{strconv.Itoa(line), field, reason})
}

// close flushes and closes the file. Its error includes earlier write errors. Call it once.
func (r *rejectedFile) close() error {
	r.out.Flush()
	err := errors.Join(r.out.Error(), r.file.Close())
	if err == nil && r.rows == 0 && r.created {
		err = os.Remove(r.file.Name())
	}
	if err != nil {
		return fmt.Errorf("write file of rejected rows: %w", err)
	}
	return nil
}
