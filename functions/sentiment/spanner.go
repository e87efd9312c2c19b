package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/review"
)

// shards is how many rows the rating of a product is kept in. One row takes some hundred
// transactions a second, being locked during each; sixteen take what the busiest product gets.
const shards = 16

// noProduct is why a review of a product that the catalogue lacks is held.
const noProduct = "unknown product"

// spannerStore is the store in Spanner.
type spannerStore struct{ db *spanner.Client }

func (s spannerStore) has(ctx context.Context, product, id string) (bool, error) {
	_, err := s.db.Single().ReadRow(ctx, "Reviews", spanner.Key{product, id}, []string{"Review"})
	if errors.Is(err, spanner.ErrRowNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for review %s of %s: %w", id, product, err)
	}
	return true, nil
}

func (s spannerStore) add(ctx context.Context, r review.Review, found assessment) error {
	_, err := s.db.ReadWriteTransaction(ctx, func(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
		if there, err := exists(ctx, tx, "Reviews", "Review", spanner.Key{r.Product, r.ID}); err != nil || there {
			return err
		}
		known, err := exists(ctx, tx, "Products", "Product", spanner.Key{r.Product})
		if err != nil {
			return err
		}
		if !known {
			return tx.BufferWrite([]*spanner.Mutation{insert(r, found, false)})
		}
		counted, err := readShard(ctx, tx, r.Product, shardOf(r.ID))
		if err != nil {
			return err
		}
		counted.count(r.Rating, found.sentiment)
		// The insert goes first: it may fail, and an engine without roll-back keeps what went before.
		return tx.BufferWrite([]*spanner.Mutation{insert(r, found, true), counted.mutation()})
	})
	if err != nil {
		return fmt.Errorf("store review %s of %s: %w", r.ID, r.Product, err)
	}
	return nil
}

func exists(ctx context.Context, tx *spanner.ReadWriteTransaction, table, column string, key spanner.Key) (bool, error) {
	_, err := tx.ReadRow(ctx, table, key, []string{column})
	if errors.Is(err, spanner.ErrRowNotFound) {
		return false, nil
	}
	return err == nil, err
}

// insert is the row of a review, published or held.
func insert(r review.Review, found assessment, published bool) *spanner.Mutation {
	row := map[string]any{
		"Product": r.Product, "Review": r.ID, "Rating": int64(r.Rating), "Text": r.Text, "Author": r.Author, "Locale": r.Locale,
		"SubmittedAt": r.SubmittedAt, "StoredAt": spanner.CommitTimestamp,
		"Language": spanner.NullString{StringVal: found.language, Valid: found.language != ""},
	}
	if len(r.Photos) > 0 {
		row["Photos"] = r.Photos
	}
	if found.scored {
		row["Score"], row["Magnitude"], row["ScoredBy"] = found.score, found.magnitude, found.by
	}
	if published {
		row["Status"], row["PublishedAt"] = "published", spanner.CommitTimestamp
	} else {
		row["Status"], row["HeldFor"] = "held", noProduct
	}
	return spanner.InsertMap("Reviews", row)
}

// shard is one row of a product's rating.
type shard struct {
	Product     string
	Shard       int64
	Stars1      int64
	Stars2      int64
	Stars3      int64
	Stars4      int64
	Stars5      int64
	Scored      int64
	ScoreMicros int64
}

// columns are those of shard.
var columns = []string{"Product", "Shard", "Stars1", "Stars2", "Stars3", "Stars4", "Stars5", "Scored", "ScoreMicros"}

// shardOf returns the shard that counts a review: always the same one, so that what takes the review
// back takes it from where it was counted.
func shardOf(id string) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	return int64(h.Sum32() % shards)
}

func readShard(ctx context.Context, tx *spanner.ReadWriteTransaction, product string, n int64) (*shard, error) {
	row, err := tx.ReadRow(ctx, "Ratings", spanner.Key{product, n}, columns)
	if errors.Is(err, spanner.ErrRowNotFound) {
		return &shard{Product: product, Shard: n}, nil
	}
	if err != nil {
		return nil, err
	}
	var s shard
	if err := row.ToStruct(&s); err != nil {
		return nil, err
	}
	return &s, nil
}

// count adds a review with that many stars.
func (s *shard) count(rating int, found sentiment) {
	*[]*int64{&s.Stars1, &s.Stars2, &s.Stars3, &s.Stars4, &s.Stars5}[rating-1]++
	if found.scored {
		s.Scored++
		s.ScoreMicros += int64(math.Round(found.score * 1e6))
	}
}

func (s *shard) mutation() *spanner.Mutation {
	return spanner.InsertOrUpdate("Ratings", columns,
		[]any{s.Product, s.Shard, s.Stars1, s.Stars2, s.Stars3, s.Stars4, s.Stars5, s.Scored, s.ScoreMicros})
}
