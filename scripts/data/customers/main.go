// Customers fills the Bigtable tables that functions/city reads.
//
//	go run ./scripts/data/customers load [flags] FILE|gs://bucket/object|-
//	go run ./scripts/data/customers generate [-n 1000000] [-seed 1] >customers.csv
//
// Load reads CSV with a header, or one JSON object per line; either may be compressed with gzip. The columns, in any
// order, are id, name, city and country, and optionally email, phone, joined, postcode and street. A load may be
// stopped and run again; see package load. Invalid rows are rejected and do not stop the load. The command writes the
// line and the reason of each rejected row to a file, which contains no values of the row but the customer's id. Exit
// status: 0 if all rows are loaded, 3 if rows were rejected, 1 if the load is incomplete, 2 if the command line is
// invalid.
//
// Generate writes generated customers to standard output as CSV.
//
//	variable                 meaning                                          default
//	GOOGLE_CLOUD_PROJECT     project of the Bigtable instance                 required except for -dry-run
//	BIGTABLE_INSTANCE        id of the Bigtable instance                      required except for -dry-run
//	BIGTABLE_EMULATOR_HOST   address of a Bigtable emulator                   Google Cloud
//	STORAGE_EMULATOR_HOST    address of a Cloud Storage emulator              Google Cloud
//
// Roles: roles/bigtable.user on the instance, with -create roles/bigtable.admin; roles/storage.objectViewer on the
// bucket.
package main

import (
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"cloud.google.com/go/bigtable"
	"cloud.google.com/go/storage"
	"github.com/schollz/progressbar/v3"

	"github.com/hybrid-bts/functions/scripts/data/customers/generate"
	"github.com/hybrid-bts/functions/scripts/data/customers/load"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// Errors with a distinct exit status: 2 and 3.
var (
	errUsage    = errors.New("usage: customers load [flags] FILE|gs://bucket/object|-, or customers generate [-n 1000000] [-seed 1]")
	errRejected = errors.New("rows were rejected")
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.LookupEnv, os.Stdin, os.Stdout, os.Stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, "customers:", err)
	switch {
	case errors.Is(err, errUsage):
		os.Exit(2)
	case errors.Is(err, errRejected):
		os.Exit(3)
	}
	os.Exit(1)
}

// run runs the command with the given arguments, without the name of the program. lookup returns the value of an
// environment variable. Only load reads stdin, for the file "-". The data and the summary go to stdout, progress and
// usage to stderr.
func run(ctx context.Context, args []string, lookup func(string) (string, bool), stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "load":
		return runLoad(ctx, args[1:], lookup, stdin, stdout, stderr)
	case "generate":
		f := flag.NewFlagSet("generate", flag.ContinueOnError)
		f.SetOutput(stderr)
		n := f.Int("n", 1_000_000, "`number` of customers")
		seed := f.Uint64("seed", 1, "`seed` of the random generator; equal seeds generate equal files")
		if err := f.Parse(args[1:]); err != nil {
			return errors.Join(err, errUsage)
		}
		if f.NArg() > 0 || *n < 0 {
			return errUsage
		}
		return generate.Write(stdout, *n, *seed)
	}
	return errUsage
}

