// Customers fills the Bigtable tables that functions/city reads.
//
//	go run ./scripts/data/customers load [flags] FILE|gs://bucket/object|-
//	go run ./scripts/data/customers erase ID…|FILE|gs://bucket/object|-
//	go run ./scripts/data/customers generate [-n 1000000] [-seed 1] >customers.csv
//
// Load reads CSV, NDJSON, JSON, xlsx and Parquet files, plain or in gzip or zip; see package table for the forms. It finds
// the columns by their names in many languages, and shows its choice before the first row; -help lists the names. A load
// may be stopped and run again; see package load. Only a row without a valid id, city or country is rejected, and does not
// stop the load. The command writes the line, the column and the reason of each rejected row to a file, without values.
//
//	load -country FR -map id=Nr,name=Vorname+Nachname kunden.xlsx     columns with other names
//	load -dates dd/mm/yyyy -encoding euc-kr -delimiter tab members.txt
//	load -replace all.csv                                             removes the customers that are not in the file
//	load -dry-run all.csv                                             checks the file
//
// Erase removes customers by their ids, from the command line or from a file: its column id, or one id a line. It may be
// stopped and run again too.
//
// Generate writes generated customers to standard output as CSV.
//
// Exit status: 0 if all rows are loaded, 3 if rows were rejected, 1 if the load is incomplete, 2 if the command line is
// invalid.
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
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"cloud.google.com/go/bigtable"
	"cloud.google.com/go/storage"

	"github.com/hybrid-bts/functions/scripts/data/customers/generate"
	"github.com/hybrid-bts/functions/scripts/data/customers/load"
	"github.com/hybrid-bts/functions/shared/env"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// Errors with a distinct exit status: 2 and 3.
var (
	errUsage    = errors.New("usage: customers load [flags] FILE|gs://bucket/object|-, customers erase ID…|FILE, or customers generate [-n 1000000] [-seed 1]; see -help")
	errRejected = errors.New("rows were rejected")
)

func main() {
	debug.SetGCPercent(300) // a load has a small heap and much garbage
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
// environment variable. Only load and erase read stdin, for the file "-". The data and the summary go to stdout, progress
// and usage to stderr. The error of -help is flag.ErrHelp.
func run(ctx context.Context, args []string, lookup func(string) (string, bool), stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "load":
		return runLoad(ctx, args[1:], lookup, stdin, stdout, stderr)
	case "erase", "-erase", "--erase":
		return runErase(ctx, args[1:], lookup, stdin, stdout, stderr)
	case "generate":
		f := flag.NewFlagSet("generate", flag.ContinueOnError)
		f.SetOutput(stderr)
		n := f.Int("n", 1_000_000, "`number` of customers")
		seed := f.Uint64("seed", 1, "`seed` of the random generator; equal seeds generate equal files")
		if err := f.Parse(args[1:]); err != nil {
			return usageError(err)
		}
		if f.NArg() > 0 || *n < 0 {
			return errUsage
		}
		return generate.Write(stdout, *n, *seed)
	case "help", "-help", "--help", "-h":
		fmt.Fprintln(stderr, errUsage)
		fmt.Fprintln(stderr, "load -help, erase -help and generate -help list the flags and columns")
		return flag.ErrHelp
	}
	return errUsage
}

// usageError returns the error for a command line that a flag set does not accept.
func usageError(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	return fmt.Errorf("%w: %w", errUsage, err)
}

// loadFlags are the flags of load.
type loadFlags struct {
	dryRun, create, erase bool
	rejected              string
	loader                load.Loader
}

