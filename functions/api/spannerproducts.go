package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/clouderr/spannererr"
	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

var productColumns = []string{"Product", "Title", "Kind", "Price", "Currency", "Released"}

type productRow struct {
	Product, Title, Kind string
	Price                int64
	Currency             string
	Released             spanner.NullDate
}

func (r productRow) product(sums map[string]*sum) product {
	p := product{ID: r.Product, Title: r.Title, Kind: r.Kind, Price: r.Price, Currency: r.Currency}
	if r.Released.Valid {
		p.Released = r.Released.Date.String()
	}
	if s := sums[r.Product]; s != nil {
		p.Rating = s.summary()
	}
	return p
}

func (s spannerStore) products(ctx context.Context, q productQuery, after *cursor, limit int) ([]product, error) {
	from := ""
	if after != nil {
		from = after.ID
	}
	statement, some := s.selectProducts(q, from, limit)
	if !some {
		return []product{}, nil
	}
	var found []product
	err := s.snapshot(func(r reader) error {
		var rows []productRow
		if err := collect(r.Query(ctx, statement), &rows); err != nil {
			return err
		}
		ids := make([]string, len(rows))
		for i, p := range rows {
			ids[i] = p.Product
		}
		sums, err := readSums(ctx, r, ids...)
		if err != nil {
			return err
		}
		found = make([]product, len(rows))
		for i, p := range rows {
			found[i] = p.product(sums)
		}
		return nil
	})
	return found, spannererr.Wrap(err, "list products after %q", from)
}

// selectProducts returns the statement of a query; none when nothing can be found, since what is looked
// for holds no word. With the index as without it every word has to be there, or a part of one.
func (s spannerStore) selectProducts(q productQuery, from string, limit int) (spanner.Statement, bool) {
	table, where := "Products", []string{"Product > @from"}
	params := map[string]any{"from": from, "limit": int64(limit)}
	if q.kind != "" {
		where = append(where, "Kind = @kind")
		params["kind"] = q.kind
	}
	words := spannerdb.Words(q.q)
	switch {
	case strings.TrimSpace(q.q) == "":
	case words == "":
		return spanner.Statement{}, false
	case s.scan:
		for i, w := range strings.Fields(words) {
			name := fmt.Sprintf("word%d", i)
			where = append(where, "Words LIKE @"+name)
			params[name] = "%" + w + "%" // letters and digits, so no wildcard of LIKE
		}
	default:
		table += "@{FORCE_INDEX=ProductsByWords}"
		where = append(where, "SEARCH_SUBSTRING(WordTokens, @words)")
		params["words"] = words
	}
	return spanner.Statement{
		SQL: "SELECT " + strings.Join(productColumns, ", ") + " FROM " + table + " WHERE " + strings.Join(where, " AND ") +
			" ORDER BY Product LIMIT @limit",
		Params: params,
	}, true
}

func (s spannerStore) product(ctx context.Context, id string) (product, error) {
	var p product
	err := s.snapshot(func(r reader) error {
		row, err := r.ReadRow(ctx, "Products", spanner.Key{id}, productColumns)
		if err != nil {
			return err
		}
		var found productRow
		if err := row.ToStruct(&found); err != nil {
			return err
		}
		sums, err := readSums(ctx, r, id)
		p = found.product(sums)
		return err
	})
	return p, spannererr.Wrap(err, "read product %q", id)
}

func (s spannerStore) rating(ctx context.Context, product string) (rating, error) {
	var found rating
	err := s.snapshot(func(r reader) error {
		if err := mustHave(ctx, r, product); err != nil {
			return err
		}
		sums, err := readSums(ctx, r, product)
		if err != nil {
			return err
		}
		found = sums[product].rating()
		found.Aspects, err = readAspects(ctx, r, product)
		return err
	})
	return found, spannererr.Wrap(err, "read rating of %q", product)
}

// mustHave returns errNotFound when the catalogue lacks the product.
func mustHave(ctx context.Context, r reader, product string) error {
	_, err := r.ReadRow(ctx, "Products", spanner.Key{product}, []string{"Product"})
	return err
}

// sum adds up the shards of a rating. The zero sum, and nil, is that of no review.
type sum struct {
	stars               [5]int64
	scored, scoreMicros int64
}

// readSums returns the sums of those of the products that have any.
func readSums(ctx context.Context, r reader, products ...string) (map[string]*sum, error) {
	sums := map[string]*sum{}
	if len(products) == 0 {
		return sums, nil // Spanner refuses to read no keys
	}
	var keys []spanner.KeySet
	for _, p := range products {
		keys = append(keys, spanner.Key{p}.AsPrefix())
	}
	columns := []string{"Product", "Stars1", "Stars2", "Stars3", "Stars4", "Stars5", "Scored", "ScoreMicros"}
	err := r.Read(ctx, "Ratings", spanner.KeySets(keys...), columns).Do(func(row *spanner.Row) error {
		var product string
		var shard sum
		if err := row.Columns(&product, &shard.stars[0], &shard.stars[1], &shard.stars[2], &shard.stars[3], &shard.stars[4],
			&shard.scored, &shard.scoreMicros); err != nil {
			return err
		}
		if sums[product] == nil {
			sums[product] = &sum{}
		}
		sums[product].add(shard)
		return nil
	})
	return sums, err
}

func (s *sum) add(shard sum) {
	for i, n := range shard.stars {
		s.stars[i] += n
	}
	s.scored += shard.scored
	s.scoreMicros += shard.scoreMicros
}

func (s *sum) summary() summary {
	var count, total int64
	for i, n := range s.stars {
		count += n
		total += n * int64(i+1)
	}
	if count == 0 {
		return summary{}
	}
	return summary{Count: count, Average: float64(total) / float64(count)}
}

func (s *sum) rating() rating {
	if s == nil {
		s = &sum{}
	}
	of := s.summary()
	r := rating{Count: of.Count, Average: of.Average, Stars: map[string]int64{}}
	for i, n := range s.stars {
		r.Stars[string(rune('1'+i))] = n
	}
	if s.scored > 0 {
		mean := float64(s.scoreMicros) / 1e6 / float64(s.scored)
		r.Score = &mean
	}
	return r
}

// readAspects returns what the reviews of a product speak of, the most mentioned first.
func readAspects(ctx context.Context, r reader, product string) ([]aspectSummary, error) {
	type sum struct{ mentions, scoreMicros int64 }
	sums := map[string]sum{}
	err := r.Read(ctx, "AspectSums", spanner.Key{product}.AsPrefix(), []string{"Aspect", "Mentions", "ScoreMicros"}).Do(func(row *spanner.Row) error {
		var name string
		var shard sum
		if err := row.Columns(&name, &shard.mentions, &shard.scoreMicros); err != nil {
			return err
		}
		of := sums[name]
		sums[name] = sum{of.mentions + shard.mentions, of.scoreMicros + shard.scoreMicros}
		return nil
	})
	found := []aspectSummary{}
	for name, s := range sums {
		if s.mentions > 0 {
			found = append(found, aspectSummary{name, s.mentions, float64(s.scoreMicros) / 1e6 / float64(s.mentions)})
		}
	}
	slices.SortFunc(found, func(a, b aspectSummary) int {
		return cmp.Or(cmp.Compare(b.Mentions, a.Mentions), cmp.Compare(a.Name, b.Name))
	})
	return found, err
}
