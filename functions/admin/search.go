package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
)

const (
	// searchBatch is the number of reviews that a search reads at once.
	searchBatch = 200
	// maxSearched is the number of reviews after which a search returns its matches and a token that continues it. They have
	// 10 MB at most.
	maxSearched = 2000
)

// matcher matches reviews that contain each word of a search in the text or in the name of the author. Case, width and
// composition of letters do not count. The zero matcher matches all.
type matcher struct{ words []string }

func newMatcher(query string) matcher { return matcher{strings.Fields(foldText(query))} }

func (m matcher) matches(r moderated) bool {
	content := foldText(r.Text + "\n" + r.Author)
	return !slices.ContainsFunc(m.words, func(word string) bool { return !strings.Contains(content, word) })
}

// foldText returns a text such that equal words are equal strings.
func foldText(s string) string { return norm.NFKC.String(strings.ToLower(norm.NFKC.String(s))) }

// isReviewID reports whether a search is the ID of a review.
func isReviewID(query string) bool {
	id, err := uuid.Parse(query)
	return err == nil && id.String() == strings.ToLower(query)
}

// listName names a list in page tokens. It is short for every search.
func listName(f listFilter, query string) string {
	name := string(f.status) + " of " + f.product
	if query != "" {
		sum := sha256.Sum256([]byte(query))
		name += " with " + hex.EncodeToString(sum[:8])
	}
	return name
}

// search returns at most limit reviews of a list that match, and the review that the next page starts after, nil on the last
// page. It reads the list in order, because not every edition of Spanner has search indexes, and maxSearched reviews at
// most.
func (m *reviewHandlers) search(ctx context.Context, f listFilter, query string, after *cursor, limit int) (found []moderated, last *moderated, err error) {
	match := newMatcher(query)
	found = []moderated{}
	for searched := 0; searched < maxSearched; searched += searchBatch {
		batch, err := m.store.list(ctx, f, after, searchBatch)
		if err != nil {
			return nil, nil, err
		}
		for i, r := range batch {
			if !match.matches(r) {
				continue
			}
			if found = append(found, r); len(found) == limit && (i+1 < len(batch) || len(batch) == searchBatch) {
				return found, &r, nil
			}
		}
		if len(batch) < searchBatch {
			return found, nil, nil
		}
		last = &batch[len(batch)-1]
		after = cursorOf("", *last)
	}
	return found, last, nil
}
