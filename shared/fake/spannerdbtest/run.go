package spannerdbtest

import (
	"testing"

	"cloud.google.com/go/spanner"
	"google.golang.org/api/option"

	"github.com/hybrid-bts/functions/shared/fake/emulatortest"
	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

// Run runs f with an empty database of the shop on two engines: the embedded one, and the Cloud Spanner emulator when it is
// installed. f must not use the database concurrently, since the emulator fails then. A concurrent test uses New.
func Run(t *testing.T, f func(t *testing.T, db *spanner.Client)) {
	t.Run("embedded", func(t *testing.T) {
		db, _ := New(t)
		f(t, db)
	})
	RunEmulator(t, f)
}

// RunEmulator runs f as Run does, but only on the emulator. It is for features that the embedded engine lacks, such as search.
func RunEmulator(t *testing.T, f func(t *testing.T, db *spanner.Client)) {
	t.Run("emulator", func(t *testing.T) {
		tables, search := spannerdb.Schema()
		name, opts := emulatortest.NewDatabase(t, append(tables, search...))
		f(t, open(t, name, opts...))
	})
}

// New returns an embedded server with an empty database, and a client of it. Both end with the test.
func New(t testing.TB) (*spanner.Client, *Server) {
	t.Helper()
	s, err := Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	t.Setenv("SPANNER_EMULATOR_HOST", s.Addr) // the variable overrides the options of the client
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
