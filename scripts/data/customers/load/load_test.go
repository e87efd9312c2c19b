package load_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/bigtable"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/scripts/data/customers/generate"
	"github.com/hybrid-bts/functions/scripts/data/customers/load"
	"github.com/hybrid-bts/functions/scripts/data/customers/table"
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
	l := load.Loader{Client: client, Rejected: func(line int, field, reason string) { t.Errorf("line %d: %s %s", line, field, reason) }}
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

// numbers returns the numbers of a summary.
func numbers(sum load.Summary) load.Summary {
	sum.Form, sum.Reasons, sum.Notes = "", nil, nil
	return sum
}

// dryRun validates a file and returns the faults of rejected rows as "line field reason".
func dryRun(t testing.TB, l load.Loader, file string) (load.Summary, []string) {
	t.Helper()
	var faults []string
	l.Rejected = func(line int, field, reason string) {
		faults = append(faults, strings.Join(strings.Fields(fmt.Sprint(line, " ", field, " ", reason)), " "))
	}
	sum, err := l.Load(t.Context(), strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return sum, faults
}

func TestRowsAreStoredByPlaceAndID(t *testing.T) {
	client := start(t)
	sum := mustLoad(t, client, "street,COUNTRY,city, Name ,id,joined,phone,email,postcode,size\n"+
		"\"1, rue \"\"X\"\"\",fr, Paris ,Léa,0F2C5F0E-4E5B-4B0A-9B1D-7F1F5A3C9D10,2013-06-13T10:00:00Z,01 42 68 53 00,l@example.com,75001,M\n"+
		"\n"+
		",us-tx,PARIS,김민준,shop-7,,,,,\r\n")
	check(t, numbers(sum), load.Summary{Read: 2, Cities: 2})
	check(t, dump(t, client, customers.CustomersTable), map[string][]string{
		"paris#fr#0f2c5f0e-4e5b-4b0a-9b1d-7f1f5a3c9d10": {"profile:email=l@example.com", "profile:joined=2013-06-13", "profile:name=Léa", "profile:phone=+33 1 42 68 53 00",
			"address:city=Paris", "address:country=FR", "address:postcode=75001", `address:street=1, rue "X"`},
		"paris#us-tx#shop-7": {"profile:name=김민준", "address:city=PARIS", "address:country=US-TX"},
	})
	for key, cells := range dump(t, client, customers.CitiesTable) {
		spelling := map[string]string{"paris#fr#": "Paris", "paris#us-tx#": "PARIS"}[key]
		for _, want := range []string{"city:count=1", "city:ambiguous=0", `city:spellings=[{"as":"` + spelling + `","count":1}]`} {
			if !slices.Contains(cells, want) {
				t.Errorf("city %s is %q, want %s", key, cells, want)
			}
		}
	}
	alias, err := client.Open(customers.AliasesTable).ReadRow(t.Context(), "paris")
	if err != nil || len(alias[customers.AliasFamily]) < 2 {
		t.Errorf("alias paris is %v, %v, want both places", alias, err)
	}
}

func TestJSONFilesAreLoadedLikeCSV(t *testing.T) {
	lines := `{"id":1,"name":"A","city":"Paris","country":"FR","phone":null,"size":"M"}` + "\n\n" + `{"city":"서울","country":"KR","id":"2","name":"B","vip":true}`
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.WriteString(z, lines)
	_ = z.Close()
	for name, file := range map[string]string{
		"plain": lines, "with a byte order mark": "\ufeff" + lines, "gzipped": packed.String(),
		"array": "[" + strings.ReplaceAll(lines, "\n\n", ",\n") + "]\n", "objects over lines": strings.ReplaceAll(lines, ",", ",\n  "),
		"nested":                   `{"customer":{"id":1,"address":{"city":"Paris","country":"FR"}},"tags":["a"]}` + "\n" + `{"customer":{"id":2,"address":{"city":"서울","country":"KR"}}}`,
		"a column that comes late": `{"id":1,"city":"Paris","country":"FR"}` + strings.Repeat(" ", 2<<20) + "\n" + `{"id":2,"city":"서울","country":"KR","name":"B"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if name == "a column that comes late" {
				file = strings.Replace(file, strings.Repeat(" ", 2<<20), strings.Repeat("\n", 2<<20), 1)
			}
			client := start(t)
			sum := mustLoad(t, client, file)
			check(t, numbers(sum), load.Summary{Read: 2, Cities: 2})
			total := 0
			for key, cells := range dump(t, client, customers.CustomersTable) {
				total++
				if strings.HasSuffix(key, "#2") && name != "nested" && !slices.Contains(cells, "profile:name=B") {
					t.Errorf("row %s has %q, want name B", key, cells)
				}
			}
			if total != 2 {
				t.Errorf("%d rows, want 2", total)
			}
		})
	}
}

func TestOnlyAFaultOfIDCityOrCountryRejectsARow(t *testing.T) {
	long := strings.Repeat("x", 2<<20)
	rows := []struct{ text, reason string }{
		{"1,A,Paris,FR", ""},
		{"2,,Paris,FR", ""},
		{",A,Paris,FR", "id is empty"},
		{"a/b #1 <x@example.com>,A,Paris,FR", ""},
		{strings.Repeat("é", 101) + ",A,Paris,FR", "id is longer than 200 bytes"},
		{"a\u200bb,A,Paris,FR", "id has a character that cannot be printed"},
		{"3,A,N/A,FR", "city is empty"},
		{"4,A," + strings.Repeat("y", 300) + ",FR", "city is longer than 200 characters"},
		{"5,A,Paris,France", ""},
		{"5b,A,Paris,XX", "country is not a country of ISO 3166, by code or name"},
		{"6,A,Paris", "row has 3 cells, header has 4"},
		{"7,\xff,Paris,FR", ""},
		{"7b,A,Par\xffis,FR", "city has characters that the encoding does not allow"},
		{"8,A\x00,Paris,FR", ""},
		{"8b,A,Pa\x00ris,FR", "city has a control character"},
		{"9,A \"B\" C,Paris,FR", ""},
		{"10,\"A\"B,Paris,FR", "text after a closing quote, or a quote that is not closed"},
		{"11," + long + ",Paris,FR", "row is longer than 1048576 bytes"},
		{"14,A,...,FR", "city contains no letter or digit, or is too long"},
		{"15,,,", "city is empty|country is empty"},
		{"16,A,Paris,FR", ""},
		{"17,A,서울,KR", ""}, // so that the encoding is UTF-8
	}
	var file strings.Builder
	file.WriteString(header)
	var want []string
	rejected := 0
	for i, r := range rows {
		file.WriteString(r.text + "\n")
		if r.reason == "" {
			continue
		}
		rejected++
		for reason := range strings.SplitSeq(r.reason, "|") {
			want = append(want, fmt.Sprint(i+2, " ", reason))
		}
	}
	client := start(t)
	sum, got := dryRun(t, load.Loader{Client: client, Table: table.Options{Encoding: "utf-8"}}, file.String())
	check(t, got, want)
	check(t, numbers(sum), load.Summary{Read: int64(len(rows)), Rejected: int64(rejected), Cities: 2})
	check(t, len(dump(t, client, customers.CustomersTable)), len(rows)-rejected)
	for _, r := range sum.Reasons {
		if r.Text == "is empty" && r.Field == "city" {
			check(t, r, load.Reason{Field: "city", Text: "is empty", Rows: 2, Lines: []int{8, 21}})
		}
	}
}

// A customer can write a text that looks like rows. It must not become a row.
func TestQuotedLineBreaksAreNoRows(t *testing.T) {
	for name, text := range map[string]string{
		"a row":                 "please ring\nv1,OWNED,Injectville,FR\nthanks",
		"a row with its breaks": "x\r\nv1,OWNED,Injectville,FR\r\n",
		"quotes":                "x\"\nv1,OWNED,\"Injectville\",FR\n\"",
		"a long text":           "x\n" + strings.Repeat("v1,OWNED,Injectville,FR\n", 100_000),
	} {
		for _, columns := range []int{4, 3} { // also in a row with a cell too few
			t.Run(fmt.Sprint(name, " ", columns), func(t *testing.T) {
				client := start(t)
				file := "id,city,country,note\n" + "v1,Lyon,FR,\n" + "c1,Seoul,KR,\"" + strings.ReplaceAll(text, `"`, `""`) + "\"\n" + "c2,Paris,FR,\n"
				if columns == 3 {
					file = strings.Replace(file, "c1,Seoul,KR,", "c1,Seoul,", 1)
				}
				sum, faults := dryRun(t, load.Loader{Client: client}, file)
				if sum.Read != 3 || len(faults) > 1 {
					t.Errorf("read %d rows, rejected %q", sum.Read, faults)
				}
				for key := range dump(t, client, customers.CustomersTable) {
					if strings.Contains(key, "injectville") || strings.HasPrefix(key, "lyon") == !strings.HasSuffix(key, "#v1") {
						t.Errorf("row %s", key)
					}
				}
			})
		}
	}
}

