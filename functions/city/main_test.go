package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/fake/customerstest"
)

// TestMain runs the function itself in the process that TestFunctionServesAsAProcess starts.
func TestMain(m *testing.M) {
	if os.Getenv("CITY_TEST_MAIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestFunctionServesAsAProcess(t *testing.T) {
	f := &faults{ended: make(chan error, 10)}
	engine := start(t, f.option())
	addCity(t, engine, "Paris", "FR", 3000, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	function := exec.Command(os.Args[0])
	function.Env = []string{"CITY_TEST_MAIN=1", "GOOGLE_CLOUD_PROJECT=" + customerstest.Project, "BIGTABLE_INSTANCE=" + customerstest.Instance,
		"BIGTABLE_EMULATOR_HOST=" + engine.Addr, "PAGE_TOKEN_KEY=0123456789abcdef", "PORT=" + port}
	if err := function.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = function.Process.Kill() }()
	at := "http://127.0.0.1:" + port
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get(at + "/healthz")
		if err == nil {
			_ = resp.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	get := func(path string) (*http.Response, string, error) {
		resp, err := http.Get(at + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		return resp, string(b), err
	}
	if resp, body, err := get("/v1/cities/paris/customers?page_size=1"); resp.StatusCode != 200 || err != nil || !strings.Contains(body, `"count":3000`) {
		t.Errorf("%s %s %v", resp.Status, body, err)
	}
	if resp, body, err := get("/v1/cities/paris/customers?format=ndjson"); err != nil || strings.Count(body, "\n") != 3000 || resp.Trailer.Get(statusTrailer) != "complete" {
		t.Errorf("%d lines, %v, trailer %v", strings.Count(body, "\n"), err, resp.Trailer)
	}
	if resp, body, err := get("/v1/cities//customers"); resp.StatusCode != 400 || err != nil || !strings.Contains(body, `"parameter":"city"`) {
		t.Errorf("empty city: %s %s %v", resp.Status, body, err)
	}
	f.set(2000, status.Error(codes.Internal, "secret detail"), false)
	// The Functions Framework would complete the response with a panic message.
	if _, body, err := get("/v1/cities/paris/customers?format=ndjson"); !errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(body, "panic") || strings.HasSuffix(body, "\n") {
		t.Errorf("failed stream: error %v, end %q", err, body[max(0, len(body)-80):])
	}
	if err := errors.Join(function.Process.Signal(syscall.SIGTERM), function.Wait()); err != nil {
		t.Errorf("exit after SIGTERM: %v, want status 0", err)
	}
}

func TestInvalidVariablesAreReportedTogether(t *testing.T) {
	vars := map[string]string{"PAGE_TOKEN_KEY": "hunter2", "UNMASK": "perhaps"}
	err := run(t.Context(), func(name string) (string, bool) { v, ok := vars[name]; return v, ok })
	for _, name := range []string{"GOOGLE_CLOUD_PROJECT", "BIGTABLE_INSTANCE", "PAGE_TOKEN_KEY", "UNMASK"} {
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("run = %v, want the name %s and no value", err, name)
		}
	}
}
