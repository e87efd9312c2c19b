// Bench measures what the design promises, and prints one table.
//
//	go run ./scripts/bench [-run regexp] [-n customers]
//
// Every measure that is a ratio has both sides taken in this run, on this machine, against the embedded
// engines; the functions run as the binaries that ship. It exits with 1 when a goal is missed. With a
// million customers it takes about 5 minutes and 10 GB, which the embedded Bigtable wants. A benchmark
// is a file of this folder with a line in the table below.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// benchmarks are all of them.
var benchmarks = []struct {
	name string
	run  func(context.Context, *session) error
}{
	{"cold-start", coldStart},
	{"submit-to-published", submitToPublished},
	{"city-query", cityQuery},
	{"city-memory", cityMemory},
	{"picture", pictureRenditions},
	{"pages", lighthouse},
	{"sentiment", sentimentModel},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// session is what a benchmark is run with, and tells its measures.
type session struct {
	customers int // of the benchmarks of city
	dir       string
	log       io.Writer
	measures  []measure
	bench     string
}

// measure is a row of the table.
type measure struct {
	bench, what, value, goal string
	missed                   bool
}

func (s *session) logf(format string, args ...any) {
	fmt.Fprintf(s.log, s.bench+": "+format+"\n", args...)
}

// add adds a measure without a goal.
func (s *session) add(what, format string, args ...any) {
	s.measures = append(s.measures, measure{bench: s.bench, what: what, value: fmt.Sprintf(format, args...)})
}

// atLeast adds a ratio that must not be less than the goal.
func (s *session) atLeast(what string, ratio, goal float64) {
	s.measures = append(s.measures, measure{s.bench, what, fmt.Sprintf("%.0f ×", ratio), fmt.Sprintf("≥ %.0f ×", goal), ratio < goal})
}

// atMost adds a value that must not be more than the goal.
func (s *session) atMost(what string, value, goal float64, unit string) {
	s.measures = append(s.measures, measure{s.bench, what, fmt.Sprintf("%.1f %s", value, unit), fmt.Sprintf("≤ %v %s", goal, unit), value > goal})
}

// score adds a score of 100 that must not be less than the goal.
func (s *session) score(what string, score, goal float64) {
	s.measures = append(s.measures, measure{s.bench, what, fmt.Sprintf("%.0f", score), fmt.Sprintf("≥ %.0f", goal), score < goal})
}

var errMissed = errors.New("a goal is missed")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	pattern := f.String("run", "", "run the benchmarks whose name matches this `regexp`")
	n := f.Int("n", 1_000_000, "`customers` in the benchmarks of city; the goals are for the default")
	if err := f.Parse(args); err != nil {
		return err
	}
	match, err := regexp.Compile(*pattern)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	if *n < 1000 {
		return errors.New("-n is less than 1000")
	}
	dir, err := os.MkdirTemp("", "hybrid-bts-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &session{customers: *n, dir: dir, log: stderr}
	ran := false
	for _, b := range benchmarks {
		if !match.MatchString(b.name) {
			continue
		}
		ran, s.bench = true, b.name
		if err := b.run(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
	}
	if !ran {
		return fmt.Errorf("no benchmark matches %q", *pattern)
	}
	fmt.Fprintf(stdout, "%s, %d CPUs, %s\n\n", runtime.Version(), runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly))
	return s.print(stdout)
}

func (s *session) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "benchmark\tmeasure\tvalue\tgoal\t")
	missed := false
	for _, m := range s.measures {
		verdict := ""
		if m.goal != "" {
			verdict = "met"
		}
		if m.missed {
			missed, verdict = true, "MISSED"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", m.bench, m.what, m.value, m.goal, verdict)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if missed {
		return errMissed
	}
	return nil
}

// build builds a function as it ships, and returns the binary.
func (s *session) build(ctx context.Context, function string) (string, error) {
	return s.buildPackage(ctx, "functions/"+function)
}

// buildPackage builds a program of the module with the tags that functions ship with.
func (s *session) buildPackage(ctx context.Context, path string) (string, error) {
	to := filepath.Join(s.dir, filepath.Base(path))
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-tags", "disable_grpc_modules,grpcnotrace", "-o", to,
		"github.com/hybrid-bts/functions/"+path)
	cmd.Stderr = s.log
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w", path, err)
	}
	return to, nil
}

// npmInstall installs a package of npm for the benchmarks.
func (s *session) npmInstall(ctx context.Context, pkg string) error {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("no %s", tool)
		}
	}
	cmd := exec.CommandContext(ctx, "npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", s.dir, pkg)
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}

// startLocal starts the whole embedded system, and returns its address and what stops it.
func (s *session) startLocal(ctx context.Context, args ...string) (url string, stop func() error, err error) {
	local, err := s.buildPackage(ctx, "scripts/local")
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, local, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() error { return errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()) }
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if at, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			return at, stop, nil
		}
	}
	return "", nil, errors.Join(errors.New("the local system is not ready"), stop())
}

// median returns the median time of n runs of f.
func median(n int, f func() error) (time.Duration, error) {
	times := make([]time.Duration, n)
	for i := range times {
		began := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times[n/2], nil
}
