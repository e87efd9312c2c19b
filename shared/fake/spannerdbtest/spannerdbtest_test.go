package spannerdbtest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/spanner"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
)

var product = []string{"Product", "Title", "Kind", "Price", "Currency"}

func insert(id string, price int64) *spanner.Mutation {
	return spanner.Insert("Products", product, []any{id, "Butter", "album", price, "KRW"})
}

func price(t testing.TB, db *spanner.Client, id string) int64 {
	t.Helper()
	row, err := db.Single().ReadRow(t.Context(), "Products", spanner.Key{id}, []string{"Price"})
	if err != nil {
		t.Fatal(err)
	}
	var p int64
	if err := row.Columns(&p); err != nil {
		t.Fatal(err)
	}
	return p
}

// raise reads a price and writes it plus one. Without isolation, concurrent calls lose updates.
func raise(ctx context.Context, db *spanner.Client, id string) error {
	_, err := db.ReadWriteTransaction(ctx, func(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
		row, err := tx.ReadRow(ctx, "Products", spanner.Key{id}, []string{"Price"})
		if err != nil {
			return err
		}
		var p int64
		if err := row.Columns(&p); err != nil {
			return err
		}
		return tx.BufferWrite([]*spanner.Mutation{spanner.Update("Products", []string{"Product", "Price"}, []any{id, p + 1})})
	})
	return err
}

func TestEnginesAgreeOnTheSchemaAndTransactions(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		ctx := t.Context()
		if _, err := db.Apply(ctx, []*spanner.Mutation{insert("butter", 10), insert("proof", 20)}); err != nil {
			t.Fatal(err)
		}
		if err := raise(ctx, db, "butter"); err != nil {
			t.Fatal(err)
		}
		if got := price(t, db, "butter"); got != 11 {
			t.Errorf("price = %d, want 11", got)
		}
		if _, err := db.Apply(ctx, []*spanner.Mutation{insert("butter", 1)}); spanner.ErrCode(err) != codes.AlreadyExists {
			t.Errorf("a second insert gives %v, want AlreadyExists", err)
		}
		if _, err := db.Single().ReadRow(ctx, "Products", spanner.Key{"none"}, product); !errors.Is(err, spanner.ErrRowNotFound) {
			t.Errorf("a missing row gives %v, want ErrRowNotFound", err)
		}
		it := db.Single().Query(ctx, spanner.Statement{
			SQL: "SELECT Product FROM Products WHERE Product > @after ORDER BY Product LIMIT @n", Params: map[string]any{"after": "a", "n": int64(9)},
		})
		defer it.Stop()
		var got []string
		for {
			row, err := it.Next()
			if errors.Is(err, iterator.Done) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			var id string
			if err := row.Columns(&id); err != nil {
				t.Fatal(err)
			}
			got = append(got, id)
		}
		if len(got) != 2 || got[0] != "butter" {
			t.Errorf("products = %v, want butter, proof", got)
		}
	})
}

func TestConcurrentIncrementsAreExact(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	if _, err := db.Apply(t.Context(), []*spanner.Mutation{insert("butter", 0)}); err != nil {
		t.Fatal(err)
	}
	const workers, each = 8, 25
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				if err := raise(t.Context(), db, "butter"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := price(t, db, "butter"); got != workers*each {
		t.Errorf("price = %d after %d increments", got, workers*each)
	}
}

func TestTransactionRunsAgainAfterAConflictingWrite(t *testing.T) {
	for name, tc := range map[string]struct {
		read    func(context.Context, *spanner.ReadWriteTransaction) error
		between *spanner.Mutation
		runs    int
	}{
		"write of the row":         {readRow("butter"), update("butter"), 2},
		"write of another row":     {readRow("butter"), update("proof"), 1},
		"write of the missing row": {readRow("new"), insert("new", 1), 2},
		"deletion of the row":      {readRow("butter"), spanner.Delete("Products", spanner.Key{"butter"}), 2},
		"query and a write":        {query, update("proof"), 2},
		"no write":                 {readRow("butter"), nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := spannerdbtest.New(t)
			if _, err := db.Apply(t.Context(), []*spanner.Mutation{insert("butter", 10), insert("proof", 20)}); err != nil {
				t.Fatal(err)
			}
			runs := 0
			_, err := db.ReadWriteTransaction(t.Context(), func(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
				runs++
				if err := tc.read(ctx, tx); err != nil {
					return err
				}
				if runs == 1 && tc.between != nil {
					if _, err := db.Apply(t.Context(), []*spanner.Mutation{tc.between}); err != nil {
						return err
					}
				}
				return tx.BufferWrite([]*spanner.Mutation{insert("last", 1)})
			})
			if err != nil {
				t.Fatal(err)
			}
			if runs != tc.runs {
				t.Errorf("ran %d times, want %d", runs, tc.runs)
			}
		})
	}
}

func update(id string) *spanner.Mutation {
	return spanner.Update("Products", []string{"Title", "Product"}, []any{"changed", id})
}

func readRow(id string) func(context.Context, *spanner.ReadWriteTransaction) error {
	return func(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
		_, err := tx.ReadRow(ctx, "Products", spanner.Key{id}, []string{"Title"})
		if errors.Is(err, spanner.ErrRowNotFound) {
			return nil
		}
		return err
	}
}

func query(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
	return tx.Query(ctx, spanner.NewStatement("SELECT Product FROM Products")).Do(func(*spanner.Row) error { return nil })
}

func TestBlindWritesAreNotAborted(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			m := spanner.InsertOrUpdate("Products", product, []any{string(rune('a' + i)), "Butter", "album", 1, "KRW"})
			if _, err := db.Apply(t.Context(), []*spanner.Mutation{m}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestDMLIsUnimplemented(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	_, err := db.ReadWriteTransaction(t.Context(), func(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
		_, err := tx.BatchUpdate(ctx, []spanner.Statement{spanner.NewStatement("DELETE FROM Products WHERE true")})
		return err
	})
	if spanner.ErrCode(err) != codes.Unimplemented {
		t.Errorf("BatchUpdate gives %v, want Unimplemented", err)
	}
	_, err = db.ReadWriteTransaction(t.Context(), func(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
		_, err := tx.Update(ctx, spanner.NewStatement("DELETE FROM Products WHERE true"))
		return err
	})
	if spanner.ErrCode(err) != codes.Unimplemented {
		t.Errorf("Update gives %v, want Unimplemented", err)
	}
}

func TestInjectedErrorReachesTheClient(t *testing.T) {
	db, srv := spannerdbtest.New(t)
	srv.Fail(status.Error(codes.PermissionDenied, "injected"))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := db.Apply(ctx, []*spanner.Mutation{insert("butter", 1)}); spanner.ErrCode(err) != codes.PermissionDenied {
		t.Errorf("Apply gives %v, want the injected error", err)
	}
	srv.Fail(nil)
	if _, err := db.Apply(ctx, []*spanner.Mutation{insert("butter", 1)}); err != nil {
		t.Error(err)
	}
}
