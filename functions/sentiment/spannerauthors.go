package main

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/spanner"
	"google.golang.org/api/iterator"
)

// spannerAuthors looks up authors in table Reviews, by its index ReviewsByAuthor.
type spannerAuthors struct{ db *spanner.Client }

func (s spannerAuthors) hasPublished(ctx context.Context, author, except string) (bool, error) {
	it := s.db.Single().Query(ctx, spanner.Statement{
		SQL:    "SELECT Review FROM Reviews WHERE Author = @author AND Status = 'published' AND Review != @except LIMIT 1",
		Params: map[string]any{"author": author, "except": except},
	})
	defer it.Stop()
	_, err := it.Next()
	if errors.Is(err, iterator.Done) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("query reviews of an author: %w", err)
	}
	return true, nil
}
