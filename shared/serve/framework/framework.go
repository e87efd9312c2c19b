// Package framework serves a function with the Functions Framework. It is separate from serve because the framework
// adds to the start of every program that links it.
package framework

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/hybrid-bts/functions/shared/serve"
)

// flush is the time for the server to send a response after its handler returned. A request no longer counts as in
// flight then.
const flush = 100 * time.Millisecond

// Serve registers h with the Functions Framework under a name. It serves h at all paths on port, which is a port of all
// interfaces or host:port, and the health check of package serve. It returns nil when ctx has ended and all requests in
// flight are answered. The framework owns its listener and cannot close it, so later requests receive 503, which makes
// Pub/Sub redeliver. The framework's server has no timeouts: h must bound the time for reading a body. A panic with
// http.ErrAbortHandler breaks the connection, as it does in net/http.
func Serve(ctx context.Context, name, port string, h http.Handler) error {
	d := &drainer{next: h, idle: make(chan struct{})}
	functions.HTTP(name, d.ServeHTTP)
	// The framework serves only the function named by this variable, at every path.
	if err := os.Setenv("FUNCTION_TARGET", name); err != nil {
		return fmt.Errorf("serve %s: %w", name, err)
	}
	host, number, err := freePort(serve.Split(port))
	if err != nil {
		return fmt.Errorf("serve %s: %w", name, err)
	}
	served := make(chan error, 1)
	go func() { served <- funcframework.StartHostPort(host, number) }()
	slog.InfoContext(ctx, "listening", "addr", net.JoinHostPort(host, number))
	select {
	case err := <-served:
		return fmt.Errorf("serve %s on port %s: %w", name, port, serve.ListenError(err))
	case <-ctx.Done():
	}
	if left := d.drain(serve.Grace); left > 0 {
		return fmt.Errorf("serve %s: %d requests still in flight %v after the signal to stop", name, left, serve.Grace)
	}
	return nil
}

// freePort replaces port 0 by a free one: the framework does not report the port that its listener gets. Another process
// may take the port before the framework listens, so this is for development.
func freePort(host, number string) (string, string, error) {
	if number != "0" {
		return host, number, nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, number))
	if err != nil {
		return "", "", err
	}
	_, number, err = net.SplitHostPort(l.Addr().String())
	_ = l.Close() // nobody connected
	return host, number, err
}

// drainer counts the requests in flight. While it drains, it answers new requests with 503.
type drainer struct {
	next http.Handler

	mu       sync.Mutex
	inFlight int
	draining bool
	idle     chan struct{} // closed while draining, as soon as no request is in flight
}

// ServeHTTP implements http.Handler.
func (d *drainer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if serve.IsHealthCheck(r) {
		return
	}
	if !d.enter() {
		w.Header().Set("Connection", "close")
		w.Header().Set("Retry-After", "1")
		http.Error(w, "stopping", http.StatusServiceUnavailable)
		return
	}
	defer d.leave()
	// The framework recovers from a panic and completes the response with its own text.
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			abort(w)
		default:
			panic(p)
		}
	}()
	d.next.ServeHTTP(w, r)
}

// abort closes the connection, so that the client sees an incomplete response.
func abort(w http.ResponseWriter) {
	c := http.NewResponseController(w)
	conn, _, err := c.Hijack()
	if err != nil {
		_ = c.SetWriteDeadline(time.Now()) // HTTP/2: the server cannot send the end of the response
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

// drain waits until no request is in flight, at most for the grace, and returns the number of those left.
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
