// Package load fills the Bigtable tables of shared/schema/customers from a file.
//
// Loads are idempotent. A load replaces the row of each customer whole, so loading a file twice changes nothing, and
// loading the file again completes a load that was killed. A customer has one row. If the file gives a customer another
// place, the load moves the row; the table homes holds the row key of each customer for that. The last row of a customer
// in a file wins. Customers missing from a file keep their rows, because a file may hold only some customers, unless the
// load replaces the table: then it removes, after its last row, each customer whose row does not have its version. Erase
// removes customers by id.
//
// Loads recount cities and do not add to counts. After a load wrote its rows, it reads each city that it wrote to or
// removed a customer from, row keys and city cells only. So counts are right after any sequence of loads and erasures. A
// city that had no customer before, and got each customer once, is counted without that read.
//
// Before a load touches a city, it sets a mark in the row of the city. The write of the count deletes the mark. A
// killed load leaves its marks, and every later load counts the marked cities too, until the marks expire after
// LoadingMarkTTL. Writes in flight end before a load returns, so that none of them arrives during the next load.
//
// Concurrent loads are safe, but for those that replace or erase. The version of a count is the time at which its read
// began, so the latest read wins, and the read of the load that ends last sees all rows. The clock skew between two
// machines must be less than the time between their counts. If two concurrent loads give a customer different cities,
// the customer may have a row in both cities until a later load of the customer.
package load

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"time"

	"cloud.google.com/go/bigtable"
	"golang.org/x/sync/errgroup"

	"github.com/hybrid-bts/functions/scripts/data/customers/table"
)

const (
	// writerCount is the number of batches in flight.
	writerCount = 8
	// maxBatchRows and maxBatchBytes bound a batch. With writerCount they bound the memory of a load: each writer has
	// one batch in flight and one that fills. A row takes nine mutations at most, and two for each city that the
	// customer leaves, so a batch stays far below the 100,000 mutations that Bigtable accepts in one call.
	maxBatchRows  = 500
	maxBatchBytes = 1 << 20
	// validatorCount is the number of chunks of rows that are validated at once.
	validatorCount = 4
	// counterCount is the number of cities that are counted at once.
	counterCount = 8
	// callTimeout is the time limit for one call of Bigtable, retries of the client included.
	callTimeout = 2 * time.Minute
)

// Loader loads files. Its zero value makes dry runs. It is safe for concurrent use if its functions are.
type Loader struct {
	// Client is a client of the instance with the tables. If it is nil, Load only validates the file (a dry run).
	Client *bigtable.Client
	// Table has the options of the file. Load sets Known.
	Table table.Options
	// Mapping has the columns of fields that their names do not reveal. Nil maps none.
	Mapping Mapping
	// Country is the ISO 3166 code of two letters of rows without a country; "" rejects them.
	Country string
	// Dates is the order of dates that do not start with the year; "" leaves them out.
	Dates DateOrder
	// Replace removes the customers that the file does not have, after all its rows are stored.
	Replace bool
	// Plan, if not nil, is called once before the first row. An error ends the load before it writes.
	Plan func(Plan) error
	// Rejected, if not nil, is called for each fault of a row that is not loaded: the line of the row, from 1, the name
	// of the field or "" for the row, and the reason, which contains no value of the row. One load makes its calls in
	// the order of the file, one at a time.
	Rejected func(line int, field, reason string)
	// Progress, if not nil, is called with the number of rows read, rejected ones included, and the part of the file
	// that was read, from 0 to 1, or -1 if it is unknown: every 500 rows and at the end. One load makes its calls one at
	// a time, and waits for each.
	Progress func(rows int64, fraction float64)
}

// Summary is the result of a load. If Load returns an error, the summary is incomplete.
type Summary struct {
	Read     int64    // rows of the file, rejected ones included; the header is no row
	Rejected int64    // rows that were not loaded
	Replaced int64    // rows with a later row of the same customer in the same batch; others are not counted
	Moved    int64    // rows of customers that were in another city before
	Removed  int64    // customers that Replace removed
	Cities   int      // cities that were counted; in a dry run, cities of the file
	Form     string   // of the file; see table.Reader.Form
	Reasons  []Reason // of rejected rows, by the first line
	Notes    []Reason // of values that were left out or kept as written, by the first line
}

// Reason is a reason with its rows.
type Reason struct {
	Field, Text string
	Rows        int64
	Lines       []int // the first lines, at most 5
}

