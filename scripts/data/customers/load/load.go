// Package load fills the Bigtable tables of shared/schema/customers from a file.
//
// A load is idempotent: it replaces the row of each customer whole, so that loading a file again changes
// nothing, and a load that was killed is mended by loading the file again. A customer has one row: who
// comes with another city than before moves, for which the table homes remembers where the row is. Of a
// customer who is in a file twice the later row stays. Who is no longer in a file stays too: a file may
// be a part of the customers.
//
// The count of a city is counted, not added up: after its rows are written, each city that the load
// touched, or moved somebody out of, is read again, keys and names of the city only. So it is right
// after any number of loads of the same file, of a changed one or of a part, which no sum of what was
// written can be. It costs a read of the touched cities for each load.
//
// Before it touches a city, a load leaves its mark in the city's row, and takes it away with the write
// of the count. A load that was killed leaves marks: the next load, of whatever file, counts those cities
// too, until the marks go away with age: the price of a kill is that every load of the next days reads
// those cities. Two loads at once are both right: the cell of a count has the
// moment its reading began for a version, so of two counts the latest reading wins, and that of the load
// that ends last sees all rows. (The clocks of two machines must not differ by more than the time
// between.) What two loads at once say differently of one customer is a race: with two cities he may
// be left in both, until a later load names him.
package load

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/bigtable"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/hybrid-bts/functions/shared/schema/customers"
)

const (
	// writers are how many batches are in flight.
	writers = 8
	// maxBatch and maxBatchBytes bound a batch; with writers they bound the memory of a load.
	maxBatch      = 500
	maxBatchBytes = 1 << 20
	// counters are how many cities are counted at once.
	counters = 8
	// patience is how long one call may take, with the client's retries.
	patience = 2 * time.Minute
)

// Loader loads files.
type Loader struct {
	// Client is of the instance with the tables; a nil one makes a dry run, which checks the file.
	Client *bigtable.Client
	// Refused, if set, is told of each row that is not loaded, with its first line and its customer, if
	// that can be read. The reason holds no value of the row.
	Refused func(line int, customer string, reason error)
	// Progress, if set, is told now and then how many rows were read.
	Progress func(rows int64)
}

// Summary says what a load did.
type Summary struct {
	Read     int64    // rows
	Refused  int64    // rows that are not loaded
	Replaced int64    // rows that a later row of the same customer replaced in the same batch; further apart it goes unseen
	Moved    int64    // rows of customers who were in another city before
	Cities   int      // that were counted; in a dry run, that the file has
	Ignored  []string // names of columns, or members, that are none of ours
}

// Load loads a file: CSV with a header, whose columns may be in any order, or a JSON object a line; either
// may be gzipped. A row that it refuses stops nothing. An error means that the load is not whole: load
// the file again.
func (l *Loader) Load(ctx context.Context, file io.Reader) (Summary, error) {
	var sum Summary
	in, err := newReader(file)
	if err != nil {
		return sum, err
	}
	r := &run{id: uuid.NewString(), version: version(time.Now()), marked: map[string]bool{}}
	write, finish := r.dryWrite, r.dryFinish
	if l.Client != nil {
		r.customers, r.cities, r.homes = l.Client.Open(customers.Table), l.Client.Open(customers.Cities), l.Client.Open(customers.Homes)
		write, finish = r.write, r.count
	}
	all, inFlight := errgroup.WithContext(ctx)
	var batches [writers]chan []entry
	for i := range batches {
		batches[i] = make(chan []entry)
		all.Go(func() error {
			for b := range batches[i] {
				if err := write(inFlight, b); err != nil {
					return err
				}
			}
			return nil
		})
	}
	all.Go(func() error { return l.read(inFlight, in, &batches, &sum) })
	if err := all.Wait(); err != nil {
		return sum, err
	}
	sum.Replaced, sum.Moved, sum.Ignored = r.replaced.Load(), r.moved.Load(), in.ignored
	sum.Cities, err = finish(ctx)
	return sum, err
}

