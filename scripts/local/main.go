// Local runs the whole system on this machine: every function as the binary that ships, on embedded engines.
//
//	go run ./scripts/local [flags]
//
// Local builds the functions and starts the engines: Pub/Sub, Spanner, Bigtable, Cloud Storage, the Natural Language API and
// an OpenID Connect issuer. It creates the schema, the topics and the buckets, and starts each function as a process on a port
// of its own. It delivers events as push subscriptions do, and serves all functions at one address, as the load balancer does.
// Topics, variables and routes come from the tables in scripts/deploy.
//
// Local prints "ready http://ADDRESS" on standard output once every request would succeed. It writes the logs of the functions
// to standard error. SIGINT, SIGTERM, a closed terminal or a closed output stops everything. All data is in memory or in
// temporary files, and is lost then.
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
	ctx, cancel := untilParentExits(ctx)
	defer cancel()
	// Go ends a program that writes to a closed pipe, such as that of "| head". Receiving the signal turns it into an error.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	err := run(ctx, os.Args[1:], stopOnWriteError{os.Stdout, stop}, stopOnWriteError{os.Stderr, stop})
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// stopOnWriteError is a writer that calls stop when a write fails.
type stopOnWriteError struct {
	io.Writer
	stop func()
}

// Write implements io.Writer.
func (w stopOnWriteError) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	if err != nil {
		w.stop()
	}
	return n, err
}

// options are the flags.
type options struct {
	// addr is the address of the gateway, host:port.
	addr string
	// envDir is the folder for the variables of the functions; "" writes none.
	envDir string
	// json writes logs as JSON objects.
	json bool
	// seed loads reviews and pictures at the start.
	seed     bool
	push     pushOptions
	language languageOptions
}

// parse parses the command line. Its error names every invalid flag. flag.ErrHelp means that the help text is on stderr.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("local", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`address` of the shop; port 0 picks a free port")
	f.StringVar(&o.envDir, "env", "", "`folder` for a file NAME.env of each function: the variables with which it runs alone, against these engines")
	f.BoolVar(&o.json, "json", false, "write logs as JSON objects, one a line")
	f.BoolVar(&o.seed, "seed", true, "start with reviews and pictures; without, with products and customers only")
	f.Float64Var(&o.push.redeliver, "redeliver", 0, "`share` of messages that are delivered twice, 0 to 1")
	f.BoolVar(&o.push.shuffle, "shuffle", false, "deliver messages out of order")
	// 100 is the maximum of Pub/Sub. The pauses here are short, and a function under repair should still get its messages.
	f.IntVar(&o.push.maxAttempts, "max-attempts", 100, "`deliveries` of a message before it goes to the dead-letter topic")
	f.DurationVar(&o.push.minBackoff, "min-backoff", 100*time.Millisecond, "`pause` before the second delivery of a message; each further pause is twice as long, up to 10 s")
	f.IntVar(&o.language.perMinute, "language-qpm", 0, "quota of the Natural Language API in `requests` a minute; 0 is unlimited")
	f.Func("language-fail", "`CODE[:SHARE]` of failing requests to the Natural Language API, such as UNAVAILABLE:0.3; without a share all fail", o.language.fail)
	f.DurationVar(&o.language.delay, "language-delay", 0, "`time` added to every answer of the Natural Language API")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	var problems []error
	reject := func(wrong bool, problem string) {
		if wrong {
			problems = append(problems, errors.New(problem))
		}
	}
	reject(f.NArg() > 0, fmt.Sprintf("unexpected arguments %q; all settings are flags", f.Args()))
	reject(!(o.push.redeliver >= 0 && o.push.redeliver <= 1), "-redeliver must be 0 to 1")
	reject(o.push.maxAttempts < 1, "-max-attempts must be 1 or more")
	reject(o.push.minBackoff <= 0, "-min-backoff must be more than 0")
	reject(o.language.perMinute < 0, "-language-qpm must be 0 or more")
	reject(o.language.delay < 0, "-language-delay must be 0 or more")
	if o.envDir != "" {
		_, err := os.Stat(filepath.Dir(filepath.Clean(o.envDir)))
		reject(err != nil, fmt.Sprintf("-env: %v", err))
		info, err := os.Stat(o.envDir)
		reject(err == nil && !info.IsDir(), "-env: "+o.envDir+" is a file; name a folder")
	}
	return o, errors.Join(problems...)
}

