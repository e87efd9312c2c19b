package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/bigtable"

	"github.com/hybrid-bts/functions/shared/clouderr"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// bigtableStore is the store of the tables of shared/schema/customers.
type bigtableStore struct {
	customersTable, citiesTable *bigtable.Table
	rowTimeout                  time.Duration // time limit for each row
}

// newBigtableStore returns a store that reads through client.
func newBigtableStore(client *bigtable.Client) bigtableStore {
	return bigtableStore{client.Open(customers.CustomersTable), client.Open(customers.CitiesTable), deadline}
}

// errRowTimeout is the cause of the end of a read that received no row within rowTimeout.
var errRowTimeout = fmt.Errorf("no row in time: %w", clouderr.ErrUnavailable)

// readError wraps an error of Bigtable with the operation that failed. Transient errors, and errors of a context that
// ended with errRowTimeout, wrap clouderr.ErrUnavailable.
func readError(ctx context.Context, err error, format string, args ...any) error {
	if cause := context.Cause(ctx); errors.Is(cause, errRowTimeout) {
		err = cause
	}
	return clouderr.Wrap(err, format, args...)
}

// customers implements store.
func (b bigtableStore) customers(ctx context.Context, startKey, endKey string, limit int, selected fields) iter.Seq2[customer, error] {
	options := []bigtable.ReadOption{bigtable.RowFilter(columnFilter(selected))}
	if limit > 0 {
		options = append(options, bigtable.LimitRows(int64(limit)))
	}
	return readRows(ctx, b.rowTimeout, b.customersTable, startKey, endKey, decodeCustomer, options...)
}

// cities implements store. Its filter skips rows that have loading marks only.
func (b bigtableStore) cities(ctx context.Context, startKey, endKey string) iter.Seq2[city, error] {
	filter := bigtable.ChainFilters(bigtable.ColumnRangeFilter(customers.CityFamily, "", ""), bigtable.LatestNFilter(1))
	return readRows(ctx, b.rowTimeout, b.citiesTable, startKey, endKey, decodeCity, bigtable.RowFilter(filter))
}

// readRows reads and decodes the rows from startKey to endKey; an endKey of "" is the end of the table. rowTimeout bounds
// the wait for each row from Bigtable. The time that the consumer of the sequence takes for a row does not count.
func readRows[T any](ctx context.Context, rowTimeout time.Duration, table *bigtable.Table, startKey, endKey string,
	decode func(bigtable.Row) (T, error), options ...bigtable.ReadOption,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		rows := bigtable.InfiniteRange(startKey)
		if endKey != "" {
			rows = bigtable.NewRange(startKey, endKey)
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		timer := time.AfterFunc(rowTimeout, func() { cancel(errRowTimeout) })
		defer timer.Stop()
		wanted := true
		var decodeErr error
		err := table.ReadRows(ctx, rows, func(r bigtable.Row) bool {
			timer.Stop()
			var v T
			if v, decodeErr = decode(r); decodeErr != nil {
				return false
			}
			wanted = yield(v, nil)
			timer.Reset(rowTimeout)
			return wanted
		}, options...)
		if err == nil {
			err = decodeErr
		}
		if err != nil && wanted {
			var zero T
			yield(zero, readError(ctx, err, "read rows from %q to %q", startKey, endKey))
		}
	}
}

// columnFilter returns a filter for the latest cells of the selected columns. It includes the city, a cell that every row
// has, because Bigtable omits rows without a matching cell.
func columnFilter(selected fields) bigtable.Filter {
	latest := bigtable.LatestNFilter(1)
	var filters []bigtable.Filter
	columns := customers.Columns()
	for _, c := range columns {
		if c.Name == "city" || selected.contains(c.Name) {
			filters = append(filters, bigtable.ColumnRangeFilter(c.Family, c.Name, c.Name+"\x00"))
		}
	}
	switch len(filters) {
	case len(columns):
		return latest
	case 1:
		return bigtable.ChainFilters(filters[0], latest)
	}
	return bigtable.ChainFilters(bigtable.InterleaveFilters(filters...), latest)
}

// decodeCustomer decodes a row of the table customers. It ignores unknown columns, which a newer loader may write.
func decodeCustomer(r bigtable.Row) (customer, error) {
	key, err := customers.ParseKey(r.Key())
	if err != nil {
		return customer{}, err
	}
	c := customer{key: r.Key()}
	c.values[0] = key.Customer
	for _, cells := range r {
		for _, cell := range cells {
			_, name, _ := strings.Cut(cell.Column, ":")
			for i := range fieldNames {
				if i > 0 && fieldNames[i] == name {
					c.values[i] = string(cell.Value)
				}
			}
		}
	}
	return c, nil
}

// decodeCity decodes a row of the table cities. The name of a row without a name column is the folded name of its key.
func decodeCity(r bigtable.Row) (city, error) {
	key, err := customers.ParseKey(r.Key())
	if err != nil {
		return city{}, err
	}
	c := city{City: key.City, Country: strings.ToUpper(key.Country), key: r.Key()}
	for _, cell := range r[customers.CityFamily] {
		switch _, name, _ := strings.Cut(cell.Column, ":"); name {
		case customers.NameColumn:
			c.City = string(cell.Value)
		case customers.CountColumn:
			count, err := strconv.ParseUint(string(cell.Value), 10, 63)
			if err != nil {
				return city{}, fmt.Errorf("decode count of city %q: %w", r.Key(), err)
			}
			c.Count = int64(count)
		}
	}
	return c, nil
}
