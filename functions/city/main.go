// City is the function that lists the customers of a city, of several cities or of a country.
//
// Trigger: HTTP, GET and HEAD, for analysts who use curl; registered with the Functions Framework. The function is
// stateless. Its responses are personal data, so it must not be deployed for unauthenticated callers.
//
//	GET /v1/cities/{city}/customers       the customers of a city, in the order of their ids
//	GET /v1/customers?city=Paris&city=…   the customers of up to 20 cities, or of a whole country
//	GET /v1/cities?prefix=par             the cities with a name of this prefix and their numbers of customers
//	GET /healthz                          200 while the function serves; Cloud Run hides the path from clients
//
//	parameter        meaning for customers                                       default
//	country          country such as FR, or subdivision such as US-TX;           all countries
//	                 US includes all its subdivisions
//	fields           fields of a customer, also the column order of CSV,         all
//	                 such as name,joined
//	format           json, ndjson, csv or parquet; overrides the Accept header   json
//	bom              true starts CSV with a byte order mark, for Excel           true for format=csv from a
//	                                                                             browser, else false
//	page_size        maximum number of customers in a page, 1 to 1000            50
//	page_token       next_page_token of the previous page                        the first page
//	exact            true: only customers who wrote the city like the request    false
//	ambiguous        false: without customers whose address several places       true
//	                 match
//	joined_from      first date of joining                                       unbounded
//	joined_to        last date of joining                                        unbounded
//	postcode_prefix  prefix of the postcodes                                     all postcodes
//	group            numbers of customers by country, part, postcode or          the customers
//	                 joined_month
//	sample           a stable sample of this many customers, 1 to 1000           all customers
//
// All names and spellings of a place are one place: 서울, Seoul and ソウル, or Paris, 75015 Paris and PARIS CEDEX 08. The
// function reads the aliases of a name in one read, beside the rows that are stored under the name itself. If several places have
// the name, the response is about the one with the most customers and lists the others. A city without customers has an empty
// list and a count of 0.
//
// A filter applies to the rows that the function reads. So that no request reads a large city for a few customers, a page
// with a filter reads 20,000 rows at most, and may be short or empty before the last page. A count by postcode or joined_month or
// of a filter, and a sample, read 1,000,000 rows at most. A group has 10,000 values at most. Larger queries answer 400.
//
// JSON comes in pages with an ETag. NDJSON, CSV and Parquet are one stream of the whole city, NDJSON and CSV compressed with
// gzip on request; the function's memory does not grow with the city. The headers X-Customers-Count, X-Ambiguous-Count and
// X-Other-Places of a stream have the counters of a JSON page.
//
// A client can detect an incomplete stream in three ways: the connection breaks (curl exits with 18, gunzip fails), the
// trailer X-Stream-Status is not "complete", or the last byte is not a newline, because the function sends the last
// newline after everything else; a Parquet file lacks its footer. The client must repeat the request from the start; a
// stream cannot be resumed.
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
// Roles: roles/bigtable.reader on the tables customers, cities and aliases, roles/secretmanager.secretAccessor on the secret of
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