func TestBrokenQuoteCostsItsRowOnly(t *testing.T) {
	for name, last := range map[string]string{
		"next quote starts a cell":      "400,\"Smith John\",Paris,FR\n",
		"next quotes are an empty cell": "400,A,Paris,FR\n401,\"\",Paris,FR\n402,\"B\",Paris,FR\n",
		"no other quote":                "400,A,Paris,FR\n",
	} {
		t.Run(name, func(t *testing.T) {
			var file strings.Builder
			file.WriteString(header + "1,\"Broken,Paris,FR\n")
			for i := 2; i < 400; i++ {
				fmt.Fprintf(&file, "%d,A,Paris,FR\n", i)
			}
			file.WriteString(last)
			sum, faults := dryRun(t, load.Loader{}, file.String())
			check(t, faults, []string{"2 text after a closing quote, or a quote that is not closed"})
			check(t, int(sum.Read), strings.Count(file.String(), "\n")-1)
		})
	}
}

func TestOptionalValuesNeverRejectARow(t *testing.T) {
	for _, tc := range []struct{ column, value, stored, note string }{
		{"email", "nobody", "", "is not an e-mail address and is left out"},
		{"email", "a@b@c", "", "is not an e-mail address and is left out"},
		{"email", "ü@例え.example", "ü@例え.example", ""},
		{"phone", "=1+2", "=1+2", "is no number of its country and is kept as written"},
		{"phone", "call me", "call me", "is no number of its country and is kept as written"},
		{"phone", "01.42.68.53.00 ext 12", "+33 1 42 68 53 00 ext. 12", ""},
		{"phone", "+82 (0)2-312-3456", "+82 2-312-3456", ""},
		{"phone", strings.Repeat("1", 61), "", "is longer than 60 characters and is left out"},
		{"phone", "N/A", "", ""},
		{"joined", "13/06/2013", "", "is no date in the order year, month, day, or that of -dates, and is left out"},
		{"joined", "2013-02-30", "", "is no date in the order year, month, day, or that of -dates, and is left out"},
		{"joined", "2013년 6월 13일", "2013-06-13", ""},
		{"joined", "20130613", "2013-06-13", ""},
		{"joined", "2013/6/13 23:59:59.9", "2013-06-13", ""},
		{"joined", "2013-06-13T23:00:00-09:00", "2013-06-13", ""},
		{"name", "NULL", "", ""},
		{"name", "Null", "Null", ""},
		{"name", "A\nB", "A B", ""},
		{"street", "1 Main St\r\nApt 4", "1 Main St, Apt 4", ""},
		{"name", strings.Repeat("x", 201), "", "is longer than 200 characters and is left out"},
		{"postcode", strings.Repeat("x", 21), "", "is longer than 20 characters and is left out"},
		{"name", "a\x00b", "", "has a control character and is left out"},
	} {
		client := start(t)
		value := `"` + strings.ReplaceAll(tc.value, `"`, `""`) + `"`
		sum := mustLoad(t, client, "id,city,country,"+tc.column+"\n1,Paris,FR,"+value+"\n")
		note := ""
		if len(sum.Notes) > 0 {
			note = sum.Notes[0].Text
			check(t, sum.Notes[0].Field, tc.column)
		}
		stored := ""
		for _, cells := range dump(t, client, customers.CustomersTable) {
			for _, c := range cells {
				if family, v, _ := strings.Cut(c, "="); strings.HasSuffix(family, ":"+tc.column) {
					stored = v
				}
			}
		}
		if note != tc.note || stored != tc.stored {
			t.Errorf("%s %.20q: stored %q with note %q, want %q with %q", tc.column, tc.value, stored, note, tc.stored, tc.note)
		}
	}
}

