package table_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/unicode"

	"github.com/hybrid-bts/functions/scripts/data/customers/table"
)

// known reports whether a name is one of the columns of the tests.
func known(name string) bool {
	return strings.Contains(" id name city 도시 이름 都市 氏名 ville ", " "+strings.ToLower(name)+" ")
}

// read returns the header and the rows of a file, each with its cells joined by "|". Rows with errors are "!line reason".
func read(t testing.TB, file io.Reader, opts table.Options) (form string, rows []string) {
	t.Helper()
	opts.Known = known
	r, err := table.Open(file, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	rows = append(rows, strings.Join(r.Header(), "|"))
	for {
		row, err := r.Read()
		var invalid table.RowError
		switch {
		case errors.Is(err, io.EOF):
			return r.Form(), rows
		case errors.As(err, &invalid):
			rows = append(rows, fmt.Sprint("!", row.Line, " ", invalid.Reason))
		case err != nil:
			t.Fatal(err)
		default:
			rows = append(rows, strings.Join(row.Cells, "|"))
		}
	}
}

func encode(t testing.TB, e encoding.Encoding, s string) string {
	t.Helper()
	out, err := e.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEncodingsAreDetected(t *testing.T) {
	const (
		korea  = "도시,이름\n서울,김민준\n부산광역시,이서연\n"
		japan  = "都市,氏名\n東京都,佐藤さくら\n大阪市,カトウ健太\n"
		france = "ville,name\nChâteauroux,Léa\nL'Haÿ-les-Roses,Zoé à Nîmes\n"
		german = "city,name\nKöln,Jürgen Groß\n"
	)
	le, be := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	late := "id,name\n" + strings.Repeat("1,ASCII\n", 200_000) // longer than the sample
	for _, tc := range []struct{ name, file, text, form string }{
		{"UTF-8", korea, korea, "UTF-8, LF"},
		{"BOM", "\ufeff" + france, france, "UTF-8 with BOM, LF"},
		{"ASCII", "id,city\n1,Paris\n", "id,city\n1,Paris\n", "ASCII so far, LF"},
		{"CP949", encode(t, korean.EUCKR, korea), korea, "CP949, LF"},
		{"CP949 with a rare syllable", encode(t, korean.EUCKR, korea+"뷁,똠방각하\n"), korea + "뷁,똠방각하\n", "CP949, LF"},
		{"Shift_JIS", encode(t, japanese.ShiftJIS, japan), japan, "Shift_JIS, LF"},
		{"windows-1252", encode(t, charmap.Windows1252, france), france, "windows-1252, LF"},
		{"windows-1252, German", encode(t, charmap.Windows1252, german), german, "windows-1252, LF"},
		{"windows-1252, dashes", encode(t, charmap.Windows1252, "city,name\nParis,“Léa” – Zoë\n"), "city,name\nParis,“Léa” – Zoë\n", "windows-1252, LF"},
		{"windows-1252, first letter", encode(t, charmap.Windows1252, "id,city\n1,Évry\n"), "id,city\n1,Évry\n", "windows-1252, LF"},
		{"UTF-16LE", "\xff\xfe" + encode(t, le, korea), korea, "UTF-16LE with BOM, LF"},
		{"UTF-16BE", "\xfe\xff" + encode(t, be, france), france, "UTF-16BE with BOM, LF"},
		{"UTF-16LE without BOM", encode(t, le, german), german, "UTF-16LE, LF"},
		{"UTF-16BE without BOM", encode(t, be, german), german, "UTF-16BE, LF"},
		{"CP949 after a megabyte", late + encode(t, korean.EUCKR, "2,서울\n"), late + "2,서울\n", "CP949, LF"},
		{"UTF-8 after a megabyte", late + "2,서울\n", late + "2,서울\n", "UTF-8, LF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			form, rows := read(t, strings.NewReader(tc.file), table.Options{})
			if want := strings.Split(strings.ReplaceAll(strings.TrimSpace(tc.text), ",", "|"), "\n"); !cmp.Equal(rows, want) {
				t.Errorf("rows %.200q, want %.200q", rows, want)
			}
			if want := "CSV, delimiter comma, " + tc.form; form != want {
				t.Errorf("form %q, want %q", form, want)
			}
		})
	}
}

func TestUnknownEncodingIsAnError(t *testing.T) {
	file := encode(t, charmap.Windows1251, "id,city\n1,Москва\n2,Новосибирск\n3,Екатеринбург\n")
	r, err := table.Open(strings.NewReader(file), table.Options{Known: known})
	for err == nil {
		_, err = r.Read()
	}
	if !strings.Contains(err.Error(), "-encoding") {
		t.Errorf("error %v, want the flag -encoding", err)
	}
	_, rows := read(t, strings.NewReader(file), table.Options{Encoding: "windows-1251"})
	if rows[1] != "1|Москва" {
		t.Errorf("with the encoding: %q", rows)
	}
}

func TestDialectsAreDetected(t *testing.T) {
	want := []string{"id|city|note", "1|Paris|a", "2|Lyon|"}
	for name, tc := range map[string]struct{ file, form string }{
		"comma":         {"id,city,note\n1,Paris,a\n2,Lyon,\n", "delimiter comma, ASCII so far, LF"},
		"semicolon":     {"id;city;note\r\n1;Paris;a\r\n2;Lyon;\r\n", "delimiter semicolon, ASCII so far, CRLF"},
		"tab, CR":       {"id\tcity\tnote\r1\tParis\ta\r2\tLyon\t\r", "delimiter tab, ASCII so far, CR"},
		"bar":           {"id|city|note\n1|Paris|a\n2|Lyon|", "delimiter bar, ASCII so far, LF"},
		"sep=":          {"sep=;\r\nid;city;note\r\n1;Paris;a\r\n2;Lyon;\r\n", "delimiter semicolon, ASCII so far, CRLF"},
		"quoted":        {"\"id\",\"city\",\"note\"\n\"1\",\"Paris\",\"a\"\n\"2\",\"Lyon\",\"\"\n", "delimiter comma, ASCII so far, LF"},
		"quoted, CR":    {"\"id\",\"city\",\"note\"\r\"1\",\"Paris\",\"a\"\r\"2\",\"Lyon\",\"\"", "delimiter comma, ASCII so far, CR"},
		"commas inside": {"id;city;note\n1;Paris;a\n\n;;\n2;Lyon;\n", "delimiter semicolon, ASCII so far, LF"},
		"extra end":     {"id,city,note\n1,Paris,a,\n2,Lyon,,\n", "delimiter comma, ASCII so far, LF"},
	} {
		t.Run(name, func(t *testing.T) {
			form, rows := read(t, strings.NewReader(tc.file), table.Options{})
			if diff := cmp.Diff(want, rows); diff != "" || form != "CSV, "+tc.form {
				t.Errorf("form %q, %s", form, diff)
			}
		})
	}
	_, rows := read(t, strings.NewReader("1^Paris^a\n2^Lyon^\n"), table.Options{Delimiter: '^', Header: []string{"id", "city", "note"}})
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

// book writes an xlsx file with a title, a header, rows of numbers and dates, and a sheet of other data before them.
func book(t testing.TB, dir string) string {
	t.Helper()
	f := excelize.NewFile()
	zip5, day := "00000", "yyyy\\/mm\\/dd"
	zipStyle, err := f.NewStyle(&excelize.Style{CustomNumFmt: &zip5})
	if err != nil {
		t.Fatal(err)
	}
	dayStyle, err := f.NewStyle(&excelize.Style{CustomNumFmt: &day})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.NewSheet("Customers"); err != nil {
		t.Fatal(err)
	}
	for cell, v := range map[string]any{"Sheet1!A1": "Report", "Customers!A1": "All customers", "Customers!A3": "id", "Customers!B3": "city", "Customers!C3": "zip", "Customers!D3": "joined",
		"Customers!A4": 12345678901234, "Customers!B4": "Paris", "Customers!C4": 1234, "Customers!D4": time.Date(2013, 6, 13, 0, 0, 0, 0, time.UTC), "Customers!A6": "x2", "Customers!B6": "서울"} {
		sheet, at, _ := strings.Cut(cell, "!")
		if err := f.SetCellValue(sheet, at, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.SetCellStyle("Customers", "C4", "C4", zipStyle), f.SetCellStyle("Customers", "D4", "D4", dayStyle)); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "book.xlsx")
	if err := errors.Join(f.SaveAs(name), f.Close()); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestWorkbooksKeepDigitsZerosAndDates(t *testing.T) {
	name := book(t, t.TempDir())
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"id|city|zip|joined", "12345678901234|Paris|01234|2013-06-13", "x2|서울||"}
	for form, file := range map[string]io.Reader{"stream": bytes.NewReader(content), "gzip": bytes.NewReader(gzipped(t, content)), "zip": bytes.NewReader(zipped(t, map[string][]byte{"a/b.xlsx": content}))} {
		if _, rows := read(t, file, table.Options{}); !cmp.Equal(rows, want) {
			t.Errorf("%s: rows %q, want %q", form, rows, want)
		}
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	form, rows := read(t, f, table.Options{})
	if form != `xlsx, sheet "Customers"` || !cmp.Equal(rows, want) {
		t.Errorf("form %s, rows %q, want %q", form, rows, want)
	}
}

func gzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(content)
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestZipsGiveTheirFileOfData(t *testing.T) {
	csv := []byte("id,city\n1,Paris\n")
	want := []string{"id|city", "1|Paris"}
	for name, tc := range map[string]struct {
		files  map[string][]byte
		member string
	}{
		"one file":       {map[string][]byte{"c.txt": csv}, ""},
		"with a read me": {map[string][]byte{"README.txt": []byte("x"), "data/c.CSV": csv, "__MACOSX/._c.csv": []byte("x"), "data/": nil}, ""},
		"gzip inside":    {map[string][]byte{"c.csv.gz": gzipped(t, csv)}, ""},
		"named":          {map[string][]byte{"a.csv": []byte("id\n"), "b.csv": csv}, "b.csv"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, rows := read(t, bytes.NewReader(zipped(t, tc.files)), table.Options{Member: tc.member}); !cmp.Equal(rows, want) {
				t.Errorf("rows %q, want %q", rows, want)
			}
		})
	}
	if _, err := table.Open(bytes.NewReader(zipped(t, map[string][]byte{"a.csv": csv, "b.csv": csv})), table.Options{}); err == nil || !strings.Contains(err.Error(), "-member") {
		t.Errorf("two files: error %v, want the flag -member", err)
	}
}

// parquetRow has columns of all kinds that files of customers have.
type parquetRow struct {
	ID     int64     `parquet:"id"`
	City   string    `parquet:"city,optional,dict,snappy"`
	Zip    *string   `parquet:"zip,optional,zstd"`
	Score  float64   `parquet:"score"`
	VIP    bool      `parquet:"vip"`
	Joined time.Time `parquet:"joined,timestamp(microsecond)"`
	Born   int32     `parquet:"born,date"`
	Price  int64     `parquet:"price,decimal(2:10)"`
	Tags   []string  `parquet:"tags,list"`
	Home   struct {
		Street string `parquet:"street"`
	} `parquet:"home"`
}

func parquetFile(t testing.TB, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[parquetRow](&b, parquet.MaxRowsPerRowGroup(100))
	zip := "01234"
	for i := range n {
		r := parquetRow{ID: int64(i), City: "서울", Zip: &zip, Score: 75001, VIP: true, Joined: time.Date(2013, 6, 13, 1, 2, 3, 0, time.UTC), Born: 15869, Price: -1250, Tags: []string{"a", "b"}}
		if r.Home.Street = "1, rue X"; i%2 == 1 {
			r.Zip = nil
		}
		if _, err := w.Write([]parquetRow{r}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestParquetValuesAreText(t *testing.T) {
	form, rows := read(t, bytes.NewReader(parquetFile(t, 250)), table.Options{})
	want := []string{
		"id|city|zip|score|vip|joined|born|price|home.street", "0|서울|01234|75001|true|2013-06-13T01:02:03Z|2013-06-13|-12.5|1, rue X",
		"1|서울||75001|true|2013-06-13T01:02:03Z|2013-06-13|-12.5|1, rue X",
	}
	if len(rows) != 251 || !cmp.Equal(rows[:3], want) || form != "Parquet" || !strings.HasPrefix(rows[250], "249|") {
		t.Errorf("form %s, %d rows, %q, want %q", form, len(rows)-1, rows[:3], want)
	}
}

// endless is a reader of n equal bytes.
type endless struct {
	b byte
	n int64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.n <= 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), e.n))
	for i := range n {
		p[i] = e.b
	}
	e.n -= int64(n)
	return n, nil
}

// TestHostileFilesEndInBoundedMemory reads files whose content is far larger than their bounds.
func TestHostileFilesEndInBoundedMemory(t *testing.T) {
	const huge = 160 << 20
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = io.WriteString(z, "id,city\n")
	_, _ = io.Copy(z, &endless{'a', huge})
	_ = z.Close()
	sheet := table.Workbook(t, []byte("<worksheet><sheetData>"+strings.Repeat(" ", huge)))
	parts := zipped(t, map[string][]byte{"xl/workbook.xml": nil, "xl/styles.xml": make([]byte, huge)})
	wide := table.Workbook(t, []byte("<worksheet><sheetData>"+strings.Repeat(`<row r="1000000"><c r="XFD1"><v>1</v></c></row>`, 100)))
	lying := parquetFile(t, 1)
	for name, tc := range map[string]struct {
		file   func() io.Reader
		reason string
	}{
		"line":        {func() io.Reader { return io.MultiReader(strings.NewReader("id,city\n"), &endless{'a', huge}) }, "row is longer"},
		"quoted cell": {func() io.Reader { return io.MultiReader(strings.NewReader("id,city\n\""), &endless{'\n', huge}) }, "is not closed"},
		"zeros":       {func() io.Reader { return &endless{0, huge} }, ""},
		"JSON line": {func() io.Reader {
			return io.MultiReader(strings.NewReader("{\"id\":1}\n{\"id\":\""), &endless{'a', huge})
		}, "row is longer"},
		"JSON object":  {func() io.Reader { return io.MultiReader(strings.NewReader("[{\"id\":\""), &endless{'a', huge}) }, "is longer than"},
		"header":       {func() io.Reader { return strings.NewReader(strings.Repeat("id,", 100_000) + "city\n") }, "16384"},
		"cells":        {func() io.Reader { return strings.NewReader("id,city\n" + strings.Repeat(",", 100_000)) }, "16384"},
		"quoted cells": {func() io.Reader { return strings.NewReader("id,city\n\"\"" + strings.Repeat(",", 100_000)) }, "16384"},
		"gzip":         {func() io.Reader { return bytes.NewReader(bomb.Bytes()) }, "row is longer"},
		"gzip in gzip": {func() io.Reader {
			b := bomb.Bytes()
			for range 5 {
				b = gzipped(t, b)
			}
			return bytes.NewReader(b)
		}, "packed more than"},
		"sheet":     {func() io.Reader { return bytes.NewReader(sheet) }, "a text of the workbook"},
		"workbook":  {func() io.Reader { return bytes.NewReader(parts) }, "save the sheet as CSV"},
		"wide rows": {func() io.Reader { return bytes.NewReader(wide) }, ""},
		"empty zip": {func() io.Reader { return bytes.NewReader(zipped(t, nil)) }, "empty"},
		"Parquet size": {func() io.Reader {
			return bytes.NewReader(append(lying[:len(lying)-8:len(lying)-8], "\xff\xff\xff\x7fPAR1"...))
		}, "cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			runtime.GC()
			peak := watchHeap(t)
			r, err := table.Open(tc.file(), table.Options{Known: known})
			reason := ""
			for err == nil {
				_, err = r.Read()
				var invalid table.RowError
				if errors.As(err, &invalid) {
					reason, err = invalid.Reason, nil
				}
			}
			if grown := peak(); grown > 96<<20 {
				t.Errorf("heap grew by %d MiB", grown>>20)
			}
			if !errors.Is(err, io.EOF) {
				reason = err.Error()
			}
			if !strings.Contains(reason, tc.reason) {
				t.Errorf("reason %q, want %q", reason, tc.reason)
			}
			if r != nil {
				_ = r.Close()
			}
		})
	}
}

// watchHeap returns a function that returns by how many bytes the heap has grown at most until then.
func watchHeap(t *testing.T) func() uint64 {
	t.Helper()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	start, stop, peak := heap(), make(chan struct{}), make(chan uint64)
	go func() {
		highest := start
		for {
			select {
			case <-stop:
				peak <- max(highest, heap()) - start
				return
			case <-time.After(5 * time.Millisecond):
				highest = max(highest, heap())
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-peak
	}
}

func TestTemporaryFilesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	read(t, bytes.NewReader(zipped(t, map[string][]byte{"c.csv": []byte("id,city\n1,Paris\n")})), table.Options{})
	if _, err := table.Open(strings.NewReader("PK\x03\x04"+strings.Repeat("x", 100)), table.Options{}); err == nil {
		t.Error("damaged zip: no error")
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("files remain: %v", left)
	}
}
