package load

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/bigtable"
	"golang.org/x/sync/errgroup"

	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// tableWriter writes the batches of one load to Bigtable. It is safe for concurrent use.
type tableWriter struct {
	customers, cities, homes *bigtable.Table // nil in a dry run

	loadID  string             // UUID; the column of the marks in family loading
	version bigtable.Timestamp // of the cells that the load writes, except counts

	replaced, moved atomic.Int64 // see Summary

	mu sync.Mutex // guards touched until the writers end
	// touched has the row keys of the cities that have the mark of this load; in a dry run, of the cities of the file.
	touched map[string]bool
}

// cellVersion returns the version of cells with data as of t, in the milliseconds that Bigtable accepts. Writes with an
// explicit version are idempotent, so the client retries them.
func cellVersion(t time.Time) bigtable.Timestamp { return bigtable.Time(t).TruncateToMilliseconds() }

// dryWrite records the cities of a batch and writes nothing.
func (t *tableWriter) dryWrite(_ context.Context, batch []customerRow) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range batch {
		t.touched[cityKey(c.key)] = true
	}
	return nil
}

// dryCount returns the number of cities of the batches. Call it after all writes.
func (t *tableWriter) dryCount(context.Context) (int, error) { return len(t.touched), nil }

// cityKey returns the row key of a customer's city in table cities. It is the prefix of the row keys of the city's
// customers.
func cityKey(k customers.Key) string { return customers.Key{City: k.City, Country: k.Country}.String() }

// mutations are writes to one table. Bigtable applies them in any order, so no two of them may conflict.
type mutations struct {
	keys []string
	ops  []*bigtable.Mutation // ops[i] applies to the row keys[i]
}

// add adds a write to the row with the given key.
func (m *mutations) add(key string, op *bigtable.Mutation) {
	m.keys, m.ops = append(m.keys, key), append(m.ops, op)
}

// apply applies the writes within callTimeout. Each is atomic, all of them together are not: after an error, some may
// be applied. The error is one of those that the rows have.
func (m *mutations) apply(ctx context.Context, table *bigtable.Table, tableName string) error {
	if len(m.keys) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	errs, err := table.ApplyBulk(ctx, m.keys, m.ops)
	if err == nil {
		for _, err = range errs {
			if err != nil {
				break
			}
		}
	}
	if err != nil {
		return fmt.Errorf("write table %s: %w", tableName, err)
	}
	return nil
}

// write writes a batch. The order of the writes allows a kill at any point: marks of cities first; then new homes
// beside the old ones, so that the next load knows every row key that a customer may have; then the rows; last the
// deletion of old homes, after their rows are deleted.
func (t *tableWriter) write(ctx context.Context, batch []customerRow) error {
	// A batch may have several rows of a customer. The last one wins.
	latest := make(map[string]*customerRow, len(batch))
	for i := range batch {
		latest[batch[i].key.Customer] = &batch[i]
	}
	t.replaced.Add(int64(len(batch) - len(latest)))
	homes, err := t.readHomes(ctx, latest)
	if err != nil {
		return err
	}
	cities := map[string]bool{}
	var newHomes, rows, oldHomes mutations
	for customer, c := range latest {
		key := c.key.String()
		cities[cityKey(c.key)] = true
		replaceRow := bigtable.NewMutation()
		replaceRow.DeleteRow() // cells that are empty now must not stay
		for _, cell := range c.cells {
			replaceRow.Set(cell.Family, cell.Name, t.version, []byte(cell.value))
		}
		rows.add(key, replaceRow)
		if !slices.Contains(homes[customer], key) {
			addHome := bigtable.NewMutation()
			addHome.Set(customers.HomeFamily, key, t.version, nil)
			newHomes.add(customer, addHome)
		}
		for _, home := range homes[customer] {
			if home == key {
				continue
			}
			oldKey, err := customers.ParseKey(home)
			if err != nil {
				return fmt.Errorf("read home of customer %s: %w", customer, err)
			}
			cities[cityKey(oldKey)] = true
			deleteRow, deleteHome := bigtable.NewMutation(), bigtable.NewMutation()
			deleteRow.DeleteRow()
			rows.add(home, deleteRow)
			deleteHome.DeleteCellsInColumn(customers.HomeFamily, home)
			oldHomes.add(customer, deleteHome)
			t.moved.Add(1)
		}
	}
	if err := t.markCities(ctx, cities); err != nil {
		return err
	}
	if err := newHomes.apply(ctx, t.homes, customers.HomesTable); err != nil {
		return err
	}
	if err := rows.apply(ctx, t.customers, customers.CustomersTable); err != nil {
		return err
	}
	return oldHomes.apply(ctx, t.homes, customers.HomesTable)
}

