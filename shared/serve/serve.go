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
	"syscall"
	"time"
)

// Grace is how long requests in flight may take to finish once the program is told to stop. Cloud
// Run kills an instance 10 s after its SIGTERM; the rest is for flushing and closing clients.
const Grace = 8 * time.Second

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

// Split parts what PORT may be: a port of all addresses, as Cloud Run sets it, or host:port.
func Split(port string) (string, string) {
	if host, p, err := net.SplitHostPort(port); err == nil {
		return host, p
	}
	return "", port
}

// HTTP serves h on port, which is a port of all addresses or host:port, until ctx ends and what was
// in flight then is answered.
func HTTP(ctx context.Context, port string, h http.Handler) error {
	l, err := net.Listen("tcp", net.JoinHostPort(Split(port)))
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