func TestUnreadableFilesAreErrors(t *testing.T) {
	for name, file := range map[string]string{
		"empty": "", "no header": "1,A,Paris,FR\n", "a column twice": "id,name,city,country,ID\n", "line breaks": "\n\r\n",
		"a column is missing": "id,name,country\n", "a quote in the header": "\"id,name,city,country\n", "broken gzip": "\x1f\x8b\x08",
		"an open quote": header + "1,\"" + strings.Repeat("a\n", 5<<20), "old workbook": "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
		"cut array": `[{"id":1,"city":"Paris","country":"FR"},`, "cut zip": "PK\x03\x04", "cut parquet": "PAR1PAR1",
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
	check(t, numbers(sum), load.Summary{Read: 2, Moved: 1, Cities: 2})
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
	want, cities := map[string]string{}, map[string]string{}
	for i := 4993; i < 5000; i++ {
		want[fmt.Sprint(i%7)] = fmt.Sprintf("profile:name=A%d", i)
		cities[fmt.Sprint(i%7)] = fmt.Sprintf("city%d", i%3)
	}
	check(t, names, want)
	checkTables(t, client, cities)
}

func TestDryRunValidatesTheFile(t *testing.T) {
	l := load.Loader{}
	sum, err := l.Load(t.Context(), strings.NewReader(header+"1,A,Paris,FR\n2,B,paris,FR\n3,,,FR\n"))
	if err != nil {
		t.Fatal(err)
	}
	check(t, numbers(sum), load.Summary{Read: 3, Rejected: 1, Cities: 1})
}

// writeLimiter makes the server fail the writes to a table after n writes, as if the load were killed.
type writeLimiter struct {
	table string
	n     atomic.Int64
}

func (l *writeLimiter) options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.StreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			return handler(srv, &limitedStream{ss, l, info.FullMethod})
		}),
		grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			if err := l.check(info.FullMethod, "MutateRow", req); err != nil {
				return nil, err
			}
			return handler(ctx, req)
		}),
	}
}

