package main

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/hybrid-bts/functions/shared/limit"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// reportRate is the rate of reports of one client. It is far below that of other changes, because three clients that report
// everything would hide the reviews of the shop.
var reportRate = limit.Rate{Requests: 10, Per: time.Hour}

// reportPath ends the path of a report, in the API and on the pages.
const reportPath = "/report"

// limitReports returns a handler that limits the reports of each client before h handles them.
func limitReports(l *limit.Limiter, h http.Handler) http.Handler {
	limited := l.Middleware(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, reportPath) {
			limited.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// registerReport adds the operation report-review.
func (c *commands) registerReport(api huma.API) {
	handle(api, huma.Operation{
		Method: http.MethodPost, Path: reviewPath + reportPath, OperationID: "report-review", Summary: "Report a review that breaks the rules",
		Description: "Reports of " + strconv.Itoa(wire.ReportsToHold) + " clients hold the review until an operator decides. Repeated reports of a client have no further effect. " +
			"A client may report " + strconv.Itoa(reportRate.Requests) + " reviews an hour. No address is stored.",
		DefaultStatus: http.StatusAccepted, Errors: []int{403, 404, 422, 429, 500, 503},
	}, c.report)
}

// reportInput is the input of the operation report-review.
type reportInput struct {
	ReviewInput
	request *http.Request
}

// Resolve keeps the request, which huma does not pass to handlers.
func (in *reportInput) Resolve(ctx huma.Context) []error {
	in.request, _ = humago.Unwrap(ctx)
	return nil
}

// report answers POST /v1/products/{product}/reviews/{review}/report.
func (c *commands) report(ctx context.Context, in *reportInput) (*takenOutput, error) {
	k := in.key()
	current, err := c.publishedRevision(ctx, k)
	if err != nil {
		return nil, err
	}
	r := wire.Report{Key: k, Revision: current.number, Reporter: c.reporter(in.request, k, current.number), At: c.now().UTC().Truncate(time.Microsecond)}
	return &takenOutput{newTaken(k)}, c.publish(ctx, r)
}

// reporter returns the pseudonym of a client for one revision: an HMAC of its address, or of its network as the rate limiter
// has it. Without the key, nobody finds the address by trying all of them, and pseudonyms of two revisions do not reveal
// whether one client reported both.
func (c *commands) reporter(r *http.Request, k wire.Key, revision int64) string {
	return c.tokens.Pseudonym(strings.Join([]string{c.client(r).String(), k.Product, k.Review, strconv.FormatInt(revision, 10)}, "/"))
}
