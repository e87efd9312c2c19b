package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"

	"github.com/hybrid-bts/functions/scripts/deploy"
	"github.com/hybrid-bts/functions/scripts/deploy/routes"
	"github.com/hybrid-bts/functions/shared/problem"
)

func TestInvalidFlagsAreNamed(t *testing.T) {
	for _, tc := range []struct {
		args    string
		message string // part of the error; "" if the flags are valid
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
		if (err == nil) != (tc.message == "") || err != nil && !strings.Contains(err.Error(), tc.message) {
			t.Errorf("parse(%q) = %v, want an error with %q", tc.args, err, tc.message)
		}
	}
}

func TestTakenAddressIsReportedInOneLineWithARemedy(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var out bytes.Buffer
	err = run(t.Context(), []string{"-addr", l.Addr().String()}, &out, &out)
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || !strings.Contains(err.Error(), "in use; try -addr 127.0.0.1:0") || strings.Contains(err.Error(), "\n") {
		t.Errorf("run() = %v, want one line with the address and the flag to try", err)
	}
	if out.Len() > 0 {
		t.Errorf("run wrote %q before it checked the address", out.String())
	}
}

func TestBuildShowsProgressAndReturnsCompilerMessages(t *testing.T) {
	var shown bytes.Buffer
	messages := showProgress(strings.NewReader("internal/a\ngithub.com/b/c\n# github.com/d\n./d.go:1:2: undefined: x\n"), &shown)
	if got, want := string(messages), "# github.com/d\n./d.go:1:2: undefined: x\n"; got != want {
		t.Errorf("messages = %q, want %q", got, want)
	}
}

func TestLogsAreReadableLines(t *testing.T) {
	var out bytes.Buffer
	w := newLogs(&out, false).output("review")
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
		t.Errorf("logged %q", lines)
	}
}

func TestLogsAreJSONOnRequest(t *testing.T) {
	var out bytes.Buffer
	newLogs(&out, true).logger("local").Info("started", "name", "api")
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got["function"] != "local" || got["message"] != "started" || got["name"] != "api" || got["severity"] != "INFO" {
		t.Errorf("logged %v", got)
	}
}

func TestGatewayFollowsTheRoutes(t *testing.T) {
	function := func(name string) *process {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, name+" "+r.URL.String())
		}))
		t.Cleanup(srv.Close)
		return &process{name: name, url: srv.URL}
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	all := processes{}
	for _, r := range routes.All() {
		all[r.Function] = function(r.Function)
	}
	h := gateway(all)
	for path, want := range map[string]string{
		"/": "api /", "/v1/products?page_size=2": "api /v1/products?page_size=2", "/v1/reviews": "review /v1/reviews",
		"/v1/cities/Paris/customers?country=F%R":               "city /v1/cities/Paris/customers?country=F%R",
		"/v1/cities/Paris/customers?country=US;page_size=1":    "city /v1/cities/Paris/customers?country=US;page_size=1",
		"/v1/cities/Paris/customers?fields=name&&=&a=%zz&b=%2": "city /v1/cities/Paris/customers?fields=name&&=&a=%zz&b=%2",
		"/v1/products/%2F": "api /v1/products/%2F", "/img/a%2Fb.jpg?p=card": "resize /img/a%2Fb.jpg?p=card",
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Body.String() != want {
			t.Errorf("GET %s is served by %q, want %q", path, w.Body, want)
		}
	}
	all["review"] = &process{name: "review", url: closed.URL}
	w := httptest.NewRecorder()
	gateway(all).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/reviews", nil))
	if w.Code != 503 || w.Header().Get("Retry-After") != "1" || w.Header().Get("Content-Type") != problem.ContentType {
		t.Errorf("a function that does not listen: %d %v", w.Code, w.Header())
	}
}

// Functions compare the Origin of a change with its Host, which therefore must be the host that the browser requested.
func TestGatewayKeepsTheHost(t *testing.T) {
	var host string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { host = r.Host }))
	t.Cleanup(srv.Close)
	all := processes{}
	for _, r := range routes.All() {
		all[r.Function] = &process{name: r.Function, url: srv.URL}
	}
	gateway(all).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "http://shop.example:8080/v1/reviews", nil))
	if host != "shop.example:8080" {
		t.Errorf("the function sees the host %q", host)
	}
}

// shellProcess returns a process that runs a shell script.
func shellProcess(t *testing.T, script string) *process {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs sh on PATH")
	}
	out := newLogs(io.Discard, false).output("test")
	return &process{name: "test", output: out, command: func(ctx context.Context) *exec.Cmd {
		cmd := command(ctx, sh, os.Environ(), out)
		cmd.Args = append(cmd.Args, "-c", script)
		return cmd
	}}
}

