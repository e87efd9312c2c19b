package main

import (
	"context"
	"fmt"
	"log/slog"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// auditMutations returns the mutations that add an entry for a change of a review. A nil record means an erased review.
// It returns none for a nil entry, and for one that a former delivery stored; then it sets the states of the stored one.
func auditMutations(ctx context.Context, tx rowReader, e *auditEntry, before, after *record) ([]*spanner.Mutation, error) {
	if e == nil {
		return nil, nil
	}
	e.describe(before, after)
	return insertAudit(ctx, tx, e)
}

// insertAudit is auditMutations for an entry that has its states.
func insertAudit(ctx context.Context, tx rowReader, e *auditEntry) ([]*spanner.Mutation, error) {
	stored, err := readRow(ctx, tx, "Audit", spanner.Key{e.Product, e.Review, e.Entry}, columnsOf[auditEntry](), e)
	if err != nil || stored {
		return nil, err
	}
	row := *e
	row.StoredAt = spanner.CommitTimestamp
	m, err := spanner.InsertStruct("Audit", row)
	return []*spanner.Mutation{m}, err
}

// logAudit writes a stored entry to the log. A redelivery writes it again, with the same ID, because an earlier delivery
// may have stopped before it wrote to the log.
func logAudit(ctx context.Context, e *auditEntry) {
	if e != nil {
		slog.InfoContext(ctx, "operator acted", e.logValues()...)
	}
}

// clearReasons returns the mutations that empty the reasons of all entries of a review.
func clearReasons(ctx context.Context, tx *spanner.ReadWriteTransaction, k review.Key) (writes []*spanner.Mutation, err error) {
	it := tx.Read(ctx, "Audit", spanner.Key{k.Product, k.Review}.AsPrefix(), []string{"Entry"})
	err = it.Do(func(row *spanner.Row) error {
		var entry string
		if err := row.Columns(&entry); err != nil {
			return err
		}
		writes = append(writes, spanner.Update("Audit", []string{"Product", "Review", "Entry", "Reason"}, []any{k.Product, k.Review, entry, ""}))
		return nil
	})
	return writes, err
}

// recordLetterAction stores the entry of an action on a dead letter.
func (s spannerStore) recordLetterAction(ctx context.Context, a review.LetterAction) error {
	e := auditOf(a)
	_, err := s.db.ReadWriteTransaction(ctx, func(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
		writes, err := insertAudit(ctx, tx, e)
		if err != nil || len(writes) == 0 {
			return err
		}
		return tx.BufferWrite(writes)
	})
	if err != nil {
		return fmt.Errorf("record %s: %w", e, err)
	}
	logAudit(ctx, e)
	return nil
}
