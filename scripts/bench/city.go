package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"cloud.google.com/go/bigtable"

	"github.com/hybrid-bts/functions/scripts/data/customers/fake"
	"github.com/hybrid-bts/functions/scripts/data/customers/load"
	"github.com/hybrid-bts/functions/shared/fake/customerstest"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// cityQuery compares the function's two ways to read a city of about 1 % with scans of all customers. The
// function is measured from outside, HTTP and JSON included; the scans with the bare client. The
// embedded engine does not end a read at its row limit, so a first page costs it the whole city.
func cityQuery(ctx context.Context, s *session) (err error) {
	engine, err := customerstest.Start(ctx)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, engine.Close())
		engine = nil
		debug.FreeOSMemory()
	}()
	generated := func(w io.Writer) error { return fake.Write(w, s.customers, 1) }
	rate, err := loadCustomers(ctx, s, engine, generated)
	if err != nil {
		return err
	}
	s.add(fmt.Sprintf("load of %d customers", s.customers), "%.0f rows/s", rate)
	before, err := cityCounts(ctx, engine)
	if err != nil {
		return err
	}
	if rate, err = loadCustomers(ctx, s, engine, generated); err != nil {
		return err
	}
	s.add("load of the same file again", "%.0f rows/s", rate)
	after, err := cityCounts(ctx, engine)
	if err != nil {
		return err
	}
	changed := 0
	for city, n := range after {
		if before[city] != n {
			changed++
		}
	}
	s.atMost(fmt.Sprintf("counts of %d cities that it changed", len(after)), float64(changed+len(before)-len(after)), 0, "")

	f, err := startCity(ctx, s, engine.Addr)
	if err != nil {
		return err
	}
	defer f.stop()
	const place = "/v1/cities/Paris/customers?country=FR"
	first, err := median(101, func() error { return f.get(ctx, place, func(r io.Reader) error { return onePage(r, 50) }) })
	if err != nil {
		return err
	}
	inCity := before["paris#fr#"]
	s.add("customers of the city", "%d (%.2f %%)", inCity, 100*float64(inCity)/float64(s.customers))
	whole, err := median(7, func() error {
		return f.get(ctx, place+"&format=ndjson", func(r io.Reader) error { return lines(r, inCity) })
	})
	if err != nil {
		return err
	}
	s.add("first page of 50", "%.2f ms", milliseconds(first))
	s.add("whole city, as NDJSON", "%.1f ms", milliseconds(whole))

	s.logf("scanning all customers")
	of := func(column string) bigtable.Filter {
		return bigtable.ColumnRangeFilter("address", column, column+"\x00")
	}
	is := bigtable.ConditionFilter(bigtable.ChainFilters(of("country"), bigtable.ValueFilter("FR")),
		bigtable.ConditionFilter(bigtable.ChainFilters(of("city"), bigtable.ValueFilter(`(?i) *paris *`)), bigtable.PassAllFilter(), nil), nil)
	server, err := median(1, func() error {
		return scan(ctx, engine, inCity, func(bigtable.Row) bool { return true }, bigtable.RowFilter(is))
	})
	if err != nil {
		return fmt.Errorf("full scan with a filter: %w", err)
	}
	s.add("full scan, filtered by the server", "%.0f ms", milliseconds(server))
	client, err := median(1, func() error {
		return scan(ctx, engine, inCity, func(r bigtable.Row) bool {
			return value(r, "country") == "FR" && strings.EqualFold(strings.TrimSpace(value(r, "city")), "paris")
		})
	})
	if err != nil {
		return fmt.Errorf("full scan: %w", err)
	}
	s.add("full scan, filtered by the client", "%.0f ms", milliseconds(client))
	s.atLeast("first page against the server's filter", float64(server)/float64(first), 500)
	s.atLeast("whole city against the server's filter", float64(server)/float64(whole), 30)
	s.add("first page against the client's filter", "%.0f ×", float64(client)/float64(first))
	s.add("whole city against the client's filter", "%.0f ×", float64(client)/float64(whole))
	return nil
}

// cityMemory compares the peak memory of the function when it streams a small and a big city.
func cityMemory(ctx context.Context, s *session) (err error) {
	engine, err := customerstest.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	sizes := [2]int{max(s.customers/100, 1), max(s.customers/2, 1)}
	for _, n := range sizes {
		if _, err := loadCustomers(ctx, s, engine, func(w io.Writer) error { return oneCity(w, n) }); err != nil {
			return err
		}
	}
	for _, query := range []string{"format=ndjson", "format=csv"} {
		var peaks [2]float64
		for i, n := range sizes {
			f, err := startCity(ctx, s, engine.Addr)
			if err != nil {
				return err
			}
			err = f.get(ctx, fmt.Sprintf("/v1/cities/City%%20of%%20%d/customers?%s", n, query), func(r io.Reader) error {
				if strings.HasSuffix(query, "csv") {
					return lines(r, n+1)
				}
				return lines(r, n)
			})
			if err == nil {
				peaks[i], err = f.peak()
			}
			f.stop()
			if err != nil {
				return err
			}
			s.add(fmt.Sprintf("peak memory, %d rows, %s", n, query), "%.1f MiB", peaks[i])
		}
		s.atMost("what the bigger one takes more, "+query, peaks[1]-peaks[0], 32, "MiB")
	}
	return nil
}

