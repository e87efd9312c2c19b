package load_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/bigtable"

	"github.com/hybrid-bts/functions/scripts/data/customers/load"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// checkTables compares the customers of the tables with the wanted city by id, and counts, spellings and homes with the
// rows.
func checkTables(t *testing.T, client *bigtable.Client, want map[string]string) {
	t.Helper()
	got, total, homes := map[string]string{}, map[string]string{}, map[string][]string{}
	counted := map[string]int{}
	for key := range dump(t, client, customers.CustomersTable) {
		k, err := customers.ParseKey(key)
		if err != nil {
			t.Fatal(err)
		}
		got[k.Customer] += k.City // of two rows both
		counted[customers.Key{City: k.City, Country: k.Country}.String()]++
		homes[k.Customer] = []string{"home:" + key + "="}
	}
	for city, n := range counted {
		total[city] = fmt.Sprint(n)
	}
	check(t, got, want)
	check(t, counts(t, client), total)
	check(t, dump(t, client, customers.HomesTable), homes)
	for city, cells := range dump(t, client, customers.CitiesTable) {
		for _, c := range cells {
			if spellings, ok := strings.CutPrefix(c, "city:spellings="); ok {
				all, err := customers.DecodeSpellings([]byte(spellings))
				sum := int64(0)
				for _, s := range all {
					sum += s.Count
				}
				if err != nil || sum != int64(counted[city]) {
					t.Errorf("city %s has %d customers, its spellings %d, %v", city, counted[city], sum, err)
				}
			}
		}
	}
}

// cityFile returns a file with customers 0 to n-1 of a city.
func cityFile(city string, ids ...int) string {
	var f strings.Builder
	f.WriteString(header)
	for _, i := range ids {
		fmt.Fprintf(&f, "%d,A,%s,FR\n", i, city)
	}
	return f.String()
}

func numbersTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestReplaceRemovesCustomersThatTheFileDoesNotHave(t *testing.T) {
	client := start(t)
	mustLoad(t, client, cityFile("Lyon", numbersTo(1200)...))
	mustLoad(t, client, cityFile("Lille", 2000, 2001))
	l := load.Loader{Client: client, Replace: true}
	sum, err := l.Load(t.Context(), strings.NewReader(cityFile("Lyon", 1, 2)+"2000,A,Paris,FR\n"))
	if err != nil {
		t.Fatal(err)
	}
	check(t, numbers(sum), load.Summary{Read: 3, Moved: 1, Removed: 1199, Cities: 3})
	checkTables(t, client, map[string]string{"1": "lyon", "2": "lyon", "2000": "paris"})
	check(t, counts(t, client), map[string]string{"lyon#fr#": "2", "paris#fr#": "1"})
}

func TestReplaceKeepsCustomersOfRejectedRows(t *testing.T) {
	client := start(t)
	mustLoad(t, client, cityFile("Lyon", 1, 2, 3))
	l := load.Loader{Client: client, Replace: true}
	sum, err := l.Load(t.Context(), strings.NewReader(header+"1,A,Paris,FR\n2,A,Paris,XX\n"))
	if err != nil {
		t.Fatal(err)
	}
	check(t, numbers(sum), load.Summary{Read: 2, Rejected: 1, Moved: 1, Removed: 1, Cities: 2})
	checkTables(t, client, map[string]string{"1": "paris", "2": "lyon"})
	for name, file := range map[string]string{"no valid row": header + "9,A,Paris,XX\n", "no row": header, "a row without an id": header + "1,A,Paris,FR\n,A,Lyon,FR\n", "a row that cannot be read": header + "1,A,Paris,FR\n3,x\n"} {
		if _, err := l.Load(t.Context(), strings.NewReader(file)); err == nil {
			t.Errorf("%s: replaced without an error", name)
		}
		checkTables(t, client, map[string]string{"1": "paris", "2": "lyon"})
	}
}

func TestErasedCustomersLeaveNoRowHomeOrCount(t *testing.T) {
	client := start(t)
	mustLoad(t, client, cityFile("Lyon", numbersTo(1200)...))
	mustLoad(t, client, header+"0F2C5F0E-4E5B-4B0A-9B1D-7F1F5A3C9D10,A,Paris,FR\na@b.c,A,PARIS,FR\n")
	ids := []string{"0F2C5F0E-4E5B-4B0A-9B1D-7F1F5A3C9D10", "nobody", "a@b.c", "a@b.c"}
	for i := 2; i < 1200; i++ {
		ids = append(ids, fmt.Sprint(i))
	}
	got, err := load.Erase(t.Context(), client, ids)
	if err != nil {
		t.Fatal(err)
	}
	check(t, got, load.Erasure{Removed: 1200, Unknown: 1, Cities: 2})
	checkTables(t, client, map[string]string{"0": "lyon", "1": "lyon"})
	if got, err = load.Erase(t.Context(), client, ids); err != nil || got.Removed != 0 {
		t.Errorf("second erasure: %+v, %v", got, err)
	}
	if _, err := load.Erase(t.Context(), client, []string{"a\x00"}); err == nil {
		t.Error("invalid id: no error")
	}
}

