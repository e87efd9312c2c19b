package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/hybrid-bts/functions/scripts/data/customers/table"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// record is a row of the file before validation.
type record struct {
	line     int
	values   [fieldCount]string // "" if missing
	rejected rejection          // of a row that cannot be read, else nil
}

// chunk is a part of the file. The reader fills records; a validator sets rows and rejections, which have the length of
// records, and closes validated.
type chunk struct {
	records    []record
	fraction   float64 // of the file, at the end of the chunk
	validated  chan struct{}
	rows       []customerRow
	rejections []rejection // nil for valid rows
}

// validate validates the records.
func (c *chunk) validate(v *validator) {
	defer close(c.validated)
	c.rows, c.rejections = make([]customerRow, len(c.records)), make([]rejection, len(c.records))
	for i := range c.records {
		var err error
		c.rows[i], err = v.validate(&c.records[i])
		_ = errors.As(err, &c.rejections[i])
	}
}

// rowReader reads the records of a file.
type rowReader struct {
	in     *table.Reader
	loader *Loader
	layout layout
	names  int // length of the header for layout
}

// open finds the columns of the fields and reports the plan.
func (r *rowReader) open() error {
	header := r.in.Header()
	var err error
	if r.layout, err = layoutOf(header, r.loader.Mapping, r.loader.Country != ""); err != nil {
		return err
	}
	r.names = len(header)
	if r.loader.Plan == nil {
		return nil
	}
	return r.loader.Plan(r.layout.plan(r.in.Form(), header))
}

// read sends the records in chunks to both channels, first to ordered. The error is that of the file or of ctx, never
// that of a row.
func (r *rowReader) read(ctx context.Context, pending, ordered chan<- *chunk) error {
	for {
		c := &chunk{validated: make(chan struct{})}
		end, err := r.fill(c)
		if err != nil {
			return err
		}
		c.fraction = r.in.Fraction()
		for _, out := range []chan<- *chunk{ordered, pending} {
			select {
			case out <- c:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if end {
			return nil
		}
	}
}

// fill reads records into c, as many as a batch has. It reports whether the file has ended.
func (r *rowReader) fill(c *chunk) (end bool, err error) {
	c.records = make([]record, 0, maxBatchRows)
	for size := 0; len(c.records) < maxBatchRows && size < maxBatchBytes; {
		row, err := r.in.Read()
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		rec := record{line: row.Line}
		var invalid table.RowError
		switch {
		case errors.As(err, &invalid):
			rec.rejected = rejection{{"", invalid.Reason}}
		case err != nil:
			return false, fmt.Errorf("read line %d: %w", row.Line, err)
		default:
			if header := r.in.Header(); len(header) > r.names {
				r.addColumns(header)
			}
			for i := range rec.values {
				if r.layout[i].columns != nil {
					rec.values[i] = r.layout[i].value(row.Cells)
					size += len(rec.values[i])
				}
			}
		}
		c.records = append(c.records, rec)
	}
	return false, nil
}

// addColumns finds the columns of the fields that the file did not have before, in a header that has grown.
func (r *rowReader) addColumns(header []string) {
	r.names = len(header)
	grown, err := layoutOf(header, r.loader.Mapping, r.loader.Country != "")
	if err != nil {
		return // two new columns fit one field; neither is read
	}
	for i := range r.layout {
		if r.layout[i].columns == nil {
			r.layout[i] = grown[i]
		}
	}
}

// report counts the rows of a load and their faults.
type report struct {
	loader         *Loader
	sum            *Summary
	reasons, notes reasons
	rejectedIDs    map[string]bool // ids of rejected rows, for Replace
	unknownIDs     int64           // rejected rows without a valid id, and those beyond maxRejectedIDs
}

// maxRejectedIDs bounds the memory of report.rejectedIDs.
const maxRejectedIDs = 100_000

// distribute reports the faults of a validated chunk in the order of the file and passes its valid rows to the batcher.
func (r *report) distribute(ctx context.Context, c *chunk, b *batcher) error {
	for i := range c.rows {
		r.sum.Read++
		if c.rejections[i] != nil {
			r.reject(&c.records[i], c.rejections[i])
			continue
		}
		for _, n := range c.rows[i].notes {
			r.notes.add(n, c.rows[i].line)
		}
		if err := b.add(ctx, c.rows[i]); err != nil {
			return err
		}
	}
	if r.loader.Progress != nil {
		r.loader.Progress(r.sum.Read, c.fraction)
	}
	return nil
}

// reject counts and reports a row that is not loaded.
func (r *report) reject(rec *record, faults rejection) {
	r.sum.Rejected++
	for _, f := range faults {
		r.reasons.add(f, rec.line)
		if r.loader.Rejected != nil {
			r.loader.Rejected(rec.line, f.field, f.reason)
		}
	}
	if !r.loader.Replace {
		return
	}
	id := canonicalID(rec.values[fieldID])
	if rec.rejected != nil || customers.CheckCustomerID(id) != nil || len(r.rejectedIDs) >= maxRejectedIDs {
		r.unknownIDs++
		return
	}
	if r.rejectedIDs == nil {
		r.rejectedIDs = map[string]bool{}
	}
	r.rejectedIDs[id] = true
}

// checkReplace returns an error if the file does not say which customers it has: if a rejected row has no valid id, or if
// no row is valid. Customers whose row is rejected stay as they are.
func (r *report) checkReplace() error {
	switch {
	case r.sum.Read == r.sum.Rejected:
		return errors.New("no customer is removed, because the file has no valid row")
	case r.unknownIDs > 0:
		return fmt.Errorf("all valid rows are loaded, but no customer is removed, because %d rejected rows have no readable id; "+
			"correct them and load the file again", r.unknownIDs)
	}
	return nil
}

// reasons counts faults.
type reasons struct{ byFault map[fault]*Reason }

// add counts a fault of a row.
func (r *reasons) add(f fault, line int) {
	const maxReasons, maxLines = 1000, 5
	if r.byFault == nil {
		r.byFault = map[fault]*Reason{}
	}
	if r.byFault[f] == nil && len(r.byFault) >= maxReasons { // reasons with numbers, such as those of cells
		f = fault{"", "other reasons"}
	}
	found := r.byFault[f]
	if found == nil {
		found = &Reason{Field: f.field, Text: f.reason}
		r.byFault[f] = found
	}
	found.Rows++
	if len(found.Lines) < maxLines {
		found.Lines = append(found.Lines, line)
	}
}

// sorted returns the reasons by their first line.
func (r *reasons) sorted() []Reason {
	var all []Reason
	for _, reason := range r.byFault {
		all = append(all, *reason)
	}
	slices.SortFunc(all, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(a.Lines[0], b.Lines[0]), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Text, b.Text))
	})
	return all
}