func TestExitedProcessIsRestarted(t *testing.T) {
	count := filepath.Join(t.TempDir(), "starts")
	p := shellProcess(t, "echo x >> "+count)
	p.answered.Store(true)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.supervise(ctx) }()
	for range 300 {
		if b, _ := os.ReadFile(count); len(b) > startAttempts*len("x\n") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(count); err != nil || len(b) <= startAttempts*len("x\n") {
		t.Errorf("started %d times: %v", len(b)/2, err)
	}
}

func TestProcessThatFailsAtItsStartEndsTheRunWithItsLastError(t *testing.T) {
	for name, tc := range map[string]struct{ script, cause string }{
		"an error in the log": {`echo '{"severity":"INFO","message":"open database"}'; printf '%s\n' '{"severity":"ERROR","message":"stopped","err":"variable X is required\nvariable Y is required"}'; exit 1`,
			"variable X is required; variable Y is required"},
		"an error without details": {`echo '{"severity":"ERROR","message":"no quota"}'; echo bye; exit 1`, "no quota"},
		"a panic":                  {`echo 'panic: boom'; echo; echo 'goroutine 1 [running]:'; echo "main.main() $$"; exit 2`, "panic: boom"},
		"plain output":             {`echo "no configuration at port $$"; exit 1`, "no configuration at port"},
		"no output":                {`exit 3`, "exit status 3"},
		"success":                  {`exit 0`, "exit status 0"},
	} {
		t.Run(name, func(t *testing.T) {
			count := filepath.Join(t.TempDir(), "starts")
			err := shellProcess(t, "echo x >> "+count+"; "+tc.script).supervise(t.Context())
			if want := "function test exited 3 times at its start: " + tc.cause; err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("supervise() = %v, want %q", err, want)
			}
			if b, err := os.ReadFile(count); err != nil || len(b) != startAttempts*len("x\n") {
				t.Errorf("started %d times: %v", len(b)/2, err)
			}
		})
	}
}

func TestFailureOfAFunctionIsTheErrorOfTheRun(t *testing.T) {
	ctx, fail := context.WithCancelCause(t.Context())
	waiting := errors.New("wait for an answer")
	if err := stopped(ctx, waiting); err != waiting {
		t.Errorf("stopped() = %v while the system runs", err)
	}
	cause := errors.New("function review exited")
	fail(failure{cause})
	if err := stopped(ctx, waiting); err != cause {
		t.Errorf("stopped() = %v, want the failure", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := stopped(ctx, waiting); err != nil {
		t.Errorf("stopped() = %v after a signal, want nil", err)
	}
}

func TestProcessThatIgnoresSIGTERMIsKilled(t *testing.T) {
	started := make(chan struct{})
	p := shellProcess(t, `trap "" TERM; echo trapped; while :; do sleep 0.1; done`)
	p.output.lines.line = func([]byte) { close(started) }
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.supervise(ctx) }()
	<-started
	stop()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(stopGrace + 2*time.Second):
		t.Error("the process still runs")
	}
}

func TestHealthCheckErrorNamesTheURL(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	for name, url := range map[string]string{"404": srv.URL, "refused": "http://127.0.0.1:1"} {
		p := &process{name: "review", url: url}
		if err := p.healthy(t.Context()); err == nil || !strings.Contains(err.Error(), url+"/healthz") {
			t.Errorf("%s: healthy() = %v, want an error with the URL", name, err)
		}
	}
}

