// Api serves the web API of products, reviews and ratings, their live updates, and the pages of the shop.
//
// Trigger: HTTP; a Cloud Run handler that runs its own server.
//
//	GET /v1/products                                list the catalogue, by kind and by search words
//	GET /v1/products/{product}                      get a product
//	GET /v1/products/{product}/rating               get its rating
//	GET /v1/products/{product}/events               watch reviews and rating with server-sent events
//	GET /v1/products/{product}/reviews              list its published reviews, in several orders
//	GET /v1/products/{product}/reviews/{review}     get a review, published or not
//	PATCH, DELETE the same                          edit or erase it, as its author
//	POST /v1/products/{product}/reviews/{review}/helpful   vote it helpful
//	POST /v1/products/{product}/reviews/{review}/report    report that it breaks the rules
//	POST /v1/visitor                                get the cookie of a visitor, for votes
//	GET /openapi.json, /docs                        the OpenAPI document of all functions, and a page that shows it
//	GET /healthz                                    200 while the function serves; Cloud Run hides the path from clients
//	GET /, /products/…, /review, /mine, …           the pages of package shop
//
//	variable               meaning                                     default
//	GOOGLE_CLOUD_PROJECT   project of the database and the traces      required
//	SPANNER_INSTANCE       ID of the Spanner instance                  required
//	SPANNER_DATABASE       ID of the Spanner database                  required
//	PRODUCT_SEARCH         index: use Spanner's search index;          index
//	                       scan: scan the catalogue, for editions
//	                       and engines without search indexes
//	RENDITIONS_BUCKET      bucket of the picture manifests             no pictures
//	UPLOAD_ORIGIN          origin to which pages upload photos         https://storage.googleapis.com
//	PUBLIC_ORIGIN          public origin of the shop, such as          relative URLs,
//	                       https://shop.example, for canonical         no sitemap
//	                       URLs, shared links and the sitemap
//	COMMANDS_TOPIC         ID of the topic of commands to the review   required
//	                       writer
//	PUBLISHED_SUBSCRIPTIONS
//	                       subscriptions to change notices, of which   required
//	                       an instance with streams claims one:
//	                       NAME:NUMBER for NAME-1 to NAME-NUMBER
//	LEASES_BUCKET          bucket of the leases of subscriptions       required
//	STREAMS                largest number of streams of an instance;   800
//	                       0: clients poll instead
//	AUTHOR_TOKEN_KEY       keys of author tokens, separated by         required
//	                       commas, from Secret Manager; the same as
//	                       in function review
//	CORS_ORIGINS           other origins whose pages may call the      none
//	                       web API, separated by spaces; changes
//	                       that pages of the rest request get 403
//	RATE_LIMIT             change requests allowed per client and      30/1m
//	                       instance, or off, which also lifts the
//	                       limits of 10 reports of reviews and 10 visitor cookies an
//	                       hour
//	FORWARDED_HOPS         number of X-Forwarded-For addresses that    2
//	                       proxies append: the load balancer
//	                       appends the client's and its own
//	PORT                   port or host:port to listen on              8080
//
// Roles: roles/spanner.databaseReader on the database, roles/storage.objectViewer on the bucket,
// roles/storage.objectUser on LEASES_BUCKET, roles/pubsub.publisher on COMMANDS_TOPIC, roles/pubsub.subscriber on each of the
// PUBLISHED_SUBSCRIPTIONS, and roles/secretmanager.secretAccessor on the secret of AUTHOR_TOKEN_KEY.
//
// Streams: an instance serves up to STREAMS streams, a client up to 50 of them, a network (/24 of IPv4, /48 of IPv6) up to
// 100, and only networks with fewer than 2 get the last quarter. A stream lasts about 10 minutes. Therefore timeout and
// concurrency of this service are higher than those of the others (services.csv). Cloud Run bills an instance while
// a stream is open. An instance claims a subscription for its first stream and releases it after its last one; the lease
// of a dead instance expires after a minute. Without a free subscription, ratings are read every 5 s instead, and streams end
// after a minute, so that pages read their list again. Cloud Run's latency metric counts a stream as a request of minutes, so the p95 of releases and alerts
// excludes streams (scripts/deploy/monitoring/metrics).
//
// Retried: nothing. This function writes no rows; it publishes commands to the review writer. 202 means that Pub/Sub
// stored the command. Clients may repeat a request, because the review writer ignores duplicates.
package main

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/hybrid-bts/functions/functions/api/live"
	"github.com/hybrid-bts/functions/functions/api/shop"
	"github.com/hybrid-bts/functions/shared/authortoken"
	"github.com/hybrid-bts/functions/shared/cloudlog"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/limit"
	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/problem/crossorigin"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
	"github.com/hybrid-bts/functions/shared/serve"
	"github.com/hybrid-bts/functions/shared/topic"
)

