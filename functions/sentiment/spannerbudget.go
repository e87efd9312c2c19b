package main

import (
	"context"
	"fmt"

	"cloud.google.com/go/spanner"
)

// spannerUnits holds reserved moderation units in table ModerationUnits.
type spannerUnits struct{ db *spanner.Client }

func (s spannerUnits) reserve(ctx context.Context, day string, shard, want, limit int64) (granted int64, err error) {
	_, err = s.db.ReadWriteTransaction(ctx, func(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
		row := struct{ Units int64 }{}
		if _, err := readRow(ctx, tx, "ModerationUnits", spanner.Key{day, shard}, []string{"Units"}, &row); err != nil {
			return err
		}
		if granted = max(0, min(want, limit-row.Units)); granted == 0 {
			return nil
		}
		return tx.BufferWrite([]*spanner.Mutation{spanner.InsertOrUpdate("ModerationUnits", []string{"Day", "Shard", "Units", "ReservedAt"},
			[]any{day, shard, row.Units + granted, spanner.CommitTimestamp})})
	})
	if err != nil {
		return 0, fmt.Errorf("reserve moderation units of %s: %w", day, err)
	}
	return granted, nil
}
