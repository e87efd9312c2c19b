// Admin is for operators: reviews that are held or rejected, replies of the merchant, dead letters, and a page that shows them.
//
// Trigger: HTTP; a Cloud Run handler that owns its server.
//
//	GET /v1/admin/reviews                                   reviews of a status, newest first
//	GET /v1/admin/reviews/{product}/{review}                one review, whatever its status
//	POST /v1/admin/reviews/{product}/{review}/decision      publish, hold or reject
//	PUT, DELETE /v1/admin/reviews/{product}/{review}/reply  the merchant's reply
//	GET /v1/admin/days                                      reviews by day and status
//	GET /v1/admin/dead-letters                              what could not be handled, and why
//	POST /v1/admin/dead-letters/{letter}/replay             back to its topic
//	GET /admin                                              the page
//	GET /healthz                                            200 while the program serves (Cloud Run hides it from the outside)
//
//	variable               meaning                                                        default
//	GOOGLE_CLOUD_PROJECT   the project of the database, the topics and the traces         required
//	SPANNER_INSTANCE       id of the Spanner instance                                     required
//	SPANNER_DATABASE       id of its database                                             required
//	REVIEWS_TOPIC          id of the topic that takes changes of reviews                  required
//	REVIEWS_DEAD           id of the pull subscription to their dead letters              required
//	ORIGINALS_TOPIC        id of the topic that takes notifications of the originals      required
//	                       bucket again
//	ORIGINALS_DEAD         id of the pull subscription to their dead letters              required
//	OIDC_ISSUER            who vouches for operators: an https URL with a discovery       required
//	                       document (OpenID Connect Discovery 1.0), to the letter as its
//	                       tokens have it
//	OIDC_AUDIENCE          what a token must be for                                       required
//	ADMIN_ROLE_CLAIM       the claim that holds a token's roles: its name, or a JSON      roles
//	                       Pointer such as /realm_access/roles
//	ADMIN_ROLE             the role that makes an operator                                operator
//	OIDC_CLIENT            the page's client id: a public client with the redirect URI    OIDC_AUDIENCE
//	                       https://HOST/admin, code flow, PKCE
//	OIDC_SCOPE             what the page asks for                                         openid
//	PORT                   where to listen, a port or host:port                           8080
//
// Roles: roles/spanner.databaseReader on the database, roles/pubsub.publisher on the two topics, roles/pubsub.subscriber
// on the two subscriptions, and roles/secretmanager.secretAccessor on the secrets that hold the variables of OIDC.
//
// The service lets everybody call it, and this program only operators: every path below /v1/admin needs an ID token of
// the issuer, for the audience, with the role. The page gets it by the authorization code flow with PKCE, and keeps it for as
// checkLength as its tab is open. Who did what is in the log, by the token's subject.
//
// Who writes reviews believes any decision that is on the topic of reviews: that only this function makes them is for
// the roles on that topic to say, which let review, api and this one publish, and nobody else.
//
// It runs as one instance: a dead letter that one instance looks at is in no other's hand.
//
// Retried: nothing. What changes a review is a message to its one writer, and an answer of 202 means that Pub/Sub has it.
// To send the same again does no harm.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/hybrid-bts/functions/shared/cloudlog"
	"github.com/hybrid-bts/functions/shared/env"
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
	messages, err := pubsub.NewClient(ctx, project)
	if err != nil {
		return fmt.Errorf("open Pub/Sub in %s: %w", project, err)
	}
	defer messages.Close()
	toReviews, toOriginals := topic.New(messages.Publisher(reviews)), topic.New(messages.Publisher(originals))
	defer toReviews.Stop()
	defer toOriginals.Stop()
	subscription := func(id string) string { return "projects/" + project + "/subscriptions/" + id }
	g := newGuard(issuer, audience, claim, role)
	s := &server{
		guard:   g,
		reviews: &reviewHandlers{store: spannerStore{db}, topic: toReviews, now: time.Now},
		deadLetters: &deadLetterHandlers{queues: []*deadLetterQueue{
			{client: messages.SubscriptionAdminClient, name: "reviews", subscription: subscription(deadReviews), source: toReviews},
			{client: messages.SubscriptionAdminClient, name: "originals", subscription: subscription(deadOriginals), source: toOriginals},
		}},
		page: &operatorPage{issuer: g.issuer, client: client, scope: scope},
	}
	return serve.HTTP(ctx, port, cloudlog.Trace(project, s.handler()))
}
