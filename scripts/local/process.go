package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// stopGrace is how long a function may take to stop before it is killed.
const stopGrace = 3 * time.Second

// process is a function that runs.
type process struct {
	name    string
	url     string
	command func(context.Context) *exec.Cmd
}

// processes are the running functions by name.
type processes map[string]*process

// startFunctions starts every function with a port of its own, and keeps it running until ctx ends.
func startFunctions(ctx context.Context, running *sync.WaitGroup, b binaries, environ []string, l *logs) (processes, error) {
	all := processes{}
	for _, name := range b.names {
		addr, err := freeAddr()
		if err != nil {
			return nil, err
		}
		out := l.writer(name)
		p := &process{name: name, url: "http://" + addr, command: func(ctx context.Context) *exec.Cmd {
			return command(ctx, b.path(name), slices.Concat(environ, deadLetterTopic(name), []string{"PORT=" + addr}), out)
		}}
		all[name] = p
		running.Go(func() { p.keepRunning(ctx) })
	}
	return all, nil
}

// freeAddr returns a port of the loopback address that nothing listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// command runs a binary until ctx ends: then it is told to stop, and killed when it does not.
func command(ctx context.Context, path string, environ []string, out io.Writer) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path)
	cmd.Env, cmd.Stdout, cmd.Stderr = environ, out, out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	detach(cmd)
	return cmd
}

// keepRunning starts the process again whenever it dies, at once when it had been running for a while.
func (p *process) keepRunning(ctx context.Context) {
	runtime.LockOSThread() // to the system, that thread is the child's parent: see detach
	const first, longest = 100 * time.Millisecond, 5 * time.Second
	pause := first
	for ctx.Err() == nil {
		began := time.Now()
		cmd := p.command(ctx)
		err := cmd.Start()
		if err == nil {
			slog.Info("started", "name", p.name, "pid", cmd.Process.Pid, "url", p.url)
			err = cmd.Wait()
		}
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Second {
			pause = first
		}
		slog.Warn("died, starting it again", "name", p.name, "err", fmt.Sprint(err), "after", pause.String())
		sleep(ctx, pause)
		pause = min(2*pause, longest)
	}
}

// ready returns once every function answers.
func (all processes) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, p := range all {
		for !healthy(ctx, p.url) {
			if ctx.Err() != nil {
				return fmt.Errorf("%s does not answer at %s", p.name, p.url)
			}
			sleep(ctx, 20*time.Millisecond)
		}
	}
	return nil
}

func healthy(ctx context.Context, url string) bool {
	resp, err := do(ctx, http.MethodGet, url+"/healthz", nil, nil)
	return err == nil && resp.StatusCode == http.StatusOK
}

// do sends a request, and reads and closes the body of the answer.
func do(ctx context.Context, method, url string, header http.Header, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	if header != nil {
		r.Header = header
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp, errors.Join(err, resp.Body.Close())
}

// sleep returns after d, or when ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
