package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"cloud.google.com/go/civil"
	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/scripts/data/customers/generate"
	"github.com/hybrid-bts/functions/scripts/data/customers/load"
	"github.com/hybrid-bts/functions/shared/fake/customerstest"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

// productsJSON is the seed catalogue, a list of seedProduct.
//
//go:embed seed/products.json
var productsJSON []byte

// reviewsJSON is a list of request bodies of POST /v1/reviews.
//
//go:embed seed/reviews.json
var reviewsJSON []byte

// seedProduct is a product of the seed catalogue.
type seedProduct struct {
	// ID is part of URLs: lower-case letters, digits and hyphens.
	ID    string `json:"id"`
	Title string `json:"title"`
	// Kind is album, photobook, clothing, household or video.
	Kind string `json:"kind"`
	// Price is in the smallest unit of the currency.
	Price int64 `json:"price"`
	// Currency is an ISO 4217 code.
	Currency string     `json:"currency"`
	Released civil.Date `json:"released"`
	// Keywords are other words that shoppers search for, in any language.
	Keywords string `json:"keywords"`
}

// loadData loads the catalogue into Spanner and customers into Bigtable.
func loadData(ctx context.Context, e *engines) error {
	if err := loadProducts(ctx, e.spanner); err != nil {
		return fmt.Errorf("load the catalogue into Spanner: %w", err)
	}
	if err := loadCustomers(ctx, e.bigtable.Addr); err != nil {
		return fmt.Errorf("load customers into Bigtable: %w", err)
	}
	return nil
}

// catalogue returns the seed products.
func catalogue() ([]seedProduct, error) {
	var products []seedProduct
	if err := json.Unmarshal(productsJSON, &products); err != nil {
		return nil, fmt.Errorf("decode seed products: %w", err)
	}
	return products, nil
}

// loadProducts writes the seed products to Spanner.
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
	_, err = db.Apply(ctx, rows)
	return err
}

// generatedCustomers is the number of generated customers.
const generatedCustomers = 20_000

// loadCustomers creates the customer tables in the Bigtable at addr, and loads generated customers. The seed of the generator is
// constant, so that README.md can show responses.
func loadCustomers(ctx context.Context, addr string) error {
	instance := tableValue("BIGTABLE_INSTANCE")
	if err := customerstest.Create(ctx, addr, project, instance); err != nil {
		return err
	}
	client, err := customerstest.Open(ctx, addr, project, instance)
	if err != nil {
		return err
	}
	defer client.Close()
	var file bytes.Buffer
	if err := generate.Write(&file, generatedCustomers, 1); err != nil {
		return err
	}
	loader := load.Loader{Client: client}
	_, err = loader.Load(ctx, &file)
	return err
}

// submitReviews submits the seed reviews to the gateway at url, and returns once all of them are stored, or after a minute with an
// error. Errors name the function, the URL and the response.
func submitReviews(ctx context.Context, url string) error {
	var bodies []json.RawMessage
	if err := json.Unmarshal(reviewsJSON, &bodies); err != nil {
		return fmt.Errorf("decode seed reviews: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	const intake = "/v1/reviews"
	stored := make([]string, len(bodies))
	for i, body := range bodies {
		header := http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {"seed-" + strconv.Itoa(i)}}
		resp, err := do(ctx, http.MethodPost, url+intake, header, bytes.NewReader(body))
		if err != nil {
			return fmt.Errorf("submit seed review %d of %d to function %s: %w", i+1, len(bodies), routeOf(intake), err)
		}
		if resp.StatusCode != http.StatusAccepted {
			return fmt.Errorf("submit seed review %d of %d to function %s: POST %s: %s: %.200s",
				i+1, len(bodies), routeOf(intake), url+intake, resp.Status, bytes.TrimSpace(resp.body))
		}
		stored[i] = resp.Header.Get("Location")
	}
	for i, path := range stored {
		if err := awaitReview(ctx, url, path); err != nil {
			return fmt.Errorf("wait for seed review %d of %d in function %s: %w", i+1, len(bodies), routeOf(path), err)
		}
	}
	return nil
}

// awaitReview returns nil once the review at a path is stored. The API answers 404 until then.
func awaitReview(ctx context.Context, url, path string) error {
	last := errors.New("no response")
	for ctx.Err() == nil {
		resp, err := do(ctx, http.MethodGet, url+path, nil, nil)
		switch {
		case err != nil:
			if ctx.Err() == nil {
				return err
			}
		case resp.StatusCode == http.StatusOK:
			return nil
		default:
			last = fmt.Errorf("GET %s: %s: %.200s", url+path, resp.Status, bytes.TrimSpace(resp.body))
		}
		sleep(ctx, 20*time.Millisecond)
	}
	return fmt.Errorf("%w; the last response: %w", ctx.Err(), last)
}