// runLoad runs the subcommand load. It returns errRejected if the load is complete but for rejected rows, and errUsage
// for an invalid command line. If ctx ends, the load is incomplete and can be run again.
//
// It opens the input before Bigtable and creates the file of rejected rows last, so a misspelled name leaves no tables
// or files.
func runLoad(ctx context.Context, args []string, lookup func(string) (string, bool), stdin io.Reader, stdout, stderr io.Writer) (err error) {
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	f.SetOutput(stderr)
	dry := f.Bool("dry-run", false, "check the file and write nothing to Bigtable")
	create := f.Bool("create", false, "create the tables that do not exist")
	rejectedFile := f.String("rejected", "", "`file` to create for the rejected rows (default: INPUT.rejected.csv in the working directory)")
	if err := f.Parse(args); err != nil {
		return errors.Join(err, errUsage)
	}
	if f.NArg() != 1 {
		return errUsage
	}
	name := f.Arg(0)
	in, size, err := open(ctx, name, stdin)
	if err != nil {
		return err
	}
	defer in.Close()

	loader := load.Loader{}
	if !*dry {
		if loader.Client, err = connect(ctx, lookup, *create); err != nil {
			return err
		}
		defer loader.Client.Close()
	}
	rejected, err := createRejectedFile(*rejectedFile, name)
	if err != nil {
		return err
	}
	loader.Rejected = rejected.add

	// The size is that of the input as it is stored, so the bar counts bytes before decompression.
	bar := progressbar.NewOptions64(size, progressbar.OptionSetWriter(stderr), progressbar.OptionShowBytes(true),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionFullWidth(),
		progressbar.OptionSetDescription("0 rows"))
	began := time.Now()
	rate := func(rows int64) float64 { return float64(rows) / max(time.Since(began).Seconds(), 1e-9) }
	loader.Progress = func(rows int64) { bar.Describe(fmt.Sprintf("%d rows, %.0f/s", rows, rate(rows))) }
	reader := progressbar.NewReader(in, bar)
	sum, err := loader.Load(ctx, &reader)
	_ = bar.Exit()
	fmt.Fprintln(stderr)
	if err := errors.Join(err, rejected.close()); err != nil {
		return fmt.Errorf("load %s: %w", name, err)
	}
	verb := "loaded"
	if *dry {
		verb = "would load"
	}
	fmt.Fprintf(stdout, "%s %d of %d rows in %d cities, %.1f s, %.0f rows/s\n", verb, sum.Read-sum.Rejected, sum.Read, sum.Cities,
		time.Since(began).Seconds(), rate(sum.Read))
	for _, note := range []struct {
		rows int64
		text string
	}{{sum.Moved, "moved from another city"}, {sum.Replaced, "replaced by a later row of the same customer"}} {
		if note.rows > 0 {
			fmt.Fprintf(stdout, "%d rows %s\n", note.rows, note.text)
		}
	}
	if sum.Ignored != nil {
		fmt.Fprintf(stdout, "ignored unknown columns %q\n", sum.Ignored)
	}
	if sum.Rejected > 0 {
		fmt.Fprintf(stdout, "rejected %d rows; see %s for lines and reasons\n", sum.Rejected, rejected.file.Name())
		return fmt.Errorf("%d %w", sum.Rejected, errRejected)
	}
	return nil
}

// open opens the input: a file, an object of Cloud Storage, or stdin for "-". The size is in bytes, -1 if unknown, as
// for a pipe. The caller closes the input, which leaves stdin open.
func open(ctx context.Context, name string, stdin io.Reader) (io.ReadCloser, int64, error) {
	if name == "-" {
		return io.NopCloser(stdin), -1, nil
	}
	at, ok := strings.CutPrefix(name, "gs://")
	if !ok {
		f, err := os.Open(name)
		if err != nil {
			return nil, 0, err
		}
		info, err := f.Stat()
		if err != nil {
			return nil, 0, errors.Join(err, f.Close())
		}
		if !info.Mode().IsRegular() {
			return f, -1, nil
		}
		return f, info.Size(), nil
	}
	bucket, object, ok := strings.Cut(at, "/")
	if !ok || object == "" {
		return nil, 0, fmt.Errorf("%w: %q has no object name", errUsage, name)
	}
	client, err := storage.NewClient(ctx, storage.WithJSONReads())
	if err != nil {
		return nil, 0, fmt.Errorf("open Cloud Storage: %w", err)
	}
	// The reader verifies the checksum of the object at its end.
	r, err := client.Bucket(bucket).Object(object).NewReader(ctx)
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("open %s: %w", name, err), client.Close())
	}
	return &gsObject{r, client}, r.Attrs.Size, nil
}

// gsObject is an open object of Cloud Storage. It owns its client, which must stay open until the object is read.
type gsObject struct {
	*storage.Reader
	client *storage.Client
}

