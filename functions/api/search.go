package main

import (
	"errors"
	"strings"

	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

// searchMethod is the way to search the catalogue, the value of PRODUCT_SEARCH.
type searchMethod string

// The search methods.
const (
	searchIndex searchMethod = "index" // the search index of Spanner
	searchScan  searchMethod = "scan"  // a scan of the catalogue
)

// searchForm describes the valid values of PRODUCT_SEARCH in an error.
const searchForm = "index or scan"

// parseSearchMethod parses the variable PRODUCT_SEARCH.
func parseSearchMethod(s string) (searchMethod, error) {
	if m := searchMethod(s); m == searchIndex || m == searchScan {
		return m, nil
	}
	return "", errors.New("unknown search method")
}

// productQuery selects products of the catalogue. The zero query selects all.
type productQuery struct {
	kind string
	text string // as typed by the shopper
}

// words returns the normalized words of the text. A product matches if its words contain each of them, whole or as a part
// of a word. Words consist of letters and digits.
func (q productQuery) words() []string { return strings.Fields(spannerdb.Words(q.text)) }

// matchesNothing reports whether the text is not blank but has no word, such as "💜" or "%". Such a query finds no
// product, whereas a blank one finds all.
func (q productQuery) matchesNothing() bool {
	return strings.TrimSpace(q.text) != "" && len(q.words()) == 0
}
