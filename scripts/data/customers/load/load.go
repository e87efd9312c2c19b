// Package load fills the Bigtable tables of shared/schema/customers from a file.
//
// Loads are idempotent. A load replaces the row of each customer whole, so loading a file twice changes nothing, and
// loading the file again completes a load that was killed. A customer has one row. If the file gives a customer another
// city, the load moves the row; the table homes holds the row key of each customer for that. The last row of a customer
// in a file wins. Customers missing from a file keep their rows, because a file may hold only some customers.
//
// Loads recount cities and do not add to counts. After a load wrote its rows, it reads each city that it wrote to or
// moved a customer out of, row keys and city cells only. So counts are right after any sequence of loads of the same
// file, a changed file or a part. The price is one read of the touched cities for each load.
//
// Before a load touches a city, it sets a mark in the row of the city. The write of the count deletes the mark. A
// killed load leaves its marks, and every later load counts the marked cities too, until the marks expire after
// LoadingMarkTTL.
//
// Concurrent loads are safe. The version of a count is the time at which its read began, so the latest read wins, and
// the read of the load that ends last sees all rows. The clock skew between two machines must be less than the time
// between their counts. If two concurrent loads give a customer different cities, the customer may have a row in both
// cities until a later load of the customer.
package load

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strings"
	"time"

	"cloud.google.com/go/bigtable"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/hybrid-bts/functions/shared/schema/customers"
)

const (
	// writerCount is the number of batches in flight.
	writerCount = 8
	// maxBatchRows and maxBatchBytes bound a batch. With writerCount they bound the memory of a load: each writer has
	// one batch in flight and one that fills. A row takes nine mutations at most, and two for each city that the
	// customer leaves, so a batch stays far below the 100,000 mutations that Bigtable accepts in one call.
	maxBatchRows  = 500
	maxBatchBytes = 1 << 20
	// counterCount is the number of cities that are counted at once.
	counterCount = 8
	// callTimeout is the time limit for one call of Bigtable, retries of the client included.
	callTimeout = 2 * time.Minute
)

// Loader loads files. Its zero value makes dry runs. It is safe for concurrent use if its functions are.
type Loader struct {
	// Client is a client of the instance with the tables. If it is nil, Load only validates the file (a dry run).
	Client *bigtable.Client
	// Rejected, if not nil, is called for each row that is not loaded: the line of the row, from 1, the customer's id or
	// "" if it is invalid, and the reason. The reason contains no value of the row. One load makes its calls in the
	// order of the file, one at a time.
	Rejected func(line int, customer string, reason error)
	// Progress, if not nil, is called with the number of rows read, rejected ones included, every 500 rows and at the
	// end. One load makes its calls one at a time, and waits for each.
	Progress func(rows int64)
}

// Summary is the result of a load. If Load returns an error, the summary is incomplete.
type Summary struct {
	Read     int64    // rows of the file, rejected ones included; the header is no row
	Rejected int64    // rows that were not loaded
	Replaced int64    // rows with a later row of the same customer in the same batch; others are not counted
	Moved    int64    // rows of customers that were in another city before
	Cities   int      // cities that were counted; in a dry run, cities of the file
	Ignored  []string // unknown column names, at most 20
}

// Load loads a file: CSV with a header, whose columns may be in any order, or one JSON object per line; either may be
// compressed with gzip. Invalid rows are rejected and do not stop the load. After an error the load is incomplete; load
// the file again.
func (l *Loader) Load(ctx context.Context, file io.Reader) (Summary, error) {
	var sum Summary
	in, err := newReader(file)
	if err != nil {
		return sum, err
	}
	// All cells of a load have one version, the time of its start.
	t := &tableWriter{loadID: uuid.NewString(), version: cellVersion(time.Now()), touched: map[string]bool{}}
	write, finish := t.dryWrite, t.dryCount
	if l.Client != nil {
		t.customers, t.cities, t.homes = l.Client.Open(customers.CustomersTable), l.Client.Open(customers.CitiesTable), l.Client.Open(customers.HomesTable)
		write, finish = t.write, t.countCities
	}
	// The channels are unbuffered: the reader waits for slow writers, which bounds the memory.
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
	workers.Go(func() error {
		defer b.close()
		return l.read(workersCtx, in, b, &sum)
	})
	if err := workers.Wait(); err != nil {
		return sum, err
	}
	sum.Replaced, sum.Moved, sum.Ignored = t.replaced.Load(), t.moved.Load(), in.ignored
	sum.Cities, err = finish(ctx)
	return sum, err
}

// read validates all rows of a file and passes them to the batcher. It counts read and rejected rows in sum. The error
// is that of the file or of ctx, never that of a rejected row.
func (l *Loader) read(ctx context.Context, in *reader, b *batcher, sum *Summary) error {
	for {
		r, err := in.read()
		if errors.Is(err, io.EOF) {
			break
		}
		sum.Read++
		if sum.Read%maxBatchRows == 0 {
			l.progress(sum.Read)
		}
		var c customerRow
		if err == nil {
			c, err = validate(&r)
		}
		var invalid rowError
		if errors.As(err, &invalid) {
			sum.Rejected++
			l.reject(&r, invalid.error)
			continue
		}
		if err != nil {
			return fmt.Errorf("read line %d: %w", r.line, err)
		}
		if err := b.add(ctx, c, r.size()); err != nil {
			return err
		}
	}
	l.progress(sum.Read)
	return b.flush(ctx)
}

// progress reports the number of rows read to l.Progress, if set.
func (l *Loader) progress(rows int64) {
	if l.Progress != nil {
		l.Progress(rows)
	}
}

// reject reports a row that is not loaded to l.Rejected, if set. It replaces an id that is not valid by "", because the
// cell may hold personal data of a shifted column.
func (l *Loader) reject(r *record, reason error) {
	if l.Rejected == nil {
		return
	}
	customer := strings.TrimSpace(r.values[columnID])
	if customers.CheckCustomerID(customer) != nil {
		customer = ""
	}
	l.Rejected(r.line, customer, reason)
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

// add adds a row of the given size in bytes. It sends the batch when the batch is full, and then waits for the writer.
func (b *batcher) add(ctx context.Context, c customerRow, size int) error {
	i := int(maphash.String(b.seed, c.key.Customer) % writerCount)
	b.rows[i] = append(b.rows[i], c)
	b.bytes[i] += size
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
