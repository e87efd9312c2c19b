package main

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/clouderr/spannererr"
)

// productColumns are the columns of a productRow.
var productColumns = []string{"Product", "Title", "Kind", "Price", "Currency", "Released"}

// productRow is a row of the table Products.
type productRow struct {
	Product, Title, Kind string
	Price                int64
	Currency             string
	Released             spanner.NullDate
}

// product returns the product of the row. The totals are those of readRatingTotals.
func (r productRow) product(totals map[string]*ratingTotals) product {
	p := product{
		ID: r.Product, Title: r.Title, Kind: r.Kind, Price: r.Price, Currency: r.Currency, Rating: totals[r.Product].summary(),
	}
	if r.Released.Valid {
		p.Released = r.Released.Date.String()
	}
	return p
}

// products implements store.
func (s spannerStore) products(ctx context.Context, q productQuery, after *cursor, limit int) ([]product, error) {
	afterID := ""
	if after != nil {
		afterID = after.ID
	}
	products := []product{}
	err := s.inSnapshot(func(r snapshot) error {
		var rows []productRow
		if err := collect(r.Query(ctx, s.selectProducts(q, afterID, limit)), &rows); err != nil {
			return err
		}
		ids := make([]string, len(rows))
		for i, row := range rows {
			ids[i] = row.Product
		}
		totals, err := readRatingTotals(ctx, r, ids...)
		if err != nil {
			return err
		}
		for _, row := range rows {
			products = append(products, row.product(totals))
		}
		return nil
	})
	return products, spannererr.Wrap(err, "list products after %q", afterID)
}

// selectProducts returns the statement of a query. Both search methods require every word.
func (s spannerStore) selectProducts(q productQuery, afterID string, limit int) spanner.Statement {
	table, where := "Products", []string{"Product > @after"}
	params := map[string]any{"after": afterID, "limit": int64(limit)}
	if q.kind != "" {
		where = append(where, "Kind = @kind")
		params["kind"] = q.kind
	}
	switch words := q.words(); {
	case len(words) == 0:
	case s.search == searchScan:
		for i, w := range words {
			name := fmt.Sprintf("word%d", i)
			where = append(where, "Words LIKE @"+name)
			params[name] = "%" + w + "%" // w has no wildcard of LIKE
		}
	default:
		table += "@{FORCE_INDEX=ProductsByWords}"
		where = append(where, "SEARCH_SUBSTRING(WordTokens, @words)")
		params["words"] = strings.Join(words, " ")
	}
	return spanner.Statement{
		SQL: "SELECT " + strings.Join(productColumns, ", ") + " FROM " + table + " WHERE " + strings.Join(where, " AND ") +
			" ORDER BY Product LIMIT @limit",
		Params: params,
	}
}

// product implements store.
func (s spannerStore) product(ctx context.Context, id string) (product, error) {
	var p product
	err := s.inSnapshot(func(r snapshot) error {
		row, err := r.ReadRow(ctx, "Products", spanner.Key{id}, productColumns)
		if err != nil {
			return err
		}
		var stored productRow
		if err := row.ToStruct(&stored); err != nil {
			return err
		}
		totals, err := readRatingTotals(ctx, r, id)
		p = stored.product(totals)
		return err
	})
	return p, spannererr.Wrap(err, "read product %q", id)
}

// checkProduct returns spanner.ErrRowNotFound if the catalogue lacks the product.
func checkProduct(ctx context.Context, r snapshot, product string) error {
	_, err := r.ReadRow(ctx, "Products", spanner.Key{product}, []string{"Product"})
	return err
}
