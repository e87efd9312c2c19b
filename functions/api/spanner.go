package main

import (
	"context"

	"cloud.google.com/go/spanner"
)

// spannerStore is the store in Spanner.
type spannerStore struct {
	db     *spanner.Client
	search searchMethod // "": searchIndex
}

// snapshot reads the database as it was at one timestamp.
type snapshot interface {
	// Query returns the rows of a statement.
	Query(ctx context.Context, s spanner.Statement) *spanner.RowIterator
	// Read returns the rows with the given keys, in the order of the keys.
	Read(ctx context.Context, table string, keys spanner.KeySet, columns []string) *spanner.RowIterator
	// ReadRow returns one row, or an error with the code NotFound.
	ReadRow(ctx context.Context, table string, key spanner.Key, columns []string) (*spanner.Row, error)
}

// inSnapshot calls f with a snapshot, so that all reads of f are consistent.
func (s spannerStore) inSnapshot(f func(snapshot) error) error {
	tx := s.db.ReadOnlyTransaction()
	defer tx.Close()
	return f(tx)
}

// collect appends the rows of it, decoded as structs, to the slice.
func collect[T any](it *spanner.RowIterator, to *[]T) error {
	return it.Do(func(row *spanner.Row) error {
		var v T
		if err := row.ToStruct(&v); err != nil {
			return err
		}
		*to = append(*to, v)
		return nil
	})
}
