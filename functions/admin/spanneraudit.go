package main

import (
	"context"
	"strings"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/clouderr/spannererr"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// audit reads table Audit by its key for one review, by the index AuditByTime for all.
func (s spannerStore) audit(ctx context.Context, k wire.Key, after *auditCursor, limit int) ([]auditEntry, error) {
	st := spanner.Statement{
		SQL:    "SELECT Entry, ActedAt, Operator, Action, Product, Review, Letter, StateBefore, StateAfter, Reason FROM Audit",
		Params: map[string]any{"limit": int64(limit)},
	}
	var conditions []string
	if after != nil {
		conditions = append(conditions, "(ActedAt < @at OR (ActedAt = @at AND Entry > @entry))")
		st.Params["at"], st.Params["entry"] = after.At, after.Entry
	}
	if k.Review != "" {
		conditions = append(conditions, "Product = @product AND Review = @review")
		st.Params["product"], st.Params["review"] = k.Product, k.Review
	}
	if len(conditions) > 0 {
		st.SQL += " WHERE " + strings.Join(conditions, " AND ")
	}
	st.SQL += " ORDER BY ActedAt DESC, Entry LIMIT @limit"
	found := []auditEntry{}
	err := s.db.Single().Query(ctx, st).Do(func(r *spanner.Row) error {
		var e auditEntry
		err := r.Columns(&e.ID, &e.At, &e.Operator, &e.Action, &e.Product, &e.Review, &e.Letter, &e.Before, &e.After, &e.Reason)
		found = append(found, e)
		return err
	})
	return found, spannererr.Wrap(err, "list audit entries")
}
