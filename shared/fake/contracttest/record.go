package contracttest

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "update the golden files")

// Golden compares a file with the JSON of a document. With the flag -update it writes the file first.
func Golden(t testing.TB, file string, document json.Marshaler) {
	t.Helper()
	b, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	// The wildcard {name...} exists only in patterns of net/http.
	want := strings.ReplaceAll(string(b), "...}", "}") + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("%s differs from the code; run go test -update, then go run ./scripts/openapi:\n%s", file, diff)
	}
	if _, err := Parse(got); err != nil {
		t.Errorf("%s: %v", file, err)
	}
}

// Handler passes requests to next and fails the test when an exchange violates the document in a file. It does not check
// responses that next aborts with a panic.
func Handler(t testing.TB, file string, next http.Handler) http.Handler {
	t.Helper()
	document, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	contract, err := Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := exchange{request: r.Clone(r.Context())} // a copy, since next may change the request
		var sent bytes.Buffer
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &teeBody{io.TeeReader(r.Body, &sent), r.Body}
		}
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(rec, r) // a panic skips the check
		e.sent, e.status, e.header, e.body = sent.Bytes(), rec.status, w.Header(), rec.body.Bytes()
		report(t, contract, e)
	})
}

// Transport sends requests through next and fails the test when an exchange violates the contract. It does not check
// streams of server-sent events.
func Transport(t testing.TB, c *Contract, next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		var sent bytes.Buffer
		if r.Body != nil {
			r.Body = &teeBody{io.TeeReader(r.Body, &sent), r.Body}
		}
		resp, err := next.RoundTrip(r)
		if err != nil || strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
			return resp, err
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(body))
		report(t, c, exchange{r, sent.Bytes(), resp.StatusCode, resp.Header, body})
		return resp, nil
	})
}

// report fails the test when an exchange violates the contract.
func report(t testing.TB, c *Contract, e exchange) {
	t.Helper()
	if err := c.check(e); err != nil {
		t.Errorf("%s %s: %d: %.1000v\n%.500s", e.request.Method, e.request.URL, e.status, err, e.body)
	}
}

// roundTripper is a function as an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// teeBody is a body that is copied while it is read.
type teeBody struct {
	io.Reader
	io.Closer
}

// recorder copies a response.
type recorder struct {
	http.ResponseWriter
	status int
	wrote  bool
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if !r.wrote && status >= http.StatusOK {
		r.status, r.wrote = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	r.wrote = true
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