// check returns an error for a write to the table after the limit.
func (l *writeLimiter) check(method, write string, request any) error {
	r, ok := request.(interface{ GetTableName() string })
	if ok && strings.HasSuffix(method, write) && strings.HasSuffix(r.GetTableName(), "/"+l.table) && l.n.Add(-1) < 0 {
		return status.Error(codes.PermissionDenied, "killed")
	}
	return nil
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
	return s.limiter.check(s.method, "MutateRows", m)
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
				client := start(t, limiter.options()...)
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
	client := start(t, limiter.options()...)
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
		want[fmt.Sprintf("city%d#fr#", i)] = "1600"
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

func TestSpellingsAreCounted(t *testing.T) {
	const file = header + "1,A,QUXBURG,FR\n2,A,Quxburg,FR\n3,A,quxburg,FR\n4,A,Quxburg,FR\n5,A, Quxburg ,FR\n"
	client := start(t)
	want := map[string][]string{"quxburg#fr#": {
		"city:ambiguous=0", "city:count=5", "city:name=Quxburg",
		`city:spellings=[{"as":"Quxburg","count":3},{"as":"QUXBURG","count":1},{"as":"quxburg","count":1}]`,
	}}
	for range 2 { // the first load tallies the new city, the second one reads it
		mustLoad(t, client, file)
		check(t, dump(t, client, customers.CitiesTable), want)
	}
	mustLoad(t, client, header+"1,A,Quxburg,FR\n3,A,Zedburg,FR\n")
	want = map[string][]string{
		"quxburg#fr#": {"city:ambiguous=0", "city:count=4", "city:name=Quxburg", `city:spellings=[{"as":"Quxburg","count":4}]`},
		"zedburg#fr#": {"city:ambiguous=0", "city:count=1", "city:name=Zedburg", `city:spellings=[{"as":"Zedburg","count":1}]`},
	}
	check(t, dump(t, client, customers.CitiesTable), want)
}

func TestCancelledLoadEnds(t *testing.T) {
	client := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	l := load.Loader{Client: client, Progress: func(int64, float64) { cancel() }}
	pr, pw := io.Pipe()
	go func() { _ = pw.CloseWithError(generate.Write(pw, 100_000, 1)) }()
	defer pr.Close()
	if _, err := l.Load(ctx, pr); !errors.Is(err, context.Canceled) && status.Code(err) != codes.Canceled {
		t.Errorf("Load = %v, want context.Canceled", err)
	}
}

// BenchmarkLoad compares the CPU time of a load of new customers with that of a plain bulk load, which decodes the CSV and
// writes its cells by row key, and keeps no homes, aliases and counts. The embedded Bigtable runs in the same process, so
// its time is a part of both. Goal: at most 2 ×.
func BenchmarkLoad(b *testing.B) {
	const n = 60_000
	var file bytes.Buffer
	if err := generate.Write(&file, n, 1); err != nil {
		b.Fatal(err)
	}
	measure := func(f func(*bigtable.Client) error) time.Duration {
		client := start(b)
		runtime.GC()
		began := cpuTime(b)
		if err := f(client); err != nil {
			b.Fatal(err)
		}
		return cpuTime(b) - began
	}
	var plain, loaded time.Duration
	for b.Loop() {
		plain += measure(func(client *bigtable.Client) error { return bulkLoad(b.Context(), client, file.Bytes()) })
		loaded += measure(func(client *bigtable.Client) error {
			l := load.Loader{Client: client}
			_, err := l.Load(b.Context(), bytes.NewReader(file.Bytes()))
			return err
		})
	}
	b.ReportMetric(float64(loaded)/float64(plain), "x-bulk")
	b.ReportMetric(float64(b.N)*n/loaded.Seconds(), "rows/cpu-s")
}

// cpuTime returns the CPU time of the process.
func cpuTime(t testing.TB) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// bulkLoad writes the rows of a generated file by city, country and id, in batches of 500 by 8 writers.
func bulkLoad(ctx context.Context, client *bigtable.Client, file []byte) error {
	in := csv.NewReader(bytes.NewReader(file))
	names, err := in.Read()
	if err != nil {
		return err
	}
	families := map[string]string{}
	for _, c := range customers.Columns() {
		families[c.Name] = c.Family
	}
	table := client.Open(customers.CustomersTable)
	writers, ctx := errgroup.WithContext(ctx)
	writers.SetLimit(8)
	for more := true; more; {
		var keys []string
		var ops []*bigtable.Mutation
		for len(keys) < 500 {
			cells, err := in.Read()
			if more = err == nil; !more {
				if !errors.Is(err, io.EOF) {
					return err
				}
				break
			}
			m := bigtable.NewMutation()
			for i, name := range names {
				if family := families[name]; family != "" && cells[i] != "" {
					m.Set(family, name, bigtable.Now(), []byte(cells[i]))
				}
			}
			keys = append(keys, strings.ToLower(strings.TrimSpace(cells[5]))+"#"+strings.ToLower(cells[6])+"#"+cells[0])
			ops = append(ops, m)
		}
		writers.Go(func() error {
			errs, err := table.ApplyBulk(ctx, keys, ops)
			return errors.Join(append(errs, err)...)
		})
	}
	return writers.Wait()
}
