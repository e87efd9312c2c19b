package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/clouderr/spannererr"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// reviewColumns are the columns of a reviewRow in lists.
var reviewColumns = []string{"Review", "Product", "Status", "Rating", "Text", "Author", "Language", "Score", "Magnitude",
	"ScoredBy", "Aspects", "AspectScores", "Helpful", "Reply", "RepliedAt", "RepliedOn", "Revision", "SubmittedAt", "EditedAt", "PublishedAt",
	"Photos"}

// singleReviewColumns add the columns of the reason, and those for the author, to reviewColumns. Lists have published reviews
// only, which have no reason.
var singleReviewColumns = slices.Concat(reviewColumns, reason.ColumnNames, []string{"MissingPhotos", "MissingCauses"})

// reviewRow is a row of the table Reviews.
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
	RepliedOn, Revision   *int64
	SubmittedAt           time.Time
	EditedAt, PublishedAt *time.Time
	Photos                []string

	MissingPhotos, MissingCauses []string // NULL: none
}

// review returns the review of the row. AspectScores has a score for each of Aspects.
func (row reviewRow) review() review {
	r := review{
		ID: row.Review, Product: row.Product, Status: row.Status, Reason: publicReason(row.Reason().Code),
		Rating: row.Rating, Text: row.Text, Author: row.Author,
		Language: row.Language, Score: row.Score, Magnitude: row.Magnitude, ScoredBy: row.ScoredBy, Aspects: []aspect{},
		SubmittedAt: row.SubmittedAt, EditedAt: row.EditedAt, PublishedAt: row.PublishedAt, Objects: row.Photos,
		Revision: row.SubmittedAt.UnixMicro(),
	}
	if row.Revision != nil { // NULL in a row from before edits existed
		r.Revision = *row.Revision
	}
	for i, name := range row.MissingPhotos { // MissingCauses has a cause for each
		r.MissingPhotos = append(r.MissingPhotos, missingPhoto{name, row.MissingCauses[i]})
	}
	for i, name := range row.Aspects {
		r.Aspects = append(r.Aspects, aspect{name, row.AspectScores[i]})
	}
	if row.Helpful != nil {
		r.Helpful, r.Votes = *row.Helpful, row.Helpful
	}
	if row.Reply != nil && row.RepliedAt != nil {
		var seen int64
		if row.RepliedOn != nil {
			seen = *row.RepliedOn
		}
		r.Reply = &reply{*row.Reply, *row.RepliedAt, wire.IsReplyBeforeEdit(seen, *row.RepliedAt, r.Revision, row.EditedAt)}
	}
	return r
}

// review implements store.
func (s spannerStore) review(ctx context.Context, product, id string) (review, error) {
	row, err := s.db.Single().ReadRow(ctx, "Reviews", spanner.Key{product, id}, singleReviewColumns)
	var found reviewRow
	if err == nil {
		err = row.ToStruct(&found)
	}
	return found.review(), spannererr.Wrap(err, "read review %s of %q", id, product)
}

