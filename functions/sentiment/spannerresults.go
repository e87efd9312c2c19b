package main

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/spanner"
)

// spannerResults is the result cache in table Scores, whose deletion policy drops entries after thirty days. The table has
// hashes of texts as keys, no texts.
type spannerResults struct{ db *spanner.Client }

func (s spannerResults) get(ctx context.Context, key string) (string, error) {
	row, err := s.db.Single().ReadRow(ctx, "Scores", spanner.Key{key}, []string{"Result"})
	if errors.Is(err, spanner.ErrRowNotFound) {
		return "", nil
	}
	var result string
	if err == nil {
		err = row.Columns(&result)
	}
	if err != nil {
		return "", fmt.Errorf("read cached result %s: %w", key, err)
	}
	return result, nil
}

func (s spannerResults) put(ctx context.Context, key, result string) error {
	m := spanner.InsertOrUpdate("Scores", []string{"TextHash", "Result", "ScoredAt"}, []any{key, result, spanner.CommitTimestamp})
	if _, err := s.db.Apply(ctx, []*spanner.Mutation{m}); err != nil {
		return fmt.Errorf("write cached result %s: %w", key, err)
	}
	return nil
}
