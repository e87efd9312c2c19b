package main

import (
	stdcsv "encoding/csv"
	stdjson "encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"cloud.google.com/go/bigtable"

	"github.com/hybrid-bts/functions/shared/fake/customerstest"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

func FuzzCSVWriter(f *testing.F) {
	f.Add("=1+1", "a \"b\", c", "")
	f.Add("\r\n", "", "\\.")
	f.Add("a;=1+1", "a\";\t@x", ";;+1|-1")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		cust := customer{values: [len(fieldNames)]string{a, b, c}}
		for _, selected := range []fields{{0, 1, 2}, {0}} {
			line := string(cust.appendCSV(nil, selected)) + "\r\n"
			rows, err := stdcsv.NewReader(strings.NewReader(line)).ReadAll()
			if err != nil || len(rows) != 1 || len(rows[0]) != len(selected) {
				t.Fatalf("encoding/csv reads %q as %q, %v", line, rows, err)
			}
			for i, got := range rows[0] {
				// encoding/csv normalizes line breaks in cells.
				want := strings.ReplaceAll(escapeFormulas(cust.values[selected[i]]), "\r\n", "\n")
				if got != want {
					t.Errorf("encoding/csv reads the cell of %q as %q, want %q", cust.values[selected[i]], got, want)
				}
				for part := range strings.SplitSeq(got, ";") {
					if part = strings.TrimLeft(part, " "); part != "" && strings.ContainsAny(part[:1], "=+-@\t\r\n") {
						t.Errorf("cell %[2]q contains the formula %[1]q", part, got)
					}
				}
			}
		}
	})
}

func FuzzNDJSONWriter(f *testing.F) {
	f.Add("c-1", "A \"B\"\\", "\r\n\u2028\x00")
	f.Add("", "\xff\xfe", "\xed\xa0\x80")
	f.Fuzz(func(t *testing.T, id, name, email string) {
		c := customer{values: [len(fieldNames)]string{id, name, email}}
		for _, selected := range []fields{{0, 1, 2}, {2, 0}, {8}} {
			line := c.appendJSON(nil, selected)
			if strings.ContainsAny(string(line), "\r\n") || !utf8.Valid(line) {
				t.Errorf("line %q has a line break or invalid UTF-8", line)
			}
			var got map[string]string
			if err := stdjson.Unmarshal(line, &got); err != nil || len(got) != len(selected) {
				t.Fatalf("line %q is %q, %v, want %d members", line, got, err, len(selected))
			}
			for _, i := range selected {
				if want := string([]rune(c.values[i])); got[fieldNames[i]] != want {
					t.Errorf("%s %q is read as %q, want %q", fieldNames[i], c.values[i], got[fieldNames[i]], want)
				}
			}
		}
	})
}

func FuzzDecodeCustomer(f *testing.F) {
	f.Add("paris#fr#c-1", "profile:name", []byte("Léa"), "address:city", []byte("Paris"))
	f.Add("paris#fr#", "profile:id", []byte("forged"), "name", []byte{0xff})
	f.Add("a%23b##", ":", []byte(nil), "profile:email:x", []byte("x"))
	f.Fuzz(func(t *testing.T, key, column1 string, value1 []byte, column2 string, value2 []byte) {
		row := bigtable.Row{
			"profile": {{Row: key, Column: column1, Value: value1}},
			"address": {{Row: key, Column: column2, Value: value2}},
		}
		c, err := decodeCustomer(row)
		parsed, keyErr := customers.ParseKey(key)
		if (err == nil) != (keyErr == nil) {
			t.Fatalf("decodeCustomer of row %q: %v, ParseKey: %v", key, err, keyErr)
		}
		if err != nil {
			return
		}
		if c.key != key || c.values[0] != parsed.Customer {
			t.Errorf("row %q has the key %q and the id %q", key, c.key, c.values[0])
		}
		for i, v := range c.values[1:] {
			if v != "" && v != string(value1) && v != string(value2) {
				t.Errorf("%s %q is not a value of the row", fieldNames[i+1], v)
			}
		}
	})
}

