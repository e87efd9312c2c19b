package main

import (
	"bytes"
	"compress/gzip"
	"context"
	stdcsv "encoding/csv"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/bigtable"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/fake/contracttest"
	"github.com/hybrid-bts/functions/shared/fake/customerstest"
	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// start starts an embedded Bigtable with the tables of the schema.
func start(t testing.TB, opts ...grpc.ServerOption) *customerstest.Server {
	t.Helper()
	s, err := customerstest.Start(t.Context(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// checkedHandler returns the handler of s. It checks every response against the OpenAPI document.
func checkedHandler(t testing.TB, s *server) http.Handler {
	t.Helper()
	return contracttest.Handler(t, "openapi.json", s.handler())
}

func TestOpenAPIDocumentMatchesTheCode(t *testing.T) {
	contracttest.Golden(t, "openapi.json", (&server{}).register(http.NewServeMux()).OpenAPI())
}

func newServer(engine *customerstest.Server) *server {
	return &server{store: newBigtableStore(engine.Client), tokens: pageTokens{[]byte("0123456789abcdef")}}
}

// addCity writes a city with n customers, numbered from 0, and its count. Overrides replace values of all customers.
func addCity(t testing.TB, engine *customerstest.Server, city, country string, n int, overrides map[string]string) {
	t.Helper()
	folded, err := customers.FoldCity(city)
	if err != nil {
		t.Fatal(err)
	}
	at := bigtable.Now().TruncateToMilliseconds()
	var keys []string
	var rows []*bigtable.Mutation
	for i := range n {
		k := customers.Key{City: folded, Country: strings.ToLower(country), Customer: fmt.Sprintf("c-%06d", i)}
		value := map[string]string{
			"name": "아미 " + strconv.Itoa(i), "email": "jimin@example.com", "phone": "+82 10 0123 4567", "joined": "2013-06-13",
			"city": city, "country": country, "postcode": "75001", "street": "1, rue \"X\"",
		}
		for k, v := range overrides {
			value[k] = v
		}
		m := bigtable.NewMutation()
		for _, c := range customers.Columns() {
			if value[c.Name] != "" {
				m.Set(c.Family, c.Name, at, []byte(value[c.Name]))
			}
		}
		keys, rows = append(keys, k.String()), append(rows, m)
	}
	for len(keys) > 0 {
		n := min(len(keys), 1000)
		if errs, err := engine.Client.Open(customers.CustomersTable).ApplyBulk(t.Context(), keys[:n], rows[:n]); err != nil || errs != nil {
			t.Fatal(err, errs)
		}
		keys, rows = keys[n:], rows[n:]
	}
	m := bigtable.NewMutation()
	m.Set(customers.CityFamily, customers.NameColumn, at, []byte(city))
	m.Set(customers.CityFamily, customers.CountColumn, at, []byte(strconv.Itoa(n)))
	key := customers.Key{City: folded, Country: strings.ToLower(country)}.String()
	if err := engine.Client.Open(customers.CitiesTable).Apply(t.Context(), key, m); err != nil {
		t.Fatal(err)
	}
}

func do(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

type page struct {
	City      string              `json:"city"`
	Count     int64               `json:"count"`
	Customers []map[string]string `json:"customers"`
	Next      string              `json:"next_page_token"`
}

func decode[T any](t testing.TB, w *httptest.ResponseRecorder, status int) T {
	t.Helper()
	var v T
	if w.Code != status {
		t.Fatalf("%d %s, want %d", w.Code, w.Body, status)
	}
	d := stdjson.NewDecoder(bytes.NewReader(w.Body.Bytes()))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", w.Body, err)
	}
	return v
}

func get200(t testing.TB, h http.Handler, target string) page {
	t.Helper()
	return decode[page](t, do(h, http.MethodGet, target), 200)
}

func check(t testing.TB, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPagesContainEachCustomerOnce(t *testing.T) {
	engine := start(t)
	addCity(t, engine, "Paris", "FR", 120, nil)
	addCity(t, engine, "PARIS", "US-TX", 3, nil)
	addCity(t, engine, "Parisot", "FR", 5, nil)
	addCity(t, engine, "Par", "FR", 5, nil)
	h := checkedHandler(t, newServer(engine))
	for _, tc := range []struct {
		query string
		count int
		sizes []int
	}{
		{"", 123, []int{50, 50, 23}}, {"?page_size=1000", 123, []int{123}}, {"?page_size=123", 123, []int{123}}, {"?page_size=41", 123, []int{41, 41, 41}},
		{"?country=FR&page_size=100", 120, []int{100, 20}}, {"?country=us", 3, []int{3}}, {"?country=us-tx&page_size=2", 3, []int{2, 1}}, {"?country=DE", 0, []int{0}},
	} {
		var sizes []int
		seen := map[string]bool{}
		for token := ""; ; {
			target := "/v1/cities/%20pARIS/customers" + tc.query
			if token != "" {
				target += map[bool]string{true: "?", false: "&"}[tc.query == ""] + "page_token=" + token
			}
			p := get200(t, h, target)
			sizes = append(sizes, len(p.Customers))
			for _, c := range p.Customers {
				seen[c["country"]+c["id"]] = true
			}
			if p.Count != int64(tc.count) {
				t.Errorf("%s: count %d, want %d", target, p.Count, tc.count)
			}
			if token = p.Next; token == "" {
				break
			}
		}
		if !slices.Equal(sizes, tc.sizes) || len(seen) != tc.count {
			t.Errorf("%q: pages of %d with %d customers, want %d with %d", tc.query, sizes, len(seen), tc.sizes, tc.count)
		}
	}
}

func TestContactDataIsMaskedUnlessUnmaskIsSet(t *testing.T) {
	engine := start(t)
	addCity(t, engine, "São Paulo", "BR", 1, nil)
	s := newServer(engine)
	want := map[string]string{
		"id": "c-000000", "name": "아미 0", "email": "j•••@example.com", "phone": "•••67", "joined": "2013-06-13",
		"city": "São Paulo", "country": "BR", "postcode": "75001", "street": "1, rue \"X\"",
	}
	for _, city := range []string{"S%C3%A3o%20Paulo", "sa%CC%83o%20paulo", "SÃO+PAULO"} {
		city = strings.ReplaceAll(city, "+", "%20")
		check(t, get200(t, checkedHandler(t, s), "/v1/cities/"+city+"/customers"), page{City: "São Paulo", Count: 1, Customers: []map[string]string{want}})
	}
	s.unmask = true
	want["email"], want["phone"] = "jimin@example.com", "+82 10 0123 4567"
	check(t, get200(t, checkedHandler(t, s), "/v1/cities/s%C3%A3o%20paulo/customers"), page{City: "São Paulo", Count: 1, Customers: []map[string]string{want}})
}

func TestMaskedValuesRevealLittle(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a@b.c": "•••@b.c", "jimin@example.com": "j•••@example.com", "정국@example.com": "정•••@example.com", "no address": "•••", "@x": "•••",
		"\"a@b\"@c.d": "\"•••@c.d",
	} {
		if got := maskEmail(in); got != want {
			t.Errorf("maskEmail(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"": "", "+82 10 0123 4567": "•••67", "12345": "•••", "١٢٣٤٥٦": "•••٥٦", "call me": "•••"} {
		if got := maskPhone(in); got != want {
			t.Errorf("maskPhone(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestResponseHasTheSelectedFieldsInOrder(t *testing.T) {
	engine := start(t)
	addCity(t, engine, "Paris", "FR", 1, map[string]string{"phone": "", "joined": ""})
	h := checkedHandler(t, newServer(engine))
	for fields, want := range map[string]string{
		"name": `{"name":"아미 0"}`, "joined": `{"joined":""}`, "phone,email": `{"phone":"","email":"j•••@example.com"}`, "id": `{"id":"c-000000"}`,
		"city,postcode,name": `{"city":"Paris","postcode":"75001","name":"아미 0"}`,
	} {
		w := do(h, http.MethodGet, "/v1/cities/paris/customers?format=ndjson&fields="+fields)
		if got := w.Body.String(); got != want+"\n" {
			t.Errorf("%s: %q, want %q", fields, got, want)
		}
		if got := do(h, http.MethodGet, "/v1/cities/paris/customers?fields="+fields).Body.String(); !strings.Contains(got, `"customers":[`+want+`]`) {
			t.Errorf("%s: %q, want %q in it", fields, got, want)
		}
	}
}

func TestUnknownCityIsEmpty(t *testing.T) {
	h := checkedHandler(t, newServer(start(t)))
	check(t, get200(t, h, "/v1/cities/Atlantis/customers"), page{City: "Atlantis", Customers: []map[string]string{}})
	if w := do(h, http.MethodGet, "/v1/cities/Atlantis/customers?format=ndjson"); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("%d %q, want an empty body", w.Code, w.Body)
	}
	if w := do(h, http.MethodGet, "/v1/cities/Atlantis/customers?format=csv&fields=id,name"); w.Code != 200 || w.Body.String() != "id,name\r\n" {
		t.Errorf("%d %q, want the header line only", w.Code, w.Body)
	}
	if w := do(h, http.MethodGet, "/v1/cities"); w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"cities":[],"next_page_token":""}` {
		t.Errorf("%d %q, want no city", w.Code, w.Body)
	}
}

func TestInvalidRequestIsAProblemThatNamesTheParameter(t *testing.T) {
	engine := start(t)
	addCity(t, engine, "Paris", "FR", 3, nil)
	h := checkedHandler(t, newServer(engine))
	token := get200(t, h, "/v1/cities/paris/customers?page_size=1").Next
	for _, tc := range []struct {
		target    string
		status    int
		parameter string
		header    []string
	}{
		{"/v1/cities//customers", 400, "city", nil},
		{"/v1/cities/customers", 400, "city", nil},
		{"/v1/cities/../customers", 400, "city", nil},
		{"/v1/cities/%20%09/customers", 400, "city", nil},
		{"/v1/cities/%2F/customers", 400, "city", nil},
		{"/v1/cities/%E2%80%8B/customers", 400, "city", nil},
		{"/v1/cities/%FF/customers", 400, "city", nil},
		{"/v1/cities/" + strings.Repeat("x", 513) + "/customers", 400, "city", nil},
		{"/v1/cities/" + strings.Repeat("x", 20000) + "/customers", 400, "city", nil},
		{"/v1/cities/paris/customers?country=France", 400, "country", nil},
		{"/v1/cities/paris/customers?country=", 400, "country", nil},
		{"/v1/cities/paris/customers?page_size=0", 400, "page_size", nil},
		{"/v1/cities/paris/customers?page_size=1001", 400, "page_size", nil},
		{"/v1/cities/paris/customers?page_size=x", 400, "page_size", nil},
		{"/v1/cities/paris/customers?page_size=99999999999999999999", 400, "page_size", nil},
		{"/v1/cities/paris/customers?page_token=x", 400, "page_token", nil},
		{"/v1/cities/paris/customers?page_token=" + strings.Repeat("A", 5000), 400, "page_token", nil},
		{"/v1/cities/paris/customers?page_token=" + token[:len(token)-1] + "A", 400, "page_token", nil},
		{"/v1/cities/lyon/customers?page_token=" + token, 400, "page_token", nil},
		{"/v1/cities/paris/customers?country=FR&page_token=" + token, 400, "page_token", nil},
		{"/v1/cities?prefix=paris&page_token=" + token, 400, "page_token", nil},
		{"/v1/cities/paris/customers?fields=name,shoe", 400, "fields", nil},
		{"/v1/cities/paris/customers?fields=name,name", 400, "fields", nil},
		{"/v1/cities/paris/customers?fields=,", 400, "fields", nil},
		{"/v1/cities/paris/customers?format=xml", 400, "format", nil},
		{"/v1/cities/paris/customers?contry=FR", 400, "contry", nil},
		{"/v1/cities/paris/customers?page_size=1&page_size=2", 400, "page_size", nil},
		{"/v1/cities/paris/customers?format=csv&page_size=1", 400, "page_size", nil},
		{"/v1/cities/paris/customers?format=csv&page_token=" + token, 400, "page_token", nil},
		{"/v1/cities/paris/customers?fields=%zz", 400, "", nil},
		{"/v1/cities/paris/customers", 406, "Accept", []string{"Accept", "application/xml"}},
		{"/v1/cities/paris/customers", 406, "Accept", []string{"Accept", "text/csv;q=0, image/*"}},
		{"/v1/cities", 406, "Accept", []string{"Accept", "text/csv"}},
		{"/v1/cities?prefix=%20", 400, "prefix", nil},
		{"/v1/cities?page_size=0", 400, "page_size", nil},
	} {
		w := do(h, http.MethodGet, tc.target, tc.header...)
		p := decode[problem.Problem](t, w, tc.status)
		if w.Header().Get("Content-Type") != problem.ContentType || len(p.Errors) != 1 || p.Errors[0].Parameter != tc.parameter || p.Errors[0].Detail == "" {
			t.Errorf("%.80s: %+v, want a problem that names %q", tc.target, p, tc.parameter)
		}
	}
	for _, tc := range []struct {
		method, target string
		status         int
	}{{"POST", "/v1/cities/paris/customers", 405}, {"GET", "/v1/cities/paris", 404}, {"GET", "/", 404}, {"GET", "/v1/cities/paris/customers/1", 404}} {
		decode[problem.Problem](t, do(h, tc.method, tc.target), tc.status)
	}
}

func TestCityNamesMayContainAnyCharacter(t *testing.T) {
	engine := start(t)
	names := []string{"..", ".", "a/b", "a#b", "Paris#fr", "paris%", "%2F", "a\x00b", "💜 City", "القاهرة", "\u202eabc", "customers", "a?b&c=d", "#", "กรุงเทพ", `"quoted" <b>`}
	for _, name := range names {
		addCity(t, engine, name, "FR", 1, nil)
	}
	addCity(t, engine, "Paris", "FR", 4, nil)
	s := httptest.NewServer(newServer(engine).handler())
	defer s.Close()
	for _, name := range names {
		at := strings.ReplaceAll(strings.ReplaceAll(url.PathEscape(name), "..", "%2E%2E"), ".", "%2E")
		resp, err := http.Get(s.URL + "/v1/cities/" + at + "/customers")
		if err != nil {
			t.Fatal(err)
		}
		var p page
		if err := errors.Join(stdjson.NewDecoder(resp.Body).Decode(&p), resp.Body.Close()); err != nil || resp.StatusCode != 200 || p.Count != 1 || len(p.Customers) != 1 {
			t.Errorf("%q: %s %v %+v, want one customer", name, resp.Status, err, p)
		}
	}
}

func TestCitiesAreListedWithCounts(t *testing.T) {
	engine := start(t)
	for i, name := range []string{"Paris", "Parma", "Oslo", "Pärnu", "par#1"} {
		addCity(t, engine, name, "FR", i+1, nil)
	}
	addCity(t, engine, "PARIS", "US-TX", 2, nil)
	addCity(t, engine, "Parga", "GR", 0, nil) // cities without customers are not listed
	loading := bigtable.NewMutation()
	loading.Set(customers.LoadingFamily, "x", bigtable.Now().TruncateToMilliseconds(), nil)
	if err := engine.Client.Open(customers.CitiesTable).Apply(t.Context(), "parnass#gr#", loading); err != nil {
		t.Fatal(err)
	}
	h := checkedHandler(t, newServer(engine))
	list := func(query string) string {
		w := do(h, http.MethodGet, "/v1/cities?"+query)
		type cities struct {
			Cities []city `json:"cities"`
			Next   string `json:"next_page_token"`
		}
		got := decode[cities](t, w, 200)
		var b strings.Builder
		for _, c := range got.Cities {
			fmt.Fprintf(&b, "%s %s %d; ", c.City, c.Country, c.Count)
		}
		if got.Next != "" {
			return b.String() + listCities(t, h, query+"&page_token="+got.Next)
		}
		return b.String()
	}
	for query, want := range map[string]string{
		"prefix=par": "par#1 FR 5; Paris FR 1; PARIS US-TX 2; Parma FR 2; ", "prefix=PARI": "Paris FR 1; PARIS US-TX 2; ", "prefix=x": "",
		"": "Oslo FR 3; par#1 FR 5; Paris FR 1; PARIS US-TX 2; Parma FR 2; Pärnu FR 4; ", "prefix=par%23": "par#1 FR 5; ",
		"prefix=par&page_size=3": "par#1 FR 5; Paris FR 1; PARIS US-TX 2; | Parma FR 2; ",
	} {
		if got := list(query); got != want {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
}

func listCities(t testing.TB, h http.Handler, query string) string {
	t.Helper()
	got := decode[struct {
		Cities []city `json:"cities"`
		Next   string `json:"next_page_token"`
	}](t, do(h, http.MethodGet, "/v1/cities?"+query), 200)
	s := "| "
	for _, c := range got.Cities {
		s += fmt.Sprintf("%s %s %d; ", c.City, c.Country, c.Count)
	}
	return s
}

func TestHeadHasTheHeadersOfGet(t *testing.T) {
	engine := start(t)
	addCity(t, engine, "Paris", "FR", 3, nil)
	s := httptest.NewServer(newServer(engine).handler())
	defer s.Close()
	for _, format := range []string{"json", "ndjson", "csv"} {
		target := s.URL + "/v1/cities/paris/customers?format=" + format
		head, err := http.Head(target)
		if err != nil {
			t.Fatal(err)
		}
		got, err := http.Get(target)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(got.Body)
		if err = errors.Join(err, head.Body.Close(), got.Body.Close()); err != nil || len(body) == 0 {
			t.Fatal(err)
		}
		for _, h := range []string{"Content-Type", "ETag", "Cache-Control", "Vary"} {
			if head.StatusCode != 200 || head.Header.Get(h) != got.Header.Get(h) {
				t.Errorf("%s: %s %q, want 200 %q", h, head.Status, head.Header.Get(h), got.Header.Get(h))
			}
		}
		if format == "json" && head.ContentLength != int64(len(body)) {
			t.Errorf("Content-Length of HEAD is %d, the body of GET has %d bytes", head.ContentLength, len(body))
		}
	}
}

func TestPageWithAKnownETagIsNotModified(t *testing.T) {
	engine := start(t)
	addCity(t, engine, "Paris", "FR", 3, nil)
	h := checkedHandler(t, newServer(engine))
	const target = "/v1/cities/paris/customers"
	first := do(h, http.MethodGet, target)
	etag := first.Header().Get("ETag")
	if w := do(h, http.MethodGet, target, "If-None-Match", `"x", `+etag); w.Code != 304 || w.Body.Len() != 0 || w.Header().Get("ETag") != etag {
		t.Errorf("%d %q, want 304", w.Code, w.Body)
	}
	compressed := do(h, http.MethodGet, target, "Accept-Encoding", "br, GZIP;q=0.5")
	if got := gunzip(t, compressed.Body); compressed.Header().Get("Content-Encoding") != "gzip" || got != first.Body.String() {
		t.Errorf("decompressed %q, want %q", got, first.Body)
	}
	if w := do(h, http.MethodGet, target, "Accept-Encoding", "gzip;q=0, *"); w.Header().Get("Content-Encoding") != "" {
		t.Error("compressed with gzip;q=0")
	}
	addCity(t, engine, "Paris", "FR", 4, nil)
	if w := do(h, http.MethodGet, target, "If-None-Match", etag); w.Code != 200 || w.Header().Get("ETag") == etag {
		t.Errorf("%d with ETag %q, want the new page", w.Code, w.Header().Get("ETag"))
	}
}

func gunzip(t testing.TB, r io.Reader) string {
	t.Helper()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestStreamsContainAllCustomersOfTheCity(t *testing.T) {
	engine := start(t)
	const n = 3000
	addCity(t, engine, "Paris", "FR", n, map[string]string{"street": "=1+1", "name": "A \"B\", C"})
	h := checkedHandler(t, newServer(engine))
	for _, header := range [][]string{{"Accept", "application/x-ndjson"}, {"Accept", "application/x-ndjson", "Accept-Encoding", "gzip"}} {
		w := do(h, http.MethodGet, "/v1/cities/paris/customers", header...)
		body := w.Body.String()
		if len(header) > 2 {
			body = gunzip(t, w.Body)
		}
		lines := strings.Split(body, "\n")
		if len(lines) != n+1 || lines[n] != "" || w.Result().Trailer.Get(statusTrailer) != "complete" || !w.Flushed {
			t.Fatalf("%d lines, the last %q, trailer %q, want %d lines, an empty rest and the trailer", len(lines), lines[len(lines)-1], w.Result().Trailer, n)
		}
		for _, line := range lines[:n] {
			var c map[string]string
			if err := stdjson.Unmarshal([]byte(line), &c); err != nil || c["email"] != "j•••@example.com" {
				t.Fatalf("%q: %v", line, err)
			}
		}
	}
	w := do(h, http.MethodGet, "/v1/cities/paris/customers?fields=id,name,street,phone", "Accept", "text/csv;q=0.9, application/json;q=0.1")
	rows, err := stdcsv.NewReader(w.Body).ReadAll()
	if err != nil || len(rows) != n+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	check(t, rows[:2], [][]string{{"id", "name", "street", "phone"}, {"c-000000", "A \"B\", C", "'=1+1", "•••67"}})
	if got := w.Header().Get("Content-Type"); got != "text/csv; charset=utf-8; header=present" {
		t.Errorf("Content-Type %q", got)
	}
}

func TestFormulasInCSVCellsStartWithAnApostrophe(t *testing.T) {
	for _, s := range []string{"=1", "+1", "-1", "@x", "\t=1", " =1", "\r1", "\n1", "＝1", "\ufeff=1", "\x00=1", "=cmd|' /C calc'!A0"} {
		if got := string(appendCSVCell(nil, s)); !strings.HasPrefix(got, `"'`) {
			t.Errorf("cell of %q is %q, want an apostrophe", s, got)
		}
	}
	for _, s := range []string{"", "Léa", "1-2", "a=b", "'", " ", "ー", "•••67"} {
		if got := string(appendCSVCell(nil, s)); got != s {
			t.Errorf("cell of %q is %q, want the value", s, got)
		}
	}
}

// faults makes calls of ReadRows fail or hang.
type faults struct {
	mu    sync.Mutex
	after int // number of rows before the fault
	err   error
	hang  bool
	ended chan error // the context errors of reads that hung
}

func (f *faults) set(after int, err error, hang bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after, f.err, f.hang = after, err, hang
}

// option returns the server option that injects the faults.
func (f *faults) option() grpc.ServerOption {
	return grpc.StreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		f.mu.Lock()
		s := &faultyStream{ServerStream: ss, f: f, left: f.after, err: f.err, hang: f.hang}
		f.mu.Unlock()
		if !strings.HasSuffix(info.FullMethod, "/ReadRows") {
			return handler(srv, ss)
		}
		return handler(srv, s)
	})
}

// faultyStream is a ReadRows call with a fault.
type faultyStream struct {
	grpc.ServerStream
	f    *faults
	left int
	err  error
	hang bool
}

func (s *faultyStream) SendMsg(m any) error {
	if s.left--; s.left >= 0 || s.err == nil && !s.hang {
		return s.ServerStream.SendMsg(m)
	}
	if s.hang {
		<-s.Context().Done()
		s.f.ended <- s.Context().Err()
		return s.Context().Err()
	}
	return s.err
}

// logBuffer collects log records. It is safe for concurrent use.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// captureLog returns a buffer with the records that slog writes until the test ends.
func captureLog(t testing.TB) *logBuffer {
	var l logBuffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&l, nil)))
	t.Cleanup(func() { slog.SetDefault(old) })
	return &l
}

