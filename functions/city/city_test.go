package main

import (
	"bytes"
	"compress/gzip"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/bigtable"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"

	"github.com/hybrid-bts/functions/shared/fake/contracttest"
	"github.com/hybrid-bts/functions/shared/fake/customerstest"
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

// newServer returns a server that reads the embedded Bigtable and masks contact data.
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
		maps.Copy(value, overrides)
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

// do returns the response of h. The header fields are pairs of name and value.
func do(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// page is a JSON page of customers of one or several cities.
type page struct {
	Place
	Cities    []Place             `json:"cities"`
	Count     *int64              `json:"count"` // nil if absent
	Groups    []group             `json:"groups"`
	Customers []map[string]string `json:"customers"`
	Next      string              `json:"next_page_token"`
}

// count returns the count of a page, -1 if it has none.
func (p page) count() int64 {
	if p.Count == nil {
		return -1
	}
	return *p.Count
}

// decode decodes a JSON response with the wanted status. It rejects unknown members.
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

// get200 returns the page of a successful request.
func get200(t testing.TB, h http.Handler, target string) page {
	t.Helper()
	return decode[page](t, do(h, http.MethodGet, target), 200)
}

// check reports the difference between got and want.
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
		{"", 120, []int{50, 50, 20}}, {"?page_size=1000", 120, []int{120}}, {"?page_size=120", 120, []int{120}}, {"?page_size=40", 120, []int{40, 40, 40}},
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
			if p.count() != int64(tc.count) {
				t.Errorf("%s: count %d, want %d", target, p.count(), tc.count)
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

func TestResponseHasTheSelectedFieldsInOrder(t *testing.T) {
	engine := start(t)
	addCity(t, engine, "Paris", "FR", 1, map[string]string{"phone": "", "joined": ""})
	h := checkedHandler(t, newServer(engine))
	for fields, want := range map[string]string{
		"name": `{"name":"아***"}`, "joined": `{"joined":""}`, "phone,email": `{"phone":"","email":"j***@***"}`, "id": `{"id":"c-000000"}`,
		"city,postcode,name": `{"city":"Paris","postcode":"75001","name":"아***"}`,
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
	zero := int64(0)
	unknown := Place{City: "Atlantis", Spellings: []spellingCount{}, Others: []otherPlace{}}
	check(t, get200(t, h, "/v1/cities/Atlantis/customers"), page{Place: unknown, Count: &zero, Customers: []map[string]string{}})
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
		if err := errors.Join(stdjson.NewDecoder(resp.Body).Decode(&p), resp.Body.Close()); err != nil || resp.StatusCode != 200 || p.count() != 1 || len(p.Customers) != 1 {
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
			Cities []listedCity `json:"cities"`
			Next   string       `json:"next_page_token"`
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

// listCities returns the cities of a page as text.
func listCities(t testing.TB, h http.Handler, query string) string {
	t.Helper()
	got := decode[struct {
		Cities []listedCity `json:"cities"`
		Next   string       `json:"next_page_token"`
	}](t, do(h, http.MethodGet, "/v1/cities?"+query), 200)
	var s strings.Builder
	s.WriteString("| ")
	for _, c := range got.Cities {
		s.WriteString(fmt.Sprintf("%s %s %d; ", c.City, c.Country, c.Count))
	}
	return s.String()
}

// gunzip returns the decompressed text of r.
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
