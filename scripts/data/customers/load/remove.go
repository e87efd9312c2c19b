package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"cloud.google.com/go/bigtable"
	"golang.org/x/sync/errgroup"

	"github.com/hybrid-bts/functions/scripts/data/customers/table"
	"github.com/hybrid-bts/functions/shared/engine/place"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// Erasure is the result of Erase.
type Erasure struct {
	Removed int64 // customers that were removed
	Unknown int64 // ids without a customer
	Cities  int   // cities that were counted
}

// Erase removes the customers with the given ids: their rows, their homes, and their part in counts and spellings. Like a
// load it may be killed at any point; erase the same ids again, and all is removed and the counts are right. No load of
// the customers may run at the same time.
func Erase(ctx context.Context, client *bigtable.Client, ids []string) (Erasure, error) {
	var e Erasure
	t := newTableWriter(client)
	for i, id := range ids {
		if err := customers.CheckCustomerID(canonicalID(id)); err != nil {
			return e, fmt.Errorf("id %d: %w", i+1, err)
		}
	}
	unique := map[string]bool{}
	for _, id := range ids {
		unique[canonicalID(id)] = true
	}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(unique)), maxBatchRows) {
		homes, err := t.readHomes(ctx, part)
		if err != nil {
			return e, err
		}
		e.Unknown += int64(len(part) - len(homes))
		if err := t.removeCustomers(ctx, homes); err != nil {
			return e, err
		}
		e.Removed += int64(len(homes))
	}
	var err error
	e.Cities, err = t.countCities(ctx)
	return e, err
}

// ReadIDs returns the ids of a file: those of its column id, or, if the file has no such column, its lines.
func ReadIDs(file io.Reader) (ids []string, err error) {
	options := table.Options{Known: KnownColumn}
	in, err := table.Open(file, options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	header := in.Header()
	names := make([]string, len(header))
	for i, h := range header {
		names[i] = normalize(h)
	}
	source, err := fields[fieldID].find(names)
	if err != nil {
		return nil, err
	}
	if source.columns == nil {
		if len(header) != 1 {
			return nil, errors.New("file has several columns, none of which is named like id")
		}
		source.columns = []int{0}
		ids = append(ids, clean(header[0])) // a list of ids without a header
	}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return ids, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read line %d: %w", row.Line, err)
		}
		if id := source.value(row.Cells); id != "" {
			ids = append(ids, id)
		}
	}
}

// removeCustomers removes rows and homes. The order allows a kill at any point: marks of cities first, homes last.
func (t *tableWriter) removeCustomers(ctx context.Context, homes map[string][]string) error {
	cities := map[string]*place.Place{}
	var rows, oldHomes mutations
	for customer, keys := range homes {
		if err := t.deleteHomes(customer, keys, cities, &rows, &oldHomes); err != nil {
			return err
		}
	}
	if err := t.markCities(ctx, cities); err != nil {
		return err
	}
	if err := rows.apply(ctx, t.customers, customers.CustomersTable); err != nil {
		return err
	}
	return oldHomes.apply(ctx, t.homes, customers.HomesTable)
}

// removeOthers removes the customers whose row this load did not write, except those with the given ids. It returns their
// number. A row of this load has the version of the load.
func (t *tableWriter) removeOthers(ctx context.Context, except map[string]bool) (int64, error) {
	removed := int64(0)
	remove, removeCtx := errgroup.WithContext(ctx)
	batches := make(chan map[string][]string)
	remove.Go(func() error {
		for homes := range batches {
			stale, err := t.stale(removeCtx, homes)
			if err != nil {
				return err
			}
			if err := t.removeCustomers(removeCtx, stale); err != nil {
				return err
			}
			for customer := range stale {
				if len(stale[customer]) == len(homes[customer]) {
					removed++
				}
			}
		}
		return nil
	})
	remove.Go(func() error {
		defer close(batches)
		batch := map[string][]string{}
		send := func() bool {
			select {
			case batches <- batch:
				batch = map[string][]string{}
				return true
			case <-removeCtx.Done():
				return false
			}
		}
		err := t.homes.ReadRows(removeCtx, bigtable.InfiniteRange(""), func(row bigtable.Row) bool {
			if !except[row.Key()] {
				batch[row.Key()] = homesOf(row)
			}
			return len(batch) < maxBatchRows || send()
		}, bigtable.RowFilter(bigtable.LatestNFilter(1)))
		if err != nil {
			return fmt.Errorf("read table %s: %w", customers.HomesTable, err)
		}
		send()
		return nil
	})
	err := remove.Wait()
	return removed, err
}

// stale returns the homes without a row of this load.
func (t *tableWriter) stale(ctx context.Context, homes map[string][]string) (map[string][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var keys bigtable.RowList
	for _, k := range homes {
		keys = append(keys, k...)
	}
	if len(keys) == 0 { // an empty list would read the whole table
		return nil, nil
	}
	fresh := map[string]bool{}
	err := t.customers.ReadRows(ctx, keys, func(row bigtable.Row) bool {
		for _, cell := range row["address"] {
			if strings.HasSuffix(cell.Column, ":city") && cell.Timestamp == t.version {
				fresh[row.Key()] = true
			}
		}
		return true
	}, bigtable.RowFilter(bigtable.ChainFilters(bigtable.ColumnRangeFilter("address", "city", "city\x00"), bigtable.LatestNFilter(1), bigtable.StripValueFilter())))
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", customers.CustomersTable, err)
	}
	stale := map[string][]string{}
	for customer, keys := range homes {
		for _, key := range keys {
			if !fresh[key] {
				stale[customer] = append(stale[customer], key)
			}
		}
	}
	return stale, nil
}