func TestBigtableErrorsMapTo503Or500(t *testing.T) {
	f := &faults{ended: make(chan error, 10)}
	engine := start(t, f.option())
	addCity(t, engine, "Paris", "FR", 10, nil)
	s := newServer(engine)
	s.store = bigtableStore{engine.Client.Open(customers.CustomersTable), engine.Client.Open(customers.CitiesTable), 200 * time.Millisecond}
	for _, tc := range []struct {
		name string
		err  error
		hang bool
		want int
	}{
		{"down", status.Error(codes.Unavailable, "secret detail"), false, 503}, {"slow", nil, true, 503},
		{"out of quota", status.Error(codes.ResourceExhausted, "secret detail"), false, 503}, {"forbidden", status.Error(codes.PermissionDenied, "secret detail"), false, 500},
	} {
		for _, target := range []string{"/v1/cities/paris/customers", "/v1/cities/paris/customers?format=ndjson", "/v1/cities/paris/customers?format=csv", "/v1/cities?prefix=par"} {
			t.Run(tc.name+" "+target, func(t *testing.T) {
				log := captureLog(t)
				f.set(0, tc.err, tc.hang)
				began := time.Now()
				w := do(checkedHandler(t, s), http.MethodGet, target, "Accept-Encoding", "gzip")
				decode[problem.Problem](t, w, tc.want)
				if (w.Header().Get("Retry-After") != "") != (tc.want == 503) || w.Header().Get("Content-Encoding") != "" || w.Header().Get("Trailer") != "" {
					t.Errorf("header %v", w.Header())
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("response took %v", took)
				}
				if strings.Contains(w.Body.String(), "secret") || strings.Count(log.String(), "level=ERROR") != 1 {
					t.Errorf("response %q and log %q, want the reason in one log record only", w.Body, log)
				}
			})
		}
	}
}

