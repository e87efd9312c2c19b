package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"cloud.google.com/go/bigtable"
	"google.golang.org/grpc"

	"github.com/hybrid-bts/functions/shared/fake/customerstest"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// commandVariable makes the test binary the command, which a test can kill.
const commandVariable = "CUSTOMERS_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(commandVariable) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// killer kills a process with SIGKILL at its n-th write, before the server has it.
type killer struct {
	mu     sync.Mutex
	pid    int // 0 if there is no process
	writes atomic.Int64
	at     atomic.Int64 // number of the write; 0 kills never
}

// received counts a write.
func (k *killer) received(method string) {
	if strings.Contains(method, "Mutate") && k.writes.Add(1) == k.at.Load() {
		k.mu.Lock()
		defer k.mu.Unlock()
		_ = syscall.Kill(k.pid, syscall.SIGKILL)
	}
}

// options return interceptors that call received.
func (k *killer) options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.StreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			k.received(info.FullMethod)
			return handler(srv, ss)
		}),
		grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			k.received(info.FullMethod)
			return handler(ctx, req)
		}),
	}
}

// command runs the command in a process, and kills it at the given write. It returns whether the process ended by itself.
func (k *killer) command(t *testing.T, addr string, at int64, args ...string) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), commandVariable+"=1", "BIGTABLE_EMULATOR_HOST="+addr,
		"GOOGLE_CLOUD_PROJECT="+customerstest.Project, "BIGTABLE_INSTANCE="+customerstest.Instance)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	k.mu.Lock()
	k.writes.Store(0)
	k.at.Store(at)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	k.pid = cmd.Process.Pid
	k.mu.Unlock()
	err := cmd.Wait()
	if err != nil && (at == 0 || k.writes.Load() < at) {
		t.Fatalf("%v: %s", err, out.String())
	}
	return err == nil
}

// TestKilledProcessIsCompletedByTheNextOne kills a load with SIGKILL at its writes, one after the other, and runs it
// again.
func TestKilledProcessIsCompletedByTheNextOne(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	t.Chdir(t.TempDir())
	var before, after strings.Builder
	before.WriteString("id,city,country\n")
	after.WriteString("id,city,country\n")
	want := map[string]string{"lyon#fr#": "30", "paris#fr#": "31"}
	for i := range 90 {
		city := []string{"Paris", "Lyon", "Lille"}[i%3]
		fmt.Fprintf(&before, "%d,%s,FR\n", i, city)
		if i%3 < 2 { // the customers of Lille are removed, all others move
			fmt.Fprintf(&after, "%d,%s,FR\n", i, []string{"LYON", "PARIS CEDEX 08"}[i%3])
		}
	}
	after.WriteString("new,Paris,FR\n")
	for name, content := range map[string]string{"before.csv": before.String(), "after.csv": after.String()} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const step = 5
	for at, ended := int64(1), false; !ended; at += step {
		k := &killer{}
		server, err := customerstest.Start(t.Context(), k.options()...)
		if err != nil {
			t.Fatal(err)
		}
		k.command(t, server.Addr, 0, "load", "before.csv")
		ended = k.command(t, server.Addr, at, "load", "-replace", "after.csv")
		k.command(t, server.Addr, 0, "load", "-replace", "after.csv")
		if got := cityCounts(t, server.Client); !maps.Equal(got, want) {
			t.Errorf("killed at write %d: counts %v, want %v", at, got, want)
		}
		rows := 0
		err = server.Client.Open(customers.CustomersTable).ReadRows(t.Context(), bigtable.InfiniteRange(""), func(bigtable.Row) bool {
			rows++
			return true
		})
		if err != nil || rows != 61 {
			t.Errorf("killed at write %d: %d rows, %v, want 61", at, rows, err)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}
}

// cityCounts returns the counts of table cities that are not 0.
func cityCounts(t *testing.T, client *bigtable.Client) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := client.Open(customers.CitiesTable).ReadRows(t.Context(), bigtable.InfiniteRange(""), func(r bigtable.Row) bool {
		for _, c := range r[customers.CityFamily] {
			if c.Column == customers.CityFamily+":"+customers.CountColumn && string(c.Value) != "0" {
				got[r.Key()] = string(c.Value)
			}
		}
		return true
	}, bigtable.RowFilter(bigtable.LatestNFilter(1)))
	if err != nil {
		t.Fatal(err)
	}
	return got
}
