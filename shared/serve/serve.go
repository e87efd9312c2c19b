// Package serve runs a program's HTTP server until it is told to stop, letting what is in flight finish.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
)

// Grace is how long requests in flight may take to finish once the program is told to stop. Cloud
// Run kills an instance 10 s after its SIGTERM; the rest is for flushing and closing clients.
const Grace = 8 * time.Second

// flush is how long the server may take to send an answer once its handler has returned, which is
// when we stop counting it as in flight.
const flush = 100 * time.Millisecond

// Main runs a program and exits: with 0 when run returns nil, else with 1 after logging the error.
// The context of run ends on SIGTERM, which Cloud Run sends, or SIGINT.
func Main(run func(ctx context.Context, lookup func(string) (string, bool)) error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.LookupEnv); err != nil {
		slog.Error("stopped", "err", err)
		os.Exit(1)
	}
}

// split parts what PORT may be: a port of all addresses, as Cloud Run sets it, or host:port.
func split(port string) (string, string) {
	if host, p, err := net.SplitHostPort(port); err == nil {
		return host, p
	}
	return "", port
}

// HTTP serves h on port, which is a port of all addresses or host:port, until ctx ends and what was
// in flight then is answered.
func HTTP(ctx context.Context, port string, h http.Handler) error {
	l, err := net.Listen("tcp", net.JoinHostPort(split(port)))
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve on port %s: %w", port, err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), Grace)
	defer cancel()
	if err := srv.Shutdown(drain); err != nil {
		return fmt.Errorf("requests still in flight %v after the signal to stop: %w", Grace, errors.Join(err, srv.Close()))
	}
	return nil
}

// Function registers h with the Functions Framework as the function called name, and serves it on
// port, a port of all addresses or host:port, until ctx ends and what was in flight then is answered. The framework owns its listener and
// cannot close it, so requests that come after the end are answered 503, which Pub/Sub delivers again.
// GET /healthz answers 200 in h's place. The framework's server has no time-outs, so h bounds how
// long it reads a body. A panic with http.ErrAbortHandler breaks the connection, as net/http would.
func Function(ctx context.Context, name, port string, h http.Handler) error {
	d := &drainer{next: h, idle: make(chan struct{})}
	functions.HTTP(name, d.ServeHTTP)
	// The framework serves the function that this variable names at every path.
	if err := os.Setenv("FUNCTION_TARGET", name); err != nil {
		return fmt.Errorf("serve %s: %w", name, err)
	}
	served := make(chan error, 1)
	go func() { served <- funcframework.StartHostPort(split(port)) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s on port %s: %w", name, port, err)
	case <-ctx.Done():
	}
	if left := d.drain(Grace); left > 0 {
		return fmt.Errorf("serve %s: %d requests still in flight %v after the signal to stop", name, left, Grace)
	}
	return nil
}

// drainer counts the requests in flight, and turns away those that come once it drains.
type drainer struct {
	next http.Handler

	mu       sync.Mutex
	inFlight int
	draining bool
	idle     chan struct{} // closed when draining with nothing in flight
}

func (d *drainer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/healthz" {
		w.WriteHeader(http.StatusOK)
		return
	}
	if !d.enter() {
		w.Header().Set("Connection", "close")
		w.Header().Set("Retry-After", "1")
		http.Error(w, "stopping", http.StatusServiceUnavailable)
		return
	}
	defer d.leave()
	// The framework would make an answer that ends well of the panic, with its own words at the end.
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			breakOff(w)
		default:
			panic(p)
		}
	}()
	d.next.ServeHTTP(w, r)
}

// breakOff closes the connection of an answer that is not whole.
func breakOff(w http.ResponseWriter) {
	c := http.NewResponseController(w)
	conn, _, err := c.Hijack()
	if err != nil {
		_ = c.SetWriteDeadline(time.Now()) // then the end of the answer cannot be written
		return
	}
	_ = conn.Close()
}

func (d *drainer) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.draining {
		return false
	}
	d.inFlight++
	return true
}

func (d *drainer) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inFlight--
	d.closeIfIdle()
}

func (d *drainer) closeIfIdle() {
	if d.draining && d.inFlight == 0 {
		close(d.idle)
	}
}

// drain returns how many requests are still in flight when none is left or the grace is over.
func (d *drainer) drain(grace time.Duration) int {
	d.mu.Lock()
	d.draining = true
	d.closeIfIdle()
	d.mu.Unlock()
	select {
	case <-d.idle:
		time.Sleep(flush)
	case <-time.After(grace):
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inFlight
}
