// Review is the intake of reviews. It validates a review, publishes it and answers 202.
//
// Trigger: HTTP requests of the front end, POST /v1/reviews and POST /v1/photos. The function has no state.
//
//	variable               meaning                                         default
//	GOOGLE_CLOUD_PROJECT   project of the topic and the traces             required
//	REVIEWS_TOPIC          ID of the topic for submitted reviews           required
//	ORIGINALS_BUCKET       bucket for photos, which browsers upload to     required
//	                       reviews/
//	AUTHOR_TOKEN_KEY       keys of 16 bytes or more, separated by commas:  required
//	                       the first signs author tokens, the last
//	                       derives IDs; api must have the same keys
//	STORAGE_EMULATOR_HOST  address of an embedded Cloud Storage, which     none
//	                       verifies no signatures; uploads are not signed
//	CORS_ORIGINS           other origins whose pages may send requests,    none
//	                       separated by spaces; pages of the rest get 403
//	RATE_LIMIT             limit of reviews and photos of one client,      30/1m
//	                       in each instance; or off
//	FORWARDED_HOPS         number of addresses that the shop's proxies     2
//	                       append to X-Forwarded-For; the load balancer
//	                       appends the client's address and its own
//	PORT                   port or host:port to listen on                  8080
//
// Roles: roles/pubsub.publisher on the topic; roles/storage.objectCreator on the objects of the bucket below reviews/; the
// custom role sign, which has iam.serviceAccounts.signBlob alone, on the function's own service account, which signs uploads;
// roles/secretmanager.secretAccessor on the secret of AUTHOR_TOKEN_KEY. The CORS configuration of the bucket must allow
// POST from the origin of the shop.
//
// Retried: nothing. A 202 response means that Pub/Sub has stored the review. After any other response,
// or none, the client should send the request again with the same Idempotency-Key: the review then has the same ID and the
// same author token. Anyone who guesses the key of a known review could obtain the token in this way, so the function issues
// no token for keys shorter than 16 bytes. The entropy of longer keys is the client's risk.
//
// The key that derives IDs is secret, so an ID reveals nothing about the Idempotency-Key. It stays the same while keys are
// added in front of it; scripts/deploy/monitoring/RUNBOOK.md has the steps of a rotation.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/hybrid-bts/functions/shared/authortoken"
	"github.com/hybrid-bts/functions/shared/cloudlog"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/limit"
	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/problem/crossorigin"
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
	tokens := env.RequiredParsed(&e, "AUTHOR_TOKEN_KEY", authortoken.KeyRingForm, authortoken.ParseKeyRing)
	bucketName, emulator := e.Required("ORIGINALS_BUCKET"), e.String("STORAGE_EMULATOR_HOST", "")
	origins := env.Parsed(&e, "CORS_ORIGINS", nil, crossorigin.OriginsForm, crossorigin.ParseOrigins)
	rate := env.Parsed(&e, "RATE_LIMIT", limit.Default, limit.RateForm, limit.ParseRate)
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
