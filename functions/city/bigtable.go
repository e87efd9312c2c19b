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
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// tables is the store in Bigtable.
type tables struct {
	customersTable, citiesTable *bigtable.Table
	patience                    time.Duration // with Bigtable, for the next row
}

func newTables(client *bigtable.Client) tables {
	return tables{client.Open(customers.Table), client.Open(customers.Cities), deadline}
}

// errSlow is why a read ended that got no row for too long.
var errSlow = fmt.Errorf("no row in time: %w", errUnavailable)

// translate turns the errors of Bigtable into ours, and says what was tried.
func translate(ctx context.Context, err error, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if errors.Is(context.Cause(ctx), errSlow) {
		return fmt.Errorf("%s: %w", what, errSlow)
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted:
		return fmt.Errorf("%s: %w: %w", what, errUnavailable, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (t tables) customers(ctx context.Context, from, to string, limit int, chosen fields) iter.Seq2[customer, error] {
	options := []bigtable.ReadOption{bigtable.RowFilter(project(chosen))}
	if limit > 0 {
		options = append(options, bigtable.LimitRows(int64(limit)))
	}
	return read(ctx, t.patience, t.customersTable, from, to, decodeCustomer, options...)
}

func (t tables) cities(ctx context.Context, from, to string) iter.Seq2[city, error] {
	filter := bigtable.RowFilter(bigtable.ChainFilters(bigtable.ColumnRangeFilter(customers.City, "", ""), bigtable.LatestNFilter(1)))
	return func(yield func(city, error) bool) {
		for c, err := range read(ctx, t.patience, t.citiesTable, from, to, decodeCity, filter) {
			if err == nil && c.Count == 0 {
				continue // everybody moved away
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

// read reads the rows from one key up to another, where "" is the end of the table.
func read[T any](ctx context.Context, patience time.Duration, table *bigtable.Table, from, to string,
	decode func(bigtable.Row) (T, error), options ...bigtable.ReadOption,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		rows := bigtable.InfiniteRange(from)
		if to != "" {
			rows = bigtable.NewRange(from, to)
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		late := time.AfterFunc(patience, func() { cancel(errSlow) })
		defer late.Stop()
		wanted := true
		var undecoded error
		err := table.ReadRows(ctx, rows, func(r bigtable.Row) bool {
			late.Stop() // the time of whom we read for is not Bigtable's
			var v T
			if v, undecoded = decode(r); undecoded != nil {
				return false
			}
			wanted = yield(v, nil)
			late.Reset(patience)
			return wanted
		}, options...)
		if err == nil {
			err = undecoded
		}
		if err != nil && wanted {
			var none T
			yield(none, translate(ctx, err, "read rows from %q to %q", from, to))
		}
	}
}

// project lets through the latest cell of the chosen columns, and of the city, which every row has:
// a row that has none of the others must be read too.
func project(chosen fields) bigtable.Filter {
	latest := bigtable.LatestNFilter(1)
	var columns []bigtable.Filter
	all := customers.Columns()
	for _, c := range all {
		if c.Name == "city" || chosen.has(c.Name) {
			columns = append(columns, bigtable.ColumnRangeFilter(c.Family, c.Name, c.Name+"\x00"))
		}
	}
	switch len(columns) {
	case len(all):
		return latest
	case 1:
		return bigtable.ChainFilters(columns[0], latest)
	}
	return bigtable.ChainFilters(bigtable.InterleaveFilters(columns...), latest)
}

func (f fields) has(name string) bool {
	for _, i := range f {
		if fieldNames[i] == name {
			return true
		}
	}
	return false
}

func decodeCustomer(r bigtable.Row) (customer, error) {
	key, err := customers.Parse(r.Key())
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

func decodeCity(r bigtable.Row) (city, error) {
	key, err := customers.Parse(r.Key())
	if err != nil {
		return city{}, err
	}
	c := city{City: key.City, Country: strings.ToUpper(key.Country), key: r.Key()}
	for _, cell := range r[customers.City] {
		switch _, name, _ := strings.Cut(cell.Column, ":"); name {
		case customers.NameColumn:
			c.City = string(cell.Value)
		case customers.CountColumn:
			if c.Count, err = strconv.ParseInt(string(cell.Value), 10, 64); err != nil {
				return city{}, fmt.Errorf("read the count of %q: %w", r.Key(), err)
			}
		}
	}
	return c, nil
}