// read hands the rows of a file to the writers. All rows of a customer go to the same one, in order.
func (l *Loader) read(ctx context.Context, in *reader, to *[writers]chan []entry, sum *Summary) error {
	defer func() {
		for _, c := range to {
			close(c)
		}
	}()
	var batch [writers][]entry
	var size [writers]int
	send := func(i int) error {
		select {
		case to[i] <- batch[i]:
			batch[i], size[i] = nil, 0
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	seed := maphash.MakeSeed()
	for {
		row, err := in.read()
		if errors.Is(err, io.EOF) {
			break
		}
		sum.Read++
		if l.Progress != nil && sum.Read%maxBatch == 0 {
			l.Progress(sum.Read)
		}
		var e entry
		if err == nil {
			e, err = check(&row)
		}
		var refused bad
		if errors.As(err, &refused) {
			sum.Refused++
			l.refuse(&row, refused.error)
			continue
		}
		if err != nil {
			return fmt.Errorf("read line %d: %w", row.line, err)
		}
		i := int(maphash.String(seed, e.key.Customer) % writers)
		batch[i] = append(batch[i], e)
		for _, v := range row.values {
			size[i] += len(v)
		}
		if len(batch[i]) == maxBatch || size[i] >= maxBatchBytes {
			if err := send(i); err != nil {
				return err
			}
		}
	}
	if l.Progress != nil {
		l.Progress(sum.Read)
	}
	for i := range batch {
		if batch[i] != nil {
			if err := send(i); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *Loader) refuse(r *row, reason error) {
	if l.Refused == nil {
		return
	}
	customer := strings.TrimSpace(r.values[id])
	if customers.CheckCustomer(customer) != nil {
		customer = ""
	}
	l.Refused(r.line, customer, reason)
}

// run is one load.
type run struct {
	customers, cities, homes *bigtable.Table

	id              string
	version         bigtable.Timestamp // of the cells that it writes
	replaced, moved atomic.Int64

	mu     sync.Mutex
	marked map[string]bool // keys of cities
}

// version is the version of what is known at a moment. With a version a write can be retried.
func version(t time.Time) bigtable.Timestamp { return bigtable.Time(t).TruncateToMilliseconds() }

func (r *run) dryWrite(_ context.Context, batch []entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range batch {
		r.marked[cityOf(e.key)] = true
	}
	return nil
}

func (r *run) dryFinish(context.Context) (int, error) { return len(r.marked), nil }

// cityOf returns the key of a customer's city.
func cityOf(k customers.Key) string { return customers.Key{City: k.City, Country: k.Country}.String() }

// mutations are the writes to one table.
type mutations struct {
	keys []string
	ops  []*bigtable.Mutation
}

func (m *mutations) add(key string, op *bigtable.Mutation) {
	m.keys, m.ops = append(m.keys, key), append(m.ops, op)
}

func (m *mutations) apply(ctx context.Context, table *bigtable.Table, what string) error {
	if len(m.keys) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	failed, err := table.ApplyBulk(ctx, m.keys, m.ops)
	if err == nil {
		for _, err = range failed {
			if err != nil {
				break
			}
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", what, err)
	}
	return nil
}

// write writes a batch. The order makes it safe to be killed anywhere: the marks of the cities first;
// then the new homes beside the old ones, so that the next load knows every place where a row may be;
// then the rows; and when those are gone from the old places, so are the old homes.
func (r *run) write(ctx context.Context, batch []entry) error {
	latest := make(map[string]*entry, len(batch))
	for i := range batch {
		latest[batch[i].key.Customer] = &batch[i]
	}
	r.replaced.Add(int64(len(batch) - len(latest)))
	homes, err := r.readHomes(ctx, latest)
	if err != nil {
		return err
	}
	touched := map[string]bool{}
	var newHomes, rows, oldHomes mutations
	for customer, e := range latest {
		key := e.key.String()
		touched[cityOf(e.key)] = true
		m := bigtable.NewMutation()
		m.DeleteRow() // a value that is empty now must not stay
		for _, c := range e.cells {
			m.Set(c.Family, c.Name, r.version, []byte(c.value))
		}
		rows.add(key, m)
		if !slices.Contains(homes[customer], key) {
			m := bigtable.NewMutation()
			m.Set(customers.Home, key, r.version, nil)
			newHomes.add(customer, m)
		}
		for _, home := range homes[customer] {
			if home == key {
				continue
			}
			was, err := customers.Parse(home)
			if err != nil {
				return fmt.Errorf("home of customer %s: %w", customer, err)
			}
			touched[cityOf(was)] = true
			gone, forgotten := bigtable.NewMutation(), bigtable.NewMutation()
			gone.DeleteRow()
			rows.add(home, gone)
			forgotten.DeleteCellsInColumn(customers.Home, home)
			oldHomes.add(customer, forgotten)
			r.moved.Add(1)
		}
	}
	if err := r.mark(ctx, touched); err != nil {
		return err
	}
	if err := newHomes.apply(ctx, r.homes, "homes"); err != nil {
		return err
	}
	if err := rows.apply(ctx, r.customers, "customers"); err != nil {
		return err
	}
	return oldHomes.apply(ctx, r.homes, "homes")
}

// readHomes returns the keys where the rows of customers may be, of those who have one.
func (r *run) readHomes(ctx context.Context, of map[string]*entry) (map[string][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ids := make(bigtable.RowList, 0, len(of))
	for customer := range of {
		ids = append(ids, customer)
	}
	homes := make(map[string][]string, len(of))
	err := r.homes.ReadRows(ctx, ids, func(row bigtable.Row) bool {
		for _, cell := range row[customers.Home] {
			homes[row.Key()] = append(homes[row.Key()], strings.TrimPrefix(cell.Column, customers.Home+":"))
		}
		return true
	}, bigtable.RowFilter(bigtable.LatestNFilter(1)))
	if err != nil {
		return nil, fmt.Errorf("read homes: %w", err)
	}
	return homes, nil
}

// mark leaves the load's mark on cities that have none of it.
func (r *run) mark(ctx context.Context, touched map[string]bool) error {
	var marks mutations
	r.mu.Lock()
	for city := range touched {
		if !r.marked[city] {
			m := bigtable.NewMutation()
			m.Set(customers.Loading, r.id, r.version, nil)
			marks.add(city, m)
		}
	}
	r.mu.Unlock()
	if err := marks.apply(ctx, r.cities, "cities"); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, city := range marks.keys { // now: another writer must not think it marked before it is
		r.marked[city] = true
	}
	return nil
}

// count counts the cities that have a mark, of this load or of another, and returns how many there are.
func (r *run) count(ctx context.Context) (int, error) {
	marks := bigtable.ChainFilters(bigtable.ColumnRangeFilter(customers.Loading, "", ""), bigtable.CellsPerRowLimitFilter(1), bigtable.StripValueFilter())
	err := r.cities.ReadRows(ctx, bigtable.InfiniteRange(""), func(row bigtable.Row) bool {
		r.marked[row.Key()] = true
		return true
	}, bigtable.RowFilter(marks))
	if err != nil {
		return 0, fmt.Errorf("read marks of cities: %w", err)
	}
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(counters)
	for city := range r.marked {
		all.Go(func() error {
			if err := r.countCity(ctx, city); err != nil {
				return fmt.Errorf("count %q: %w", city, err)
			}
			return nil
		})
	}
	return len(r.marked), all.Wait()
}

// maxSpellings bounds how many ways to write a city compete for its name.
const maxSpellings = 100

// countCity counts the customers of a city, and finds how most of them write it.
func (r *run) countCity(ctx context.Context, city string) error {
	began := time.Now()
	n, spellings := 0, map[string]int{}
	written := bigtable.ChainFilters(bigtable.ColumnRangeFilter("address", "city", "city\x00"), bigtable.LatestNFilter(1))
	err := r.customers.ReadRows(ctx, bigtable.PrefixRange(city), func(row bigtable.Row) bool {
		n++
		for _, cell := range row["address"] {
			if s := string(cell.Value); spellings[s] > 0 || len(spellings) < maxSpellings {
				spellings[s]++
			}
		}
		return true
	}, bigtable.RowFilter(written))
	if err != nil {
		return err
	}
	name := ""
	for s, times := range spellings {
		if most := spellings[name]; times > most || times == most && s < name {
			name = s
		}
	}
	m := bigtable.NewMutation()
	m.Set(customers.City, customers.CountColumn, version(began), []byte(strconv.Itoa(n)))
	if name != "" {
		m.Set(customers.City, customers.NameColumn, version(began), []byte(name))
	}
	m.DeleteCellsInColumn(customers.Loading, r.id)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return r.cities.Apply(ctx, city, m)
}