// Load loads a file in one of the forms of package table. Rows without a valid id, city and country are rejected and do
// not stop the load. After an error the load is incomplete; load the file again.
func (l *Loader) Load(ctx context.Context, file io.Reader) (sum Summary, err error) {
	options := l.Table
	options.Known = KnownColumn
	in, err := table.Open(file, options)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	source := rowReader{in: in, loader: l}
	if err := source.open(); err != nil {
		return sum, err
	}
	// All cells of a load have one version, the time of its start.
	t := newTableWriter(l.Client)
	write, finish := t.dryWrite, t.dryCount
	if l.Client != nil {
		write, finish = t.write, t.countCities
	}
	// The channels have little room: the reader waits for slow writers, which bounds the memory.
	workers, workersCtx := errgroup.WithContext(ctx)
	b := newBatcher()
	for i := range b.out {
		workers.Go(func() error {
			for batch := range b.out[i] {
				if err := write(workersCtx, batch); err != nil {
					return err
				}
			}
			return nil
		})
	}
	pending, ordered := make(chan *chunk), make(chan *chunk, validatorCount)
	for range validatorCount {
		v := validator{layout: &source.layout, country: l.Country, dates: l.Dates, codes: map[string]string{}}
		workers.Go(func() error {
			for c := range pending {
				c.validate(&v)
			}
			return nil
		})
	}
	workers.Go(func() error {
		defer close(pending)
		defer close(ordered)
		return source.read(workersCtx, pending, ordered)
	})
	r := report{loader: l, sum: &sum}
	workers.Go(func() error {
		defer b.close()
		for c := range ordered {
			select {
			case <-c.validated:
			case <-workersCtx.Done():
				return workersCtx.Err()
			}
			if err := r.distribute(workersCtx, c, b); err != nil {
				return err
			}
		}
		return b.flush(workersCtx)
	})
	if err := workers.Wait(); err != nil {
		return sum, err
	}
	if l.Replace {
		if err := r.checkReplace(); err != nil {
			return sum, err
		}
		if l.Client != nil {
			if sum.Removed, err = t.removeOthers(ctx, r.rejectedIDs); err != nil {
				return sum, err
			}
		}
	}
	sum.Replaced, sum.Moved, sum.Form = t.replaced.Load(), t.moved.Load(), in.Form()
	sum.Reasons, sum.Notes = r.reasons.sorted(), r.notes.sorted()
	sum.Cities, err = finish(ctx)
	return sum, err
}

// batcher distributes rows to writers. All rows of a customer go to the same writer, in the order of the file: so the
// last row wins, and no two writers move a customer at the same time. One goroutine adds; writer i receives from
// out[i].
type batcher struct {
	out   [writerCount]chan []customerRow // unbuffered; the receiver owns the batch
	rows  [writerCount][]customerRow      // batches that fill; nil if empty
	bytes [writerCount]int                // length of the values in rows
	seed  maphash.Seed
}

// newBatcher returns a batcher with a random seed, so that no file can direct all its customers to one writer.
func newBatcher() *batcher {
	b := &batcher{seed: maphash.MakeSeed()}
	for i := range b.out {
		b.out[i] = make(chan []customerRow)
	}
	return b
}

// add adds a row. It sends the batch when the batch is full, and then waits for the writer.
func (b *batcher) add(ctx context.Context, c customerRow) error {
	i := int(maphash.String(b.seed, c.key.Customer) % writerCount)
	b.rows[i] = append(b.rows[i], c)
	for _, cell := range c.cells {
		b.bytes[i] += len(cell.value)
	}
	if len(b.rows[i]) == maxBatchRows || b.bytes[i] >= maxBatchBytes {
		return b.send(ctx, i)
	}
	return nil
}

// flush sends all batches that are not empty. Call it after the last add and before close.
func (b *batcher) flush(ctx context.Context) error {
	for i := range b.rows {
		if b.rows[i] != nil {
			if err := b.send(ctx, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// send waits until writer i takes its batch, or until ctx is done. The context ends with the error of any writer, so a
// writer that stopped does not block the reader.
func (b *batcher) send(ctx context.Context, i int) error {
	select {
	case b.out[i] <- b.rows[i]:
		b.rows[i], b.bytes[i] = nil, 0
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close ends the writers after their current batch. Call it once, after the last add or flush.
func (b *batcher) close() {
	for _, c := range b.out {
		close(c)
	}
}
