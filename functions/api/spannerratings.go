package main

import (
	"context"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/clouderr/spannererr"
)

// rating implements store. One snapshot gives totals and aspects of the same reviews.
func (s spannerStore) rating(ctx context.Context, product string) (rating, error) {
	var found rating
	err := s.inSnapshot(func(r snapshot) error {
		if err := checkProduct(ctx, r, product); err != nil {
			return err
		}
		totals, err := readRatingTotals(ctx, r, product)
		if err != nil {
			return err
		}
		aspects, err := readAspectTotals(ctx, r, product)
		found = totals[product].rating(summarizeAspects(aspects))
		return err
	})
	return found, spannererr.Wrap(err, "read rating of %q", product)
}

// readRatingTotals returns the totals of the products by id, without products that have no rating rows. A rating has a
// row for each shard, which lets the review writer update it concurrently.
func readRatingTotals(ctx context.Context, r snapshot, products ...string) (map[string]*ratingTotals, error) {
	totals := map[string]*ratingTotals{}
	if len(products) == 0 {
		return totals, nil // Spanner rejects an empty key set
	}
	var keys []spanner.KeySet
	for _, p := range products {
		keys = append(keys, spanner.Key{p}.AsPrefix())
	}
	columns := []string{"Product", "Stars1", "Stars2", "Stars3", "Stars4", "Stars5", "Scored", "ScoreMicros"}
	err := r.Read(ctx, "Ratings", spanner.KeySets(keys...), columns).Do(func(row *spanner.Row) error {
		var product string
		var shard ratingTotals
		if err := row.Columns(&product, &shard.stars[0], &shard.stars[1], &shard.stars[2], &shard.stars[3], &shard.stars[4],
			&shard.scored, &shard.scoreMicros); err != nil {
			return err
		}
		if totals[product] == nil {
			totals[product] = &ratingTotals{}
		}
		totals[product].add(shard)
		return nil
	})
	return totals, err
}

// readAspectTotals returns the totals of a product's aspects by name, added up over the shards.
func readAspectTotals(ctx context.Context, r snapshot, product string) (map[string]aspectTotals, error) {
	totals := map[string]aspectTotals{}
	rows := r.Read(ctx, "AspectSums", spanner.Key{product}.AsPrefix(), []string{"Aspect", "Mentions", "ScoreMicros"})
	err := rows.Do(func(row *spanner.Row) error {
		var name string
		var shard aspectTotals
		if err := row.Columns(&name, &shard.mentions, &shard.scoreMicros); err != nil {
			return err
		}
		t := totals[name]
		totals[name] = aspectTotals{t.mentions + shard.mentions, t.scoreMicros + shard.scoreMicros}
		return nil
	})
	return totals, err
}
