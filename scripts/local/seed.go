package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"cloud.google.com/go/civil"
	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/scripts/data/customers/fake"
	"github.com/hybrid-bts/functions/scripts/data/customers/load"
	"github.com/hybrid-bts/functions/shared/fake/customerstest"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

//go:embed seed/products.json
var productsJSON []byte

//go:embed seed/reviews.json
var reviewsJSON []byte

// seedProduct is a line of the catalogue.
type seedProduct struct {
	ID       string     `json:"id"`
	Title    string     `json:"title"`
	Kind     string     `json:"kind"`
	Price    int64      `json:"price"` // in the currency's smallest unit
	Currency string     `json:"currency"`
	Released civil.Date `json:"released"`
	Keywords string     `json:"keywords"` // what else shoppers call it, in any language
}

// loadData loads what the system has before anybody uses it.
func loadData(ctx context.Context, e *engines) error {
	if err := loadProducts(ctx, e.spanner); err != nil {
		return err
	}
	return loadCustomers(ctx, e.bigtable.Addr)
}

// catalogue returns its lines.
func catalogue() ([]seedProduct, error) {
	var products []seedProduct
	if err := json.Unmarshal(productsJSON, &products); err != nil {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	return products, nil
}

// loadProducts writes the catalogue.
func loadProducts(ctx context.Context, srv *spannerdbtest.Server) error {
	products, err := catalogue()
	if err != nil {
		return err
	}
	db, err := spannerdb.Open(ctx, databaseName(), srv.Options()...)
	if err != nil {
		return err
	}
	defer db.Close()
	rows := make([]*spanner.Mutation, len(products))
	for i, p := range products {
		rows[i] = spanner.InsertOrUpdate("Products", []string{"Product", "Title", "Kind", "Price", "Currency", "Released", "Words"},
			[]any{p.ID, p.Title, p.Kind, p.Price, p.Currency, p.Released, spannerdb.Words(p.Title, p.Keywords)})
	}
	if _, err := db.Apply(ctx, rows); err != nil {
		return fmt.Errorf("load catalogue: %w", err)
	}
	return nil
}

// madeUp is how many made-up customers there are at the start.
const madeUp = 20_000

// loadCustomers makes the tables of customers in the Bigtable at addr, and loads made-up ones.
func loadCustomers(ctx context.Context, addr string) error {
	if err := customerstest.Create(ctx, addr, project, instance); err != nil {
		return err
	}
	client, err := customerstest.Open(ctx, addr, project, instance)
	if err != nil {
		return err
	}
	defer client.Close()
	var file bytes.Buffer
	if err := fake.Write(&file, madeUp, 1); err != nil {
		return err
	}
	loader := load.Loader{Client: client}
	if _, err := loader.Load(ctx, &file); err != nil {
		return fmt.Errorf("load customers: %w", err)
	}
	return nil
}

// submitReviews sends the first reviews through the intake at url, and waits until they are stored.
func submitReviews(ctx context.Context, url string) error {
	var bodies []json.RawMessage
	if err := json.Unmarshal(reviewsJSON, &bodies); err != nil {
		return fmt.Errorf("read first reviews: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	stored := make([]string, len(bodies))
	for i, body := range bodies {
		header := http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {"seed-" + strconv.Itoa(i)}}
		resp, err := do(ctx, http.MethodPost, url+"/v1/reviews", header, bytes.NewReader(body))
		if err != nil {
			return fmt.Errorf("submit first reviews: %w", err)
		}
		if resp.StatusCode != http.StatusAccepted {
			return fmt.Errorf("submit first review %d: %s", i, resp.Status)
		}
		stored[i] = url + resp.Header.Get("Location")
	}
	for _, at := range stored {
		for {
			resp, err := do(ctx, http.MethodGet, at, nil, nil)
			if err != nil {
				return fmt.Errorf("wait for the first reviews: %w", err)
			}
			if resp.StatusCode == http.StatusOK {
				break
			}
			sleep(ctx, 20*time.Millisecond)
		}
	}
	return nil
}
