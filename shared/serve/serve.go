// Package serve runs the HTTP server of a program until the program receives a signal to stop. Requests in flight
// finish first.
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
	"runtime/debug"
	"syscall"
	"time"
)

// Grace is the time that requests in flight have after the signal to stop. Cloud Run kills an instance 10 s after
// SIGTERM; the remaining 2 s are for flushing and closing clients.
const Grace = 8 * time.Second

// Bounds for reading a request. A client that sends more slowly loses its connection. Responses are not bounded, because a
// stream of server-sent events lasts for minutes.
const (
	headerTimeout = 10 * time.Second
	bodyTimeout   = 30 * time.Second // from the end of the header to the end of the body
)

// HealthPath is the path of the health check. GET and HEAD answer 200 without a call of the program's handler. Cloud Run
// reserves the path on its public addresses.
const HealthPath = "/healthz"

// startGCPercent is the GC percent until a program listens. A program allocates 3 to 5 MB at its start; at Go's default
// of 100 the first collection runs at 4 MB, and takes a tenth of the start. At 400 it runs at 16 MB.
const startGCPercent = 400

// listening is the key of the context value of Main: a func() to call once the program listens.
type listening struct{}

// Main runs a program and exits the process: with status 0 when run returns nil, else with status 1 after it logged the
// error. lookup is os.LookupEnv. The context ends on SIGTERM, which Cloud Run sends, and on SIGINT. The garbage collector
// waits for startGCPercent until HTTP listens.
func Main(run func(ctx context.Context, lookup func(string) (string, bool)) error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	percent := debug.SetGCPercent(startGCPercent)
	ctx = context.WithValue(ctx, listening{}, func() { debug.SetGCPercent(percent) })
	if err := run(ctx, os.LookupEnv); err != nil {
		slog.Error("stopped", "err", err)
		os.Exit(1)
	}
}

// Split splits the value of the variable PORT: a port, as Cloud Run sets it, or host:port. The host of a port alone is
// "", which stands for all interfaces.
func Split(port string) (host, number string) {
	if host, number, err := net.SplitHostPort(port); err == nil {
		return host, number
	}
	return "", port
}

// HTTP serves h on port, which is a port of all interfaces or host:port, and the health check. It logs the address, since
// port 0 picks a free one. It returns nil when ctx has ended and all requests in flight are answered.
func HTTP(ctx context.Context, port string, h http.Handler) error {
	l, err := net.Listen("tcp", net.JoinHostPort(Split(port)))
	if err != nil {
		return fmt.Errorf("serve: %w", listenError(err))
	}
	slog.InfoContext(ctx, "listening", "addr", l.Addr().String())
	if end, ok := ctx.Value(listening{}).(func()); ok {
		end()
	}
	if err := serveOn(ctx, l, h); err != nil {
		return fmt.Errorf("serve on port %s: %w", port, err)
	}
	return nil
}

// serveOn is HTTP on a listener.
func serveOn(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler:           secureHeaders(limitBodyTime(healthy(h))),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), Grace)
	defer cancel()
	if err := srv.Shutdown(drain); err != nil {
		return fmt.Errorf("requests still in flight %v after the signal to stop: %w", Grace, errors.Join(err, srv.Close()))
	}
	return nil
}

// listenError adds advice to the error of a port that another process has. It returns other errors unchanged.
func listenError(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: set PORT to a free port, or to 127.0.0.1:0 to pick one", err)
	}
	return err
}

// isHealthCheck reports whether r is a request of the health check.
func isHealthCheck(r *http.Request) bool {
	return r.URL.Path == HealthPath && (r.Method == http.MethodGet || r.Method == http.MethodHead)
}

func healthy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isHealthCheck(r) {
			next.ServeHTTP(w, r)
		}
	})
}

// limitBodyTime sets the read deadline of each request with a body. net/http removes it at the end of the body, and keeps it
// after an error, because it reads the rest of a body before it sends the response. http.Server.ReadTimeout would apply to
// requests without a body as well.
func limitBodyTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout)) // supported by net/http's own w
		}
		next.ServeHTTP(w, r)
	})
}
