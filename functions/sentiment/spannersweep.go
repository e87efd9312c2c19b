package main

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

func (s spannerStore) toJudge(ctx context.Context, now time.Time, limit int) (due []review.Key, err error) {
	it := s.db.Single().Query(ctx, spanner.Statement{
		SQL: "SELECT Product, Review FROM Reviews@{FORCE_INDEX=ReviewsToJudge} WHERE JudgeAt IS NOT NULL AND JudgeAt <= @now " +
			"ORDER BY JudgeAt LIMIT @limit",
		Params: map[string]any{"now": now, "limit": int64(limit)},
	})
	err = it.Do(func(row *spanner.Row) error {
		var k review.Key
		if err := row.Columns(&k.Product, &k.Review); err != nil {
			return err
		}
		due = append(due, k)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("query reviews to judge: %w", err)
	}
	return due, nil
}

func (s spannerStore) judge(ctx context.Context, k review.Key, revision int64, found judgement) (outcome, error) {
	return s.update(ctx, "judge", k, func(_ context.Context, _ *spanner.ReadWriteTransaction, r *record) ([]*spanner.Mutation, error) {
		r.setJudgement(revision, found)
		return nil, nil
	})
}

func (s spannerStore) postponeJudgement(ctx context.Context, k review.Key, revision int64, until time.Time) error {
	_, err := s.update(ctx, "postpone the judgement of", k, func(_ context.Context, _ *spanner.ReadWriteTransaction, r *record) ([]*spanner.Mutation, error) {
		r.postponeJudgement(revision, until)
		return nil, nil
	})
	return err
}