func main() {
	slog.SetDefault(cloudlog.New(os.Stderr))
	serve.Main(run)
}

// originForm describes the input of parseOrigin.
const originForm = "an origin such as https://shop.example"

// parseOrigin returns s if it is an http or https origin such as https://storage.googleapis.com. Headers and pages
// contain the origin verbatim, so it rejects characters that separate values there.
func parseOrigin(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", err
	}
	origin := url.URL{Scheme: u.Scheme, Host: u.Host}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || origin.String() != s || strings.ContainsAny(s, " ;,'\"") {
		return "", errors.New("not an origin")
	}
	return s, nil
}

// run serves until ctx ends. It opens every client before it listens.
func run(ctx context.Context, lookup func(string) (string, bool)) error {
	e := env.Reader{Lookup: lookup}
	project := e.Required("GOOGLE_CLOUD_PROJECT")
	instance, database := e.Required("SPANNER_INSTANCE"), e.Required("SPANNER_DATABASE")
	renditions := e.String("RENDITIONS_BUCKET", "")
	uploads := env.Parsed(&e, "UPLOAD_ORIGIN", "https://storage.googleapis.com", originForm, parseOrigin)
	search := env.Parsed(&e, "PRODUCT_SEARCH", searchIndex, searchForm, parseSearchMethod)
	origin := env.Parsed(&e, "PUBLIC_ORIGIN", "", originForm, parseOrigin)
	commandsTopic, leases := e.Required("COMMANDS_TOPIC"), e.Required("LEASES_BUCKET")
	published := env.RequiredParsed(&e, "PUBLISHED_SUBSCRIPTIONS", live.SubscriptionsForm, live.ParseSubscriptions)
	streams := e.Int("STREAMS", live.DefaultStreams, 0)
	tokens := env.RequiredParsed(&e, "AUTHOR_TOKEN_KEY", authortoken.KeyRingForm, authortoken.ParseKeyRing)
	origins := env.Parsed(&e, "CORS_ORIGINS", nil, crossorigin.OriginsForm, crossorigin.ParseOrigins)
	rate := env.Parsed(&e, "RATE_LIMIT", limit.Default, limit.RateForm, limit.ParseRate)
	hops := e.Int("FORWARDED_HOPS", 2, 0)
	port := e.String("PORT", "8080")
	if err := e.Err(); err != nil {
		return err
	}
	db, err := spannerdb.Open(ctx, spannerdb.Name(project, instance, database))
	if err != nil {
		return err
	}
	defer db.Close()
	messages, err := topic.Open(ctx, project)
	if err != nil {
		return err
	}
	defer messages.Close()
	store := spannerStore{db: db, search: search}
	readRating := func(ctx context.Context, product string) (any, error) { return store.rating(ctx, product) }
	files, err := bucket.Open(ctx)
	if err != nil {
		return err
	}
	defer files.Close()
	feed := live.NewFeed(live.NewSubscriptions(messages.Client, published, files.Bucket(leases)), readRating, streams)
	defer feed.Close()
	defer context.AfterFunc(ctx, feed.End)() // before the drain, which waits for open requests
	limiter := limit.New(rate, hops, problem.TooMany)
	var reports, visitors limit.Rate
	if rate != (limit.Rate{}) {
		reports, visitors = reportRate, visitorRate
	}
	s := &server{
		store: store, pages: shop.New(shop.Config{Origin: origin, Uploads: uploads}), origins: origins, limiter: limiter, reports: limit.New(reports, hops, problem.TooMany),
		visitors: limit.New(visitors, hops, problem.TooMany),
		events:   &productEvents{feed: feed, store: store, client: limiter.Client},
		commands: &commands{revisions: store, topic: messages.Topic(commandsTopic), tokens: tokens, client: limiter.Client, now: time.Now},
	}
	if renditions != "" {
		s.pictures = newPictures(bucket.Bucket{Handle: files.Bucket(renditions)})
	}
	return serve.HTTP(ctx, port, cloudlog.Trace(project, s.handler()))
}
