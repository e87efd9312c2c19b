package main

import (
	"context"
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
	go func() {
		<-ctx.Done()
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if srv.Shutdown(drain) != nil {
			_ = srv.Close() // it breaks the connections that are left
		}
	}()
	died(ctx, "the gateway stopped", srv.Serve(l))
}

// gateway hands each request to the function that the table of routes names.
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

func proxy(p *process) http.Handler {
	to, err := url.Parse(p.url)
	if err != nil {
		panic(err) // we made it
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
		},
		// A function that is being started again answers in a moment.
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				slog.Warn("function does not answer", "name", p.name, "err", err)
			}
			w.Header().Set("Retry-After", "1")
			problem.Write(w, problem.New(http.StatusServiceUnavailable, ""))
		},
	}
}
