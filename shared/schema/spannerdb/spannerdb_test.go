package spannerdb_test

import (
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

func TestSearchStatementsAreSeparate(t *testing.T) {
	tables, search := spannerdb.Schema()
	if len(tables) == 0 || len(search) == 0 {
		t.Fatalf("%d statements, and %d of search", len(tables), len(search))
	}
	for _, s := range tables {
		if strings.Contains(s, "SEARCH INDEX") || strings.Contains(s, "TOKENLIST") {
			t.Errorf("a statement of search among the tables: %s", s)
		}
	}
}