// parseLoadFlags parses the flags of load. It returns the arguments after them.
func parseLoadFlags(args []string, stderr io.Writer) (*loadFlags, []string, error) {
	var l loadFlags
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.BoolVar(&l.dryRun, "dry-run", false, "check the file and write nothing to Bigtable")
	f.BoolVar(&l.create, "create", false, "create the tables that do not exist")
	f.StringVar(&l.rejected, "rejected", "", "`file` to create for the rejected rows (default: INPUT.rejected.csv in the working directory)")
	f.BoolVar(&l.loader.Replace, "replace", false, "remove the customers that the file does not have; no other load may run at the same time")
	f.BoolVar(&l.erase, "erase", false, "remove the customers with the ids that follow, or with the ids of a file, and load nothing")
	f.StringVar(&l.loader.Table.Member, "member", "", "`path` of the file in a zip with several files")
	f.StringVar(&l.loader.Table.Sheet, "sheet", "", "`name` of the sheet of an xlsx file (default: the sheet with the most known columns)")
	f.StringVar(&l.loader.Table.Encoding, "encoding", "", "encoding `label` of a text, such as euc-kr, shift_jis or windows-1252 (default: detected)")
	f.Func("delimiter", "`delimiter` of the cells: a character, or tab, comma, semicolon or pipe (default: detected)", func(s string) (err error) {
		l.loader.Table.Delimiter, err = parseDelimiter(s)
		return err
	})
	f.Func("header", "comma-separated `names` of the columns of a file without a header", func(s string) error {
		l.loader.Table.Header = strings.Split(s, ",")
		return nil
	})
	f.Func("map", "columns of fields as `field=column,…`; column+column composes, an empty column ignores the field; may be repeated", func(s string) error {
		m, err := load.ParseMapping(s)
		if err != nil {
			return err
		}
		if l.loader.Mapping == nil {
			l.loader.Mapping = load.Mapping{}
		}
		maps.Copy(l.loader.Mapping, m)
		return nil
	})
	f.Func("country", "`country` of the rows without one, by code or name", func(s string) (err error) {
		l.loader.Country, err = load.CountryCode(s)
		return err
	})
	f.Func("dates", "`order` of dates that do not start with the year, such as dd/mm/yyyy or mm/dd/yyyy", func(s string) (err error) {
		l.loader.Dates, err = load.ParseDateOrder(s)
		return err
	})
	f.Usage = func() {
		fmt.Fprint(stderr, "usage: customers load [flags] FILE|gs://bucket/object|-\n\nflags:\n")
		f.PrintDefaults()
		fmt.Fprintf(stderr, "\ncolumns, by field; case, accents, spaces and punctuation of a name do not count, and a word such as customer_ may precede:\n%s\n"+
			"Empty values: NULL, N/A, NaN, \\N, - and the like.\n", load.Help())
	}
	if err := f.Parse(args); err != nil {
		return nil, nil, usageError(err)
	}
	return &l, f.Args(), nil
}

// parseDelimiter returns the character of a delimiter or its name.
func parseDelimiter(s string) (rune, error) {
	named := map[string]rune{"tab": '\t', `\t`: '\t', "comma": ',', "semicolon": ';', "pipe": '|', "bar": '|', "space": ' '}
	if r, ok := named[strings.ToLower(s)]; ok {
		return r, nil
	}
	if len(s) != 1 || s[0] >= 0x7f || s[0] == '"' || s[0] == '\n' || s[0] == '\r' || s[0] == 0 {
		return 0, errors.New("is no ASCII character, tab, comma, semicolon or pipe")
	}
	return rune(s[0]), nil
}

// runLoad runs the subcommand load. It returns errRejected if the load is complete but for rejected rows, and errUsage
// for an invalid command line. If ctx ends, the load is incomplete and can be run again.
//
// It opens the input before Bigtable and creates the file of rejected rows last, so a misspelled name leaves no tables
// or files.
func runLoad(ctx context.Context, args []string, lookup func(string) (string, bool), stdin io.Reader, stdout, stderr io.Writer) error {
	flags, args, err := parseLoadFlags(args, stderr)
	if err != nil {
		return err
	}
	if flags.erase {
		return runErase(ctx, args, lookup, stdin, stdout, stderr)
	}
	if len(args) != 1 {
		return errUsage
	}
	name := args[0]
	in, size, err := open(ctx, name, stdin)
	if err != nil {
		return err
	}
	defer in.Close()

	loader := &flags.loader
	loader.Table.Size = size
	if !flags.dryRun {
		if loader.Client, err = connect(ctx, lookup, flags.create); err != nil {
			return err
		}
		defer loader.Client.Close()
	}
	rejected, err := createRejectedFile(flags.rejected, name)
	if err != nil {
		return err
	}
	loader.Rejected = rejected.add
	loader.Plan = func(p load.Plan) error { return showPlan(stdout, p) }
	bar := newProgress(stderr)
	loader.Progress = bar.show
	sum, err := loader.Load(ctx, in)
	bar.end(err == nil)
	if err := errors.Join(err, rejected.close()); err != nil {
		return fmt.Errorf("load %s: %w", name, err)
	}
	return showSummary(stdout, sum, flags.dryRun, time.Since(bar.began), rejected.file.Name())
}

