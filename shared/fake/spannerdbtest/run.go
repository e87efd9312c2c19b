package spannerdbtest

import (
	"testing"

	"cloud.google.com/go/spanner"
	"google.golang.org/api/option"

	"github.com/hybrid-bts/functions/shared/fake/emulatortest"
	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

// Run runs f on the shop's database, empty, twice: on the embedded engine and on the Cloud Spanner
// emulator, skipping that where there is none. The emulator bears no concurrency with today's client,
// so f does one thing after the other; a concurrent test uses New.
func Run(t *testing.T, f func(t *testing.T, db *spanner.Client)) {
	t.Run("embedded", func(t *testing.T) {
		db, _ := New(t)
		f(t, db)
	})
	RunEmulator(t, f)
}

// RunEmulator runs f as Run does, on the emulator alone: for what the embedded engine does not know, such as search.
func RunEmulator(t *testing.T, f func(t *testing.T, db *spanner.Client)) {
	t.Run("emulator", func(t *testing.T) {
		tables, search := spannerdb.Schema()
		name, opts := emulatortest.NewDatabase(t, append(tables, search...))
		f(t, open(t, name, opts...))
	})
}

// New returns a client of an embedded database, empty, and its server.
func New(t testing.TB) (*spanner.Client, *Server) {
	t.Helper()
	s, err := Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	t.Setenv("SPANNER_EMULATOR_HOST", s.Addr) // which the client obeys before its options
	return open(t, spannerdb.Name("shop", "embedded", "shop"), s.Options()...), s
}

func open(t testing.TB, name string, opts ...option.ClientOption) *spanner.Client {
	t.Helper()
	db, err := spannerdb.Open(t.Context(), name, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}
