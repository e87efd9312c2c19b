package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/spanner"
	"google.golang.org/grpc/codes"
)

// spannerStore is the store in Spanner.
type spannerStore struct{ db *spanner.Client }

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

// translate turns the errors of Spanner into ours, and says what was tried.
func translate(err error, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errErased):
		return fmt.Errorf("%s: %w", what, err)
	case errors.Is(err, errNotFound), errors.Is(err, spanner.ErrRowNotFound):
		return fmt.Errorf("%s: %w", what, errNotFound)
	}
	switch spanner.ErrCode(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted:
		return fmt.Errorf("%s: %w: %w", what, errUnavailable, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

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

func (s spannerStore) products(ctx context.Context, after *cursor, limit int) ([]product, error) {
	from := ""
	if after != nil {
		from = after.ID
	}
	var found []product
	err := s.snapshot(func(r reader) error {
		var rows []productRow
		err := collect(r.Query(ctx, spanner.Statement{
			SQL:    "SELECT " + strings.Join(productColumns, ", ") + " FROM Products WHERE Product > @from ORDER BY Product LIMIT @limit",
			Params: map[string]any{"from": from, "limit": int64(limit)},
		}), &rows)
		if err != nil {
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
	return found, translate(err, "list products after %q", from)
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
	return p, translate(err, "read product %q", id)
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
		return nil
	})
	return found, translate(err, "read rating of %q", product)
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

var reviewColumns = []string{"Review", "Product", "Status", "Rating", "Text", "Author", "Language", "Score", "Magnitude", "ScoredBy",
	"SubmittedAt", "EditedAt", "PublishedAt", "Photos"}

type reviewRow struct {
	Review, Product, Status string
	Rating                  int64
	Text, Author            string
	Language                *string
	Score, Magnitude        *float64
	ScoredBy                *string
	SubmittedAt             time.Time
	EditedAt, PublishedAt   *time.Time
	Photos                  []string
}

func (r reviewRow) review() review {
	return review{
		ID: r.Review, Product: r.Product, Status: r.Status, Rating: r.Rating, Text: r.Text, Author: r.Author, Language: r.Language,
		Score: r.Score, Magnitude: r.Magnitude, ScoredBy: r.ScoredBy, SubmittedAt: r.SubmittedAt, EditedAt: r.EditedAt, PublishedAt: r.PublishedAt, Objects: r.Photos,
	}
}

func (s spannerStore) review(ctx context.Context, product, id string) (review, error) {
	row, err := s.db.Single().ReadRow(ctx, "Reviews", spanner.Key{product, id}, reviewColumns)
	var found reviewRow
	if err == nil {
		err = row.ToStruct(&found)
	}
	return found.review(), translate(err, "read review %s of %q", id, product)
}

func (s spannerStore) reviews(ctx context.Context, product string, after *cursor, limit int) ([]review, error) {
	q := spanner.Statement{
		SQL:    "SELECT " + strings.Join(reviewColumns, ", ") + " FROM Reviews WHERE Product = @product AND Status = 'published'",
		Params: map[string]any{"product": product, "limit": int64(limit)},
	}
	if after != nil {
		q.SQL += " AND (SubmittedAt < @at OR (SubmittedAt = @at AND Review > @id))"
		q.Params["at"], q.Params["id"] = after.At, after.ID
	}
	q.SQL += " ORDER BY SubmittedAt DESC, Review LIMIT @limit"
	var rows []reviewRow
	err := s.snapshot(func(r reader) error {
		if err := mustHave(ctx, r, product); err != nil {
			return err
		}
		return collect(r.Query(ctx, q), &rows)
	})
	found := make([]review, len(rows))
	for i, r := range rows {
		found[i] = r.review()
	}
	return found, translate(err, "list reviews of %q", product)
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
