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

var update = flag.Bool("update", false, "write the golden files again")

// Golden checks that a file holds a document as JSON; the flag -update writes it.
func Golden(t testing.TB, file string, document json.Marshaler) {
	t.Helper()
	b, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	// The rest of a path is written so in Go alone.
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
		t.Errorf("%s is not what the code says; write it with go test -update, and then go run ./scripts/openapi:\n%s", file, diff)
	}
	if _, err := Parse(got); err != nil {
		t.Errorf("%s: %v", file, err)
	}
}

// Handler hands requests on to next, and fails the test when one is not answered as the document in a file
// says. An answer that breaks off is not checked.
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
		e := exchange{request: r.Clone(r.Context())} // before next changes it
		var sent bytes.Buffer
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &teed{io.TeeReader(r.Body, &sent), r.Body}
		}
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(rec, r) // a panic goes on, past the check
		e.sent, e.status, e.header, e.body = sent.Bytes(), rec.status, w.Header(), rec.body.Bytes()
		report(t, contract, e)
	})
}

// Transport sends requests by next, and fails the test when one is not answered as the contract says.
func Transport(t testing.TB, c *Contract, next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		var sent bytes.Buffer
		if r.Body != nil {
			r.Body = &teed{io.TeeReader(r.Body, &sent), r.Body}
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

func report(t testing.TB, c *Contract, e exchange) {
	t.Helper()
	if err := c.check(e); err != nil {
		t.Errorf("%s %s: %d: %.1000v\n%.500s", e.request.Method, e.request.URL, e.status, err, e.body)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// teed is a body that is read along.
type teed struct {
	io.Reader
	io.Closer
}

// recorder keeps a copy of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	wrote  bool
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	if !r.wrote && status >= http.StatusOK {
		r.status, r.wrote = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.wrote = true
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