// Close closes the object and its client.
func (o *gsObject) Close() error { return errors.Join(o.Reader.Close(), o.client.Close()) }

// connect opens the Bigtable instance of the environment variables. With create it creates missing tables first, which
// needs an administrator's role. The caller closes the client. Without create, a missing table shows only at the first
// write.
func connect(ctx context.Context, lookup func(string) (string, bool), create bool) (*bigtable.Client, error) {
	e := env.Reader{Lookup: lookup}
	project, instance := e.Required("GOOGLE_CLOUD_PROJECT"), e.Required("BIGTABLE_INSTANCE")
	if err := e.Err(); err != nil {
		return nil, err
	}
	if create {
		admin, err := bigtable.NewAdminClient(ctx, project, instance)
		if err != nil {
			return nil, fmt.Errorf("open Bigtable instance %s in %s: %w", instance, project, err)
		}
		if err := errors.Join(customers.Create(ctx, admin), admin.Close()); err != nil {
			return nil, err
		}
	}
	// Without the option, the client writes metrics to Cloud Monitoring, for which the command needs no role.
	client, err := bigtable.NewClientWithConfig(ctx, project, instance, bigtable.ClientConfig{MetricsProvider: bigtable.NoopMetricsProvider{}})
	if err != nil {
		return nil, fmt.Errorf("open Bigtable instance %s in %s: %w", instance, project, err)
	}
	return client, nil
}

// rejectedFile is the CSV file of rejected rows, with the columns line, customer and reason. close removes it if it has
// no rows. It is not safe for concurrent use; a load rejects rows one at a time.
type rejectedFile struct {
	file    *os.File
	created bool // whether this process created the file and may remove it
	out     *csv.Writer
	rows    int // without the header
}

// createRejectedFile creates the file with the given name. If name is empty, it derives an unused name from the input.
// It never overwrites a file.
func createRejectedFile(name, input string) (*rejectedFile, error) {
	f, created, err := openRejectedFile(name, input)
	if err != nil {
		return nil, fmt.Errorf("create file of rejected rows: %w", err)
	}
	r := &rejectedFile{file: f, created: created, out: csv.NewWriter(f)}
	return r, r.out.Write([]string{"line", "customer", "reason"})
}

// openRejectedFile opens the file and reports whether it created it. Existing files that are not regular, such as
// /dev/null, are opened for writing. An existing regular file is an error if it has the given name. Derived names are
// INPUT.rejected.csv, INPUT.rejected-2.csv and so on in the working directory.
func openRejectedFile(name, input string) (f *os.File, created bool, err error) {
	const create, mode = os.O_WRONLY | os.O_CREATE | os.O_EXCL, 0o600 // customer ids are personal data
	if name != "" {
		if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
			f, err := os.OpenFile(name, os.O_WRONLY, 0)
			return f, false, err
		}
		f, err := os.OpenFile(name, create, mode)
		return f, true, err
	}
	base := "stdin"
	if input != "-" {
		base = path.Base(input)
	}
	for n := 1; ; n++ {
		name := base + ".rejected.csv"
		if n > 1 {
			name = fmt.Sprintf("%s.rejected-%d.csv", base, n)
		}
		f, err := os.OpenFile(name, create, mode)
		if !errors.Is(err, fs.ErrExist) {
			return f, true, err
		}
	}
}

// add writes a row. A reason of several lines becomes one line. close reports write errors.
func (r *rejectedFile) add(line int, customer string, reason error) {
	r.rows++
	_ = r.out.Write([]string{strconv.Itoa(line), customer, strings.ReplaceAll(reason.Error(), "\n", "; ")})
}

// close flushes and closes the file. Its error includes earlier write errors. Call it once.
func (r *rejectedFile) close() error {
	r.out.Flush()
	err := errors.Join(r.out.Error(), r.file.Close())
	if err == nil && r.rows == 0 && r.created {
		err = os.Remove(r.file.Name())
	}
	if err != nil {
		return fmt.Errorf("write file of rejected rows: %w", err)
	}
	return nil
}
