package table

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

// Bounds of a workbook. Package excelize holds all parts but large sheets and shared strings in memory, and these in
// temporary files.
const (
	maxWorkbookBytes   = 1 << 30  // of all parts after decompression
	maxInMemoryBytes   = 4 << 20  // of a sheet or of the shared strings
	maxMarkupBytes     = 1 << 20  // from one tag to the next: the XML decoder holds a text as a whole
	maxOtherPartsBytes = 32 << 20 // of all parts that are neither
	maxHeaderRow       = 10       // titles may precede the header
)

// sheetSource reads a sheet of an xlsx file. Numbers keep all digits, whatever their format shows; leading zeros and
// dates come from the format.
type sheetSource struct {
	book       *excelize.File
	sheet      string
	raw, shown *excelize.Rows // in step
	row, rows  int            // current row and number of rows, 0 if unknown
	header     []string
	headerRow  int
}

// newSheetSource returns a source of the sheet with the most known columns, or of opts.Sheet.
func (r *Reader) newSheetSource(file *os.File, size int64, z *zip.Reader) (source, error) {
	other := uint64(0)
	for _, part := range z.File {
		name := strings.ToLower(strings.ReplaceAll(part.Name, `\`, "/"))
		if name != "xl/sharedstrings.xml" && !strings.HasPrefix(name, "xl/worksheets/sheet") {
			other += min(part.UncompressedSize64, maxWorkbookBytes)
		} else if err := checkMarkup(part); err != nil {
			return nil, err
		}
	}
	if other > maxOtherPartsBytes {
		return nil, fmt.Errorf("workbook has more than %d bytes beside its cells; save the sheet as CSV", maxOtherPartsBytes)
	}
	book, err := excelize.OpenFile(file.Name(), excelize.Options{UnzipSizeLimit: maxWorkbookBytes, UnzipXMLSizeLimit: maxInMemoryBytes})
	if err != nil {
		return nil, fmt.Errorf("read workbook of %d bytes: %w", size, workbookError(err))
	}
	r.closers = append(r.closers, book.Close)
	s := &sheetSource{book: book, sheet: r.opts.Sheet}
	if err := s.selectSheet(r.opts); err != nil {
		return nil, err
	}
	if s.raw, err = book.Rows(s.sheet); err == nil {
		s.shown, err = book.Rows(s.sheet)
	}
	if err != nil {
		return nil, fmt.Errorf("read sheet: %w", workbookError(err))
	}
	r.closers = append(r.closers, s.raw.Close, s.shown.Close)
	if _, last, ok := strings.Cut(sheetDimension(book, s.sheet), ":"); ok {
		_, s.rows, _ = excelize.CellNameToCoordinates(last)
	}
	if r.opts.Header != nil {
		s.header = r.opts.Header
		return s, nil
	}
	for s.header == nil {
		cells, err := s.read()
		if err != nil {
			return nil, fmt.Errorf("read header: %w", err)
		}
		if s.row == s.headerRow {
			s.header = cells
			for i := range s.header {
				s.header[i] = strings.TrimSpace(s.header[i])
			}
		}
	}
	return s, nil
}

// checkMarkup returns an error if a part has a text or a tag beyond maxMarkupBytes. It reads the part once, in constant
// memory.
func checkMarkup(part *zip.File) error {
	if part.UncompressedSize64 > maxWorkbookBytes {
		return fmt.Errorf("a sheet is longer than %d bytes", maxWorkbookBytes)
	}
	in, err := part.Open()
	if err != nil {
		return fmt.Errorf("read workbook: %w", err)
	}
	defer in.Close() // it was only read
	buffer := make([]byte, 64<<10)
	for length := 0; ; {
		n, err := in.Read(buffer)
		for rest := buffer[:n]; len(rest) > 0; {
			i := bytes.IndexByte(rest, '<')
			if i < 0 {
				length += len(rest)
				break
			}
			if length+i > maxMarkupBytes {
				length += i
				break
			}
			length, rest = 0, rest[i+1:]
		}
		switch {
		case length > maxMarkupBytes:
			return fmt.Errorf("a text of the workbook is longer than %d bytes", maxMarkupBytes)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read workbook: %w", err)
		}
	}
}

// sheetDimension returns the range of the cells of a sheet, such as "A1:K92", or "" if the sheet does not say it.
func sheetDimension(book *excelize.File, sheet string) string {
	d, err := book.GetSheetDimension(sheet)
	if err != nil {
		return ""
	}
	return d
}

// selectSheet sets the sheet and the row of its header: those with the most known columns among the first rows of all
// sheets. Of equal ones the first with two cells wins.
func (s *sheetSource) selectSheet(opts Options) error {
	best := -1
	for _, name := range s.book.GetSheetList() {
		if opts.Sheet != "" && name != opts.Sheet {
			continue
		}
		rows, err := s.book.Rows(name)
		if err != nil {
			continue // a sheet of charts has no rows
		}
		for row := 1; row <= maxHeaderRow && rows.Next(); row++ {
			cells, err := rows.Columns()
			if err != nil {
				return errors.Join(fmt.Errorf("read sheet: %w", workbookError(err)), rows.Close())
			}
			known, filled := 0, 0
			for _, c := range cells {
				if c = strings.TrimSpace(c); c != "" {
					filled++
					if opts.Known(c) {
						known++
					}
				}
			}
			if filled > 0 && (known > best || best == 0 && filled > 1 && s.headerRow == 0) {
				best, s.sheet = known, name
				s.headerRow = row
			}
		}
		if err := rows.Close(); err != nil {
			return fmt.Errorf("read sheet: %w", workbookError(err))
		}
	}
	if best < 0 {
		return errors.New("read header: workbook has no sheet with that name and with cells")
	}
	return nil
}

// workbookError returns the reason of an error of package excelize without values of cells, which some of its errors
// quote.
func workbookError(err error) error {
	switch {
	case errors.Is(err, excelize.ErrMaxRows), errors.Is(err, zip.ErrFormat), errors.Is(err, zip.ErrChecksum), errors.Is(err, excelize.ErrColumnNumber):
		return err
	case strings.Contains(err.Error(), "unzip size"):
		return fmt.Errorf("its content is longer than %d bytes", maxWorkbookBytes)
	}
	return errors.New("it is damaged, or not an xlsx file")
}

// read returns the cells of the next row, nil for an empty one. The error after the last row is io.EOF.
func (s *sheetSource) read() ([]string, error) {
	more, shownMore := s.raw.Next(), s.shown.Next()
	if !more || !shownMore {
		if err := errors.Join(s.raw.Error(), s.shown.Error()); err != nil {
			return nil, fmt.Errorf("read sheet: %w", workbookError(err))
		}
		return nil, io.EOF
	}
	s.row++
	cells, err := s.raw.Columns(excelize.Options{RawCellValue: true})
	shown, shownErr := s.shown.Columns()
	if err := errors.Join(err, shownErr); err != nil {
		return nil, fmt.Errorf("read row %d: %w", s.row, workbookError(err))
	}
	for i := range cells {
		if i < len(shown) {
			cells[i] = cellText(cells[i], shown[i])
		}
	}
	return cells, nil
}

// cellText returns the text of a cell from its stored value and from its text in the format of the cell.
func cellText(raw, shown string) string {
	if raw == shown {
		return raw
	}
	number, err := strconv.ParseFloat(raw, 64)
	if err != nil || math.IsNaN(number) || math.IsInf(number, 0) {
		return raw
	}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, shown)
	plain := strconv.FormatFloat(number, 'f', -1, 64)
	switch {
	case strings.TrimLeft(digits, "0") == plain: // such as 01234 for 1234
		return shown
	case number >= 1 && number < 2958466 && isDateText(shown): // the serial of 9999-12-31
		t, err := excelize.ExcelDateToTime(number, false)
		if err != nil {
			return shown
		}
		if number == math.Trunc(number) {
			return t.Format(time.DateOnly)
		}
		return t.Format(time.DateTime)
	}
	if strings.ContainsAny(raw, "eE") {
		return plain
	}
	return raw
}

// isDateText reports whether the text of a numeric cell is a date: it has two separators of dates, or a letter that is
// not the exponent of a number.
func isDateText(s string) bool {
	separators := 0
	for _, r := range s {
		switch {
		case strings.ContainsRune("-/.:", r):
			separators++
		case r == '%' || r == 'E' || r == '$' || r == '€' || r == '₩' || r == '¥' || r == ',' || r == '(':
			return false
		case r > '9' && r != 'T' && r != 'Z':
			separators += 2
		}
	}
	return separators >= 2
}

// next implements source.
func (s *sheetSource) next() (Row, error) {
	cells, err := s.read()
	row := Row{Line: s.row, Cells: cells}
	if err != nil {
		return row, err
	}
	for len(row.Cells) > len(s.header) && row.Cells[len(row.Cells)-1] == "" {
		row.Cells = row.Cells[:len(row.Cells)-1]
	}
	if len(row.Cells) > len(s.header) {
		return row, RowError{fmt.Sprintf("row has %d cells, header has %d", len(row.Cells), len(s.header))}
	}
	length := 0
	for _, c := range row.Cells {
		length += len(c)
	}
	if length > MaxRowBytes {
		return row, errRowTooLong
	}
	for len(row.Cells) < len(s.header) { // a sheet stores no empty cells at the end of a row
		row.Cells = append(row.Cells, "")
	}
	return row, nil
}

// columns implements source.
func (s *sheetSource) columns() []string { return s.header }

// fraction implements source.
func (s *sheetSource) fraction() float64 {
	if s.rows == 0 {
		return -1
	}
	return float64(s.row) / float64(s.rows)
}

// form implements source. The name of the sheet is that of the file's author, so it is no value of a row.
func (s *sheetSource) form() string { return fmt.Sprintf("xlsx, sheet %q", s.sheet) }
