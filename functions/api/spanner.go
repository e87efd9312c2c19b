package main

import (
	"context"

	"cloud.google.com/go/spanner"
)

// spannerStore is the store in Spanner.
type spannerStore struct {
	db   *spanner.Client
	scan bool // search reads the whole catalogue: there is no index
}

// reader is a snapshot of the database.
type reader interface {
	Query(ctx context.Context, s spanner.Statement) *spanner.RowIterator
	Read(ctx context.Context, table string, keys spanner.KeySet, columns []string) *spanner.RowIterator
	ReadRow(ctx context.Context, table string, key spanner.Key, columns []string) (*spanner.Row, error)
}

// snapshot runs f on one moment of the database.
func (s spannerStore) snapshot(f func(reader) error) error {
	tx := s.db.ReadOnlyTransaction()
	defer tx.Close()
	return f(tx)
}

// collect appends all rows to a slice of structs.
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
