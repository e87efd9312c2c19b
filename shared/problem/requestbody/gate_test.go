package requestbody_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hybrid-bts/functions/shared/problem/requestbody"
)

// holder is a handler that reads the body and holds it until it receives from release.
type holder struct {
	release chan struct{}
	held    atomic.Int64 // bodies that handlers hold now
	failed  chan error   // errors of reads
}

func newHolder() *holder {
	return &holder{release: make(chan struct{}), failed: make(chan error, 1000)}
}

func (h *holder) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	if _, err := io.ReadAll(r.Body); err != nil {
		h.failed <- err
		return
	}
	h.held.Add(1)
	defer h.held.Add(-1)
	<-h.release
}

// post sends a body of a Content-Length; -1: unknown.
func post(ctx context.Context, h http.Handler, body io.Reader, length int64) {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", body)
	r.ContentLength = length
	h.ServeHTTP(httptest.NewRecorder(), r)
}

func TestGateHoldsABoundedNumberOfBytes(t *testing.T) {
	for name, tc := range map[string]struct {
		size   int
		length int64
	}{
		"large": {requestbody.MaxBytes, requestbody.MaxBytes}, "large and chunked": {requestbody.MaxBytes, -1}, "false Content-Length": {requestbody.MaxBytes, 1 << 40},
		"small": {requestbody.SmallBytes, requestbody.SmallBytes}, "small and chunked": {requestbody.SmallBytes, -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHolder()
				gate := requestbody.NewGate().Middleware(h)
				most := requestbody.MaxHeld / tc.size
				sent := 5 * most / 2
				for range sent {
					go post(t.Context(), gate, strings.NewReader(strings.Repeat("a", tc.size)), tc.length)
				}
				for left := sent; left > 0; left -= most {
					synctest.Wait()
					if got := h.held.Load(); got != int64(min(left, most)) {
						t.Errorf("%d bodies are held with %d left, want %d", got, left, min(left, most))
					}
					for range min(left, most) {
						h.release <- struct{}{}
					}
				}
				synctest.Wait()
				if len(h.failed) > 0 {
					t.Error(<-h.failed)
				}
			})
		})
	}
}

func TestBodyFailsAfterTheLongestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHolder()
		gate := requestbody.NewGate().Middleware(h)
		for range requestbody.MaxHeld / requestbody.MaxBytes {
			go post(t.Context(), gate, strings.NewReader(strings.Repeat("a", requestbody.MaxBytes)), -1)
		}
		synctest.Wait()
		start := time.Now()
		large := strings.Repeat("a", requestbody.SmallBytes+1)
		post(t.Context(), gate, strings.NewReader(large), -1)
		if err := <-h.failed; !errors.Is(err, requestbody.ErrBusy) || time.Since(start) != requestbody.MaxWait {
			t.Errorf("%v after %v, want ErrBusy after %v", err, time.Since(start), requestbody.MaxWait)
		}
		gone, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		post(gone, gate, strings.NewReader(large), -1)
		if err := <-h.failed; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error of a client that disconnects is %v", err)
		}
		close(h.release)
		synctest.Wait()
		post(t.Context(), gate, strings.NewReader(large), -1) // the failed ones hold nothing
		if len(h.failed) > 0 {
			t.Error(<-h.failed)
		}
	})
}

// Clients that send slowly do not keep small bodies waiting.
func TestSlowClientsDoNotDelaySmallBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHolder()
		close(h.release)
		gate := requestbody.NewGate().Middleware(h)
		for range 100 {
			slow, w := io.Pipe()
			for _, size := range []int64{requestbody.SmallBytes, requestbody.MaxBytes} {
				go post(t.Context(), gate, io.MultiReader(strings.NewReader(strings.Repeat("a", int(size)-1)), slow), size)
			}
			defer func() { _ = w.Close() }()
		}
		synctest.Wait()
		start := time.Now()
		post(t.Context(), gate, strings.NewReader("{}"), 2)
		if len(h.failed) > 0 || time.Since(start) > 0 {
			t.Errorf("the body waited %v with %d failures", time.Since(start), len(h.failed))
		}
	})
}

func TestContentAndErrorsOfABodyAreUnchanged(t *testing.T) {
	whole := bytes.Repeat([]byte("가"), requestbody.MaxBytes) // three times the largest size
	broken := errors.New("connection reset")
	var got []byte
	var err error
	gate := requestbody.NewGate().Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, err = io.ReadAll(r.Body) }))
	post(t.Context(), gate, bytes.NewReader(whole), -1)
	if err != nil || !bytes.Equal(got, whole) {
		t.Errorf("%d bytes and %v, want %d", len(got), err, len(whole))
	}
	post(t.Context(), gate, io.MultiReader(strings.NewReader("ab"), &failing{broken}), 100)
	if !errors.Is(err, broken) || string(got) != "ab" {
		t.Errorf("%q and %v, want the bytes before the error and the error", got, err)
	}
	gate.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	if err != nil || len(got) > 0 {
		t.Errorf("no body: %q, %v", got, err)
	}
}

// failing is a reader that fails.
type failing struct{ err error }

// Read implements io.Reader.
func (f *failing) Read([]byte) (int, error) { return 0, f.err }
