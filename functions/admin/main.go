// Admin serves the operators of the shop: moderation of reviews, replies of the merchant, dead letters, and a page for
// them.
//
// Trigger: HTTP; a Cloud Run handler that runs its own server.
//
//	GET /v1/admin/reviews                                   reviews with a status, newest first
//	GET /v1/admin/reviews/{product}/{review}                one review with any status
//	DELETE /v1/admin/reviews/{product}/{review}             erase a review with its photos, votes and reply for ever
//	POST /v1/admin/reviews/{product}/{review}/decision      publish, hold or reject a review
//	PUT, DELETE /v1/admin/reviews/{product}/{review}/reply  set or delete the reply of the merchant
//	GET /v1/admin/photos/{file}                             a photo of a review with any status
//	GET /v1/admin/days                                      number of reviews by day and status
//	GET /v1/admin/dead-letters                              dead letters with their reasons
//	POST /v1/admin/dead-letters/{letter}/replay, /discard   publish a dead letter to its topic again, or delete it
//	POST /v1/admin/queues/{queue}/replay, /discard          the same for all dead letters of a queue
//	GET /v1/admin/audit                                     actions of operators
//	GET /v1/admin/counts                                    numbers of held and rejected reviews
//	GET /admin                                              the page
//	GET /healthz                                            200 while the function serves; Cloud Run hides the path
//	                                                        from clients
//
//	variable               meaning                                                        default
//	GOOGLE_CLOUD_PROJECT   project of the database, the topics and the traces             required
//	SPANNER_INSTANCE       ID of the Spanner instance                                     required
//	SPANNER_DATABASE       ID of the Spanner database                                     required
//	RENDITIONS_BUCKET      bucket of the renditions                                       required
//	COMMANDS_TOPIC         ID of the topic of commands to the review writer               required
//	COMMANDS_DEAD          ID of the pull subscription to the dead letters of that topic  required
//	REVIEWS_TOPIC          ID of the topic of submitted reviews                           required
//	REVIEWS_DEAD           ID of the pull subscription to the dead letters of that topic  required
//	ORIGINALS_TOPIC        ID of the topic of notifications from the originals bucket     required
//	ORIGINALS_DEAD         ID of the pull subscription to the dead letters of that topic  required
//	OIDC_ISSUER            https URL of the OpenID Connect issuer of operator tokens,     required
//	                       byte for byte as in the claim iss; it must serve a discovery
//	                       document (OpenID Connect Discovery 1.0)
//	OIDC_AUDIENCE          required audience of operator tokens                           required
//	ADMIN_ROLE_CLAIM       claim with the roles of a token: a name, or a JSON Pointer     roles
//	                       such as /realm_access/roles
//	ADMIN_ROLE             role of operators                                              operator
//	OIDC_CLIENT            client ID of the page: a public client of the issuer with the  OIDC_AUDIENCE
//	                       redirect URI https://HOST/admin, code flow and PKCE
//	OIDC_SCOPE             scope that the page requests                                   openid
//	PORT                   port or host:port to listen on                                 8080
//
// Roles: roles/spanner.databaseReader on the database, roles/storage.objectViewer on the bucket, roles/pubsub.publisher on
// the three topics, roles/pubsub.subscriber on the three subscriptions, and roles/secretmanager.secretAccessor on the
// secrets with the OIDC variables.
//
// Cloud Run lets everybody call the service; the program authorizes each request. Paths below /v1/admin require an ID
// token of the issuer, for the audience and with the role. The page gets one with the authorization code flow and PKCE,
// and keeps it in the storage of its browser tab. Each change carries the subject of the token, which the
// review writer keeps in table Audit. Changes that pages of other origins request get 403.
//
// The review writer obeys every message on the topic of commands without a signature. The IAM policy of that topic must
// therefore let only api, admin and the operators who run the programs of scripts/data publish.
//
// The service must have at most one instance: a dead letter leased by one instance is invisible to the others.
//
// Retried: nothing. Each change is a command to the review writer, and 202 means that Pub/Sub has stored it. Clients may
// send the same change again; it has no further effect.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/hybrid-bts/functions/shared/cloudlog"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
	"github.com/hybrid-bts/functions/shared/serve"
	"github.com/hybrid-bts/functions/shared/topic"
)

func main() {
	slog.SetDefault(cloudlog.New(os.Stderr))
	serve.Main(run)
}

func run(ctx context.Context, lookup func(string) (string, bool)) error {
	e := env.Reader{Lookup: lookup}
	project := e.Required("GOOGLE_CLOUD_PROJECT")
	instance, database := e.Required("SPANNER_INSTANCE"), e.Required("SPANNER_DATABASE")
	renditions := e.Required("RENDITIONS_BUCKET")
	commands, deadCommands := e.Required("COMMANDS_TOPIC"), e.Required("COMMANDS_DEAD")
	reviews, deadReviews := e.Required("REVIEWS_TOPIC"), e.Required("REVIEWS_DEAD")
	originals, deadOriginals := e.Required("ORIGINALS_TOPIC"), e.Required("ORIGINALS_DEAD")
	issuer, audience := env.RequiredParsed(&e, "OIDC_ISSUER", issuerForm, parseIssuer), e.Required("OIDC_AUDIENCE")
	claim, role := e.String("ADMIN_ROLE_CLAIM", "roles"), e.String("ADMIN_ROLE", "operator")
	client, scope := e.String("OIDC_CLIENT", audience), e.String("OIDC_SCOPE", "openid")
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
	files, err := bucket.Open(ctx)
	if err != nil {
		return err
	}
	defer files.Close()
	toCommands, toReviews, toOriginals := messages.Topic(commands), messages.Topic(reviews), messages.Topic(originals)
	subscription := func(id string) string { return "projects/" + project + "/subscriptions/" + id }
	g := newGuard(issuer, audience, claim, role)
	s := &server{
		guard:   g,
		reviews: &reviewHandlers{store: spannerStore{db}, topic: toCommands, now: time.Now},
		photos:  &photoHandlers{bucket.Bucket{Handle: files.Bucket(renditions)}},
		deadLetters: &deadLetterHandlers{queues: []*deadLetterQueue{
			{client: messages.SubscriptionAdminClient, name: "commands", subscription: subscription(deadCommands), source: toCommands},
			{client: messages.SubscriptionAdminClient, name: "reviews", subscription: subscription(deadReviews), source: toReviews},
			{client: messages.SubscriptionAdminClient, name: "originals", subscription: subscription(deadOriginals), source: toOriginals},
		}, commands: toCommands, now: time.Now},
		page: &operatorPage{issuer: g.issuer, client: client, scope: scope},
	}
	return serve.HTTP(ctx, port, cloudlog.Trace(project, s.handler()))
}