// oneCity writes a file of n customers of one city.
func oneCity(w io.Writer, n int) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, "id,name,email,phone,joined,city,country,postcode,street")
	for i := range n {
		fmt.Fprintf(out, "%d-%d,김지우,borahae.army%d@example.com,+82 10 0123 4567,2013-06-13,City of %d,KR,04524,세종대로 %d\n", n, i, i, n, i%100)
	}
	return out.Flush()
}

// loadCustomers loads what write writes, and returns the rows a second.
func loadCustomers(ctx context.Context, s *session, engine *customerstest.Server, write func(io.Writer) error) (float64, error) {
	began := time.Now()
	in, out := io.Pipe()
	go func() { _ = out.CloseWithError(write(out)) }()
	defer in.Close() // which ends the writing when the load fails
	l := load.Loader{Client: engine.Client, Progress: func(rows int64) {
		if rows%250_000 == 0 {
			s.logf("%d rows read, %.0f/s", rows, float64(rows)/time.Since(began).Seconds())
		}
	}}
	sum, err := l.Load(ctx, in)
	if err != nil {
		return 0, err
	}
	if sum.Refused > 0 {
		return 0, fmt.Errorf("%d rows are refused", sum.Refused)
	}
	return float64(sum.Read) / time.Since(began).Seconds(), nil
}

// cityCounts returns the count of each city by its key.
func cityCounts(ctx context.Context, engine *customerstest.Server) (map[string]int, error) {
	counts := map[string]int{}
	var bad error
	err := engine.Client.Open(customers.Cities).ReadRows(ctx, bigtable.InfiniteRange(""), func(r bigtable.Row) bool {
		for _, cell := range r[customers.City] {
			if cell.Column == customers.City+":"+customers.CountColumn {
				counts[r.Key()], bad = strconv.Atoi(string(cell.Value))
			}
		}
		return bad == nil
	}, bigtable.RowFilter(bigtable.LatestNFilter(1)))
	return counts, errors.Join(err, bad)
}

// scan reads all customers, and checks how many of those that come match.
func scan(ctx context.Context, engine *customerstest.Server, want int, match func(bigtable.Row) bool, options ...bigtable.ReadOption) error {
	n := 0
	err := engine.Client.Open(customers.Table).ReadRows(ctx, bigtable.InfiniteRange(""), func(r bigtable.Row) bool {
		if match(r) {
			n++
		}
		return true
	}, options...)
	if err == nil && n != want {
		return fmt.Errorf("it found %d customers, the function %d", n, want)
	}
	return err
}

func value(r bigtable.Row, column string) string {
	for _, cell := range r["address"] {
		if cell.Column == "address:"+column {
			return string(cell.Value)
		}
	}
	return ""
}

// city is the function, as a process.
type city struct {
	cmd *exec.Cmd
	url string
}

func startCity(ctx context.Context, s *session, engine string) (*city, error) {
	binary, err := s.build(ctx, "city")
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err = errors.Join(err, l.Close()); err != nil {
		return nil, err
	}
	c := &city{exec.CommandContext(ctx, binary), "http://127.0.0.1:" + port}
	c.cmd.Env = []string{"PORT=" + port, "BIGTABLE_EMULATOR_HOST=" + engine, "GOOGLE_CLOUD_PROJECT=" + customerstest.Project,
		"BIGTABLE_INSTANCE=" + customerstest.Instance, "PAGE_TOKEN_KEY=only for a benchmark"}
	c.cmd.Stderr = s.log
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	for range 500 {
		if err = c.get(ctx, "/healthz", func(io.Reader) error { return nil }); err == nil {
			return c, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.stop()
	return nil, fmt.Errorf("city does not answer: %w", err)
}

func (c *city) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	_ = c.cmd.Wait()
}

func (c *city) get(ctx context.Context, path string, read func(io.Reader) error) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept-Encoding", "identity")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return read(resp.Body)
}

// peak returns the most memory that the process ever had, in MiB.
func (c *city) peak() (float64, error) { return peakOf(c.cmd.Process.Pid) }

// peakOf returns the most memory that a process ever had, in MiB.
func peakOf(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("the kernel does not tell the peak memory of a process")
}

func onePage(r io.Reader, want int) error {
	var page struct {
		Customers []json.RawMessage `json:"customers"`
	}
	if err := json.NewDecoder(r).Decode(&page); err != nil {
		return err
	}
	if len(page.Customers) != want {
		return fmt.Errorf("a page of %d customers, want %d", len(page.Customers), want)
	}
	return nil
}

func lines(r io.Reader, want int) error {
	n := 0
	buffer := make([]byte, 64<<10)
	for {
		k, err := r.Read(buffer)
		n += strings.Count(string(buffer[:k]), "\n")
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if n != want {
		return fmt.Errorf("a stream of %d lines, want %d", n, want)
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
