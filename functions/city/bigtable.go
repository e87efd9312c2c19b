package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/bigtable"
	encoding "github.com/go-json-experiment/json"

	"github.com/hybrid-bts/functions/shared/clouderr"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// bigtableStore is the store of the tables of shared/schema/customers.
type bigtableStore struct {
	customersTable, citiesTable, aliasesTable *bigtable.Table
	rowTimeout                                time.Duration // time limit for each row
}

// newBigtableStore returns a store that reads through client.
func newBigtableStore(client *bigtable.Client) bigtableStore {
	return bigtableStore{
		client.Open(customers.CustomersTable), client.Open(customers.CitiesTable), client.Open(customers.AliasesTable), deadline,
	}
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

// columns are the cells of customers that a query reads.
type columns struct {
	fields    fields
	ambiguous bool
}

// customers implements store.
func (b bigtableStore) customers(ctx context.Context, rows bigtable.RowSet, limit int, read columns) iter.Seq2[customer, error] {
	options := []bigtable.ReadOption{bigtable.RowFilter(columnFilter(read))}
	if limit > 0 {
		options = append(options, bigtable.LimitRows(int64(limit)))
	}
	return readRows(ctx, b.rowTimeout, b.customersTable, rows, decodeCustomer, options...)
}

// citiesOf selects rows of table cities. Its zero value selects all rows that a load has counted.
type citiesOf struct {
	country   string // folded; "" selects all countries
	limit     int    // maximum number of rows; 0 is no limit
	uncounted bool   // also rows that have loading marks only
}

// cities implements store.
func (b bigtableStore) cities(ctx context.Context, rows bigtable.RowSet, of citiesOf) iter.Seq2[city, error] {
	filters := []bigtable.Filter{bigtable.LatestNFilter(1)}
	if of.country != "" {
		pattern := "[^#]*#" + regexp.QuoteMeta(of.country) + "#"
		if len(of.country) == 2 {
			pattern = "[^#]*#" + of.country + "(-[a-z0-9]+)?#"
		}
		filters = append(filters, bigtable.RowKeyFilter(pattern))
	}
	if !of.uncounted {
		filters = append(filters, bigtable.ColumnRangeFilter(customers.CityFamily, "", ""))
	}
	filter := filters[0]
	if len(filters) > 1 {
		filter = bigtable.ChainFilters(filters...)
	}
	options := []bigtable.ReadOption{bigtable.RowFilter(filter)}
	if of.limit > 0 {
		options = append(options, bigtable.LimitRows(int64(of.limit)))
	}
	return readRows(ctx, b.rowTimeout, b.citiesTable, rows, decodeCity, options...)
}

// aliases implements store.
func (b bigtableStore) aliases(ctx context.Context, rows bigtable.RowSet) iter.Seq2[customers.Alias, error] {
	return func(yield func(customers.Alias, error) bool) {
		for row, err := range readRows(ctx, b.rowTimeout, b.aliasesTable, rows, decodeAliases, bigtable.RowFilter(bigtable.LatestNFilter(1))) {
			if err != nil {
				yield(customers.Alias{}, err)
				return
			}
			for _, a := range row {
				if !yield(a, nil) {
					return
				}
			}
		}
	}
}

// isEmpty reports whether a set has no rows. Bigtable would read the whole table for an empty set.
func isEmpty(rows bigtable.RowSet) bool {
	switch set := rows.(type) {
	case bigtable.RowList:
		return len(set) == 0
	case bigtable.RowRangeList:
		return len(set) == 0
	}
	return false
}

// readRows reads and decodes rows. rowTimeout bounds the wait for each row from Bigtable. The time that the consumer of the
// sequence takes for a row does not count.
func readRows[T any](ctx context.Context, rowTimeout time.Duration, table *bigtable.Table, rows bigtable.RowSet,
	decode func(bigtable.Row) (T, error), options ...bigtable.ReadOption,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if isEmpty(rows) {
			return
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
			yield(zero, readError(ctx, err, "read rows"))
		}
	}
}

// fewColumns is the number of unwanted columns that a query reads nevertheless. A filter for each of the others, interleaved,
// costs Bigtable more than the cells of one or two columns.
const fewColumns = 2

// columnFilter returns a filter for the latest cells of at least some columns. It includes the city, a cell that every row has, because
// Bigtable omits rows without a matching cell.
func columnFilter(read columns) bigtable.Filter {
	latest := bigtable.LatestNFilter(1)
	var filters []bigtable.Filter
	all := customers.Columns()
	for _, c := range all {
		if c.Name == "city" || read.fields.contains(c.Name) {
			filters = append(filters, bigtable.ColumnRangeFilter(c.Family, c.Name, c.Name+"\x00"))
		}
	}
	if len(filters) >= len(all)-fewColumns {
		return latest
	}
	if c := customers.AmbiguousColumn; read.ambiguous {
		filters = append(filters, bigtable.ColumnRangeFilter(c.Family, c.Name, c.Name+"\x00"))
	}
	if len(filters) == 1 {
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
			if name == customers.AmbiguousColumn.Name {
				c.ambiguous = true
			}
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
		var err error
		switch _, name, _ := strings.Cut(cell.Column, ":"); name {
		case customers.NameColumn:
			c.City = string(cell.Value)
		case customers.CountColumn:
			c.Count, err = decodeCount(cell.Value)
		case customers.AmbiguousCountColumn:
			c.ambiguous, err = decodeCount(cell.Value)
		case customers.SpellingsColumn:
			c.hasAliases = true
			c.spellings, err = customers.DecodeSpellings(cell.Value)
		case customers.KnownAsColumn:
			err = encoding.Unmarshal(cell.Value, &c.knownAs)
		}
		if err != nil {
			return city{}, fmt.Errorf("decode %s of city %q: %w", cell.Column, r.Key(), err)
		}
	}
	return c, nil
}

// decodeCount decodes a decimal counter.
func decodeCount(value []byte) (int64, error) {
	n, err := strconv.ParseUint(string(value), 10, 63)
	return int64(n), err
}

// decodeAliases decodes a row of the table aliases: the places with one name.
func decodeAliases(r bigtable.Row) ([]customers.Alias, error) {
	var list []customers.Alias
	for _, cell := range r[customers.AliasFamily] {
		a, err := customers.ParseAlias(r.Key(), cell.Column, cell.Value)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}