func FuzzDecodeCity(f *testing.F) {
	f.Add("paris#fr#", "city:name", []byte("Paris"), "city:count", []byte("12"))
	f.Add("paris#us-tx#", "city:count", []byte("-1"), "city:count", []byte("9223372036854775808"))
	f.Add("#", "name", []byte{0xff}, "city:", []byte(" 1"))
	f.Fuzz(func(t *testing.T, key, column1 string, value1 []byte, column2 string, value2 []byte) {
		c, err := decodeCity(bigtable.Row{
			customers.CityFamily: {{Row: key, Column: column1, Value: value1}, {Row: key, Column: column2, Value: value2}},
			// A mark of a load must not change the city.
			customers.LoadingFamily: {{Row: key, Column: "loading:x", Value: []byte("1")}},
		})
		parsed, keyErr := customers.ParseKey(key)
		if err != nil {
			return
		}
		if keyErr != nil || c.key != key || !strings.EqualFold(c.Country, parsed.Country) {
			t.Errorf("row %q is city %+v, ParseKey: %v", key, c, keyErr)
		}
		if c.Count < 0 {
			t.Errorf("row %q has the count %d", key, c.Count)
		}
		if n := strconv.FormatInt(c.Count, 10); c.Count != 0 && !sameNumber(n, value1) && !sameNumber(n, value2) {
			t.Errorf("row %q has the count %s, which is no value of the row", key, n)
		}
	})
}

// sameNumber reports whether a cell is the decimal number n.
func sameNumber(n string, cell []byte) bool {
	i, err := strconv.ParseInt(string(cell), 10, 64)
	return err == nil && strconv.FormatInt(i, 10) == n
}

func FuzzRequests(f *testing.F) {
	engine, err := customerstest.Start(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = engine.Close() })
	addCity(f, engine, "Paris", "FR", 3, nil)
	h := newServer(engine).handler()
	f.Add("paris", "country=FR&fields=name", "text/csv")
	f.Add("%2e%2e", "page_size=3&page_token=AAAA", "*/*;q=0")
	f.Add("\x00#💜", "format=ndjson", "")
	f.Fuzz(func(t *testing.T, city, query, accept string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL = &url.URL{Path: "/v1/cities/" + city + "/customers", RawPath: "/v1/cities/" + url.PathEscape(city) + "/customers", RawQuery: query}
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%q %q %q: %d %s", city, query, accept, w.Code, w.Body)
		}
		if folded, _ := customers.FoldCity(city); folded != "paris" && w.Code == 200 && strings.Contains(w.Body.String(), "c-00000") {
			t.Errorf("city %q returns the customers of Paris", city)
		}
	})
}

func FuzzAcceptEncoding(f *testing.F) {
	for _, s := range []string{"", "gzip", "br, GZIP;q=0.5", "gzip;q=0", "gzip ; Q=0.000", "gzip;q=NaN", "x-gzip", "*", ";,;", "gzip;q=1e-9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Encoding", value)
		got := acceptsGzip(r)
		if got && !strings.Contains(strings.ToLower(value), "gzip") {
			t.Errorf("acceptsGzip(%q) = true without gzip", value)
		}
		r.Header["Accept-Encoding"] = []string{"gzip;q=0", value}
		if acceptsGzip(r) {
			t.Errorf("gzip is rejected before %q", value)
		}
		r.Header["Accept-Encoding"] = []string{"br;q=0.1, gzip;q=0.1", value}
		if !acceptsGzip(r) {
			t.Errorf("gzip is accepted before %q", value)
		}
	})
}

// FuzzQueries sends queries for several cities and countries. No query may fail, or return a customer of another city.
func FuzzQueries(f *testing.F) {
	engine, err := customerstest.Start(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = engine.Close() })
	addPlaces(f, engine)
	h := newServer(engine).handler()
	f.Add("city=Paris&city=Lyon", "prefix=par")
	f.Add("country=FR&group=postcode", "prefix=%EC%84%9C&page_size=1")
	f.Add("city=%00&exact=true&ambiguous=false", "prefix=%00")
	f.Add("city=Paris,%20TX&sample=3&format=parquet", "prefix=st%20")
	f.Add("country=FR&postcode_prefix=7&joined_from=2014-01-01&page_size=1", "")
	f.Fuzz(func(t *testing.T, query, list string) {
		for _, target := range []*url.URL{{Path: "/v1/customers", RawQuery: query}, {Path: "/v1/cities", RawQuery: list}} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.URL = target
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Errorf("%s: %d %s", target, w.Code, w.Body)
			}
			if values, err := url.ParseQuery(query); err == nil && w.Code == 200 && values.Has("country") && values.Get("country") == "KR" && strings.Contains(w.Body.String(), `"id":"paris`) {
				t.Errorf("%s: %s, want no customer of Paris", target, w.Body)
			}
		}
	})
}
