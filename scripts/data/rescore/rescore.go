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

// page is how many reviews are looked up at once. No query is open while they are published, which may
// take longer than Spanner keeps what a query reads.
const page = 500

// rescore is one run.
type rescore struct {
	db        *spanner.Client
	publish   func(ctx context.Context, data []byte, attributes map[string]string) error
	by, from  string
	perMinute int
	dryRun    bool
}

// run asks for every review that is found, and says how many there were.
func (r *rescore) run(ctx context.Context, stdout, stderr io.Writer) (err error) {
	total, err := r.count(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	if r.dryRun {
		fmt.Fprintf(stdout, "%d reviews to ask for\n", total)
		return nil
	}
	bar := progressbar.NewOptions(total, progressbar.OptionSetWriter(stderr), progressbar.OptionSetDescription("reviews"),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionThrottle(200*time.Millisecond))
	pace := rate.NewLimiter(rate.Limit(r.perMinute)/60, 1)
	after, asked := r.from, 0
	defer func() {
		_ = bar.Finish() // only its drawing can fail
		fmt.Fprintf(stdout, "%d reviews asked for\n", asked)
		if err != nil && after != "" {
			err = fmt.Errorf("%w; go on with -from %s", err, after)
		}
	}()
	for {
		found, err := r.find(ctx, after)
		if err != nil {
			return stopped(ctx, err)
		}
		for _, m := range found {
			if err := r.ask(ctx, pace, m); err != nil {
				return stopped(ctx, err)
			}
			asked++
			after = m.Product + "/" + m.Review
			_ = bar.Add(1)
		}
		if len(found) < page {
			return nil
		}
	}
}

// ask publishes a message, when it is its turn.
func (r *rescore) ask(ctx context.Context, pace *rate.Limiter, m review.Rescore) error {
	if err := pace.Wait(ctx); err != nil {
		return err
	}
	data, attributes, err := review.Encode(m)
	if err != nil {
		return err
	}
	return r.publish(ctx, data, attributes)
}

// query returns one about the reviews after one.
func (r *rescore) query(what, after, rest string) spanner.Statement {
	product, id, _ := strings.Cut(after, "/")
	return spanner.Statement{
		SQL: "SELECT " + what + " FROM Reviews WHERE Status = 'published'" +
			" AND ScoredBy >= @by AND ScoredBy < @end" + // no function: the embedded engine's take no NULL
			" AND (Product > @product OR (Product = @product AND Review > @review))" + rest,
		Params: map[string]any{"by": r.by, "end": r.by + "\U0010FFFF", "product": product, "review": id, "limit": int64(page)},
	}
}

// count returns how many reviews there are to ask for, now.
func (r *rescore) count(ctx context.Context) (int, error) {
	var n int64
	err := r.db.Single().Query(ctx, r.query("COUNT(*)", r.from, "")).Do(func(row *spanner.Row) error { return row.Columns(&n) })
	if err != nil {
		return 0, fmt.Errorf("count reviews: %w", err)
	}
	return int(n), nil
}

// find returns the first reviews after one, in the order of their keys.
func (r *rescore) find(ctx context.Context, after string) (found []review.Rescore, err error) {
	q := r.query("Product, Review, Revision, SubmittedAt", after, " ORDER BY Product, Review LIMIT @limit")
	err = r.db.Single().Query(ctx, q).Do(func(row *spanner.Row) error {
		var m review.Rescore
		var revision spanner.NullInt64
		var submitted time.Time
		if err := row.Columns(&m.Product, &m.Review, &revision, &submitted); err != nil {
			return err
		}
		m.Revision = submitted.UnixMicro() // of a row of before there were edits
		if revision.Valid {
			m.Revision = revision.Int64
		}
		found = append(found, m)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for reviews after %q: %w", after, err)
	}
	return found, nil
}

// stopped returns that the run was stopped, when that is what err comes from.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("stopped")
	}
	return err
}
