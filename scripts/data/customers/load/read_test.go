package load

import (
	"bytes"
	"cmp"
	stdcsv "encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// FuzzReaderMatchesEncodingCSV compares the reader with encoding/csv for files that encoding/csv accepts and in which
// no cell spans lines. For all other files the reader must end without a panic.
func FuzzReaderMatchesEncodingCSV(f *testing.F) {
	f.Add([]byte("id,name\n1,\"a\"\"b\nc\"\r\n\n2,\n"))
	f.Add([]byte("\"a\",\"\"\n\"b\n"))
	f.Add([]byte("a\"b,c\n,\r\n\"\r\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		std := stdcsv.NewReader(bytes.NewReader(file))
		std.FieldsPerRecord = -1
		want, err := std.ReadAll()
		if err != nil || bytes.Contains(file, []byte("\r")) || len(file) > maxLineBytes {
			want = nil
		}
		for _, record := range want {
			if strings.Contains(strings.Join(record, ""), "\n") {
				want = nil
				break
			}
		}
		rd, err := newReader(strings.NewReader("id,name,city,country\n" + string(file)))
		if err != nil {
			t.Fatal(err)
		}
		var got [][]string
		for line := 1; ; {
			text, number, err := rd.nextLine()
			if errors.Is(err, io.EOF) {
				break
			}
			if number <= line {
				t.Fatalf("line %d after line %d", number, line)
			}
			line = number
			cells, splitErr := splitCSV(text)
			var invalid rowError
			if err = cmp.Or(err, splitErr); err != nil {
				if want != nil || !errors.As(err, &invalid) {
					t.Fatalf("line %d: %v", number, err)
				}
				continue
			}
			got = append(got, cells)
		}
		if want != nil && !slices.EqualFunc(got, want, slices.Equal[[]string]) {
			t.Errorf("read %q, want %q", got, want)
		}
	})
}

// FuzzLoadRejectsInvalidRows loads arbitrary files in dry runs. The summary must count every rejected row.
func FuzzLoadRejectsInvalidRows(f *testing.F) {
	f.Add([]byte("id,name,city,country\n1,A,Paris,FR\n2,\"A,Paris,FR\n3,A,Paris,FR"))
	f.Add([]byte(`{"id":"1","name":"A","city":"Paris","country":"FR"}` + "\n{\n"))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		rejected := int64(0)
		l := Loader{Rejected: func(line int, _ string, reason error) {
			rejected++
			if line < 1 || reason == nil {
				t.Errorf("rejected line %d with reason %v", line, reason)
			}
		}}
		sum, err := l.Load(t.Context(), bytes.NewReader(file))
		if err == nil && (sum.Rejected != rejected || sum.Rejected > sum.Read) {
			t.Errorf("summary %+v, but Rejected was called for %d rows", sum, rejected)
		}
	})
}
