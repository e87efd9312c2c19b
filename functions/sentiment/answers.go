package main

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/spanner"
)

// spannerAnswers keeps answers in the table Scores, which drops them after thirty days. It holds no text.
type spannerAnswers struct{ db *spanner.Client }

func (s spannerAnswers) answer(ctx context.Context, key string) (string, error) {
	row, err := s.db.Single().ReadRow(ctx, "Scores", spanner.Key{key}, []string{"Result"})
	if errors.Is(err, spanner.ErrRowNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read answer %s: %w", key, err)
	}
	var answer string
	if err := row.Columns(&answer); err != nil {
		return "", fmt.Errorf("read answer %s: %w", key, err)
	}
	return answer, nil
}

func (s spannerAnswers) keep(ctx context.Context, key, answer string) error {
	m := spanner.InsertOrUpdate("Scores", []string{"TextHash", "Result", "ScoredAt"}, []any{key, answer, spanner.CommitTimestamp})
	if _, err := s.db.Apply(ctx, []*spanner.Mutation{m}); err != nil {
		return fmt.Errorf("keep answer %s: %w", key, err)
	}
	return nil
}
