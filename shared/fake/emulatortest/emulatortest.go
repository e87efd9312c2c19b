// Package emulatortest runs the Cloud Spanner emulator where it is installed.
package emulatortest

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

	database "cloud.google.com/go/spanner/admin/database/apiv1"
	"cloud.google.com/go/spanner/admin/database/apiv1/databasepb"
	instance "cloud.google.com/go/spanner/admin/instance/apiv1"
	"cloud.google.com/go/spanner/admin/instance/apiv1/instancepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// enable says how to run the tests that were skipped.
const enable = "install google-cloud-cli-spanner-emulator, put emulator_main on PATH, or set SPANNER_EMULATOR_HOST"

// NewDatabase creates a database with the given schema on the emulator. It returns the full name of the database and the
// options with which a client connects. It skips the test when no emulator is installed.
func NewDatabase(t testing.TB, schema []string) (string, []option.ClientOption) {
	t.Helper()
	addr := os.Getenv("SPANNER_EMULATOR_HOST")
	if addr == "" {
		addr = start(t)
	}
	opts := []option.ClientOption{
		option.WithEndpoint(addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
	name, err := create(t.Context(), schema, opts)
	if err != nil {
		t.Fatal(err)
	}
	return name, opts
}

// create creates an instance with a database and returns the full name of the database.
func create(ctx context.Context, schema []string, opts []option.ClientOption) (string, error) {
	id := fmt.Sprintf("t%d", time.Now().UnixNano()) // unique, since an emulator of another process keeps its instances
	instances, err := instance.NewInstanceAdminClient(ctx, opts...)
	if err != nil {
		return "", err
	}
	defer instances.Close()
	operation, err := instances.CreateInstance(ctx, &instancepb.CreateInstanceRequest{
		Parent: "projects/shop", InstanceId: id,
		Instance: &instancepb.Instance{Config: "projects/shop/instanceConfigs/emulator-config", DisplayName: id, NodeCount: 1},
	})
	if err != nil {
		return "", fmt.Errorf("create instance on the emulator: %w", err)
	}
	if _, err := operation.Wait(ctx); err != nil {
		return "", fmt.Errorf("create instance on the emulator: %w", err)
	}
	databases, err := database.NewDatabaseAdminClient(ctx, opts...)
	if err != nil {
		return "", err
	}
	defer databases.Close()
	creation, err := databases.CreateDatabase(ctx, &databasepb.CreateDatabaseRequest{
		Parent: "projects/shop/instances/" + id, CreateStatement: "CREATE DATABASE shop", ExtraStatements: schema,
	})
	if err != nil {
		return "", fmt.Errorf("create database on the emulator: %w", err)
	}
	if _, err := creation.Wait(ctx); err != nil {
		return "", fmt.Errorf("create database on the emulator: %w", err)
	}
	return "projects/shop/instances/" + id + "/databases/shop", nil
}

// start runs the binary of the emulator until the test ends and returns its address.
func start(t testing.TB) string {
	t.Helper()
	binary := find()
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

// find returns the path of the binary, from PATH or the Google Cloud SDK, or "" when it is not installed.
func find() string {
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
