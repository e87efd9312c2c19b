package load_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/bigtable"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/scripts/data/customers/generate"
	"github.com/hybrid-bts/functions/scripts/data/customers/load"
	"github.com/hybrid-bts/functions/shared/fake/customerstest"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

func start(t testing.TB, opts ...grpc.ServerOption) *bigtable.Client {
	t.Helper()
	s, err := customerstest.Start(t.Context(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.Client
}

func mustLoad(t testing.TB, client *bigtable.Client, file string) load.Summary {
	t.Helper()
	l := load.Loader{Client: client, Rejected: func(line int, _ string, reason error) { t.Errorf("line %d: %v", line, reason) }}
	sum, err := l.Load(t.Context(), strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// dump returns the cells of a table by row key, as "family:column=value" without versions.
func dump(t testing.TB, client *bigtable.Client, table string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	err := client.Open(table).ReadRows(context.WithoutCancel(t.Context()), bigtable.InfiniteRange(""), func(r bigtable.Row) bool {
		for _, family := range []string{"profile", "address", "city", "loading", "home"} {
			for _, c := range r[family] {
				all[r.Key()] = append(all[r.Key()], c.Column+"="+string(c.Value))
			}
		}
		return true
	}, bigtable.RowFilter(bigtable.LatestNFilter(1)))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// counts returns the counts by row key of the cities whose count is not 0.
func counts(t testing.TB, client *bigtable.Client) map[string]string {
	t.Helper()
	all := map[string]string{}
	for key, cells := range dump(t, client, customers.CitiesTable) {
		for _, c := range cells {
			if n, ok := strings.CutPrefix(c, "city:count="); ok && n != "0" {
				all[key] = n
			}
		}
	}
	return all
}

func check(t testing.TB, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

const header = "id,name,city,country\n"

func TestRowsAreStoredByCityCountryAndID(t *testing.T) {
	client := start(t)
	sum := mustLoad(t, client, "street,COUNTRY,city, Name ,id,joined,phone,email,postcode,size\n"+
		"\"1, rue \"\"X\"\"\",fr, Paris ,Léa,0F2C5F0E-4E5B-4B0A-9B1D-7F1F5A3C9D10,2013-06-13T10:00:00Z,+33 1,l@example.com,75001,M\n"+
		"\n"+
		",us-tx,PARIS,김민준,shop-7,,,,,\r\n")
	check(t, sum, load.Summary{Read: 2, Cities: 2, Ignored: []string{"size"}})
	check(t, dump(t, client, customers.CustomersTable), map[string][]string{
		"paris#fr#0f2c5f0e-4e5b-4b0a-9b1d-7f1f5a3c9d10": {"profile:email=l@example.com", "profile:joined=2013-06-13", "profile:name=Léa", "profile:phone=+33 1",
			"address:city=Paris", "address:country=FR", "address:postcode=75001", `address:street=1, rue "X"`},
		"paris#us-tx#shop-7": {"profile:name=김민준", "address:city=PARIS", "address:country=US-TX"},
	})
	check(t, dump(t, client, customers.CitiesTable), map[string][]string{
		"paris#fr#": {"city:count=1", "city:name=Paris"}, "paris#us-tx#": {"city:count=1", "city:name=PARIS"},
	})
}

func TestJSONFilesAreLoadedLikeCSV(t *testing.T) {
	for name, pack := range map[string]func(string) string{
		"plain":                  func(s string) string { return s },
		"with a byte order mark": func(s string) string { return "\ufeff" + s },
		"gzipped": func(s string) string {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = io.WriteString(z, s)
			_ = z.Close()
			return b.String()
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := start(t)
			sum := mustLoad(t, client, pack(`{"id":"1","name":"A","city":"Paris","country":"FR","phone":null,"size":"M"}`+"\n\n"+`{"city":"서울","country":"KR","id":"2","name":"B"}`))
			check(t, sum, load.Summary{Read: 2, Cities: 2, Ignored: []string{"size"}})
			check(t, counts(t, client), map[string]string{"paris#fr#": "1", "서울#kr#": "1"})
		})
	}
}

func TestInvalidRowsAreRejectedWithLineAndReason(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	rows := []struct{ text, reason string }{
		{"1,A,Paris,FR", ""},
		{"2,,Paris,FR", "name is empty"},
		{",A,Paris,FR", "id does not match " + customers.CustomerIDPattern},
		{"a/b,A,Paris,FR", "id does not match " + customers.CustomerIDPattern},
		{"3,A,,FR", "city is empty"},
		{"4,A," + strings.Repeat("y", 300) + ",FR", "city is longer than 200 characters"},
		{"5,A,Paris,France", "country is neither a country code such as FR nor a subdivision code such as US-TX"},
		{"6,A,Paris", "row has 3 cells, header has 4"},
		{"7,\xff,Paris,FR", "name is not UTF-8"},
		{"8,A\x00,Paris,FR", "name contains a control character"},
		{"9,A \"B\" C,Paris,FR", "quote in an unquoted cell"},
		{"10,\"A\"B,Paris,FR", "text after a closing quote"},
		{"11," + long + ",Paris,FR", "row is longer than 65536 bytes"},
		{"12,\"A", "unclosed quote"}, // its closing quote is on the next line
		{"B\",Paris,FR", "quote in an unquoted cell"},
		{"13,\"A,Paris,FR", "unclosed quote"},
		{"14,A,Paris,FR", ""},
		{"15,,,", "city is empty\ncountry is neither a country code such as FR nor a subdivision code such as US-TX\nname is empty"},
		{"16,A,Paris,FR", ""},
	}
	var file strings.Builder
	file.WriteString(header)
	want, line := map[int]string{}, 2
	for _, r := range rows {
		file.WriteString(r.text + "\n")
		if r.reason != "" {
			want[line] = r.reason
		}
		line++
	}
	client := start(t)
	got := map[int]string{}
	l := load.Loader{Client: client, Rejected: func(line int, _ string, reason error) { got[line] = reason.Error() }}
	sum, err := l.Load(t.Context(), strings.NewReader(file.String()))
	if err != nil {
		t.Fatal(err)
	}
	check(t, got, want)
	check(t, sum, load.Summary{Read: int64(len(rows)), Rejected: int64(len(want)), Cities: 1})
	check(t, counts(t, client), map[string]string{"paris#fr#": "3"})
}

// A CSV parser that allows line breaks in cells would swallow the rows up to the next quote.
func TestUnclosedQuoteInvalidatesOneLineOnly(t *testing.T) {
	for name, last := range map[string]string{
		"next quote starts a cell":               "400,\"Smith John\",Paris,FR\n",
		"next quotes are an empty cell":          "400,A,Paris,FR\n401,\"\",Paris,FR\n402,\"B\",Paris,FR\n",
		"next quote ends a cell":                 "400,x\",Paris,FR\n",
		"no other quote":                         "400,A,Paris,FR\n",
		"next quote in a row with too few cells": "400,\",x\n401,A,Paris,FR\n",
	} {
		t.Run(name, func(t *testing.T) {
			var file strings.Builder
			file.WriteString(header + "1,\"Broken,Paris,FR\n")
			for i := 2; i < 400; i++ {
				fmt.Fprintf(&file, "%d,A,Paris,FR\n", i)
			}
			file.WriteString(last)
			rejected := map[int]bool{}
			l := load.Loader{Client: start(t), Rejected: func(line int, _ string, _ error) { rejected[line] = true }}
			sum, err := l.Load(t.Context(), strings.NewReader(file.String()))
			if err != nil {
				t.Fatal(err)
			}
			rows := strings.Count(file.String(), "\n") - 1
			if !rejected[2] || len(rejected) > 3 || int(sum.Read) != rows || int(sum.Rejected) != len(rejected) {
				t.Errorf("read %d of %d rows, rejected %d: %v", sum.Read, rows, sum.Rejected, rejected)
			}
		})
	}
}

func TestInvalidValuesAreRejectedWithTheirColumn(t *testing.T) {
	for _, tc := range []struct{ member, reason string }{
		{`"email":"nobody"`, "email is not an e-mail address"}, {`"email":"a@b@c"`, "email is not an e-mail address"}, {`"email":"@c"`, "email is not an e-mail address"},
		{`"phone":"=1+2"`, "phone is not a telephone number"}, {`"joined":"13/06/2013"`, "joined is neither a date such as 2013-06-13 nor an RFC 3339 timestamp"},
		{`"joined":20130613`, "row is not a JSON object of strings with unique names, in UTF-8"}, {`"id":"2"`, "row is not a JSON object of strings with unique names, in UTF-8"},
		{`"phone":"+82 10-0123 (45)"`, ""}, {`"email":"ü@例え.example"`, ""},
	} {
		var got string
		l := load.Loader{Rejected: func(_ int, customer string, reason error) { got = reason.Error() }}
		if _, err := l.Load(t.Context(), strings.NewReader(`{"id":"1","name":"A","city":"Paris","country":"FR",`+tc.member+"}\n")); err != nil {
			t.Fatal(err)
		}
		if got != tc.reason {
			t.Errorf("%s: reason %q, want %q", tc.member, got, tc.reason)
		}
	}
}

func TestUnreadableFilesAreErrors(t *testing.T) {
	for name, file := range map[string]string{
		"empty": "", "no header": "1,A,Paris,FR\n", "semicolons": "id;name;city;country\n", "a column twice": "id,name,city,country,ID\n",
		"a column is missing": "id,name,country\n", "a quote in the header": "\"id,name,city,country\n", "broken gzip": "\x1f\x8b\x08",
	} {
		l := load.Loader{}
		if sum, err := l.Load(t.Context(), strings.NewReader(file)); err == nil {
			t.Errorf("%s: %+v, want an error", name, sum)
		}
	}
	if _, err := (&load.Loader{}).Load(t.Context(), io.MultiReader(strings.NewReader(header+"1,A,Paris,FR\n"), broken{})); !errors.Is(err, errBroken) {
		t.Errorf("file with a read error: %v, want that error", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

func TestSecondLoadOfAFileChangesNothing(t *testing.T) {
	client := start(t)
	var file bytes.Buffer
	if err := generate.Write(&file, 3000, 1); err != nil {
		t.Fatal(err)
	}
	sum := mustLoad(t, client, file.String())
	rows, cities, homes := dump(t, client, customers.CustomersTable), dump(t, client, customers.CitiesTable), dump(t, client, customers.HomesTable)
	if len(rows) != 3000 || len(homes) != 3000 || len(cities) != sum.Cities {
		t.Fatalf("%d rows, %d homes, %d cities of %d, want 3000 of each", len(rows), len(homes), len(cities), sum.Cities)
	}
	total := map[string]int{}
	for key := range rows {
		total[key[:strings.LastIndexByte(key, '#')+1]]++
	}
	want := map[string]string{}
	for key, n := range total {
		want[key] = fmt.Sprint(n)
	}
	check(t, counts(t, client), want)
	for range 2 {
		mustLoad(t, client, file.String())
	}
	check(t, dump(t, client, customers.CustomersTable), rows)
	check(t, dump(t, client, customers.CitiesTable), cities)
	check(t, dump(t, client, customers.HomesTable), homes)
}

func TestCustomerWithANewCityMoves(t *testing.T) {
	client := start(t)
	mustLoad(t, client, header+"1,A,Paris,FR\n2,B,Paris,FR\n3,C,Paris,FR\n")
	sum := mustLoad(t, client, header+"1,A,Lyon,FR\n2,B,PARIS,FR\n") // without customer 3
	check(t, sum, load.Summary{Read: 2, Moved: 1, Cities: 2})
	check(t, counts(t, client), map[string]string{"paris#fr#": "2", "lyon#fr#": "1"})
	check(t, dump(t, client, customers.HomesTable), map[string][]string{
		"1": {"home:lyon#fr#1="}, "2": {"home:paris#fr#2="}, "3": {"home:paris#fr#3="},
	})
	mustLoad(t, client, header+"2,B,Lyon,FR\n3,C,Lyon,FR\n")
	check(t, counts(t, client), map[string]string{"lyon#fr#": "3"})
}

func TestLastRowOfACustomerWins(t *testing.T) {
	client := start(t)
	var file strings.Builder
	file.WriteString(header)
	for i := range 5000 {
		fmt.Fprintf(&file, "%d,A%d,City %d,FR\n", i%7, i, i%3)
	}
	mustLoad(t, client, file.String())
	names := map[string]string{}
	for key, cells := range dump(t, client, customers.CustomersTable) {
		names[key[strings.LastIndexByte(key, '#')+1:]] = cells[0]
	}
	want := map[string]string{}
	for i := 4993; i < 5000; i++ {
		want[fmt.Sprint(i%7)] = fmt.Sprintf("profile:name=A%d", i)
	}
	check(t, names, want)
}

func TestDryRunValidatesTheFile(t *testing.T) {
	l := load.Loader{}
	sum, err := l.Load(t.Context(), strings.NewReader(header+"1,A,Paris,FR\n2,B,paris,FR\n3,,x,FR\n"))
	if err != nil {
		t.Fatal(err)
	}
	check(t, sum, load.Summary{Read: 3, Rejected: 1, Cities: 1})
}

// writeLimiter makes the server fail the writes to a table after n writes, as if the load were killed.
type writeLimiter struct {
	table string
	n     atomic.Int64
}

func (l *writeLimiter) option() grpc.ServerOption {
	return grpc.StreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return handler(srv, &limitedStream{ss, l, info.FullMethod})
	})
}

type limitedStream struct {
	grpc.ServerStream
	limiter *writeLimiter
	method  string
}

func (s *limitedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	r, ok := m.(interface{ GetTableName() string })
	if ok && strings.HasSuffix(s.method, "MutateRows") && strings.HasSuffix(r.GetTableName(), "/"+s.limiter.table) && s.limiter.n.Add(-1) < 0 {
		return status.Error(codes.PermissionDenied, "killed")
	}
	return nil
}

func TestNextLoadCompletesAKilledLoad(t *testing.T) {
	file := func(city string) string {
		var f strings.Builder
		f.WriteString(header)
		for i := range 40 {
			fmt.Fprintf(&f, "%d,A,%s,FR\n", i, city)
		}
		return f.String()
	}
	for table, writes := range map[string]int64{customers.CitiesTable: 0, customers.CustomersTable: 3, customers.HomesTable: 3} {
		for name, next := range map[string]string{"the same file": "Lyon", "their previous city": "Paris", "another city": "Lille"} {
			t.Run(table+", "+name, func(t *testing.T) {
				limiter := &writeLimiter{table: table}
				limiter.n.Store(1000)
				client := start(t, limiter.option())
				mustLoad(t, client, file("Paris"))
				limiter.n.Store(writes)
				l := load.Loader{Client: client}
				if _, err := l.Load(t.Context(), strings.NewReader(file("Lyon"))); err == nil {
					t.Fatal("Load succeeded, want the error of the server")
				}
				limiter.n.Store(1000)
				mustLoad(t, client, file(next))
				check(t, counts(t, client), map[string]string{strings.ToLower(next) + "#fr#": "40"})
				if rows := dump(t, client, customers.CustomersTable); len(rows) != 40 {
					t.Errorf("%d rows, want 40", len(rows))
				}
			})
		}
	}
}

func TestNextLoadCountsTheCitiesOfAKilledLoad(t *testing.T) {
	limiter := &writeLimiter{table: customers.CustomersTable}
	limiter.n.Store(1)
	client := start(t, limiter.option())
	l := load.Loader{Client: client}
	if _, err := l.Load(t.Context(), strings.NewReader(header+"1,A,Paris,FR\n2,A,Paris,FR\n3,A,Paris,FR\n4,A,Paris,FR\n5,A,Paris,FR\n6,A,Paris,FR\n")); err == nil {
		t.Fatal("Load succeeded, want the error of the server")
	}
	limiter.n.Store(1000)
	mustLoad(t, client, header+"9,A,Oslo,NO\n")
	rows := 0
	for key := range dump(t, client, customers.CustomersTable) {
		if strings.HasPrefix(key, "paris#") {
			rows++
		}
	}
	check(t, counts(t, client), map[string]string{"paris#fr#": fmt.Sprint(rows), "oslo#no#": "1"})
}

func TestConcurrentLoadsAreAllCounted(t *testing.T) {
	client := start(t)
	var loads sync.WaitGroup
	for part := range 4 {
		loads.Go(func() {
			var file strings.Builder
			file.WriteString(header)
			for i := range 2000 {
				fmt.Fprintf(&file, "%d-%d,A,City %d,FR\n", part, i, i%5)
			}
			l := load.Loader{Client: client}
			if _, err := l.Load(t.Context(), strings.NewReader(file.String())); err != nil {
				t.Error(err)
			}
		})
	}
	loads.Wait()
	want := map[string]string{}
	for i := range 5 {
		want[fmt.Sprintf("city %d#fr#", i)] = "1600"
	}
	check(t, counts(t, client), want)
	for key, cells := range dump(t, client, customers.CitiesTable) {
		for _, c := range cells {
			if strings.HasPrefix(c, "loading:") {
				t.Errorf("city %q has the mark %s of a completed load", key, c)
			}
		}
	}
}

func TestCityNameIsItsMostFrequentSpelling(t *testing.T) {
	client := start(t)
	mustLoad(t, client, header+"1,A,PARIS,FR\n2,A,Paris,FR\n3,A,paris,FR\n4,A,Paris,FR\n5,A, Paris ,FR\n")
	check(t, dump(t, client, customers.CitiesTable), map[string][]string{"paris#fr#": {"city:count=5", "city:name=Paris"}})
}

func TestCancelledLoadEnds(t *testing.T) {
	client := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	l := load.Loader{Client: client, Progress: func(rows int64) { cancel() }}
	pr, pw := io.Pipe()
	go func() { _ = pw.CloseWithError(generate.Write(pw, 100_000, 1)) }()
	defer pr.Close()
	if _, err := l.Load(ctx, pr); !errors.Is(err, context.Canceled) && status.Code(err) != codes.Canceled {
		t.Errorf("Load = %v, want context.Canceled", err)
	}
}

func BenchmarkLoad(b *testing.B) {
	const n = 20_000
	var file bytes.Buffer
	if err := generate.Write(&file, n, 1); err != nil {
		b.Fatal(err)
	}
	client := start(b)
	for b.Loop() {
		l := load.Loader{Client: client}
		if _, err := l.Load(b.Context(), bytes.NewReader(file.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "rows/s")
}
