package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/civil"
	"cloud.google.com/go/spanner"
	"golang.org/x/sync/errgroup"

	"github.com/hybrid-bts/functions/shared/clouderr/spannererr"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// spannerStore is the store in Spanner. Lists of held and rejected reviews read the index ReviewsHeld, which is small
// and spans all products. Lists of published reviews read ReviewsByTime, which is ordered by time within each product:
// an index ordered by time alone would send all writes to one split. So a list of all products names each product.
type spannerStore struct{ db *spanner.Client }

var reviewColumns = slices.Concat(reason.ColumnNames, []string{"Review", "Product", "Status", "HeldAt", "Revision", "Rating", "Text",
	"Author", "Language", "Score", "ScoredBy", "Photos", "SubmittedAt", "EditedAt", "PublishedAt", "Reply", "RepliedAt", "RepliedOn", "DecidedOn", "ReportedOn"})

type reviewRow struct {
	Review, Product string
	reason.Columns
	HeldAt                *time.Time
	Revision              spanner.NullInt64
	Rating                int64
	Text, Author          string
	Language              *string
	Score                 *float64
	ScoredBy              *string
	Photos                []string
	SubmittedAt           time.Time
	EditedAt, PublishedAt *time.Time
	Reply                 *string
	RepliedAt             spanner.NullTime
	RepliedOn             spanner.NullInt64
	DecidedOn, ReportedOn []int64
}

func (r reviewRow) review() moderated {
	v := moderated{
		ID: r.Review, Product: r.Product, Status: wire.Status(r.Status), HeldAt: r.HeldAt, Revision: r.Revision.Int64,
		Rating: r.Rating, Text: r.Text, Author: r.Author, Language: r.Language, Score: r.Score, ScoredBy: r.ScoredBy, Photos: append([]string{}, r.Photos...),
		SubmittedAt: r.SubmittedAt, EditedAt: r.EditedAt, PublishedAt: r.PublishedAt, repliedAt: r.RepliedAt.Time, Decisions: []decision{},
	}
	if !r.Revision.Valid {
		v.Revision = initialRevision(r.SubmittedAt)
	}
	for _, revision := range r.ReportedOn {
		if revision == v.Revision {
			v.Reports++
		}
	}
	if why := r.Reason(); why.Code != "" {
		v.ReasonCode = &why.Code
		if text := why.Text(); text != "" {
			v.Reason = &text
		}
	}
	if r.Reply != nil {
		v.Reply = &reply{*r.Reply, r.RepliedAt.Time, wire.IsReplyBeforeEdit(r.RepliedOn.Int64, r.RepliedAt.Time, v.Revision, r.EditedAt)}
	}
	for i, verdict := range r.Verdicts {
		v.Decisions = append(v.Decisions, decision{wire.Verdict(verdict), r.Reasons[i], r.DecidedOn[i], r.DecidedAt[i]})
	}
	return v
}

func (s spannerStore) review(ctx context.Context, k wire.Key) (moderated, error) {
	tx := s.db.ReadOnlyTransaction()
	defer tx.Close()
	var found reviewRow
	key := spanner.Key{k.Product, k.Review}
	r, err := tx.ReadRow(ctx, "Reviews", key, reviewColumns)
	if err == nil {
		err = r.ToStruct(&found)
	}
	if errors.Is(err, spanner.ErrRowNotFound) {
		if _, tombErr := tx.ReadRow(ctx, "Erased", key, []string{"Review"}); !errors.Is(tombErr, spanner.ErrRowNotFound) {
			err = cmp.Or(tombErr, errErased)
		}
	}
	return found.review(), spannererr.Wrap(err, "read review %s of %q", k.Review, k.Product)
}

func (s spannerStore) list(ctx context.Context, f listFilter, after *cursor, limit int) ([]moderated, error) {
	tx := s.db.ReadOnlyTransaction()
	defer tx.Close()
	var found []moderated
	var err error
	if f.status == wire.Published {
		found, err = listPublished(ctx, tx, f, after, limit)
	} else {
		st := pageQuery("HeldAt", after, limit)
		st.SQL = "HeldAt IS NOT NULL AND Status = @status" + st.SQL
		st.Params["status"] = string(f.status)
		if f.product != "" {
			st.SQL = "Product = @product AND " + st.SQL
			st.Params["product"] = f.product
		}
		found, err = selectReviews(ctx, tx, st)
	}
	return found, spannererr.Wrap(err, "list %s reviews", f.status)
}

// listPublished lists published reviews of one product or of all products. For all products, it reads windows that start
// with an hour and grow by a factor of 24 into the past, so it reads few more rows than it returns.
func listPublished(ctx context.Context, tx *spanner.ReadOnlyTransaction, f listFilter, after *cursor, limit int) ([]moderated, error) {
	st := pageQuery("SubmittedAt", after, limit)
	rest := st.SQL
	if f.product != "" {
		st.SQL = "Product = @product AND Status = 'published'" + rest
		st.Params["product"] = f.product
		return selectReviews(ctx, tx, st)
	}
	products, err := ratedProducts(ctx, tx)
	if err != nil {
		return nil, err
	}
	st.Params["products"] = products
	st.SQL = "Product IN UNNEST(@products) AND Status = 'published' AND SubmittedAt >= @since" + rest
	top := time.Now()
	if after != nil {
		top = after.At
	}
	for span := time.Hour; ; span *= 24 {
		since := top.Add(-span)
		last := span > 24*365*time.Hour // older reviews are few, so the last window has no start
		if last {
			since = time.Unix(0, 0)
		}
		st.Params["since"] = since
		found, err := selectReviews(ctx, tx, st)
		if err != nil || len(found) == limit || last {
			return found, err
		}
	}
}

