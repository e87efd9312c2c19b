package spannerdbtest

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"cloud.google.com/go/spanner"
	database "cloud.google.com/go/spanner/admin/database/apiv1"
	"cloud.google.com/go/spanner/admin/database/apiv1/databasepb"
	instance "cloud.google.com/go/spanner/admin/instance/apiv1"
	"cloud.google.com/go/spanner/admin/instance/apiv1/instancepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/hybrid-bts/functions/shared/spannerdb"
)

// enable is what a test that misses the emulator tells its reader.
const enable = "install google-cloud-cli-spanner-emulator, put emulator_main on PATH, or set SPANNER_EMULATOR_HOST"

// Run runs f on the shop's database, empty, twice: on the embedded engine and on the Cloud Spanner
// emulator, skipping that where there is none. The emulator bears no concurrency with today's client,
// so f does one thing after the other; a concurrent test uses New.
func Run(t *testing.T, f func(t *testing.T, db *spanner.Client)) {
	t.Run("embedded", func(t *testing.T) {
		db, _ := New(t)
		f(t, db)
	})
	t.Run("emulator", func(t *testing.T) {
		f(t, emulated(t))
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
	return open(t, spannerdb.Name("shop", "embedded", "shop"), Options(s.Addr)...), s
}

// Options make a client speak to the server at addr without credentials.
func Options(addr string) []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
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

// emulated returns a client of a new database on the emulator.
func emulated(t *testing.T) *spanner.Client {
	t.Helper()
	addr := os.Getenv("SPANNER_EMULATOR_HOST")
	if addr == "" {
		addr = startEmulator(t)
	}
	name, err := create(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, name, Options(addr)...)
}

// create makes an instance and a database with the shop's schema, and returns its full name.
func create(ctx context.Context, addr string) (string, error) {
	id := fmt.Sprintf("t%d", time.Now().UnixNano()) // an emulator that was there before keeps what others made
	instances, err := instance.NewInstanceAdminClient(ctx, Options(addr)...)
	if err != nil {
		return "", err
	}
	defer instances.Close()
	making, err := instances.CreateInstance(ctx, &instancepb.CreateInstanceRequest{
		Parent: "projects/shop", InstanceId: id,
		Instance: &instancepb.Instance{Config: "projects/shop/instanceConfigs/emulator-config", DisplayName: id, NodeCount: 1},
	})
	if err != nil {
		return "", fmt.Errorf("create instance on the emulator at %s: %w", addr, err)
	}
	if _, err := making.Wait(ctx); err != nil {
		return "", fmt.Errorf("create instance on the emulator at %s: %w", addr, err)
	}
	databases, err := database.NewDatabaseAdminClient(ctx, Options(addr)...)
	if err != nil {
		return "", err
	}
	defer databases.Close()
	creating, err := databases.CreateDatabase(ctx, &databasepb.CreateDatabaseRequest{
		Parent: "projects/shop/instances/" + id, CreateStatement: "CREATE DATABASE shop", ExtraStatements: spannerdb.Schema(),
	})
	if err != nil {
		return "", fmt.Errorf("create database on the emulator at %s: %w", addr, err)
	}
	if _, err := creating.Wait(ctx); err != nil {
		return "", fmt.Errorf("create database on the emulator at %s: %w", addr, err)
	}
	return spannerdb.Name("shop", id, "shop"), nil
}

// startEmulator runs the emulator's binary until the test ends, and returns its address.
func startEmulator(t *testing.T) string {
	t.Helper()
	binary := findEmulator()
	if binary == "" {
		t.Skip("no Cloud Spanner emulator: " + enable)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	cmd := exec.Command(binary, "--host_port", addr)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", binary, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return addr
		}
	}
	t.Fatalf("%s does not listen on %s after 20 s", binary, addr)
	return ""
}

// findEmulator returns the emulator's binary, from PATH or the Google Cloud SDK, or "".
func findEmulator() string {
	if p, err := exec.LookPath("emulator_main"); err == nil {
		return p
	}
	gcloud, err := exec.LookPath("gcloud")
	if err != nil {
		return ""
	}
	if gcloud, err = filepath.EvalSymlinks(gcloud); err != nil {
		return ""
	}
	p, err := exec.LookPath(filepath.Join(filepath.Dir(gcloud), "cloud_spanner_emulator", "emulator_main"))
	if err != nil {
		return ""
	}
	return p
}