// reviews implements store.
func (s spannerStore) reviews(ctx context.Context, product string, q reviewQuery, after *cursor, limit int) ([]review, error) {
	var rows []reviewRow
	err := s.inSnapshot(func(r snapshot) error {
		if err := checkProduct(ctx, r, product); err != nil {
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
	reviews := make([]review, len(rows))
	for i, row := range rows {
		reviews[i] = row.review()
	}
	return reviews, spannererr.Wrap(err, "list reviews of %q", product)
}

// sortIndexes maps each order to the index that holds the reviews of a product in it.
var sortIndexes = map[sortOrder]string{
	newest:       "ReviewsByTime",
	oldest:       "ReviewsByAge",
	highest:      "ReviewsByRatingDown",
	lowest:       "ReviewsByRatingUp",
	mostPositive: "ReviewsByScoreDown",
	mostNegative: "ReviewsByScoreUp",
	mostHelpful:  "ReviewsByHelpful",
}

// sortColumn is a column that reviews are sorted by before their time.
type sortColumn struct {
	name     string // "": none
	nullable bool
}

// sortColumns maps each sort key to its column.
var sortColumns = map[sortKey]sortColumn{
	byTime:   {},
	byRating: {name: "Rating"},
	byScore:  {name: "Score", nullable: true},
	byVotes:  {name: "Helpful", nullable: true},
}

// value returns the sort value of a cursor in the type of the column.
func (c sortColumn) value(at *cursor) any {
	switch {
	case at.SortValue == nil:
		return int64(0) // only a forged token has no value here
	case c.name == "Score":
		return *at.SortValue
	}
	return int64(*at.SortValue)
}

// indexScan is a scan of an index of reviews.
type indexScan struct {
	index     string
	column    sortColumn
	ascending bool   // of the column or, without one, of the time
	condition string // on the column; "": none
}

// statements returns the statements that read the query after the cursor. The caller runs them in order, with the
// parameter limit set, until it has enough rows.
//
// Reviews without a sort value come last in both directions. Spanner sorts NULL last in descending order only, so they
// have a statement of their own.
func (q reviewQuery) statements(product string, after *cursor) []spanner.Statement {
	order := cmp.Or(q.sort, newest)
	rule := sortRules[order]
	scan := indexScan{index: sortIndexes[order], column: sortColumns[rule.key], ascending: rule.ascending}
	if order == newest && len(q.ratings) == 1 {
		scan.index = sortIndexes[highest] // which is newest first among reviews with equal stars
	}
	if !scan.column.nullable {
		return []spanner.Statement{q.statement(scan, product, after)}
	}
	unvalued := indexScan{index: scan.index, condition: scan.column.name + " IS NULL"}
	if after != nil && after.SortValue == nil {
		return []spanner.Statement{q.statement(unvalued, product, after)}
	}
	scan.condition = scan.column.name + " IS NOT NULL"
	return []spanner.Statement{q.statement(scan, product, after), q.statement(unvalued, product, nil)}
}

// statement returns the statement of one scan after the cursor. Its parameter limit is not set.
func (q reviewQuery) statement(scan indexScan, product string, after *cursor) spanner.Statement {
	params := map[string]any{"product": product}
	where := []string{"Product = @product", "Status = 'published'"}
	if scan.condition != "" {
		where = append(where, scan.condition)
	}
	if len(q.ratings) == 1 {
		where = append(where, "Rating = @rating")
		params["rating"] = q.ratings[0]
	} else if len(q.ratings) > 1 {
		where = append(where, "Rating IN UNNEST(@ratings)")
		params["ratings"] = q.ratings
	}
	if q.language != "" {
		where = append(where, "(Language = @language OR (Language > @variantsFrom AND Language < @variantsTo))")
		params["language"] = q.language
		params["variantsFrom"], params["variantsTo"] = q.languageVariants()
	}
	if q.photos {
		where = append(where, "Photos IS NOT NULL")
	}
	column := scan.column.name
	orderBy, later := "SubmittedAt DESC, Review", "<"
	if scan.ascending && column == "" {
		orderBy, later = "SubmittedAt, Review", ">"
	}
	if after != nil {
		params["at"], params["id"] = after.SubmittedAt, after.ID
		afterTime := "(SubmittedAt " + later + " @at OR (SubmittedAt = @at AND Review > @id))"
		if column == "" {
			where = append(where, "SubmittedAt "+later+"= @at", afterTime)
		} else {
			beyond := "<"
			if scan.ascending {
				beyond = ">"
			}
			// The first condition is redundant; it lets Spanner seek in the index.
			where = append(where, column+" "+beyond+"= @value", "("+column+" "+beyond+" @value OR "+afterTime+")")
			params["value"] = scan.column.value(after)
		}
	}
	if column != "" && scan.ascending {
		orderBy = column + ", " + orderBy
	} else if column != "" {
		orderBy = column + " DESC, " + orderBy
	}
	return spanner.Statement{
		SQL: "SELECT " + strings.Join(reviewColumns, ", ") + " FROM Reviews@{FORCE_INDEX=" + scan.index + "}" +
			" WHERE " + strings.Join(where, " AND ") + " ORDER BY " + orderBy + " LIMIT @limit",
		Params: params,
	}
}

// currentRevision implements revisionStore. The table Erased holds the tombstones of erased reviews.
func (s spannerStore) currentRevision(ctx context.Context, k wire.Key) (found revision, err error) {
	key := spanner.Key{k.Product, k.Review}
	err = s.inSnapshot(func(r snapshot) error {
		columns := []string{"Status", "Rating", "Text", "Author", "Locale", "Photos", "SubmittedAt", "EditedAt", "Revision"}
		row, err := r.ReadRow(ctx, "Reviews", key, columns)
		if errors.Is(err, spanner.ErrRowNotFound) {
			if _, err := r.ReadRow(ctx, "Erased", key, []string{"Review"}); !errors.Is(err, spanner.ErrRowNotFound) {
				return errors.Join(err, errErased)
			}
		}
		if err != nil {
			return err
		}
		var rating int64
		var edited spanner.NullTime
		var number spanner.NullInt64
		found.ID, found.Product = k.Review, k.Product
		err = row.Columns((*string)(&found.status), &rating, &found.Text, &found.Author, &found.Locale, &found.Photos,
			&found.SubmittedAt, &edited, &number)
		found.Rating, found.EditedAt, found.number = int(rating), edited.Time, number.Int64
		if !number.Valid { // a row from before the column existed
			found.number = found.Revision()
		}
		return err
	})
	return found, spannererr.Wrap(err, "read review %s of %q", k.Review, k.Product)
}