func TestRejectedSeedReviewIsReportedWithFunctionURLAndAnswer(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	err := submitReviews(t.Context(), srv.URL)
	if err == nil {
		t.Fatal("submitReviews() = nil")
	}
	for _, want := range []string{"seed review 1 of ", "function review", "POST " + srv.URL + "/v1/reviews", "404 Not Found", "404 page not found"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("submitReviews() = %v, want it to name %q", err, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := awaitReview(ctx, srv.URL, "/v1/products/a/reviews/b"); err == nil || !strings.Contains(err.Error(), "GET "+srv.URL+"/v1/products/a/reviews/b: 404") {
		t.Errorf("awaitReview() = %v, want it to name the URL and the last response", err)
	}
}

func TestWorkFoldersOfEndedRunsAreDeleted(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	if os.TempDir() != tmp {
		t.Skip("needs TMPDIR")
	}
	live, remove, err := newWorkDir()
	if err != nil {
		t.Fatal(err)
	}
	killed := filepath.Join(tmp, workPrefix+"killed")
	other := filepath.Join(tmp, workPrefix+"without-a-lock")
	for _, dir := range []string{killed, other} {
		if err := os.MkdirAll(filepath.Join(dir, binariesName), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	unlock, err := createLock(filepath.Join(killed, lockName))
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	second, removeSecond, err := newWorkDir()
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{live: true, second: true, other: true, killed: false} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s exists: %v, want %v", filepath.Base(dir), err == nil, want)
		}
	}
	if err := errors.Join(remove(), removeSecond()); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) != 1 {
		t.Errorf("%v are left, %v; want the folder without a lock", left, err)
	}
}

func TestClosedOutputStopsTheRun(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	stops := 0
	out := stopOnWriteError{w, func() { stops++ }}
	if _, err := out.Write([]byte("a line\n")); err != nil || stops != 0 {
		t.Errorf("Write() = %v and %d stops while the pipe is open", err, stops)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write([]byte("a line\n")); err == nil || stops != 1 {
		t.Errorf("Write() = %v and %d stops after the pipe was closed", err, stops)
	}
}

// environments returns the environment of every function on engines that run until the test ends.
func environments(t *testing.T) (*engines, map[string][]string) {
	t.Helper()
	e, err := startEngines(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.close)
	root, err := moduleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names, err := functionNames(root)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, name := range names {
		if all[name], err = e.environ(name, "http://127.0.0.1:8080"); err != nil {
			t.Error(err)
		}
	}
	return e, all
}

func TestEveryFunctionHasTheVariablesOfServicesCSV(t *testing.T) {
	e, all := environments(t)
	for _, s := range deploy.Services() {
		for _, v := range append(s.Variables, s.Secrets...) {
			i := slices.IndexFunc(all[s.Function], func(pair string) bool { return strings.HasPrefix(pair, v.Name+"=") })
			if i < 0 {
				t.Errorf("%s lacks %s", s.Function, v.Name)
				continue
			}
			if value := strings.TrimPrefix(all[s.Function][i], v.Name+"="); value == "" || strings.Contains(value, "{") {
				t.Errorf("%s has %s=%s", s.Function, v.Name, value)
			}
		}
	}
	for name, topic := range map[string]string{"alert": "alerts-dead", "image": "originals-dead", "sentiment": "reviews-dead"} {
		if want := "DEAD_LETTER_TOPIC=" + prefix + topic; !slices.Contains(all[name], want) {
			t.Errorf("%s lacks %s", name, want)
		}
	}
	if want := "PUBLIC_ORIGIN=http://127.0.0.1:8080"; !slices.Contains(all["api"], want) {
		t.Errorf("api lacks %s", want)
	}
	if _, err := e.environ("wishes", ""); err == nil || !strings.Contains(err.Error(), "services.csv") || !strings.Contains(err.Error(), "wishes") {
		t.Errorf("environ() of a function without a row = %v, want it to name the table and the function", err)
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

// A shell reads the files, as README.md shows.
func TestEnvFolderHoldsAFileForEachFunction(t *testing.T) {
	_, all := environments(t)
	dir := filepath.Join(t.TempDir(), "env")
	for range 2 { // the second run replaces the files
		if err := writeEnvironments(dir, all); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != len(all) {
		t.Errorf("%d files, %v; want %d", len(files), err, len(all))
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs sh on PATH")
	}
	for name, environ := range all {
		out, err := exec.Command("env", "-i", sh, "-ec", "set -a; . "+filepath.Join(dir, name+".env")+"; env").Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, pair := range environ {
			if !strings.Contains("\n"+string(out), "\n"+pair+"\n") {
				t.Errorf("%s.env sets %q, want %s", name, out, pair)
			}
		}
	}
}

func TestSeedReviewsBelongToSeedProducts(t *testing.T) {
	var products []seedProduct
	if err := json.Unmarshal(productsJSON, &products); err != nil {
		t.Fatal(err)
	}
	kinds, ids := map[string]int{}, map[string]bool{}
	for _, p := range products {
		kinds[p.Kind]++
		ids[p.ID] = true
		if !p.Released.IsValid() || p.Price <= 0 || p.Title == "" {
			t.Errorf("invalid seed product %+v", p)
		}
	}
	if len(ids) < 12 || len(kinds) != 5 || !ids["butter-cream-peaches"] {
		t.Errorf("%d products of kinds %v, want 12 or more of five kinds, with the BUTTER album", len(ids), kinds)
	}
	var bodies []struct{ Product string }
	if err := json.Unmarshal(reviewsJSON, &bodies); err != nil {
		t.Fatal(err)
	}
	for _, b := range bodies {
		if !ids[b.Product] {
			t.Errorf("seed review of unknown product %q", b.Product)
		}
	}
}
