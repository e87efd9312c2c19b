package serve

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are pipes within the process, so that the clock of a synctest bubble drives their
// deadlines.
type pipes chan net.Conn

// Accept implements net.Listener.
func (p pipes) Accept() (net.Conn, error) {
	c, open := <-p
	if !open {
		return nil, net.ErrClosed
	}
	return c, nil
}

// Close implements net.Listener.
func (p pipes) Close() error { close(p); return nil }

// Addr implements net.Listener.
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// withServer calls test in a synctest bubble with a connection to a server of h.
func withServer(t *testing.T, h http.HandlerFunc, test func(t *testing.T, client net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := make(pipes)
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- serveOn(ctx, l, h) }()
		client, server := net.Pipe()
		l <- server
		test(t, client)
		_ = client.Close()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// trickle writes a byte a second until the server closes the connection, for two minutes at most. It returns the time.
func trickle(t *testing.T, client net.Conn) time.Duration {
	t.Helper()
	began := time.Now()
	go func() { _, _ = io.Copy(io.Discard, client) }() // a pipe has no buffer: the server waits for its reader
	for time.Since(began) < 2*time.Minute {
		if _, err := client.Write([]byte("a")); err != nil {
			return time.Since(began)
		}
		time.Sleep(time.Second)
	}
	t.Error("the connection is open after 2 minutes")
	return 0
}

func TestTrickledHeaderEndsTheConnection(t *testing.T) {
	withServer(t, func(http.ResponseWriter, *http.Request) { t.Error("handled") }, func(t *testing.T, client net.Conn) {
		if _, err := client.Write([]byte("POST / HTTP/1.1\r\nHost: ")); err != nil {
			t.Fatal(err)
		}
		if took := trickle(t, client); took > headerTimeout+2*time.Second {
			t.Errorf("the header was read for %v, want at most %v", took, headerTimeout)
		}
	})
}

func TestTrickledBodyEndsTheConnection(t *testing.T) {
	const post = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n"
	for name, h := range map[string]http.HandlerFunc{
		"handler reads the body": func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err == nil {
				t.Error("the handler read all of the body")
			}
			w.WriteHeader(http.StatusBadRequest)
		},
		"handler ignores the body": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
	} {
		t.Run(name, func(t *testing.T) {
			withServer(t, h, func(t *testing.T, client net.Conn) {
				if _, err := client.Write([]byte(post)); err != nil {
					t.Fatal(err)
				}
				if took := trickle(t, client); took > bodyTimeout+2*time.Second {
					t.Errorf("the body was read for %v, want at most %v", took, bodyTimeout)
				}
			})
		})
	}
}

// Neither a stream of server-sent events nor the work on a body that was read is bounded by the time for reading.
func TestHandlersMayTakeLongerThanTheirRequests(t *testing.T) {
	const duration = 15 * time.Minute
	h := func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			t.Error(err)
		}
		for range int(duration / time.Minute) {
			select {
			case <-time.After(time.Minute):
			case <-r.Context().Done():
				t.Errorf("%s: the context ended: %v", r.Method, r.Context().Err())
				return
			}
			_, _ = io.WriteString(w, ":\n\n")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Errorf("%s: %v", r.Method, err)
			}
		}
	}
	withServer(t, h, func(t *testing.T, client net.Conn) {
		responses := bufio.NewReader(client)
		for _, request := range []string{
			"GET / HTTP/1.1\r\nHost: test\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\na",
			"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
		} {
			if _, err := io.WriteString(client, request); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(responses, nil)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(resp.Body); err != nil || strings.Count(string(body), ":") != 15 {
				t.Errorf("%s: body %q, error %v", request, body, err)
			}
		}
	})
}

func TestRequestOfASlowClientDelaysTheStopForTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arrived := make(chan struct{})
		l := make(pipes)
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() {
			served <- serveOn(ctx, l, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				close(arrived)
				_, _ = io.ReadAll(r.Body)
			}))
		}()
		client, server := net.Pipe()
		defer client.Close()
		l <- server
		if _, err := client.Write([]byte("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		<-arrived
		began := time.Now()
		stop()
		if err := <-served; !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > Grace+time.Second {
			t.Errorf("the server stopped after %v with %v, want %v and an error", time.Since(began), err, Grace)
		}
	})
}
