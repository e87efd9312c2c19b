package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"cloud.google.com/go/spanner"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/time/rate"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// pageSize is the number of reviews that one query returns. No query stays open while messages are published, because
// publishing may take longer than Spanner retains the data of the query's snapshot.
const pageSize = 500

// rescore is one run of the program.
type rescore struct {
	db        *spanner.Client
	publish   func(ctx context.Context, data []byte, attributes map[string]string) error
	by        string // prefix of ScoredBy
	from      string // product/review after which the run begins; "": all reviews
	perMinute int
	dryRun    bool
}

// run publishes a message for every review that it finds, and prints their number to stdout. It draws a progress bar on stderr.
func (r *rescore) run(ctx context.Context, stdout, stderr io.Writer) (err error) {
	total, err := r.count(ctx)
	if err != nil {
		return stoppedOr(ctx, err)
	}
	if r.dryRun {
		fmt.Fprintf(stdout, "%d reviews to rescore\n", total)
		return nil
	}
	bar := progressbar.NewOptions(total, progressbar.OptionSetWriter(stderr), progressbar.OptionSetDescription("reviews"),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionThrottle(200*time.Millisecond))
	pace := rate.NewLimiter(rate.Limit(r.perMinute)/60, 1)
	after, requested := r.from, 0
	defer func() {
		_ = bar.Finish() // only drawing can fail
		fmt.Fprintf(stdout, "%d rescores requested\n", requested)
		if err != nil && after != "" {
			err = fmt.Errorf("%w; continue with -from %s", err, after)
		}
	}()
	for {
		found, err := r.find(ctx, after)
		if err != nil {
			return stoppedOr(ctx, err)
		}
		for _, m := range found {
			if err := r.request(ctx, pace, m); err != nil {
				return stoppedOr(ctx, err)
			}
			requested++
			after = m.Product + "/" + m.Review
			_ = bar.Add(1)
		}
		if len(found) < pageSize {
			return nil
		}
	}
}

// request publishes a message as soon as the rate allows it.
func (r *rescore) request(ctx context.Context, pace *rate.Limiter, m review.Rescore) error {
	if err := pace.Wait(ctx); err != nil {
		return err
	}
	data, attributes, err := review.Encode(m)
	if err != nil {
		return err
	}
	return r.publish(ctx, data, attributes)
}

// query returns a query for columns of the reviews after the given one, a product/review. clauses end the statement.
func (r *rescore) query(columns, after, clauses string) spanner.Statement {
	product, id, _ := strings.Cut(after, "/")
	return spanner.Statement{
		SQL: "SELECT " + columns + " FROM Reviews WHERE Status = 'published'" +
			" AND ScoredBy >= @by AND ScoredBy < @end" + // not STARTS_WITH: the embedded engine fails on NULL
			" AND (Product > @product OR (Product = @product AND Review > @review))" + clauses,
		Params: map[string]any{"by": r.by, "end": r.by + "\U0010FFFF", "product": product, "review": id, "limit": int64(pageSize)},
	}
}

// count returns the current number of reviews to rescore.
func (r *rescore) count(ctx context.Context) (int, error) {
	var n int64
	err := r.db.Single().Query(ctx, r.query("COUNT(*)", r.from, "")).Do(func(row *spanner.Row) error { return row.Columns(&n) })
	if err != nil {
		return 0, fmt.Errorf("count reviews: %w", err)
	}
	return int(n), nil
}

// find returns the next page of reviews after a product/review, in the order of their keys.
func (r *rescore) find(ctx context.Context, after string) (found []review.Rescore, err error) {
	q := r.query("Product, Review, Revision, SubmittedAt", after, " ORDER BY Product, Review LIMIT @limit")
	err = r.db.Single().Query(ctx, q).Do(func(row *spanner.Row) error {
		var m review.Rescore
		var revision spanner.NullInt64
		var submitted time.Time
		if err := row.Columns(&m.Product, &m.Review, &revision, &submitted); err != nil {
			return err
		}
		m.Revision = submitted.UnixMicro() // a row from before edits has no revision
		if revision.Valid {
			m.Revision = revision.Int64
		}
		found = append(found, m)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("query reviews after %q: %w", after, err)
	}
	return found, nil
}

// stoppedOr returns an error about the stop if a signal ended the run, or else err.
func stoppedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("stopped")
	}
	return err
}
