// Bench compares performance with the goals in its source and prints one table.
//
//	go run ./scripts/bench [-run regexp] [-n customers]
//
// Both sides of a ratio are measured in the same run, on the same machine, against the embedded engines. The functions
// run as release binaries. Exit status: 0 if all goals are met, 1 if a goal is missed or a benchmark fails.
//
//	benchmark             measures
//	cold-start            start of each function, relative to a hello world of the Functions Framework
//	submit-to-published   time from the 202 response of a review to its publication, at a constant rate
//	city-query            a page and a stream of a city, relative to full scans of the customers
//	city-memory           growth of the peak memory of city with the size of a streamed city
//	picture               CPU time, memory and quality of renditions, relative to the npm package sharp
//	pages                 Lighthouse scores of the shopper's pages
//	sentiment             time and accuracy of the embedded model, relative to govader
//
// All benchmarks with a million customers take about 5 minutes and 10 GB of memory, most of it for the embedded
// Bigtable. Two benchmarks need optional tools: picture needs node and npm, pages also chromium. Without them the table
// says "not measured". To add a benchmark, add a file to this folder and a line to the variable benchmarks.
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

// benchmarks are the benchmarks in the order of the table. The flag -run selects them by name. A benchmark adds its
// measures to the session. It returns an error if it cannot measure; a missed goal is no error, so that the others
// still run.
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

// session is one run of the command. Benchmarks add their measures to it. It is not safe for concurrent use.
type session struct {
	customers int // number of customers in the city benchmarks, at least 1000
	// dir is the temporary folder of the run for binaries, npm packages and files. The command removes it at its end.
	dir string
	// log receives progress and the standard error of child processes. The table goes to standard output.
	log       io.Writer
	measures  []measure
	benchmark string // name of the running benchmark
}

// measure is a row of the table. The value and the goal are formatted with their units, because measures of one
// benchmark have different units.
type measure struct {
	benchmark, name, value string
	goal                   string // "" if the measure has no goal
	missed                 bool   // false if the measure has no goal
}

// logf writes a line to the log, prefixed with the name of the benchmark.
func (s *session) logf(format string, args ...any) {
	fmt.Fprintf(s.log, s.benchmark+": "+format+"\n", args...)
}

// add adds a measure without a goal.
func (s *session) add(name, format string, args ...any) {
	s.measures = append(s.measures, measure{benchmark: s.benchmark, name: name, value: fmt.Sprintf(format, args...)})
}

// atLeast adds a ratio whose goal is a minimum. The ratio is compared before it is rounded for the table, here and in
// the methods below.
func (s *session) atLeast(name string, ratio, goal float64) {
	s.measures = append(s.measures, measure{s.benchmark, name, fmt.Sprintf("%.0f ×", ratio), fmt.Sprintf("≥ %.0f ×", goal), ratio < goal})
}

// atMost adds a value whose goal is a maximum, both in the given unit.
func (s *session) atMost(name string, value, goal float64, unit string) {
	s.measures = append(s.measures, measure{s.benchmark, name, fmt.Sprintf("%.1f %s", value, unit), fmt.Sprintf("≤ %v %s", goal, unit), value > goal})
}

// score adds a score, 0 to 100, whose goal is a minimum.
func (s *session) score(name string, score, goal float64) {
	s.measures = append(s.measures, measure{s.benchmark, name, fmt.Sprintf("%.0f", score), fmt.Sprintf("≥ %.0f", goal), score < goal})
}

// errMissed is the error of a run that missed at least one goal.
var errMissed = errors.New("goals missed")

// run runs the selected benchmarks, one after the other, and prints the table to stdout. The first benchmark that fails
// ends the run without a table, because the measures after it would be missing. If ctx ends, run ends its child
// processes.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	pattern := f.String("run", "", "run only benchmarks whose name matches `regexp`")
	n := f.Int("n", 1_000_000, "number of `customers` in the city benchmarks, at least 1000; the goals are for the default")
	if err := f.Parse(args); err != nil {
		return err
	}
	match, err := regexp.Compile(*pattern)
	if err != nil {
		return fmt.Errorf("parse flag -run: %w", err)
	}
	if *n < 1000 {
		return errors.New("flag -n must be at least 1000")
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
		ran, s.benchmark = true, b.name
		if err := b.run(ctx, s); err != nil {
			return fmt.Errorf("benchmark %s: %w", b.name, err)
		}
	}
	if !ran {
		return fmt.Errorf("no benchmark matches %q", *pattern)
	}
	fmt.Fprintf(stdout, "%s, %d CPUs, %s\n\n", runtime.Version(), runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly))
	return s.print(stdout)
}

// print prints the table with one verdict per measure: "met", "MISSED", or nothing without a goal. It returns errMissed
// if a goal is missed.
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
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", m.benchmark, m.name, m.value, m.goal, verdict)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if missed {
		return errMissed
	}
	return nil
}

// build builds the release binary of a function and returns its path. The build cache of Go makes repeated builds
// cheap.
func (s *session) build(ctx context.Context, function string) (string, error) {
	return s.buildPackage(ctx, "functions/"+function)
}

// buildPackage builds a package of the module with the build tags of scripts/deploy/build.sh and returns the path of
// the binary. The last element of the path names the binary, so it must be unique among the packages of a run.
func (s *session) buildPackage(ctx context.Context, path string) (string, error) {
	binary := filepath.Join(s.dir, filepath.Base(path))
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-tags", "disable_grpc_modules,grpcnotrace", "-o", binary,
		"github.com/hybrid-bts/functions/"+path)
	cmd.Stderr = s.log
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w", path, err)
	}
	return binary, nil
}

// npmInstall installs an npm package into the folder of the session. It returns an error if node or npm is missing, or
// if the registry does not answer. Callers report the error in the table and do not fail, because node and a network
// are optional.
func (s *session) npmInstall(ctx context.Context, pkg string) error {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is not installed", tool)
		}
	}
	cmd := exec.CommandContext(ctx, "npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", s.dir, pkg)
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("install npm package %s: %w: %s", pkg, err, out)
	}
	return nil
}

// startLocal starts scripts/local with the given arguments and returns its URL, without a slash at its end, when it is
// ready. stop ends it and waits for it; the caller must call stop once.
func (s *session) startLocal(ctx context.Context, args ...string) (url string, stop func() error, err error) {
	local, err := s.buildPackage(ctx, "scripts/local")
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, local, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	// SIGTERM lets scripts/local end the functions that it started. A kill would leave them running.
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
		if url, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			return url, stop, nil
		}
	}
	return "", nil, errors.Join(errors.New("scripts/local ended its output without the line \"ready\""), stop())
}

// median returns the median duration of n calls of f, one after the other. The first error of f ends the measurement. n
// must be at least 1; for an even n, the result is the longer of the two durations in the middle.
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
