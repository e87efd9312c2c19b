package load

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/bigtable"
	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/engine/place"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// tableWriter writes the batches of one load to Bigtable. It is safe for concurrent use.
type tableWriter struct {
	customers, cities, homes, aliases *bigtable.Table // nil in a dry run

	loadID  string             // UUID; the column of the marks in family loading
	version bigtable.Timestamp // of the cells that the load writes, except counts

	replaced, moved atomic.Int64 // see Summary

	marking sync.Mutex // held while marks of cities are set, so that each city is inspected once

	mu sync.Mutex // guards touched and its values until the writers end
	// touched has the cities that have the mark of this load, by row key; in a dry run, the cities of the file.
	touched map[string]*touchedCity
}

// newTableWriter returns a writer with a new id and the current time as version. client is nil in a dry run.
func newTableWriter(client *bigtable.Client) *tableWriter {
	t := &tableWriter{loadID: uuid.NewString(), version: cellVersion(time.Now()), touched: map[string]*touchedCity{}}
	if client != nil {
		t.customers, t.cities = client.Open(customers.CustomersTable), client.Open(customers.CitiesTable)
		t.homes, t.aliases = client.Open(customers.HomesTable), client.Open(customers.AliasesTable)
	}
	return t
}

// cellVersion returns the version of cells with data as of t, in the milliseconds that Bigtable accepts. Writes with an
// explicit version are idempotent, so the client retries them.
func cellVersion(t time.Time) bigtable.Timestamp { return bigtable.Time(t).TruncateToMilliseconds() }

// dryWrite records the cities of a batch and writes nothing.
func (t *tableWriter) dryWrite(_ context.Context, batch []customerRow) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range batch {
		t.touched[cityKey(c.key)] = nil
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

// drainTimeout is the time that a write in flight gets after the end of the load.
const drainTimeout = 10 * time.Second

// drainContext returns a context that ends after callTimeout, or drainTimeout after ctx.
func drainContext(ctx context.Context) (context.Context, context.CancelFunc) {
	drained, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(drainTimeout, cancel) })
	return drained, func() {
		stop()
		cancel()
	}
}

// apply applies the writes within callTimeout. Each is atomic, all of them together are not: after an error, some may
// be applied. The error is one of those that the rows have.
func (m *mutations) apply(ctx context.Context, table *bigtable.Table, tableName string) error {
	if len(m.keys) == 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	// A write that was cancelled may still arrive, after the writes of the next load. So writes in flight end before the
	// load does.
	ctx, cancel := drainContext(ctx)
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

// write writes a batch. The order of the writes allows a kill at any point: aliases and marks of cities first; then new
// homes beside the old ones, so that the next load knows every row key that a customer may have; then the rows; last the
// deletion of old homes, after their rows are deleted.
func (t *tableWriter) write(ctx context.Context, batch []customerRow) error {
	// A batch may have several rows of a customer. The last one wins.
	latest := make(map[string]*customerRow, len(batch))
	for i := range batch {
		latest[batch[i].key.Customer] = &batch[i]
	}
	t.replaced.Add(int64(len(batch) - len(latest)))
	homes, err := t.readHomes(ctx, slices.Collect(maps.Keys(latest)))
	if err != nil {
		return err
	}
	cities := map[string]*place.Place{} // of old homes nil
	var newHomes, rows, oldHomes mutations
	for customer, c := range latest {
		key := c.key.String()
		cities[cityKey(c.key)] = &c.place
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
		old := slices.DeleteFunc(slices.Clone(homes[customer]), func(home string) bool { return home == key })
		if err := t.deleteHomes(customer, old, cities, &rows, &oldHomes); err != nil {
			return err
		}
		t.moved.Add(int64(len(old)))
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
	t.tally(latest, homes)
	return oldHomes.apply(ctx, t.homes, customers.HomesTable)
}

// deleteHomes adds the deletion of the rows with the keys homes, and of the homes, for a customer. It adds their cities
// to cities.
func (t *tableWriter) deleteHomes(customer string, homes []string, cities map[string]*place.Place, rows, oldHomes *mutations) error {
	if len(homes) == 0 {
		return nil
	}
	deleteHomes := bigtable.NewMutation()
	for _, home := range homes {
		key, err := customers.ParseKey(home)
		if err != nil {
			return fmt.Errorf("read table %s: %w", customers.HomesTable, err)
		}
		if city := cityKey(key); cities[city] == nil {
			cities[city] = nil
		}
		deleteRow := bigtable.NewMutation()
		deleteRow.DeleteRow()
		rows.add(home, deleteRow)
		deleteHomes.DeleteCellsInColumn(customers.HomeFamily, home)
	}
	oldHomes.add(customer, deleteHomes)
	return nil
}

// readHomes returns the row keys that the homes of the given customers hold, by customer, in one read. New customers
// have no entry. A customer has several homes if a load was killed during a move, or if two loads ran at the same time.
func (t *tableWriter) readHomes(ctx context.Context, ids []string) (map[string][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	homes := make(map[string][]string, len(ids))
	err := t.homes.ReadRows(ctx, bigtable.RowList(ids), func(row bigtable.Row) bool {
		homes[row.Key()] = homesOf(row)
		return true
	}, bigtable.RowFilter(bigtable.LatestNFilter(1)))
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", customers.HomesTable, err)
	}
	return homes, nil
}

// homesOf returns the row keys of a row of table homes.
func homesOf(row bigtable.Row) []string {
	var keys []string
	for _, cell := range row[customers.HomeFamily] {
		keys = append(keys, strings.TrimPrefix(cell.Column, customers.HomeFamily+":"))
	}
	return keys
}
