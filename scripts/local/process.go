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
	"regexp"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// stopGrace is the time between a function's SIGTERM and its SIGKILL.
	stopGrace = 3 * time.Second
	// startAttempts is the number of equal exits before the first answer that end the local run.
	startAttempts = 3
	// startTimeout is the time that all functions have for their first answer.
	startTimeout = time.Minute
)

// process is a function that runs. Its fields do not change once it is supervised.
type process struct {
	// name is the folder in functions/.
	name string
	// url is the base URL of the function's server, without a slash at the end.
	url string
	// command returns a new command for each start. The command ends with its context.
	command func(context.Context) *exec.Cmd
	// output is the standard output and standard error of all commands.
	output *output
	// answered reports whether the health check succeeded once. Later exits never end the local run.
	answered atomic.Bool
}

// processes are the functions by name.
type processes map[string]*process

// startFunctions starts every function on a free port, and keeps it running until ctx ends. A function that cannot start calls
// fail with the cause.
func startFunctions(ctx context.Context, running *sync.WaitGroup, b binaries, environments map[string][]string, l *logs, fail func(error)) (processes, error) {
	all := processes{}
	for _, name := range b.names {
		addr, err := freeAddr()
		if err != nil {
			return nil, fmt.Errorf("find a free port for function %s: %w", name, err)
		}
		out := l.output(name)
		environ := append(environments[name], "PORT="+addr)
		p := &process{name: name, url: "http://" + addr, output: out, command: func(ctx context.Context) *exec.Cmd {
			return command(ctx, b.path(name), environ, out)
		}}
		all[name] = p
		running.Go(func() {
			if err := p.supervise(ctx); err != nil {
				fail(err)
			}
		})
	}
	return all, nil
}

// freeAddr returns an address of the loopback interface with a port that nothing listens on. Another process may take the port
// before the caller does; the function then exits and is restarted.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// command returns a command that runs a binary until ctx ends: the binary gets a SIGTERM then, and a SIGKILL after stopGrace.
func command(ctx context.Context, path string, environ []string, out io.Writer) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path)
	cmd.Env, cmd.Stdout, cmd.Stderr = environ, out, out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	detach(cmd)
	return cmd
}

// varyingNumbers matches the parts of an error that differ between starts: ports, process IDs, addresses in stack traces.
var varyingNumbers = regexp.MustCompile(`\d+`)

// supervise restarts the process whenever it exits, with pauses that double and start over after a second of running. It
// returns nil when ctx ends, and an error after startAttempts equal exits in a row before the first answer.
func (p *process) supervise(ctx context.Context) error {
	runtime.LockOSThread() // the child dies with the thread that started it: see detach
	const first, longest = 100 * time.Millisecond, 5 * time.Second
	pause, equal, last := first, 0, ""
	for ctx.Err() == nil {
		began := time.Now()
		// The cause of an exit is in the output of that start alone.
		p.output.clearCause()
		cmd := p.command(ctx)
		err := cmd.Start()
		if err == nil {
			slog.Info("started", "name", p.name, "pid", cmd.Process.Pid, "url", p.url)
			err = cmd.Wait()
		}
		// The local run stopped the function.
		if ctx.Err() != nil {
			return nil
		}
		cause := p.exitCause(err)
		if same := varyingNumbers.ReplaceAllString(cause.Error(), "#"); same == last {
			equal++
		} else {
			equal, last = 1, same
		}
		if equal == startAttempts && !p.answered.Load() {
			return fmt.Errorf("function %s exited %d times at its start: %w", p.name, equal, cause)
		}
		if time.Since(began) > time.Second {
			pause = first
		}
		slog.Warn("function exited, restarting it", "name", p.name, "err", cause, "pause", pause.String())
		sleep(ctx, pause)
		pause = min(2*pause, longest)
	}
	return nil
}

// exitCause returns the last error that the process logged, or how it exited if it logged none.
func (p *process) exitCause(exit error) error {
	if cause := p.output.cause(); cause != "" {
		return errors.New(cause)
	}
	if exit == nil {
		return errors.New("exit status 0")
	}
	return exit
}

// ready returns nil once every function has answered its health check.
func (all processes) ready(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	// The order does not matter: the slowest function decides.
	for _, p := range all {
		for {
			err := p.healthy(waiting)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if waiting.Err() != nil {
				return fmt.Errorf("function %s does not answer within %v: %w", p.name, startTimeout, err)
			}
			sleep(waiting, 20*time.Millisecond)
		}
		p.answered.Store(true)
	}
	return nil
}

// healthy returns nil if the function answers its health check with 200.
func (p *process) healthy(ctx context.Context) error {
	url := p.url + "/healthz"
	resp, err := do(ctx, http.MethodGet, url, nil, nil)
	if err != nil {
		return err // it names method and URL
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return nil
}

// answer is a response with its body.
type answer struct {
	*http.Response
	body []byte
}

// do sends a request and reads the response, whose body is closed. A nil header sends the default headers. Errors name the method
// and the URL. A status other than 2xx is not an error.
func do(ctx context.Context, method, url string, header http.Header, body io.Reader) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return answer{}, err
	}
	if header != nil {
		r.Header = header
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	b, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		err = fmt.Errorf("%s %s: read the answer: %w", method, url, err)
	}
	return answer{resp, b}, err
}

// sleep returns after d, or when ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
