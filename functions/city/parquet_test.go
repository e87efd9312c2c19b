package main

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	library "github.com/parquet-go/parquet-go"
)

// parquetFile is a Parquet file as another implementation reads it: each row as texts by column name, null left out.
type parquetFile struct {
	columns []string
	rows    []map[string]string
	groups  int
}

// texts returns all values of the file.
func (f parquetFile) texts() []string {
	var all []string
	for _, row := range f.rows {
		for _, v := range row {
			all = append(all, v)
		}
	}
	return all
}

// readParquet reads a file. A date has the form 2006-01-02.
func readParquet(t testing.TB, file []byte) parquetFile {
	t.Helper()
	in, err := library.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatalf("open %d bytes: %v", len(file), err)
	}
	out := parquetFile{groups: len(in.RowGroups())}
	for _, field := range in.Schema().Fields() {
		out.columns = append(out.columns, field.Name()+" "+field.Type().String())
	}
	for _, group := range in.RowGroups() {
		rows := group.Rows()
		buffer := make([]library.Row, 100)
		for {
			n, err := rows.ReadRows(buffer)
			for _, row := range buffer[:n] {
				values := map[string]string{}
				for _, v := range row {
					name := in.Schema().Fields()[v.Column()].Name()
					switch {
					case v.IsNull():
					case v.Kind() == library.Int32:
						values[name] = time.Unix(int64(v.Int32())*24*60*60, 0).UTC().Format(time.DateOnly)
					default:
						values[name] = string(v.ByteArray())
					}
				}
				out.rows = append(out.rows, values)
			}
			if err != nil {
				break
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		if int64(len(out.rows)) > in.NumRows() {
			t.Fatalf("row groups have more rows than the %d of the file", in.NumRows())
		}
	}
	if int64(len(out.rows)) != in.NumRows() {
		t.Fatalf("read %d rows of %d", len(out.rows), in.NumRows())
	}
	return out
}

func TestParquetStreamContainsAllCustomers(t *testing.T) {
	engine := start(t)
	addCity(t, engine, "Paris", "FR", 30_000, map[string]string{"phone": ""})
	addCity(t, engine, "Lyon", "FR", 1, map[string]string{"joined": "unknown", "street": "\xff"})
	s := newServer(engine)
	h := checkedHandler(t, s)
	w := do(h, http.MethodGet, "/v1/cities/paris/customers", "Accept", "application/vnd.apache.parquet", "Accept-Encoding", "gzip")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/vnd.apache.parquet" || w.Header().Get("Content-Encoding") != "" || w.Result().Trailer.Get(statusTrailer) != "complete" {
		t.Fatalf("%d with headers %v and trailer %v", w.Code, w.Header(), w.Result().Trailer)
	}
	file := readParquet(t, w.Body.Bytes())
	check(t, file.columns, []string{"id STRING", "name STRING", "email STRING", "phone STRING", "joined DATE", "city STRING", "country STRING", "postcode STRING"})
	if len(file.rows) != 30_000 || file.groups < 2 {
		t.Fatalf("%d rows in %d groups, want 30000 in two or more", len(file.rows), file.groups)
	}
	for i, row := range file.rows {
		if row["id"] != fmt.Sprintf("c-%06d", i) {
			t.Fatalf("row %d has the id %q", i, row["id"])
		}
	}
	check(t, file.rows[29_999], map[string]string{
		"id": "c-029999", "name": "아***", "email": "j***@***", "joined": "2013-06-13", "city": "Paris", "country": "FR", "postcode": "75001",
	})
	if w.Body.Len() > 1<<20 {
		t.Errorf("file has %d bytes, want compressed pages", w.Body.Len())
	}
	s.masking = masking{maskedFields}
	check(t, readParquet(t, do(h, http.MethodGet, "/v1/cities/lyon/customers?format=parquet&fields=street,joined,city").Body.Bytes()).rows,
		[]map[string]string{{"street": "\ufffd", "city": "Lyon"}})
	empty := readParquet(t, do(h, http.MethodGet, "/v1/cities/atlantis/customers?format=parquet&fields=id,joined").Body.Bytes())
	check(t, empty.columns, []string{"id STRING", "joined DATE"})
	if len(empty.rows) != 0 {
		t.Errorf("%d rows of a city without customers", len(empty.rows))
	}
}

func FuzzParquetWriter(f *testing.F) {
	f.Add("c-1", "Léa", "2013-06-13", uint8(3))
	f.Add("", "\xff", "0000-01-01", uint8(0))
	f.Add("\x00", "", "9999-12-31", uint8(255))
	f.Fuzz(func(t *testing.T, id, name, joined string, n uint8) {
		e := newParquetEncoder(fields{0, 4, 1})
		b := e.begin(nil)
		var want []map[string]string
		for i := range int(n) {
			c := customer{values: [len(fieldNames)]string{id, name, "", "", joined}}
			if i%3 == 1 {
				c.values[0] = ""
			}
			b = e.row(b, &c)
			row := map[string]string{}
			for k, v := range map[string]string{"id": c.values[0], "name": name} {
				if v != "" {
					row[k] = string(bytes.ToValidUTF8([]byte(v), []byte("\ufffd")))
				}
			}
			if _, err := time.Parse(time.DateOnly, joined); err == nil {
				row["joined"] = joined
			}
			want = append(want, row)
		}
		check(t, readParquet(t, e.end(b)).rows, want)
	})
}
