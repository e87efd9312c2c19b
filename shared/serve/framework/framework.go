// Package framework serves a function by the Functions Framework. It is apart from serve because the framework takes its
// time when a program starts, whether it is used or not.
package framework

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/hybrid-bts/functions/shared/serve"
)

// flush is how long the server may take to send an answer once its handler has returned, which is
// when we stop counting it as in flight.
const flush = 100 * time.Millisecond

// Serve registers h with the Functions Framework as the function called name, and serves it on
// port, a port of all addresses or host:port, until ctx ends and what was in flight then is answered. The framework owns its listener and
// cannot close it, so requests that come after the end are answered 503, which Pub/Sub delivers again.
// GET /healthz answers 200 in h's place. The framework's server has no time-outs, so h bounds how
// long it reads a body. A panic with http.ErrAbortHandler breaks the connection, as net/http would.
func Serve(ctx context.Context, name, port string, h http.Handler) error {
	d := &drainer{next: h, idle: make(chan struct{})}
	functions.HTTP(name, d.ServeHTTP)
	// The framework serves the function that this variable names at every path.
	if err := os.Setenv("FUNCTION_TARGET", name); err != nil {
		return fmt.Errorf("serve %s: %w", name, err)
	}
	served := make(chan error, 1)
	go func() { served <- funcframework.StartHostPort(serve.Split(port)) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s on port %s: %w", name, port, err)
	case <-ctx.Done():
	}
	if left := d.drain(serve.Grace); left > 0 {
		return fmt.Errorf("serve %s: %d requests still in flight %v after the signal to stop", name, left, serve.Grace)
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