// readHomes returns the row keys that the homes of the given customers hold, by customer, in one read. New customers
// have no entry. A customer has several homes if a load was killed during a move, or if two loads ran at the same time.
func (t *tableWriter) readHomes(ctx context.Context, rows map[string]*customerRow) (map[string][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	ids := make(bigtable.RowList, 0, len(rows))
	for customer := range rows {
		ids = append(ids, customer)
	}
	homes := make(map[string][]string, len(rows))
	err := t.homes.ReadRows(ctx, ids, func(row bigtable.Row) bool {
		for _, cell := range row[customers.HomeFamily] {
			homes[row.Key()] = append(homes[row.Key()], strings.TrimPrefix(cell.Column, customers.HomeFamily+":"))
		}
		return true
	}, bigtable.RowFilter(bigtable.LatestNFilter(1)))
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", customers.HomesTable, err)
	}
	return homes, nil
}

// markCities sets the mark of the load on the given cities unless they have it. Two writers may both set the mark of a
// city, which is idempotent. The marks are stored when it returns without an error.
func (t *tableWriter) markCities(ctx context.Context, cities map[string]bool) error {
	var marks mutations
	t.mu.Lock()
	for city := range cities {
		if !t.touched[city] {
			mark := bigtable.NewMutation()
			mark.Set(customers.LoadingFamily, t.loadID, t.version, nil)
			marks.add(city, mark)
		}
	}
	t.mu.Unlock()
	if err := marks.apply(ctx, t.cities, customers.CitiesTable); err != nil {
		return err
	}
	// touched changes after the write, so no other writer relies on a mark that is not stored yet.
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, city := range marks.keys {
		t.touched[city] = true
	}
	return nil
}

// countCities counts the cities that have a mark of this load or of a killed one, counterCount at once. It returns the
// number of cities. It scans the whole table cities for marks. Call it after all writes; it reads touched without the
// mutex.
func (t *tableWriter) countCities(ctx context.Context) (int, error) {
	marks := bigtable.ChainFilters(bigtable.ColumnRangeFilter(customers.LoadingFamily, "", ""), bigtable.CellsPerRowLimitFilter(1), bigtable.StripValueFilter())
	err := t.cities.ReadRows(ctx, bigtable.InfiniteRange(""), func(row bigtable.Row) bool {
		t.touched[row.Key()] = true
		return true
	}, bigtable.RowFilter(marks))
	if err != nil {
		return 0, fmt.Errorf("read marks of table %s: %w", customers.CitiesTable, err)
	}
	counters, ctx := errgroup.WithContext(ctx)
	counters.SetLimit(counterCount)
	for city := range t.touched {
		counters.Go(func() error {
			if err := t.countCity(ctx, city); err != nil {
				return fmt.Errorf("count city %q: %w", city, err)
			}
			return nil
		})
	}
	return len(t.touched), counters.Wait()
}

// maxSpellings bounds the memory for the spellings of one city. Further spellings are not counted.
const maxSpellings = 100

// countCity writes the number of customers of a city and its most frequent spelling, and deletes the mark of this load
// in the same atomic write. Marks of killed loads stay until they expire. Of equally frequent spellings the first in
// byte order wins. It reads one cell of each customer of the city. The read has no time limit but that of ctx, because
// a city may be large.
func (t *tableWriter) countCity(ctx context.Context, city string) error {
	began := time.Now() // before the read: of concurrent counts, the one that began last has seen the most
	n, spellings := 0, map[string]int{}
	cityCell := bigtable.ChainFilters(bigtable.ColumnRangeFilter("address", "city", "city\x00"), bigtable.LatestNFilter(1))
	err := t.customers.ReadRows(ctx, bigtable.PrefixRange(city), func(row bigtable.Row) bool {
		n++
		for _, cell := range row["address"] {
			if s := string(cell.Value); spellings[s] > 0 || len(spellings) < maxSpellings {
				spellings[s]++
			}
		}
		return true
	}, bigtable.RowFilter(cityCell))
	if err != nil {
		return err
	}
	name := ""
	for s, uses := range spellings {
		if most := spellings[name]; uses > most || uses == most && s < name {
			name = s
		}
	}
	m := bigtable.NewMutation()
	m.Set(customers.CityFamily, customers.CountColumn, cellVersion(began), []byte(strconv.Itoa(n)))
	if name != "" {
		m.Set(customers.CityFamily, customers.NameColumn, cellVersion(began), []byte(name))
	}
	m.DeleteCellsInColumn(customers.LoadingFamily, t.loadID)
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return t.cities.Apply(ctx, city, m)
}
