package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/problem"
)

func TestBigtableErrorsMapTo503Or500(t *testing.T) {
	f := &faults{ended: make(chan error, 10)}
	engine := start(t, f.option())
	addCity(t, engine, "Paris", "FR", 10, nil)
	s := newServer(engine)
	store := newBigtableStore(engine.Client)
	store.rowTimeout = 200 * time.Millisecond
	s.store = store
	for _, tc := range []struct {
		name string
		err  error
		hang bool
		want int
	}{
		{"down", status.Error(codes.Unavailable, "secret detail"), false, 503}, {"slow", nil, true, 503},
		{"out of quota", status.Error(codes.ResourceExhausted, "secret detail"), false, 503}, {"forbidden", status.Error(codes.PermissionDenied, "secret detail"), false, 500},
	} {
		for _, target := range []string{"/v1/cities/paris/customers", "/v1/cities/paris/customers?format=ndjson", "/v1/cities/paris/customers?format=csv", "/v1/cities?prefix=par",
			"/v1/customers?city=paris&city=lyon", "/v1/customers?country=FR&format=csv", "/v1/customers?country=FR&group=part", "/v1/cities/paris/customers?sample=3"} {
			t.Run(tc.name+" "+target, func(t *testing.T) {
				log := captureLog(t)
				f.set(0, tc.err, tc.hang)
				began := time.Now()
				w := do(checkedHandler(t, s), http.MethodGet, target, "Accept-Encoding", "gzip")
				decode[problem.Problem](t, w, tc.want)
				if (w.Header().Get("Retry-After") != "") != (tc.want == 503) || w.Header().Get("Content-Encoding") != "" || w.Header().Get("Trailer") != "" {
					t.Errorf("header %v", w.Header())
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("response took %v", took)
				}
				if strings.Contains(w.Body.String(), "secret") || strings.Count(log.String(), "level=ERROR") != 1 {
					t.Errorf("response %q and log %q, want the reason in one log record only", w.Body, log)
				}
			})
		}
	}
}
