// City answers who of the customers lives in a city.
//
// Trigger: HTTP, GET and HEAD, by an analyst's curl. It keeps no state. The answers are personal data:
// it is never deployed for unauthenticated callers.
//
//	GET /v1/cities/{city}/customers   the customers of a city, in the order of country and id
//	GET /v1/cities?prefix=par         the cities whose name begins so, with how many customers each has
//	GET /healthz                      200 while the program serves (Cloud Run hides it from the outside)
//
//	parameter    of customers                                           default
//	country      FR, or a part such as US-TX; US is all its parts too   all countries
//	fields       which, and in CSV in which order, as name,joined       all
//	format       json, ndjson or csv; else what the Accept header says  json
//	page_size    customers of a page, 1 to 1000                         50
//	page_token   the next_page_token of the page before                 the first page
//
// A city is found in any case, width, Unicode composition and spacing; accents count. One that nobody
// lives in has an empty list and a count of 0. JSON comes in pages, with an ETag. NDJSON and CSV are the
// whole city as one stream, gzipped when asked, at constant memory.
//
// A stream is whole only when it ended well, which a caller sees in any of three ways: the connection
// was not broken (curl exits with 0, not 18; gunzip does not complain), the trailer X-Stream-Status says
// "complete", the last byte is a newline: it is held back until everything is sent. A stream that breaks
// off is asked for again from the start.
//
// Neither pages nor a stream are a snapshot. Each customer's row is read whole, at one moment, in order
// of key: who was there before and stays is in the answer exactly once; who comes, goes or moves
// meanwhile may be in it or not. The count is as of the last load that ended.
//
// In CSV a cell that a spreadsheet would run as a formula begins with an apostrophe.
//
//	variable               meaning                                                 default
//	GOOGLE_CLOUD_PROJECT   the project of the instance and of the traces           required
//	BIGTABLE_INSTANCE      id of the Bigtable instance                             required
//	PAGE_TOKEN_KEY         signs page tokens; 16 bytes or more, of Secret Manager  required
//	UNMASK                 true shows mail and phone in full                       false
//	PORT                   where to listen                                         8080
//
// With another key the page tokens of before are refused, and a caller begins again.
//
// Roles: roles/bigtable.reader on the tables customers and cities, roles/secretmanager.secretAccessor on
// the secret of PAGE_TOKEN_KEY. Retried: reads, within the deadline, by the client. What stays away is 503
// with Retry-After.
//
// It is a Cloud Run handler that owns its server, because the mux of the Functions Framework redirects
// a path with an empty segment, as of an empty shell variable, instead of letting us say that the city is empty.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"

	"cloud.google.com/go/bigtable"

	"github.com/hybrid-bts/functions/shared/cloudlog"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/serve"
)

func main() {
	slog.SetDefault(cloudlog.New(os.Stderr))
	serve.Main(run)
}

// minKey is the least length of PAGE_TOKEN_KEY, in bytes.
const minKey = 16

func run(ctx context.Context, lookup func(string) (string, bool)) error {
	e := env.Reader{Lookup: lookup}
	project, instance := e.Required("GOOGLE_CLOUD_PROJECT"), e.Required("BIGTABLE_INSTANCE")
	key := e.Required("PAGE_TOKEN_KEY")
	unmask := env.Parsed(&e, "UNMASK", false, strconv.ParseBool)
	port := e.String("PORT", "8080")
	err := e.Err()
	if key != "" && len(key) < minKey {
		err = errors.Join(err, fmt.Errorf("variable PAGE_TOKEN_KEY is shorter than %d bytes", minKey))
	}
	if err != nil {
		return err
	}
	// Its own metrics would want the role to write them.
	client, err := bigtable.NewClientWithConfig(ctx, project, instance, bigtable.ClientConfig{MetricsProvider: bigtable.NoopMetricsProvider{}})
	if err != nil {
		return fmt.Errorf("open Bigtable instance %s in %s: %w", instance, project, err)
	}
	defer client.Close()
	s := &server{store: newTables(client), tokens: tokens{[]byte(key)}, unmask: unmask}
	return serve.HTTP(ctx, port, cloudlog.Trace(project, s.handler()))
}
