package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/clouderr/spannererr"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

var reviewColumns = []string{"Review", "Product", "Status", "Rating", "Text", "Author", "Language", "Score", "Magnitude",
	"ScoredBy", "Aspects", "AspectScores", "Helpful", "Reply", "RepliedAt", "SubmittedAt", "EditedAt", "PublishedAt", "Photos"}

// singleReviewColumns add the columns of the reason to reviewColumns. Lists have published reviews only, which have none.
var singleReviewColumns = slices.Concat(reviewColumns, reason.ColumnNames)

type reviewRow struct {
	Review, Product string
	reason.Columns
	Rating                int64
	Text, Author          string
	Language              *string
	Score, Magnitude      *float64
	ScoredBy              *string
	Aspects               []string
	AspectScores          []float64
	Helpful               *int64
	Reply                 *string
	RepliedAt             *time.Time
	SubmittedAt           time.Time
	EditedAt, PublishedAt *time.Time
	Photos                []string
}

func (row reviewRow) review() review {
	r := review{
		ID: row.Review, Product: row.Product, Status: row.Status, Reason: publicReason(row.Reason().Code), Rating: row.Rating, Text: row.Text, Author: row.Author,
		Language: row.Language, Score: row.Score, Magnitude: row.Magnitude, ScoredBy: row.ScoredBy, Aspects: []aspect{},
		SubmittedAt: row.SubmittedAt, EditedAt: row.EditedAt, PublishedAt: row.PublishedAt, Objects: row.Photos,
	}
	for i, name := range row.Aspects {
		r.Aspects = append(r.Aspects, aspect{name, row.AspectScores[i]})
	}
	if row.Helpful != nil {
		r.Helpful = *row.Helpful
	}
	if row.Reply != nil && row.RepliedAt != nil {
		r.Reply = &reply{*row.Reply, *row.RepliedAt}
	}
	return r
}

func (s spannerStore) review(ctx context.Context, product, id string) (review, error) {
	row, err := s.db.Single().ReadRow(ctx, "Reviews", spanner.Key{product, id}, singleReviewColumns)
	var found reviewRow
	if err == nil {
		err = row.ToStruct(&found)
	}
	return found.review(), spannererr.Wrap(err, "read review %s of %q", id, product)
}

func (s spannerStore) reviews(ctx context.Context, product string, q reviewQuery, after *cursor, limit int) ([]review, error) {
	var rows []reviewRow
	err := s.snapshot(func(r reader) error {
		if err := mustHave(ctx, r, product); err != nil {
			return err
		}
		for _, statement := range q.statements(product, after) {
			statement.Params["limit"] = int64(limit - len(rows))
			if err := collect(r.Query(ctx, statement), &rows); err != nil {
				return err
			}
			if len(rows) == limit {
				break
			}
		}
		return nil
	})
	found := make([]review, len(rows))
	for i, r := range rows {
		found[i] = r.review()
	}
	return found, spannererr.Wrap(err, "list reviews of %q", product)
}

// order is how Spanner sorts reviews, by the index that holds them so.
type order struct {
	index  string
	column string // that comes before the time; "": none
	up     bool
	null   bool // the column may be NULL
}

var orders = map[sorting]order{
	newest:       {index: "ReviewsByTime"},
	oldest:       {index: "ReviewsByAge", up: true},
	highest:      {index: "ReviewsByRatingDown", column: "Rating"},
	lowest:       {index: "ReviewsByRatingUp", column: "Rating", up: true},
	mostPositive: {index: "ReviewsByScoreDown", column: "Score", null: true},
	mostNegative: {index: "ReviewsByScoreUp", column: "Score", up: true, null: true},
	mostHelpful:  {index: "ReviewsByHelpful", column: "Helpful", null: true},
}

// statements returns what has to be asked for, one after the other, until there is enough: the parameter
// limit is still to be set. Those without a value come last, where Spanner would put them only when it
// sorts downwards; so they are asked for apart.
func (q reviewQuery) statements(product string, after *cursor) []spanner.Statement {
	if q.sort == "" {
		q.sort = newest
	}
	o := orders[q.sort]
	if q.sort == newest && len(q.ratings) == 1 {
		o.index = "ReviewsByRatingDown" // which holds those with so many stars newest first
	}
	if !o.null {
		return []spanner.Statement{q.statement(o, product, after, "")}
	}
	rest := order{index: o.index}
	without := q.statement(rest, product, nil, o.column+" IS NULL")
	if after != nil && after.Value == nil {
		return []spanner.Statement{q.statement(rest, product, after, o.column+" IS NULL")}
	}
	return []spanner.Statement{q.statement(o, product, after, o.column+" IS NOT NULL"), without}
}

// statement returns the query of the reviews after a cursor, that are also as the condition says.
func (q reviewQuery) statement(o order, product string, after *cursor, condition string) spanner.Statement {
	params := map[string]any{"product": product}
	where := []string{"Product = @product", "Status = 'published'"}
	if condition != "" {
		where = append(where, condition)
	}
	if len(q.ratings) == 1 {
		where = append(where, "Rating = @rating")
		params["rating"] = q.ratings[0]
	} else if len(q.ratings) > 1 {
		where = append(where, "Rating IN UNNEST(@ratings)")
		params["ratings"] = q.ratings
	}
	if q.language != "" {
		where = append(where, "(Language = @language OR (Language > @variants AND Language < @beyond))")
		params["language"], params["variants"], params["beyond"] = q.language, q.language+"-", q.language+"." // which comes after the dash
	}
	if q.photos {
		where = append(where, "Photos IS NOT NULL")
	}
	by, beyond := "SubmittedAt DESC, Review", "<"
	if o.up && o.column == "" {
		by, beyond = "SubmittedAt, Review", ">"
	}
	if after != nil {
		params["at"], params["id"] = after.At, after.ID
		later := "(SubmittedAt " + beyond + " @at OR (SubmittedAt = @at AND Review > @id))"
		if o.column == "" {
			where = append(where, "SubmittedAt "+beyond+"= @at", later)
		} else {
			worse := "<"
			if o.up {
				worse = ">"
			}
			// The first says where in the index to begin.
			where = append(where, o.column+" "+worse+"= @value", "("+o.column+" "+worse+" @value OR "+later+")")
			params["value"] = o.value(after)
		}
	}
	if o.column != "" && o.up {
		by = o.column + ", " + by
	} else if o.column != "" {
		by = o.column + " DESC, " + by
	}
	return spanner.Statement{
		SQL: "SELECT " + strings.Join(reviewColumns, ", ") + " FROM Reviews@{FORCE_INDEX=" + o.index + "} WHERE " + strings.Join(where, " AND ") +
			" ORDER BY " + by + " LIMIT @limit",
		Params: params,
	}
}

// value returns the value of a cursor in the column's type.
func (o order) value(c *cursor) any {
	switch {
	case c.Value == nil:
		return int64(0) // of a token that was made up
	case o.column == "Score":
		return *c.Value
	}
	return int64(*c.Value)
}