func TestIDsAreReadFromListsAndTables(t *testing.T) {
	for name, file := range map[string]string{"list": "1\r\n2\n\n3", "table": "city;Customer Id\nParis;1\nLyon;2\nLille;3\n", "table of ids": "id\n1\n2\n3\n", "JSON": `{"id":1}` + "\n" + `{"id":2}` + "\n" + `{"id":"3"}`} {
		ids, err := load.ReadIDs(strings.NewReader(file))
		if err != nil || !slices.Equal(ids, []string{"1", "2", "3"}) {
			t.Errorf("%s: %q, %v", name, ids, err)
		}
	}
	if _, err := load.ReadIDs(strings.NewReader("a,b\n1,2\n")); err == nil {
		t.Error("table without ids: no error")
	}
}

// TestEveryKilledWriteIsCompletedByTheNextRun fails the n-th write to each table for all n of an operation, and runs the
// operation again.
func TestEveryKilledWriteIsCompletedByTheNextRun(t *testing.T) {
	tables := []string{customers.CitiesTable, customers.CustomersTable, customers.HomesTable, customers.AliasesTable}
	operations := map[string]struct {
		run  func(*bigtable.Client) error
		want map[string]string
	}{
		"load": {func(c *bigtable.Client) error {
			l := load.Loader{Client: c}
			_, err := l.Load(t.Context(), strings.NewReader(cityFile("Paris", 0, 1, 2, 7)))
			return err
		}, map[string]string{"0": "paris", "1": "paris", "2": "paris", "3": "lyon", "4": "lyon", "5": "lyon", "6": "lyon", "7": "paris"}},
		"replace": {func(c *bigtable.Client) error {
			l := load.Loader{Client: c, Replace: true}
			_, err := l.Load(t.Context(), strings.NewReader(cityFile("Paris", 0, 1, 2, 7)))
			return err
		}, map[string]string{"0": "paris", "1": "paris", "2": "paris", "7": "paris"}},
		"erase": {func(c *bigtable.Client) error {
			_, err := load.Erase(t.Context(), c, []string{"0", "1", "2", "3"})
			return err
		}, map[string]string{"4": "lyon", "5": "lyon", "6": "lyon"}},
	}
	for name, op := range operations {
		for _, table := range tables {
			t.Run(name+" "+table, func(t *testing.T) {
				for n := int64(0); ; n++ {
					limiter := &writeLimiter{table: table}
					limiter.n.Store(1000)
					client := start(t, limiter.options()...)
					mustLoad(t, client, cityFile("Lyon", numbersTo(7)...))
					limiter.n.Store(n)
					first := op.run(client)
					limiter.n.Store(1000)
					if err := op.run(client); err != nil {
						t.Fatal(err)
					}
					checkTables(t, client, op.want)
					if first == nil {
						return // the operation has no n-th write
					}
					if t.Failed() {
						t.Fatalf("after a failure of write %d: %v", n, first)
					}
				}
			})
		}
	}
}

func TestKilledReplaceAndOtherLoadGiveExactCounts(t *testing.T) {
	limiter := &writeLimiter{table: customers.CustomersTable}
	limiter.n.Store(1000)
	client := start(t, limiter.options()...)
	mustLoad(t, client, cityFile("Lyon", numbersTo(7)...))
	limiter.n.Store(1) // the rows of the file are written, the removals are not
	l := load.Loader{Client: client, Replace: true}
	if _, err := l.Load(t.Context(), strings.NewReader(cityFile("Paris", 0))); err == nil {
		t.Fatal("Load succeeded, want the error of the server")
	}
	limiter.n.Store(1000)
	mustLoad(t, client, cityFile("Lille", 9))
	want := map[string]string{"9": "lille", "0": "paris"}
	for i := 1; i < 7; i++ {
		want[fmt.Sprint(i)] = "lyon"
	}
	checkTables(t, client, want)
}

func TestPlanOfAFileIsShownBeforeItsRows(t *testing.T) {
	stop := errors.New("stop")
	var plan load.Plan
	l := load.Loader{Client: start(t), Plan: func(p load.Plan) error { plan = p; return stop }}
	if _, err := l.Load(t.Context(), strings.NewReader("Customer Id;First Name;Last Name;Town;Country;Shoe\n1;A;B;Paris;FR;40\n")); !errors.Is(err, stop) {
		t.Errorf("error %v, want that of Plan", err)
	}
	got := map[string]string{}
	for _, c := range plan.Columns {
		got[c.Field] = strings.Join(c.Names, "+")
	}
	want := map[string]string{"id": "Customer Id", "name": "First Name+Last Name", "city": "Town", "country": "Country"}
	if !maps.Equal(got, want) || !slices.Equal(plan.Unread, []string{"Shoe"}) || plan.Form != "CSV, delimiter semicolon, ASCII so far, LF" {
		t.Errorf("plan %+v", plan)
	}
	if rows := dump(t, l.Client, customers.CitiesTable); len(rows) > 0 {
		t.Errorf("rows were written: %v", rows)
	}
}