// showPlan writes how the file is read.
func showPlan(out io.Writer, p load.Plan) error {
	fmt.Fprintf(out, "form: %s\n", p.Form)
	for _, c := range p.Columns {
		fmt.Fprintf(out, "%-9s from %s\n", c.Field, strings.Join(c.Names, " + "))
	}
	if p.Unread != nil {
		fmt.Fprintf(out, "not read: %s\n", strings.Join(p.Unread, ", "))
	}
	_, err := fmt.Fprintln(out)
	return err
}

// showSummary writes the result of a load. It returns errRejected if rows were rejected.
func showSummary(out io.Writer, sum load.Summary, dry bool, took time.Duration, rejectedName string) error {
	verb := "loaded"
	if dry {
		verb = "would load"
	}
	fmt.Fprintf(out, "%s %d of %d rows in %d cities, %.1f s, %.0f rows/s\n", verb, sum.Read-sum.Rejected, sum.Read, sum.Cities,
		took.Seconds(), float64(sum.Read)/max(took.Seconds(), 1e-9))
	for _, note := range []struct {
		rows int64
		text string
	}{
		{sum.Moved, "rows moved from another city"}, {sum.Replaced, "rows replaced by a later row of the same customer"},
		{sum.Removed, "customers removed that the file does not have"},
	} {
		if note.rows > 0 {
			fmt.Fprintf(out, "%d %s\n", note.rows, note.text)
		}
	}
	showReasons(out, sum.Notes)
	if sum.Rejected == 0 {
		return nil
	}
	fmt.Fprintf(out, "rejected %d rows; %s has the line, column and reason of each\n", sum.Rejected, rejectedName)
	showReasons(out, sum.Reasons)
	return fmt.Errorf("%d %w", sum.Rejected, errRejected)
}

// showReasons writes reasons with their numbers of rows and first lines.
func showReasons(out io.Writer, reasons []load.Reason) {
	for _, r := range reasons {
		lines := strings.Trim(strings.ReplaceAll(fmt.Sprint(r.Lines), " ", ", "), "[]")
		if r.Rows > int64(len(r.Lines)) {
			lines += ", …"
		}
		fmt.Fprintf(out, "  %d rows: %s (lines %s)\n", r.Rows, strings.TrimSpace(r.Field+" "+r.Text), lines)
	}
}

// runErase runs the subcommand erase. An argument that names a file or an object, or "-", gives the ids that it has; any
// other argument is an id.
func runErase(ctx context.Context, args []string, lookup func(string) (string, bool), stdin io.Reader, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("erase", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprint(stderr, "usage: customers erase ID…|FILE|gs://bucket/object|-\n\n"+
			"Removes the customers with the ids. An argument that names a file stands for the ids in its column id, or one a line.\n")
	}
	if err := f.Parse(args); err != nil {
		return usageError(err)
	}
	if f.NArg() == 0 {
		return errUsage
	}
	var ids []string
	for _, arg := range f.Args() {
		if _, err := os.Stat(arg); err != nil && arg != "-" && !strings.HasPrefix(arg, "gs://") {
			ids = append(ids, arg)
			continue
		}
		in, _, err := open(ctx, arg, stdin)
		if err != nil {
			return err
		}
		fromFile, err := load.ReadIDs(in)
		if err := errors.Join(err, in.Close()); err != nil {
			return fmt.Errorf("read ids of %s: %w", arg, err)
		}
		ids = append(ids, fromFile...)
	}
	client, err := connect(ctx, lookup, false)
	if err != nil {
		return err
	}
	defer client.Close()
	result, err := load.Erase(ctx, client, ids)
	if err != nil {
		return fmt.Errorf("erase customers: %w; run the command again to complete it", err)
	}
	fmt.Fprintf(stdout, "removed %d customers in %d cities\n", result.Removed, result.Cities)
	if result.Unknown > 0 {
		fmt.Fprintf(stdout, "%d ids have no customer\n", result.Unknown)
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
