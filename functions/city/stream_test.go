package main

import (
	"bytes"
	"compress/gzip"
	"context"
	stdcsv "encoding/csv"
	stdjson "encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestStreamsContainAllCustomersOfTheCity(t *testing.T) {
	engine := start(t)
	const n = 3000
	addCity(t, engine, "Paris", "FR", n, map[string]string{"street": "=1+1", "name": "A \"B\", C"})
	s := newServer(engine)
	s.masking = masking{[]string{"name", "street"}}
	h := checkedHandler(t, s)
	for _, header := range [][]string{{"Accept", "application/x-ndjson"}, {"Accept", "application/x-ndjson", "Accept-Encoding", "gzip"}} {
		w := do(h, http.MethodGet, "/v1/cities/paris/customers", header...)
		body := w.Body.String()
		if len(header) > 2 {
			body = gunzip(t, w.Body)
		}
		lines := strings.Split(body, "\n")
		if len(lines) != n+1 || lines[n] != "" || w.Result().Trailer.Get(statusTrailer) != "complete" || !w.Flushed {
			t.Fatalf("%d lines, the last %q, trailer %q, want %d lines, an empty rest and the trailer", len(lines), lines[len(lines)-1], w.Result().Trailer, n)
		}
		for _, line := range lines[:n] {
			var c map[string]string
			if err := stdjson.Unmarshal([]byte(line), &c); err != nil || c["email"] != "j***@***" {
				t.Fatalf("%q: %v", line, err)
			}
		}
	}
	w := do(h, http.MethodGet, "/v1/cities/paris/customers?fields=id,name,street,phone", "Accept", "text/csv;q=0.9, application/json;q=0.1")
	rows, err := stdcsv.NewReader(w.Body).ReadAll()
	if err != nil || len(rows) != n+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	check(t, rows[:2], [][]string{{"id", "name", "street", "phone"}, {"c-000000", "A \"B\", C", "'=1+1", "***67"}})
	if got := w.Header().Get("Content-Type"); got != "text/csv; charset=utf-8; header=present" {
		t.Errorf("Content-Type %q", got)
	}
}

func TestFailedStreamBreaksTheConnection(t *testing.T) {
	f := &faults{ended: make(chan error, 10)}
	engine := start(t, f.option())
	addCity(t, engine, "Paris", "FR", 5000, nil)
	s := httptest.NewServer(newServer(engine).handler())
	defer s.Close()
	f.set(4000, status.Error(codes.Internal, "secret detail"), false)
	for _, target := range []string{"?format=ndjson", "?format=csv"} {
		for _, zip := range []bool{false, true} {
			log := captureLog(t)
			r, err := http.NewRequest(http.MethodGet, s.URL+"/v1/cities/paris/customers"+target, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept-Encoding", map[bool]string{true: "gzip", false: "identity"}[zip])
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if !errors.Is(err, io.ErrUnexpectedEOF) || resp.Trailer.Get(statusTrailer) != "" || !zip && bytes.HasSuffix(body, []byte("\n")) {
				t.Errorf("%s: read %d bytes, %v, trailer %q, want io.ErrUnexpectedEOF", target, len(body), err, resp.Trailer)
			}
			if resp.StatusCode != 200 || len(body) == 0 || bytes.Contains(body, []byte("secret")) {
				t.Errorf("%s: %s and %d bytes", target, resp.Status, len(body))
			}
			if zip {
				z, err := gzip.NewReader(bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadAll(z); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("gunzip: %v, want io.ErrUnexpectedEOF", err)
				}
			}
			if strings.Count(log.String(), "stream aborted") != 1 {
				t.Errorf("logged %q", log)
			}
		}
	}
}

func TestFirstCustomerIsSentBeforeTheSecondIsRead(t *testing.T) {
	f := &faults{ended: make(chan error, 10)}
	engine := start(t, f.option())
	addCity(t, engine, "Paris", "FR", 10, nil)
	s := httptest.NewServer(newServer(engine).handler())
	defer s.Close()
	f.set(1, nil, true) // the read of the second row hangs
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/v1/cities/paris/customers?format=ndjson&fields=id", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, len(`{"id":"c-000000"}`))
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != `{"id":"c-000000"}` {
		t.Fatalf("%q, %v", first, err)
	}
	cancel() // must cancel the read of Bigtable
	select {
	case err := <-f.ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the read ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the read continues after the client disconnected")
	}
}
