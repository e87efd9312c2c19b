// Review is the intake of reviews: it checks one, publishes it and answers 202.
//
// Trigger: HTTP, POST /v1/reviews and POST /v1/photos, from the front end. It keeps no state.
//
//	variable               meaning                                        default
//	GOOGLE_CLOUD_PROJECT   the project of the topic and of the traces     required
//	REVIEWS_TOPIC          id of the topic that takes submitted reviews   required
//	ORIGINALS_BUCKET       where browsers send photos, below reviews/     required
//	AUTHOR_TOKEN_KEY       signs author tokens; 16 bytes or more, of      required
//	                       Secret Manager, the same as api has
//	STORAGE_EMULATOR_HOST  the address of an embedded Cloud Storage,      none
//	                       which checks no signature: we make none then
//	CORS_ORIGINS           origins whose pages may send reviews, parted   none
//	                       by spaces
//	RATE_LIMIT             reviews and photos that one client may send,   30/1m
//	                       of each instance; or off
//	FORWARDED_HOPS         how many addresses of X-Forwarded-For are of   2
//	                       our own proxies: the load balancer writes the
//	                       client's and its own
//	PORT                   where to listen, a port or host:port           8080
//
// Roles: roles/pubsub.publisher on the topic; roles/storage.objectCreator on the bucket, and
// roles/iam.serviceAccountTokenCreator on the function's own account, in whose name uploads are signed. The
// bucket's CORS must allow POST from the shop's origin. roles/secretmanager.secretAccessor on the secret of
// AUTHOR_TOKEN_KEY.
//
// Retried: nothing here. An answer of 202 means that Pub/Sub has the review; after any other, or none,
// the caller sends it again with the same Idempotency-Key, and it is the same review, with the same author
// token. So who knows the key and the review gets the token: for a key of less than 16 characters there is none.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/hybrid-bts/functions/shared/authortoken"
	"github.com/hybrid-bts/functions/shared/cloudlog"
	"github.com/hybrid-bts/functions/shared/crossorigin"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/limit"
	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
	"github.com/hybrid-bts/functions/shared/serve"
	"github.com/hybrid-bts/functions/shared/serve/framework"
	"github.com/hybrid-bts/functions/shared/topic"
)

func main() {
	slog.SetDefault(cloudlog.New(os.Stderr))
	serve.Main(run)
}

func run(ctx context.Context, lookup func(string) (string, bool)) error {
	e := env.Reader{Lookup: lookup}
	project, reviewsTopic := e.Required("GOOGLE_CLOUD_PROJECT"), e.Required("REVIEWS_TOPIC")
	tokens := env.RequiredParsed(&e, "AUTHOR_TOKEN_KEY", authortoken.KeyForm, authortoken.NewKey)
	bucketName, emulator := e.Required("ORIGINALS_BUCKET"), e.String("STORAGE_EMULATOR_HOST", "")
	origins := env.Parsed(&e, "CORS_ORIGINS", nil, crossorigin.OriginsForm, crossorigin.ParseOrigins)
	rate := env.Parsed(&e, "RATE_LIMIT", limit.Rate{Requests: 30, Per: time.Minute}, limit.RateForm, limit.ParseRate)
	hops := e.Int("FORWARDED_HOPS", 2, 0)
	port := e.String("PORT", "8080")
	if err := e.Err(); err != nil {
		return err
	}
	client, err := topic.Open(ctx, project)
	if err != nil {
		return err
	}
	defer client.Close()
	files, err := bucket.Open(ctx)
	if err != nil {
		return err
	}
	defer files.Close()
	in := &intake{
		reviews: client.Topic(reviewsTopic), uploads: originals{files.Bucket(bucketName), emulator}, tokens: tokens, now: time.Now,
		origins: origins, limiter: limit.New(rate, hops, problem.TooMany),
	}
	return framework.Serve(ctx, "Review", port, cloudlog.Trace(project, in.handler()))
}
