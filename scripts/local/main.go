// Local runs the whole system on this machine: every function as the binary that ships, on embedded engines.
//
//	go run ./scripts/local [flags]
//
// It builds the functions, starts the engines (Pub/Sub, Spanner, Bigtable, Cloud Storage, Natural
// Language), makes schema, topics and buckets, starts each function as a process with a port of its
// own, delivers events to them as push subscriptions do, and serves all of it at one address. When a
// request would succeed it prints "ready http://ADDRESS" on standard output; the functions' logs go to
// standard error. SIGINT, SIGTERM or a closed terminal stops everything; the data is gone then.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP, os.Interrupt)
	defer stop()
	ctx, cancel := untilParentDies(ctx)
	defer cancel()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	addr     string
	envFile  string
	json     bool
	seed     bool
	push     pushOptions
	language languageOptions
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("local", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`address` to serve at; port 0 picks one")
	f.StringVar(&o.envFile, "env", "", "`file` to write the engines' addresses and names to, a NAME=value a line")
	f.BoolVar(&o.json, "json", false, "show logs as the functions write them, a JSON object a line")
	f.BoolVar(&o.seed, "seed", true, "start with reviews and pictures, not only products")
	f.Float64Var(&o.push.redeliver, "redeliver", 0, "`share` of messages to deliver twice, 0 to 1")
	f.BoolVar(&o.push.shuffle, "shuffle", false, "deliver messages out of order")
	// As many as Pub/Sub allows: here pauses are short, and a function that one mends should still get its messages.
	f.IntVar(&o.push.maxAttempts, "max-attempts", 100, "deliveries of a message before it is dead-lettered")
	f.DurationVar(&o.push.minBackoff, "min-backoff", 100*time.Millisecond, "pause before the second delivery of a message; it doubles from there to 10 s")
	f.IntVar(&o.language.perMinute, "language-qpm", 0, "`requests` in a minute that the Natural Language API has quota for; 0: any number")
	f.Func("language-fail", "`CODE[:SHARE]` that requests of the Natural Language API fail with, such as UNAVAILABLE:0.3; without a share all do", o.language.fail)
	f.DurationVar(&o.language.delay, "language-delay", 0, "`time` that every answer of the Natural Language API takes longer")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	var problems []error
	refuse := func(wrong bool, problem string) {
		if wrong {
			problems = append(problems, errors.New(problem))
		}
	}
	refuse(f.NArg() > 0, fmt.Sprintf("it takes no arguments, got %q", f.Args()))
	refuse(!(o.push.redeliver >= 0 && o.push.redeliver <= 1), "-redeliver is not between 0 and 1")
	refuse(o.push.maxAttempts < 1, "-max-attempts is less than 1")
	refuse(o.push.minBackoff <= 0, "-min-backoff is not positive")
	refuse(o.language.perMinute < 0, "-language-qpm is negative")
	refuse(o.language.delay < 0, "-language-delay is negative")
	if o.envFile != "" {
		_, err := os.Stat(filepath.Dir(o.envFile))
		refuse(err != nil, fmt.Sprintf("-env: %v", err))
	}
	return o, errors.Join(problems...)
}

// run runs the system until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	// Whoever has the addresses of another run in the shell still wants this one to load its own engines.
	for _, name := range []string{"PUBSUB_EMULATOR_HOST", "SPANNER_EMULATOR_HOST", "BIGTABLE_EMULATOR_HOST", "STORAGE_EMULATOR_HOST"} {
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	logs := newLogs(stderr, o.json)
	slog.SetDefault(logs.logger("local"))

	// The address first: who finds it taken should not wait for a build.
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	slog.Info("started", "name", "local", "pid", os.Getpid())
	binaries, err := build(ctx, stderr)
	if err != nil {
		return stopped(ctx, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(binaries.dir)) }()

	eng, err := startEngines(ctx)
	if err != nil {
		return err
	}
	defer eng.close()
	o.language.apply(eng.language)
	if err := loadData(ctx, eng); err != nil {
		return stopped(ctx, err)
	}
	url := "http://" + visible(listener.Addr().(*net.TCPAddr))
	environ := append(eng.environ(), "PUBLIC_ORIGIN="+url)
	if o.envFile != "" {
		if err := writeEnv(o.envFile, environ); err != nil {
			return err
		}
	}

	// What is below stops before the engines do.
	var running sync.WaitGroup
	defer running.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	functions, err := startFunctions(ctx, &running, binaries, environ, logs)
	if err != nil {
		return err
	}
	for _, s := range subscriptions {
		url := functions[s.function].url
		running.Go(func() { newPush(eng, s, url, o.push).run(ctx) })
		running.Go(func() { eng.logDeadLetters(ctx, s) })
	}
	running.Go(func() { serveGateway(ctx, listener, functions) })

	if err := functions.ready(ctx); err != nil {
		return stopped(ctx, err)
	}
	if o.seed {
		if err := errors.Join(uploadPictures(ctx, eng.storage), submitReviews(ctx, url)); err != nil {
			return stopped(ctx, err)
		}
	}
	fmt.Fprintf(stdout, "\nready %s\n\n", url)
	fmt.Fprintf(stdout, "  shop          %s/\n  write review  %s/#!/review\n  API           %s/docs\n  customers     %s/v1/cities/Paris/customers\n"+
		"  operators     %s/admin, or curl -H \"Authorization: Bearer $(curl -s %s/operator-token)\" %s/v1/admin/reviews\n\n"+
		"Ctrl-C stops it.\n", url, url, url, url, url, eng.issuer.URL, url)
	<-ctx.Done()
	return nil
}

// visible returns an address as a browser on this machine writes it.
func visible(a *net.TCPAddr) string {
	if a.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(a.Port))
	}
	return a.String()
}

// stopped returns nil when err is only what a signal to stop did.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
