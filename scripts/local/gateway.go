package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/hybrid-bts/functions/scripts/deploy/routes"
	"github.com/hybrid-bts/functions/shared/problem"
)

// serveGateway serves all functions at one address, as the load balancer does, until ctx ends.
func serveGateway(ctx context.Context, l net.Listener, functions processes) {
	srv := &http.Server{Handler: gateway(functions), ReadHeaderTimeout: 10 * time.Second}
	// Streams of the shop's pages stay open for minutes: Shutdown alone would wait for them.
	go func() {
		<-ctx.Done()
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if srv.Shutdown(drain) != nil {
			_ = srv.Close() // cuts the remaining connections
		}
	}()
	logFailure(ctx, "serve the gateway", srv.Serve(l))
}

// checkRoutes returns an error if a route leads to a function that does not exist.
func checkRoutes(functions processes) error {
	for _, r := range routes.All() {
		if functions[r.Function] == nil {
			return fmt.Errorf("scripts/deploy/routes/routes.json sends %s to function %s, which functions/ lacks", r.Prefix, r.Function)
		}
	}
	return nil
}

// routeOf returns the function that serves a path of the gateway; "" if no function does.
func routeOf(path string) string {
	for _, r := range routes.All() {
		if r.Matches(path) {
			return r.Function
		}
	}
	return ""
}

// gateway returns a handler that sends each request to the function of its route. checkRoutes must have accepted the functions.
func gateway(functions processes) http.Handler {
	type target struct {
		routes.Route
		http.Handler
	}
	var targets []target
	for _, r := range routes.All() {
		targets = append(targets, target{r, proxy(functions[r.Function])})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, t := range targets {
			if t.Matches(r.URL.Path) {
				t.ServeHTTP(w, r)
				return
			}
		}
		problem.Write(w, problem.New(http.StatusNotFound, "no route"))
	})
}

// proxy returns a handler that forwards requests to a function. It answers 503 while the function restarts.
func proxy(p *process) http.Handler {
	to, err := url.Parse(p.url)
	if err != nil {
		panic(err) // the local run wrote the URL
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			// ReverseProxy drops malformed parts of the query, so that a function would answer a filter that it rejects
			// in the cloud. The load balancer forwards the query as it is.
			r.Out.URL.RawQuery = r.In.URL.RawQuery
			r.SetXForwarded()
			// Functions build absolute URLs, and compare origins, with the host of the gateway.
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				slog.Warn("function does not answer", "name", p.name, "url", p.url, "err", err)
			}
			w.Header().Set("Retry-After", "1")
			problem.Write(w, problem.New(http.StatusServiceUnavailable, ""))
		},
	}
}
