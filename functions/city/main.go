// City is the function that lists the customers of a city.
//
// Trigger: HTTP, GET and HEAD, for analysts who use curl; registered with the Functions Framework. The function is
// stateless. Its responses are personal data, so it must not be deployed for unauthenticated callers.
//
//	GET /v1/cities/{city}/customers   the customers of a city, in the order of country and ID
//	GET /v1/cities?prefix=par         the cities with this name prefix and their numbers of customers
//	GET /healthz                      200 while the function serves; Cloud Run hides the path from clients
//
//	parameter    meaning for customers                                       default
//	country      country such as FR, or subdivision such as US-TX;           all countries
//	             US includes all its subdivisions
//	fields       fields of a customer, also the column order of CSV,         all
//	             such as name,joined
//	format       json, ndjson, csv or parquet; overrides the Accept header   json
//	bom          true starts CSV with a byte order mark, for Excel           true for format=csv from a
//	                                                                         browser, else false
//	page_size    maximum number of customers in a page, 1 to 1000            50
//	page_token   next_page_token of the previous page                        the first page
//
// City names match in any case, width, Unicode composition and spacing; accents count. A city without customers has an
// empty list and a count of 0. JSON comes in pages with an ETag. NDJSON, CSV and Parquet are one stream of the whole city,
// NDJSON and CSV compressed with gzip on request; the function's memory does not grow with the city.
//
// A client can detect an incomplete stream in three ways: the connection breaks (curl exits with 18, gunzip fails), the
// trailer X-Stream-Status is not "complete", or the last byte is not a newline, because the function sends the last
// newline after everything else; a Parquet file lacks its footer. The client must repeat the request from the start; a stream cannot be resumed.
//
// Pages and streams are not snapshots. The function reads each row atomically, in key order. A customer who stays in the
// city during the read appears exactly once. A customer who arrives, leaves or moves during the read may be missing. The
// count is as of the last completed load.
//
// The masking policy keeps the first letter of a name and of a mail address and the last two digits of a telephone number, and
// leaves streets out. Mail addresses and telephone numbers in the wrong column are masked, too. A mask is "***".
//
// A CSV cell that a spreadsheet would run as a formula starts with an apostrophe.
//
//	variable               meaning                                                          default
//	GOOGLE_CLOUD_PROJECT   project of the Bigtable instance and of the traces               required
//	BIGTABLE_INSTANCE      ID of the Bigtable instance                                      required
//	PAGE_TOKEN_KEY         key that signs page tokens, at least 16 bytes, a secret          required
//	UNMASK                 fields to show in full: a list of name, email, phone and         false
//	                       street, or true for all of them
//	PORT                   port or host:port to listen on                                   8080
//
// A new PAGE_TOKEN_KEY invalidates all page tokens; clients must restart from the first page.
//
// Roles: roles/bigtable.reader on the tables customers and cities, roles/secretmanager.secretAccessor on the secret of
// PAGE_TOKEN_KEY.
//
// Retried: the Bigtable client retries reads within the deadline. If Bigtable stays unavailable, the function answers 503
// with Retry-After.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"cloud.google.com/go/bigtable"

	"github.com/hybrid-bts/functions/shared/cloudlog"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/serve"
	"github.com/hybrid-bts/functions/shared/serve/framework"
)

func main() {
	slog.SetDefault(cloudlog.New(os.Stderr))
	serve.Main(run)
}

// minKeyBytes is the minimum length of PAGE_TOKEN_KEY.
const minKeyBytes = 16

// run serves until ctx is done. lookup returns the value of an environment variable.
func run(ctx context.Context, lookup func(string) (string, bool)) error {
	e := env.Reader{Lookup: lookup}
	project, instance := e.Required("GOOGLE_CLOUD_PROJECT"), e.Required("BIGTABLE_INSTANCE")
	key := e.Required("PAGE_TOKEN_KEY")
	policy := env.Parsed(&e, "UNMASK", masking{}, "true, false or a list of "+strings.Join(maskedFields, ", "), parseMasking)
	port := e.String("PORT", "8080")
	err := e.Err()
	if key != "" && len(key) < minKeyBytes {
		err = errors.Join(err, fmt.Errorf("variable PAGE_TOKEN_KEY must have at least %d bytes", minKeyBytes))
	}
	if err != nil {
		return err
	}
	// The default metrics provider would need the role roles/monitoring.metricWriter.
	client, err := bigtable.NewClientWithConfig(ctx, project, instance, bigtable.ClientConfig{MetricsProvider: bigtable.NoopMetricsProvider{}})
	if err != nil {
		return fmt.Errorf("open Bigtable instance %s in %s: %w", instance, project, err)
	}
	defer client.Close()
	s := &server{store: newBigtableStore(client), tokens: pageTokens{[]byte(key)}, masking: policy}
	return framework.Serve(ctx, "City", port, cloudlog.Trace(project, s.handler()))
}
