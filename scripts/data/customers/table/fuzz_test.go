package table

import (
	"archive/zip"
	"bytes"
	stdcsv "encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// readAll opens and reads a file. It fails the test if a row without an error has more cells than the header, or lines go
// backwards.
func readAll(t *testing.T, file io.Reader, opts Options) (rows [][]string, clean bool) {
	t.Helper()
	r, err := Open(file, opts)
	if err != nil {
		return nil, false
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	clean = true
	for line := 0; ; {
		row, err := r.Read()
		var invalid RowError
		switch {
		case errors.Is(err, io.EOF):
			return rows, clean
		case errors.As(err, &invalid):
			clean = false
		case err != nil:
			return rows, false
		case len(row.Cells) > len(r.Header()):
			t.Fatalf("%d cells, header has %d", len(row.Cells), len(r.Header()))
		default:
			rows = append(rows, slices.Clone(row.Cells))
		}
		if row.Line < line {
			t.Fatalf("line %d after line %d", row.Line, line)
		}
		line = row.Line
	}
}

// FuzzCSVMatchesEncodingCSV compares the rows with those of encoding/csv for files that it accepts and whose rows have two
// cells.
func FuzzCSVMatchesEncodingCSV(f *testing.F) {
	f.Add([]byte("1,\"a\"\"b\nc\"\n\n2,\n"))
	f.Add([]byte("\"a\",\"\"\n\"b\n"))
	f.Add([]byte("a\"b,c\n,\n\"\r\n"))
	f.Add([]byte("1,\"x\ny\",z\n1,2\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) > MaxRowBytes {
			t.Skip()
		}
		got, clean := readAll(t, io.MultiReader(strings.NewReader("a,b\n"), bytes.NewReader(file)), Options{Delimiter: ',', Encoding: "utf-8"})
		std := stdcsv.NewReader(bytes.NewReader(file))
		std.FieldsPerRecord = 2
		want, err := std.ReadAll()
		if err != nil || bytes.Contains(file, []byte("\r")) {
			return
		}
		want = slices.DeleteFunc(want, isBlank)
		if !clean || !slices.EqualFunc(got, want, slices.Equal[[]string]) {
			t.Errorf("read %q, want %q", got, want)
		}
	})
}

// FuzzOpen reads arbitrary files with every detection.
func FuzzOpen(f *testing.F) {
	for _, s := range []string{
		"id,city\n1,Paris\n", "sep=;\nid;city\n1;x", "\xff\xfei\x00d\x00,\x00c\x00\n\x001\x00", "{\"id\":1}\n{", "[{\"id\":{\"a\":1}},{}]", "\x1f\x8b\x08\x00", "PK\x05\x06",
		"id\tcity\r1\tx\r", "\xb5\xb5\xbd\xc3,\xc0\xcc\xb8\xa7\n\xbc\xad\xbf\xef,a\n", "id,city\n\"1", "id,city\n1,\"x\n2,y\n3,\"z\"\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		readAll(t, bytes.NewReader(file), Options{Known: func(name string) bool { return name == "id" }})
	})
}

// FuzzParquet reads damaged Parquet files.
func FuzzParquet(f *testing.F) {
	if file, err := os.ReadFile(filepath.Join("testdata", "customers.parquet")); err == nil {
		f.Add(file)
	} else {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if !bytes.HasPrefix(file, []byte("PAR1")) {
			t.Skip()
		}
		readAll(t, bytes.NewReader(file), Options{})
	})
}

// FuzzXLSX reads workbooks with a damaged sheet.
func FuzzXLSX(f *testing.F) {
	f.Add([]byte(`<worksheet><dimension ref="A1:B2"/><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c></row><row r="3"><c r="B3"><v>1e3</v></c></row></sheetData></worksheet>`))
	f.Fuzz(func(t *testing.T, sheet []byte) {
		readAll(t, bytes.NewReader(workbook(t, sheet)), Options{})
	})
}

// Workbook is for the tests of package table_test.
var Workbook = workbook

// workbook returns an xlsx file with the given sheet.
func workbook(t *testing.T, sheet []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range map[string]string{
		"[Content_Types].xml": `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ` +
			`ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>`,
		"_rels/.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" ` +
			`Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml": `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" ` +
			`xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" ` +
			`Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml": string(sheet),
	} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
