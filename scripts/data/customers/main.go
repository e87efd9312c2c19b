// Customers fills the Bigtable tables that functions/city reads.
//
//	go run ./scripts/data/customers load [flags] FILE|gs://bucket/object|-
//	go run ./scripts/data/customers generate [-n 1000000] [-seed 1] >customers.csv
//
// Load reads CSV with a header (id, name, city and country, and if they are there email, phone, joined,
// postcode and street, in any order), or a JSON object a line; either may be gzipped. It can be stopped
// and run again: package load says why. A row that it refuses stops nothing; its line and the reason go
// to a file, which holds nothing else of the row. Exit status: 0 every row is loaded, 3 all but the
// refused ones, 1 the load is not whole, 2 the command is wrong.
//
// Generate writes made-up customers to standard output.
//
//	variable                 meaning                                          default
//	GOOGLE_CLOUD_PROJECT     the project of the instance                      required, but for -dry-run
//	BIGTABLE_INSTANCE        id of the Bigtable instance                      required, but for -dry-run
//	BIGTABLE_EMULATOR_HOST   address of an emulator, as of scripts/local      Google Cloud
//	STORAGE_EMULATOR_HOST    the same of Cloud Storage                        Google Cloud
//
// Role: roles/bigtable.user on the instance, with -create roles/bigtable.admin; roles/storage.objectViewer
// on the bucket.
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

	"github.com/hybrid-bts/functions/scripts/data/customers/fake"
	"github.com/hybrid-bts/functions/scripts/data/customers/load"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// Errors that have an exit status of their own.
var (
	errUsage   = errors.New("usage: customers load [flags] FILE|gs://bucket/object|-, or customers generate [-n 1000000] [-seed 1]")
	errRefused = errors.New("rows were refused")
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
	case errors.Is(err, errRefused):
		os.Exit(3)
	}
	os.Exit(1)
}

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
		n := f.Int("n", 1_000_000, "how many customers")
		seed := f.Uint64("seed", 1, "the same makes the same file")
		if err := f.Parse(args[1:]); err != nil {
			return errors.Join(err, errUsage)
		}
		if f.NArg() > 0 || *n < 0 {
			return errUsage
		}
		return fake.Write(stdout, *n, *seed)
	}
	return errUsage
}

func runLoad(ctx context.Context, args []string, lookup func(string) (string, bool), stdin io.Reader, stdout, stderr io.Writer) (err error) {
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	f.SetOutput(stderr)
	dry := f.Bool("dry-run", false, "check the file and write nothing to Bigtable")
	create := f.Bool("create", false, "make the tables that are missing")
	refusedFile := f.String("refused", "", "`file` for the lines of refused rows (default: named as the input, here)")
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
	refused, err := createRefusals(*refusedFile, name)
	if err != nil {
		return err
	}
	loader.Refused = refused.add

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
	if err := errors.Join(err, refused.close()); err != nil {
		return fmt.Errorf("load %s: %w", name, err)
	}
	verb := "loaded"
	if *dry {
		verb = "would load"
	}
	fmt.Fprintf(stdout, "%s %d of %d rows in %d cities, %.1f s, %.0f rows/s\n", verb, sum.Read-sum.Refused, sum.Read, sum.Cities,
		time.Since(began).Seconds(), rate(sum.Read))
	for _, note := range []struct {
		n    int64
		what string
	}{{sum.Moved, "moved from another city"}, {sum.Replaced, "replaced by a later row of the same customer"}} {
		if note.n > 0 {
			fmt.Fprintf(stdout, "of these %d %s\n", note.n, note.what)
		}
	}
	if sum.Ignored != nil {
		fmt.Fprintf(stdout, "not loaded: the columns %q\n", sum.Ignored)
	}
	if sum.Refused > 0 {
		fmt.Fprintf(stdout, "refused %d rows: their lines and why are in %s\n", sum.Refused, refused.file.Name())
		return fmt.Errorf("%d %w", sum.Refused, errRefused)
	}
	return nil
}

// open returns the input and its size in bytes, which is -1 when it is not known.
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
		return nil, 0, fmt.Errorf("%w: %q names no object", errUsage, name)
	}
	client, err := storage.NewClient(ctx, storage.WithJSONReads())
	if err != nil {
		return nil, 0, fmt.Errorf("open Cloud Storage: %w", err)
	}
	// The reader checks the object's checksum at its end.
	r, err := client.Bucket(bucket).Object(object).NewReader(ctx)
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("open %s: %w", name, err), client.Close())
	}
	return &gsObject{r, client}, r.Attrs.Size, nil
}

// gsObject is an open object and the client that it was opened with.
type gsObject struct {
	*storage.Reader
	client *storage.Client
}

func (o *gsObject) Close() error { return errors.Join(o.Reader.Close(), o.client.Close()) }

// connect opens the instance that the variables name.
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
	client, err := bigtable.NewClientWithConfig(ctx, project, instance, bigtable.ClientConfig{MetricsProvider: bigtable.NoopMetricsProvider{}})
	if err != nil {
		return nil, fmt.Errorf("open Bigtable instance %s in %s: %w", instance, project, err)
	}
	return client, nil
}

// refusals is the file of refused rows. It is gone at the end when there are none.
type refusals struct {
	file *os.File
	ours bool // we made it
	out  *csv.Writer
	n    int
}

// createRefusals makes the file with the given name, or with none one that is named as the input. It
// takes the place of no file that is there.
func createRefusals(name, input string) (*refusals, error) {
	f, ours, err := openRefusals(name, input)
	if err != nil {
		return nil, fmt.Errorf("create the file of refused rows: %w", err)
	}
	r := &refusals{file: f, ours: ours, out: csv.NewWriter(f)}
	return r, r.out.Write([]string{"line", "customer", "reason"})
}

func openRefusals(name, input string) (f *os.File, ours bool, err error) {
	const create, mode = os.O_WRONLY | os.O_CREATE | os.O_EXCL, 0o600 // customers' ids are not for everybody
	if name != "" {
		if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() { // such as /dev/null
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
		name := base + ".refused.csv"
		if n > 1 {
			name = fmt.Sprintf("%s.refused-%d.csv", base, n)
		}
		f, err := os.OpenFile(name, create, mode)
		if !errors.Is(err, fs.ErrExist) {
			return f, true, err
		}
	}
}

func (r *refusals) add(line int, customer string, reason error) {
	r.n++
	_ = r.out.Write([]string{strconv.Itoa(line), customer, strings.ReplaceAll(reason.Error(), "\n", "; ")}) // close tells
}

func (r *refusals) close() error {
	r.out.Flush()
	err := errors.Join(r.out.Error(), r.file.Close())
	if err == nil && r.n == 0 && r.ours {
		err = os.Remove(r.file.Name())
	}
	if err != nil {
		return fmt.Errorf("write the file of refused rows: %w", err)
	}
	return nil
}