// ratedProducts returns the products with a published review now or earlier, including products outside the catalogue.
func ratedProducts(ctx context.Context, tx *spanner.ReadOnlyTransaction) (products []string, err error) {
	err = tx.Query(ctx, spanner.Statement{SQL: "SELECT DISTINCT Product FROM Ratings"}).Do(func(r *spanner.Row) error {
		var p string
		err := r.Columns(&p)
		products = append(products, p)
		return err
	})
	return products, err
}

// pageQuery returns the conditions, the order and the limit of a list page that starts after a cursor, newest first by
// a time column. Callers prepend the first condition.
func pageQuery(by string, after *cursor, limit int) spanner.Statement {
	st := spanner.Statement{Params: map[string]any{"limit": int64(limit)}}
	if after != nil {
		st.SQL = fmt.Sprintf(" AND (%[1]s < @at OR (%[1]s = @at AND (Product > @after OR (Product = @after AND Review > @review))))", by)
		st.Params["at"], st.Params["after"], st.Params["review"] = after.At, after.Product, after.Review
	}
	st.SQL += " ORDER BY " + by + " DESC, Product, Review LIMIT @limit"
	return st
}

// selectReviews returns the reviews that match a statement, whose SQL is the text after WHERE.
func selectReviews(ctx context.Context, tx *spanner.ReadOnlyTransaction, st spanner.Statement) ([]moderated, error) {
	st.SQL = "SELECT " + strings.Join(reviewColumns, ", ") + " FROM Reviews WHERE " + st.SQL
	found := []moderated{}
	err := tx.Query(ctx, st).Do(func(r *spanner.Row) error {
		var v reviewRow
		if err := r.ToStruct(&v); err != nil {
			return err
		}
		found = append(found, v.review())
		return nil
	})
	return found, err
}

func (s spannerStore) countByDay(ctx context.Context, from time.Time, n int) ([]statusCounts, error) {
	tx := s.db.ReadOnlyTransaction()
	defer tx.Close()
	days := make([]statusCounts, n)
	for i := range days {
		days[i] = statusCounts{}
	}
	err := s.countPublished(ctx, tx, from, days)
	if err == nil {
		err = s.countHiddenByDay(ctx, tx, from, days)
	}
	return days, spannererr.Wrap(err, "count the reviews since %v", from)
}

// countPublished counts the published reviews of each day, with one query on ReviewsByTime per day.
func (s spannerStore) countPublished(ctx context.Context, tx *spanner.ReadOnlyTransaction, from time.Time, days []statusCounts) error {
	products, err := ratedProducts(ctx, tx)
	if err != nil {
		return err
	}
	found := make([]int64, len(days))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i := range days {
		g.Go(func() error {
			return tx.Query(ctx, spanner.Statement{
				SQL:    "SELECT COUNT(*) FROM Reviews WHERE Product IN UNNEST(@products) AND Status = 'published' AND SubmittedAt >= @from AND SubmittedAt < @to",
				Params: map[string]any{"products": products, "from": from.AddDate(0, 0, i), "to": from.AddDate(0, 0, i+1)},
			}).Do(func(r *spanner.Row) error { return r.Columns(&found[i]) })
		})
	}
	err = g.Wait()
	for i := range days {
		days[i][wire.Published] = found[i]
	}
	return err
}

// countHidden counts with the index ReviewsByStatus.
func (s spannerStore) countHidden(ctx context.Context) (statusCounts, error) {
	tx := s.db.ReadOnlyTransaction()
	defer tx.Close()
	counts := statusCounts{}
	for _, status := range []wire.Status{wire.Held, wire.Rejected} {
		var n int64
		err := tx.Query(ctx, spanner.Statement{
			SQL: "SELECT COUNT(*) FROM Reviews WHERE Status = @status AND HeldAt IS NOT NULL", Params: map[string]any{"status": string(status)},
		}).Do(func(r *spanner.Row) error { return r.Columns(&n) })
		if err != nil {
			return nil, spannererr.Wrap(err, "count %s reviews", status)
		}
		counts[status] = n
	}
	return counts, nil
}

// find reads the index ReviewsById.
func (s spannerStore) find(ctx context.Context, id string) ([]moderated, error) {
	tx := s.db.ReadOnlyTransaction()
	defer tx.Close()
	found, err := selectReviews(ctx, tx, spanner.Statement{SQL: "Review = @review", Params: map[string]any{"review": id}})
	return found, spannererr.Wrap(err, "find review %s", id)
}

// countHiddenByDay counts the held and rejected reviews of each day with one scan of ReviewsHeld.
func (s spannerStore) countHiddenByDay(ctx context.Context, tx *spanner.ReadOnlyTransaction, from time.Time, days []statusCounts) error {
	return tx.Query(ctx, spanner.Statement{
		SQL:    "SELECT Status, SubmittedAt FROM Reviews WHERE HeldAt IS NOT NULL AND SubmittedAt >= @from AND SubmittedAt < @to",
		Params: map[string]any{"from": from, "to": from.AddDate(0, 0, len(days))},
	}).Do(func(r *spanner.Row) error {
		var status string
		var at time.Time
		if err := r.Columns(&status, &at); err != nil {
			return err
		}
		days[civil.DateOf(at.In(from.Location())).DaysSince(civil.DateOf(from))][wire.Status(status)]++
		return nil
	})
}
