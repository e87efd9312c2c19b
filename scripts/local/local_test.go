package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"

	"github.com/hybrid-bts/functions/scripts/deploy/routes"
	"github.com/hybrid-bts/functions/shared/problem"
)

func TestFlags(t *testing.T) {
	for _, tc := range []struct {
		args string
		says string // "" when they are taken
	}{
		{"", ""},
		{"-addr 127.0.0.1:0 -env f -json -seed=false -redeliver 0.05 -shuffle -max-attempts 3 -min-backoff 1s", ""},
		{"-redeliver 1.1", "-redeliver"},
		{"-redeliver NaN", "-redeliver"},
		{"-max-attempts 0 -min-backoff 0s", "-min-backoff"},
		{"-env /nowhere/at/all", "/nowhere/at"},
		{"-language-qpm 30 -language-fail UNAVAILABLE:0.3 -language-delay 2s", ""},
		{"-language-fail RESOURCE_EXHAUSTED", ""},
		{"-language-fail NOT_A_CODE", "NOT_A_CODE"},
		{"-language-fail UNAVAILABLE:1.5", "1.5"},
		{"-language-fail UNAVAILABLE:NaN", "NaN"},
		{"-language-fail UNAVAILABLE:", "share"},
		{"-language-qpm -1 -language-delay -1s", "-language-delay"},
		{"more", `["more"]`},
		{"-nope", "-nope"},
	} {
		_, err := parse(strings.Fields(tc.args), io.Discard)
		if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("parse(%q) = %v, want an error with %q", tc.args, err, tc.says)
		}
	}
}

func TestTakenAddressIsOneClearLine(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var out bytes.Buffer
	err = run(t.Context(), []string{"-addr", l.Addr().String()}, &out, &out)
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || !strings.Contains(err.Error(), "in use") || strings.Contains(err.Error(), "\n") {
		t.Errorf("run() = %v, want one line that says the address is in use", err)
	}
	if out.Len() > 0 {
		t.Errorf("it began with %q before it looked", out.String())
	}
}

func TestBuildShowsProgressAndKeepsComplaints(t *testing.T) {
	var shown bytes.Buffer
	complaints := showProgress(strings.NewReader("internal/a\ngithub.com/b/c\n# github.com/d\n./d.go:1:2: undefined: x\n"), &shown)
	if got, want := string(complaints), "# github.com/d\n./d.go:1:2: undefined: x\n"; got != want {
		t.Errorf("complaints = %q, want %q", got, want)
	}
}

func TestLogsAreReadable(t *testing.T) {
	var out bytes.Buffer
	w := newLogs(&out, false).writer("review")
	for _, part := range []string{
		`{"time":"2026-11-20T09:15:02Z","severity":"ERROR","message":"request failed","status":503,"err":"no`,
		` route"}` + "\n\nplain ", "text\nunfinished",
	} {
		if _, err := io.WriteString(w, part); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.HasSuffix(lines[0], "review    ERROR   request failed err=no route status=503") ||
		!strings.HasSuffix(lines[1], "review    DEFAULT plain text") {
		t.Errorf("shown %q", lines)
	}
}

func TestLogsAreRaw(t *testing.T) {
	var out bytes.Buffer
	newLogs(&out, true).logger("local").Info("started", "name", "api")
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got["function"] != "local" || got["message"] != "started" || got["name"] != "api" || got["severity"] != "INFO" {
		t.Errorf("shown %v", got)
	}
}

func TestGateway(t *testing.T) {
	function := func(name string) *process {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, name+" "+r.URL.String())
		}))
		t.Cleanup(srv.Close)
		return &process{name: name, url: srv.URL}
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	all := processes{}
	for _, r := range routes.All() {
		all[r.Function] = function(r.Function)
	}
	h := gateway(all)
	for path, want := range map[string]string{
		"/": "api /", "/v1/products?page_size=2": "api /v1/products?page_size=2", "/v1/reviews": "review /v1/reviews",
		"/v1/products/%2F": "api /v1/products/%2F", "/img/a%2Fb.jpg?p=card": "resize /img/a%2Fb.jpg?p=card",
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Body.String() != want {
			t.Errorf("GET %s is answered by %q, want %q", path, w.Body, want)
		}
	}
	all["review"] = &process{name: "review", url: gone.URL}
	w := httptest.NewRecorder()
	gateway(all).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/reviews", nil))
	if w.Code != 503 || w.Header().Get("Retry-After") != "1" || w.Header().Get("Content-Type") != problem.ContentType {
		t.Errorf("a function that is away: %d %v", w.Code, w.Header())
	}
}

