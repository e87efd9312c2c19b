// Api is the web API that the front end reads, and the pages of the shop.
//
// Trigger: HTTP; a Cloud Run handler that owns its server.
//
//	GET /v1/products                                the catalogue, by kind and by search
//	GET /v1/products/{product}                      one product
//	GET /v1/products/{product}/rating               its rating
//	GET /v1/products/{product}/events               what happens to both, as Server-Sent Events
//	GET /v1/products/{product}/reviews              its published reviews, in several orders
//	GET /v1/products/{product}/reviews/{review}     one review, published or held
//	PATCH, DELETE of the same                       an edit, or the erasure, by its author
//	POST /v1/products/{product}/reviews/{review}/helpful   a visitor finds it helpful
//	GET /openapi.json, /docs                        the contract of all functions, and a page that shows it
//	GET /healthz                                    200 while the program serves (Cloud Run hides it from the outside)
//	GET /, /products/…, /review, /mine, …           the pages that shoppers see: package shop
//
//	variable               meaning                                     default
//	GOOGLE_CLOUD_PROJECT   the project of the database and the traces  required
//	SPANNER_INSTANCE       id of the Spanner instance                  required
//	SPANNER_DATABASE       id of its database                          required
//	PRODUCT_SEARCH         index: search by Spanner's search index;    index
//	                       scan: read the catalogue, where the edition
//	                       or the engine has no such index
//	RENDITIONS_BUCKET      where the manifests of pictures are         no pictures
//	UPLOAD_ORIGIN          where the page sends photos to              https://storage.googleapis.com
//	PUBLIC_ORIGIN          what the shop is known by, such as          addresses are relative, and
//	                       https://shop.example: search engines        there is no sitemap
//	                       and those who share pages need it
//	REVIEWS_TOPIC          id of the topic that takes changes of       required
//	                       reviews
//	PUBLISHED_TOPIC        id of the topic that tells when what a      required
//	                       page shows of a review has changed
//	STREAMS                how many streams an instance has at most;   800
//	                       0: pages ask now and then instead
//	AUTHOR_TOKEN_KEY       checks author tokens; of Secret Manager,    required
//	                       the same as review has
//	CORS_ORIGINS           origins whose pages may call the web API,   none
//	                       parted by spaces
//	RATE_LIMIT             changes that one client may ask for, of     30/1m
//	                       each instance; or off
//	FORWARDED_HOPS         how many addresses of X-Forwarded-For are   2
//	                       of our own proxies: the load balancer
//	                       writes the client's and its own
//	PORT                   where to listen, a port or host:port        8080
//
// Roles: roles/spanner.databaseReader on the database, roles/storage.objectViewer on the bucket,
// roles/pubsub.publisher on REVIEWS_TOPIC, roles/pubsub.subscriber on PUBLISHED_TOPIC, roles/secretmanager.secretAccessor
// on the secret of AUTHOR_TOKEN_KEY; and on the project the custom role live, to create, read and delete subscriptions:
// each instance makes one, of which nobody knows the name before.
//
// Streams: up to STREAMS an instance, 50 a client, for some 10 minutes each; so its requests may take longer, and are more at
// a time, than those of the others (services.csv). While a stream is open its instance is paid for. The subscription is
// made for an instance's first stream, heard while there is one, and deleted when it stops. For Cloud Run's metrics a stream
// is a request that takes minutes; the p95 by which a release is judged and an operator woken is that of the others
// (scripts/deploy/monitoring/metrics).
//
// Retried: nothing. It writes nothing itself: what changes a review is a message to the one writer of reviews, and
// an answer of 202 means that Pub/Sub has it. To send the same again does no harm.
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
	"github.com/hybrid-bts/functions/shared/crossorigin"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/limit"
	"github.com/hybrid-bts/functions/shared/problem"
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

// parseOrigin checks an origin such as https://storage.googleapis.com, which goes into headers and pages as it is.
func parseOrigin(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", err
	}
	if origin := (&url.URL{Scheme: u.Scheme, Host: u.Host}).String(); origin != s || u.Host == "" || strings.ContainsAny(s, " ;,'\"") {
		return "", errors.New("not an origin")
	}
	return s, nil
}

func run(ctx context.Context, lookup func(string) (string, bool)) error {
	e := env.Reader{Lookup: lookup}
	project := e.Required("GOOGLE_CLOUD_PROJECT")
	instance, database := e.Required("SPANNER_INSTANCE"), e.Required("SPANNER_DATABASE")
	renditions := e.String("RENDITIONS_BUCKET", "")
	uploads := env.Parsed(&e, "UPLOAD_ORIGIN", "https://storage.googleapis.com", originForm, parseOrigin)
	search := env.Parsed(&e, "PRODUCT_SEARCH", searchIndex, searchForm, parseSearchMethod)
	origin := env.Parsed(&e, "PUBLIC_ORIGIN", "", originForm, parseOrigin)
	reviews, published := e.Required("REVIEWS_TOPIC"), e.Required("PUBLISHED_TOPIC")
	streams := e.Int("STREAMS", live.DefaultStreams, 0)
	tokens := env.RequiredParsed(&e, "AUTHOR_TOKEN_KEY", authortoken.KeyForm, authortoken.NewKey)
	origins := env.Parsed(&e, "CORS_ORIGINS", nil, crossorigin.OriginsForm, crossorigin.ParseOrigins)
	rate := env.Parsed(&e, "RATE_LIMIT", limit.Rate{Requests: 30, Per: time.Minute}, limit.RateForm, limit.ParseRate)
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
	feed := live.NewFeed(live.NewSubscription(messages.Client, published), func(ctx context.Context, product string) (any, error) { return store.rating(ctx, product) }, streams)
	defer feed.Close(ctx)
	defer context.AfterFunc(ctx, feed.End)() // before the drain, which waits for open requests
	limiter := limit.New(rate, hops, problem.TooMany)
	s := &server{
		store: store, pages: shop.New(shop.Config{Origin: origin, Uploads: uploads}), origins: origins, limiter: limiter,
		events:   &productEvents{feed: feed, store: store, client: limiter.Client},
		commands: &commands{revisions: store, reviews: messages.Topic(reviews), tokens: tokens, now: time.Now},
	}
	if renditions != "" {
		files, err := bucket.Open(ctx)
		if err != nil {
			return err
		}
		defer files.Close()
		s.pictures = newPictures(bucket.Bucket{Handle: files.Bucket(renditions)})
	}
	return serve.HTTP(ctx, port, cloudlog.Trace(project, s.handler()))
}