// run runs the system until ctx ends. It returns nil after a signal, and the cause after a failure. When run returns, all processes
// have ended and the work folder is deleted.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	// The shell may have the variables of another run. Client libraries of this process must not follow them.
	for _, name := range []string{"PUBSUB_EMULATOR_HOST", "SPANNER_EMULATOR_HOST", "BIGTABLE_EMULATOR_HOST", "STORAGE_EMULATOR_HOST"} {
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	logs := newLogs(stderr, o.json)
	slog.SetDefault(logs.logger("local"))

	// A taken address is reported before the build, which takes long.
	listener, err := net.Listen("tcp", o.addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; try -addr 127.0.0.1:0, which picks a free port", err)
	}
	if err != nil {
		return err
	}
	defer listener.Close()
	slog.Info("started", "name", "local", "pid", os.Getpid())

	root, err := moduleRoot(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	names, err := functionNames(root)
	if err != nil {
		return err
	}
	dir, remove, err := newWorkDir()
	if err != nil {
		return fmt.Errorf("create a work folder: %w", err)
	}
	defer func() { err = errors.Join(err, remove()) }()
	binaries, err := build(ctx, root, names, filepath.Join(dir, binariesName), stderr)
	if err != nil {
		return stopped(ctx, err)
	}

	eng, err := startEngines(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	defer eng.close()
	o.language.apply(eng.language)
	if err := loadData(ctx, eng); err != nil {
		return stopped(ctx, err)
	}
	url := "http://" + browserAddr(listener.Addr().(*net.TCPAddr))
	environments := map[string][]string{}
	for _, name := range names {
		if environments[name], err = eng.environ(name, url); err != nil {
			return err
		}
	}
	// Other programs may wait for the files, so they come before the functions.
	if o.envDir != "" {
		if err := writeEnvironments(o.envDir, environments); err != nil {
			return err
		}
	}

	// The functions and the deliveries stop before the engines do: deferred calls run in reverse order.
	var running sync.WaitGroup
	defer running.Wait()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	functions, err := startFunctions(ctx, &running, binaries, environments, logs, func(err error) { fail(failure{err}) })
	if err != nil {
		return err
	}
	if err := checkRoutes(functions); err != nil {
		return err
	}
	for _, s := range subscriptions() {
		function := functions[s.function]
		if function == nil {
			return fmt.Errorf("scripts/deploy/topics.csv pushes %s to function %s, which functions/ lacks", s.topic, s.function)
		}
		running.Go(func() { newPush(eng, s, function.url, o.push).run(ctx) })
	}
	for _, topic := range deadTopics() {
		running.Go(func() { eng.logDeadLetters(ctx, topic) })
	}
	running.Go(func() { eng.scheduleSweeps(ctx) })
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
		"Ctrl-C stops the system and deletes its data.\n", url, url, url, url, url, eng.issuer.URL, url)
	<-ctx.Done()
	return stopped(ctx, nil)
}

// browserAddr returns the address as a browser on this machine writes it.
func browserAddr(a *net.TCPAddr) string {
	if a.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(a.Port))
	}
	return a.String()
}

// failure is the cause of a context that ended because of an error, and not by a signal.
type failure struct{ error }

// stopped returns err as long as ctx lasts. Afterwards it returns the failure that ended ctx, or nil if a signal did.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if f, failed := context.Cause(ctx).(failure); failed {
		return f.error
	}
	return nil
}