func TestProcessThatDiesIsStartedAgain(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs sh on PATH")
	}
	count := filepath.Join(t.TempDir(), "starts")
	p := &process{name: "test", command: func(ctx context.Context) *exec.Cmd {
		cmd := command(ctx, sh, os.Environ(), io.Discard)
		cmd.Args = append(cmd.Args, "-c", "echo x >> "+count)
		return cmd
	}}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.keepRunning(ctx) }()
	for range 300 {
		if b, _ := os.ReadFile(count); len(b) >= len("x\nx\nx\n") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	<-done
	if b, err := os.ReadFile(count); err != nil || len(b) < len("x\nx\nx\n") {
		t.Errorf("started %d times: %v", len(b)/2, err)
	}
}

func TestProcessThatDoesNotStopIsKilled(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs sh on PATH")
	}
	started := make(chan struct{})
	p := &process{name: "test", command: func(ctx context.Context) *exec.Cmd {
		cmd := command(ctx, sh, os.Environ(), &lineWriter{show: func([]byte) { close(started) }})
		cmd.Args = append(cmd.Args, "-c", `trap "" TERM; echo trapped; while :; do sleep 0.1; done`)
		return cmd
	}}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.keepRunning(ctx) }()
	<-started
	stop()
	select {
	case <-done:
	case <-time.After(stopGrace + 2*time.Second):
		t.Error("it still runs")
	}
}

func TestEnvironNamesEverything(t *testing.T) {
	e, err := startEngines(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	file := filepath.Join(t.TempDir(), "env")
	if err := writeEnv(file, e.environ()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"GOOGLE_CLOUD_PROJECT", "PUBSUB_EMULATOR_HOST", "SPANNER_EMULATOR_HOST", "BIGTABLE_EMULATOR_HOST",
		"STORAGE_EMULATOR_HOST", "LANGUAGE_ENDPOINT", "SPANNER_INSTANCE", "SPANNER_DATABASE", "REVIEWS_TOPIC", "DEAD_LETTER_TOPIC",
		"ORIGINALS_BUCKET", "RENDITIONS_BUCKET", "FAILED_BUCKET", "IMAGES_TOPIC", "UPLOAD_ORIGIN", "REVIEWS_DEAD", "OIDC_ISSUER", "OIDC_AUDIENCE"} {
		if !strings.Contains("\n"+string(b), "\n"+name+"=") {
			t.Errorf("%s is not in %q", name, b)
		}
	}

	// README has a shell read it.
	if sh, err := exec.LookPath("sh"); err == nil {
		if out, err := exec.Command(sh, "-ec", ". "+file).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("a shell reads %s with %v: %s", b, err, out)
		}
	}

	t.Setenv("STORAGE_EMULATOR_HOST", e.storage.URL())
	client, err := storage.NewClient(t.Context(), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, bucket := range []string{originals, renditions, archive} {
		if _, err := client.Bucket(bucket).Attrs(t.Context()); err != nil {
			t.Errorf("bucket %s: %v", bucket, err)
		}
	}
}

func TestSeed(t *testing.T) {
	var products []seedProduct
	if err := json.Unmarshal(productsJSON, &products); err != nil {
		t.Fatal(err)
	}
	kinds, ids := map[string]int{}, map[string]bool{}
	for _, p := range products {
		kinds[p.Kind]++
		ids[p.ID] = true
		if !p.Released.IsValid() || p.Price <= 0 || p.Title == "" {
			t.Errorf("product %+v", p)
		}
	}
	if len(ids) < 12 || len(kinds) != 5 || !ids["butter-cream-peaches"] {
		t.Errorf("%d products of kinds %v, want 12 of five kinds with the BUTTER album", len(ids), kinds)
	}
	var bodies []struct{ Product string }
	if err := json.Unmarshal(reviewsJSON, &bodies); err != nil {
		t.Fatal(err)
	}
	for _, b := range bodies {
		if !ids[b.Product] {
			t.Errorf("a review of %q, which the catalogue lacks", b.Product)
		}
	}
}
