package serve_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hybrid-bts/functions/shared/serve"
	"github.com/hybrid-bts/functions/shared/serve/framework"
)

// server is a function that serves, such as HTTP.
type server func(ctx context.Context, port string, h http.Handler) error

func servers(t *testing.T) map[string]server {
	return map[string]server{
		"HTTP": serve.HTTP,
		"framework": func(ctx context.Context, port string, h http.Handler) error {
			return framework.Serve(ctx, t.Name(), port, h)
		},
	}
}

// freePort returns a port of the loopback address alone.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// get returns the status and body of a response. It retries until the port is open.
func get(t testing.TB, url string) (int, string) {
	t.Helper()
	for range 200 {
		resp, err := http.Get(url)
		if errors.Is(err, syscall.ECONNREFUSED) {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return resp.StatusCode, string(b)
	}
	t.Errorf("no server listens at %s", url)
	return 0, ""
}

// gcPercent returns the current GC percent.
func gcPercent() int {
	percent := debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	return percent
}

func TestGarbageCollectionWaitsUntilTheProgramListens(t *testing.T) {
	before, port := gcPercent(), freePort(t)
	if before == 400 {
		t.Fatal("GOGC has the value of the start")
	}
	serve.Main(func(ctx context.Context, _ func(string) (string, bool)) error {
		if got := gcPercent(); got != 400 {
			t.Errorf("GC percent is %d at the start, want 400", got)
		}
		ctx, stop := context.WithCancel(ctx)
		go func() {
			defer stop()
			get(t, "http://"+port+"/")
			if got := gcPercent(); got != before {
				t.Errorf("GC percent is %d after a request, want %d", got, before)
			}
		}()
		return serve.HTTP(ctx, port, http.NotFoundHandler())
	})
}

func TestRequestsInFlightFinishBeforeTheServerStops(t *testing.T) {
	for name, serve := range servers(t) {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			arrived, release := make(chan struct{}), make(chan struct{})
			ctx, stop := context.WithCancel(t.Context())
			served := make(chan error, 1)
			go func() {
				served <- serve(ctx, port, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					close(arrived)
					<-release
					// Without a Content-Length the end of the body is a chunk of its own.
					for range 3 {
						_, _ = io.WriteString(w, strings.Repeat("done", 1000))
						_ = http.NewResponseController(w).Flush()
					}
				}))
			}()
			answered := make(chan string, 1)
			go func() {
				code, body := get(t, "http://"+port+"/")
				answered <- fmt.Sprint(code, " ", len(body))
			}()
			<-arrived
			stop()
			select {
			case err := <-served:
				t.Fatalf("the server stopped with a request in flight: %v", err)
			case <-time.After(100 * time.Millisecond):
			}
			if resp, err := http.Get("http://" + port + "/"); err == nil {
				resp.Body.Close()
				if resp.StatusCode != http.StatusServiceUnavailable {
					t.Errorf("request after the signal: %s, want no response or 503", resp.Status)
				}
			}
			close(release)
			if got := <-answered; got != "200 12000" {
				t.Errorf("request in flight: %s, want 200 12000", got)
			}
			if err := <-served; err != nil {
				t.Errorf("the server returned %v, want nil", err)
			}
		})
	}
}

func TestHealthCheckAnswersWithoutTheHandler(t *testing.T) {
	for name, serve := range servers(t) {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			go func() {
				_ = serve(t.Context(), port, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.WriteString(w, r.Method+r.URL.Path)
				}))
			}()
			if code, body := get(t, "http://"+port+"/healthz"); code != 200 || body != "" {
				t.Errorf("/healthz: %d %q", code, body)
			}
			if code, body := get(t, "http://"+port+"/any/path"); code != 200 || body != "GET/any/path" {
				t.Errorf("another path: %d %q, want the response of the handler", code, body)
			}
			resp, err := http.Post("http://"+port+"/healthz", "text/plain", nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || string(body) != "POST/healthz" {
				t.Errorf("POST /healthz: %q, %v, want the response of the handler", body, err)
			}
		})
	}
}

func TestTakenPortIsAnErrorWithAdvice(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for name, serve := range servers(t) {
		err := serve(t.Context(), port, http.NotFoundHandler())
		if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "set PORT to") {
			t.Errorf("%s: %v, want EADDRINUSE with advice", name, err)
		}
	}
}

func TestServerLogsItsAddress(t *testing.T) {
	// The initial logger writes through package log, whose output the first SetDefault replaces for good.
	defer slog.SetDefault(slog.New(slog.DiscardHandler))
	for name, serve := range servers(t) {
		t.Run(name, func(t *testing.T) {
			r, w := io.Pipe()
			slog.SetDefault(slog.New(slog.NewTextHandler(w, nil)))
			ctx, stop := context.WithCancel(t.Context())
			served := make(chan error, 1)
			go func() { served <- serve(ctx, "127.0.0.1:0", http.NotFoundHandler()) }()
			line, err := bufio.NewReader(r).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			_, addr, ok := strings.Cut(strings.TrimSpace(line), "msg=listening addr=")
			if !ok || strings.HasSuffix(addr, ":0") {
				t.Fatalf("log line %q has no address", line)
			}
			if code, _ := get(t, "http://"+addr+"/"); code != http.StatusNotFound {
				t.Errorf("status %d from the logged address", code)
			}
			stop()
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestMain lets tests run this binary as a program with Main.
func TestMain(m *testing.M) {
	switch os.Getenv("SERVE_TEST_RUN") {
	case "until stopped":
		serve.Main(func(ctx context.Context, _ func(string) (string, bool)) error {
			fmt.Println("running")
			<-ctx.Done()
			fmt.Println("drained")
			return nil
		})
		return
	case "error":
		serve.Main(func(context.Context, func(string) (string, bool)) error { return errors.New("no database") })
		return
	}
	os.Exit(m.Run())
}

func TestMainStopsOnSIGTERM(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SERVE_TEST_RUN=until stopped")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("running\n"))); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || string(rest) != "drained\n" {
		t.Errorf("output %q and error %v, want drained and no error", rest, err)
	}
}

func TestMainLogsTheErrorAndExitsWith1(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SERVE_TEST_RUN=error")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "no database") {
		t.Errorf("output %q and error %v, want the error and status 1", out, err)
	}
}