func TestFailedStreamBreaksTheConnection(t *testing.T) {
	f := &faults{ended: make(chan error, 10)}
	engine := start(t, f.option())
	addCity(t, engine, "Paris", "FR", 5000, nil)
	s := httptest.NewServer(newServer(engine).handler())
	defer s.Close()
	f.set(4000, status.Error(codes.Internal, "secret detail"), false)
	for _, target := range []string{"?format=ndjson", "?format=csv"} {
		for _, zip := range []bool{false, true} {
			log := captureLog(t)
			r, err := http.NewRequest(http.MethodGet, s.URL+"/v1/cities/paris/customers"+target, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept-Encoding", map[bool]string{true: "gzip", false: "identity"}[zip])
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if !errors.Is(err, io.ErrUnexpectedEOF) || resp.Trailer.Get(statusTrailer) != "" || !zip && bytes.HasSuffix(body, []byte("\n")) {
				t.Errorf("%s: read %d bytes, %v, trailer %q, want io.ErrUnexpectedEOF", target, len(body), err, resp.Trailer)
			}
			if resp.StatusCode != 200 || len(body) == 0 || bytes.Contains(body, []byte("secret")) {
				t.Errorf("%s: %s and %d bytes", target, resp.Status, len(body))
			}
			if zip {
				z, err := gzip.NewReader(bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadAll(z); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("gunzip: %v, want io.ErrUnexpectedEOF", err)
				}
			}
			if strings.Count(log.String(), "stream aborted") != 1 {
				t.Errorf("logged %q", log)
			}
		}
	}
}

func TestFirstCustomerIsSentBeforeTheSecondIsRead(t *testing.T) {
	f := &faults{ended: make(chan error, 10)}
	engine := start(t, f.option())
	addCity(t, engine, "Paris", "FR", 10, nil)
	s := httptest.NewServer(newServer(engine).handler())
	defer s.Close()
	f.set(1, nil, true) // the read of the second row hangs
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/v1/cities/paris/customers?format=ndjson&fields=id", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, len(`{"id":"c-000000"}`))
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != `{"id":"c-000000"}` {
		t.Fatalf("%q, %v", first, err)
	}
	cancel() // must cancel the read of Bigtable
	select {
	case err := <-f.ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the read ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the read continues after the client disconnected")
	}
}

// TestMain runs the function itself in the process that TestFunctionServesAsAProcess starts.
func TestMain(m *testing.M) {
	if os.Getenv("CITY_TEST_MAIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestFunctionServesAsAProcess(t *testing.T) {
	f := &faults{ended: make(chan error, 10)}
	engine := start(t, f.option())
	addCity(t, engine, "Paris", "FR", 3000, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	function := exec.Command(os.Args[0])
	function.Env = []string{"CITY_TEST_MAIN=1", "GOOGLE_CLOUD_PROJECT=" + customerstest.Project, "BIGTABLE_INSTANCE=" + customerstest.Instance,
		"BIGTABLE_EMULATOR_HOST=" + engine.Addr, "PAGE_TOKEN_KEY=0123456789abcdef", "PORT=" + port}
	if err := function.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = function.Process.Kill() }()
	at := "http://127.0.0.1:" + port
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get(at + "/healthz")
		if err == nil {
			_ = resp.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	get := func(path string) (*http.Response, string, error) {
		resp, err := http.Get(at + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		return resp, string(b), err
	}
	if resp, body, err := get("/v1/cities/paris/customers?page_size=1"); resp.StatusCode != 200 || err != nil || !strings.Contains(body, `"count":3000`) {
		t.Errorf("%s %s %v", resp.Status, body, err)
	}
	if resp, body, err := get("/v1/cities/paris/customers?format=ndjson"); err != nil || strings.Count(body, "\n") != 3000 || resp.Trailer.Get(statusTrailer) != "complete" {
		t.Errorf("%d lines, %v, trailer %v", strings.Count(body, "\n"), err, resp.Trailer)
	}
	if resp, body, err := get("/v1/cities//customers"); resp.StatusCode != 400 || err != nil || !strings.Contains(body, `"parameter":"city"`) {
		t.Errorf("empty city: %s %s %v", resp.Status, body, err)
	}
	f.set(2000, status.Error(codes.Internal, "secret detail"), false)
	// The Functions Framework would complete the response with a panic message.
	if _, body, err := get("/v1/cities/paris/customers?format=ndjson"); !errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(body, "panic") || strings.HasSuffix(body, "\n") {
		t.Errorf("failed stream: error %v, end %q", err, body[max(0, len(body)-80):])
	}
	if err := errors.Join(function.Process.Signal(syscall.SIGTERM), function.Wait()); err != nil {
		t.Errorf("exit after SIGTERM: %v, want status 0", err)
	}
}

func TestInvalidVariablesAreReportedTogether(t *testing.T) {
	vars := map[string]string{"PAGE_TOKEN_KEY": "hunter2", "UNMASK": "perhaps"}
	err := run(t.Context(), func(name string) (string, bool) { v, ok := vars[name]; return v, ok })
	for _, name := range []string{"GOOGLE_CLOUD_PROJECT", "BIGTABLE_INSTANCE", "PAGE_TOKEN_KEY", "UNMASK"} {
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("run = %v, want the name %s and no value", err, name)
		}
	}
}

func TestNegotiationPrefersTheHighestQuality(t *testing.T) {
	for accept, want := range map[string]format{
		"": json, "*/*": json, "application/*": json, "text/*": csv, "text/csv": csv, "TEXT/CSV;charset=utf-8": csv, "application/x-ndjson, */*;q=0.1": ndjson,
		"application/json;q=0.5, text/csv;q=0.4": json, "application/json;q=0, */*": ndjson, "text/html,application/xhtml+xml,*/*;q=0.8": json,
		"image/png": "", "application/json;q=2": "", "nonsense": "", ";;": "",
	} {
		got, err := negotiate([]string{accept}, json, ndjson, csv)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("negotiate(%q) = %q, %v, want %q", accept, got, err, want)
		}
	}
}
