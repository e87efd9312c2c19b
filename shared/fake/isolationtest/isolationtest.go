// Package isolationtest gives the transactions of an embedded Spanner the isolation that it lacks.
package isolationtest

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"cloud.google.com/go/spanner/apiv1/spannerpb"
	"cloud.google.com/go/spanner/spansql"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// Proxy makes the transactions of the engine behind it serializable: one that read is aborted when
// another commit wrote what it read before it commits itself. Aborted is what Spanner answers too,
// and its client then runs the transaction again. A row that is read by its key conflicts with
// writes of that row; any other read conflicts with every commit.
//
// What it does not name (DML, partitions, batch writes, some of which crash spannertest) answers Unimplemented.
type Proxy struct {
	spannerpb.UnimplementedSpannerServer
	to   spannerpb.SpannerClient
	keys map[string][]string // of a table: the columns of its primary key

	mu      sync.RWMutex // held for writing by commits, so that a read sees all of a commit or nothing
	fault   error
	commits int64
	written map[row]int64 // the commit that last wrote it

	readsMu sync.Mutex
	reads   map[string]map[row]int64 // of a read-write transaction: commits when it read a row
}

// row is a row by its key, or with no key all rows of a table, or with no table all rows there are.
type row struct{ table, key string }

// New returns a proxy to an engine with the given schema.
func New(to spannerpb.SpannerClient, ddl *spansql.DDL) *Proxy {
	p := &Proxy{to: to, keys: map[string][]string{}, written: map[row]int64{}, reads: map[string]map[row]int64{}}
	for _, s := range ddl.List {
		if t, ok := s.(*spansql.CreateTable); ok {
			for _, part := range t.PrimaryKey {
				p.keys[string(t.Name)] = append(p.keys[string(t.Name)], string(part.Column))
			}
		}
	}
	return p
}

// Fail makes every request that reads or commits fail with err; nil ends that.
func (p *Proxy) Fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = err
}

func (p *Proxy) CreateSession(ctx context.Context, r *spannerpb.CreateSessionRequest) (*spannerpb.Session, error) {
	return p.to.CreateSession(ctx, r)
}

func (p *Proxy) BatchCreateSessions(ctx context.Context, r *spannerpb.BatchCreateSessionsRequest) (*spannerpb.BatchCreateSessionsResponse, error) {
	return p.to.BatchCreateSessions(ctx, r)
}

func (p *Proxy) GetSession(ctx context.Context, r *spannerpb.GetSessionRequest) (*spannerpb.Session, error) {
	return p.to.GetSession(ctx, r)
}

func (p *Proxy) DeleteSession(ctx context.Context, r *spannerpb.DeleteSessionRequest) (*emptypb.Empty, error) {
	return p.to.DeleteSession(ctx, r)
}

func (p *Proxy) BeginTransaction(ctx context.Context, r *spannerpb.BeginTransactionRequest) (*spannerpb.Transaction, error) {
	t, err := p.to.BeginTransaction(ctx, r)
	if err == nil && r.GetOptions().GetReadWrite() != nil {
		p.readsMu.Lock()
		p.reads[string(t.Id)] = map[row]int64{}
		p.readsMu.Unlock()
	}
	return t, err
}

func (p *Proxy) StreamingRead(r *spannerpb.ReadRequest, s spannerpb.Spanner_StreamingReadServer) error {
	what := []row{{}}
	if k := r.GetKeySet(); !k.GetAll() && len(k.GetRanges()) == 0 {
		what = nil
		for _, key := range k.GetKeys() {
			what = append(what, row{r.Table, encode(key)})
		}
	}
	return p.read(s.Send, r.Transaction, what, func() (stream, error) { return p.to.StreamingRead(s.Context(), r) })
}

func (p *Proxy) ExecuteStreamingSql(r *spannerpb.ExecuteSqlRequest, s spannerpb.Spanner_ExecuteStreamingSqlServer) error {
	return p.read(s.Send, r.Transaction, []row{{}}, func() (stream, error) { return p.to.ExecuteStreamingSql(s.Context(), r) })
}

type stream interface {
	Recv() (*spannerpb.PartialResultSet, error)
}

// read sends the rows that open gives, all of one moment.
func (p *Proxy) read(send func(*spannerpb.PartialResultSet) error, t *spannerpb.TransactionSelector, what []row, open func() (stream, error)) error {
	sets, err := p.collect(t, what, open)
	if err != nil {
		return err
	}
	for _, s := range sets {
		if err := send(s); err != nil {
			return err
		}
	}
	return nil
}

// collect reads all rows, and remembers when their transaction did.
func (p *Proxy) collect(t *spannerpb.TransactionSelector, what []row, open func() (stream, error)) ([]*spannerpb.PartialResultSet, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.fault != nil {
		return nil, p.fault
	}
	from, err := open()
	if err != nil {
		return nil, err
	}
	var sets []*spannerpb.PartialResultSet
	for {
		s, err := from.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		sets = append(sets, s)
	}
	p.readsMu.Lock()
	defer p.readsMu.Unlock()
	id := string(t.GetId())
	if t.GetBegin().GetReadWrite() != nil && len(sets) > 0 {
		id = string(sets[0].GetMetadata().GetTransaction().GetId())
		p.reads[id] = map[row]int64{}
	}
	if read, ok := p.reads[id]; ok {
		for _, w := range what {
			if _, ok := read[w]; !ok {
				read[w] = p.commits
			}
		}
	}
	return sets, nil
}

func (p *Proxy) Commit(ctx context.Context, r *spannerpb.CommitRequest) (*spannerpb.CommitResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault != nil {
		return nil, p.fault
	}
	if p.conflicts(p.forget(r.GetTransactionId())) {
		_, err := p.to.Rollback(ctx, &spannerpb.RollbackRequest{Session: r.Session, TransactionId: r.GetTransactionId()})
		if err != nil {
			return nil, err
		}
		return nil, aborted()
	}
	// Before we know of its success: a failing commit may have written something.
	p.commits++
	p.written[row{}] = p.commits
	for _, m := range r.Mutations {
		for _, w := range p.writes(m) {
			p.written[w] = p.commits
		}
	}
	return p.to.Commit(ctx, r)
}

func (p *Proxy) Rollback(ctx context.Context, r *spannerpb.RollbackRequest) (*emptypb.Empty, error) {
	p.forget(r.TransactionId)
	return p.to.Rollback(ctx, r)
}

// forget returns what a transaction read, and forgets it.
func (p *Proxy) forget(transaction []byte) map[row]int64 {
	p.readsMu.Lock()
	defer p.readsMu.Unlock()
	read := p.reads[string(transaction)]
	delete(p.reads, string(transaction))
	return read
}

func (p *Proxy) conflicts(read map[row]int64) bool {
	for r, at := range read {
		if p.written[r] > at || p.written[row{table: r.table}] > at && r.table != "" {
			return true
		}
	}
	return false
}

// writes returns the rows that a mutation writes.
func (p *Proxy) writes(m *spannerpb.Mutation) []row {
	var w *spannerpb.Mutation_Write
	switch op := m.Operation.(type) {
	case *spannerpb.Mutation_Insert:
		w = op.Insert
	case *spannerpb.Mutation_Update:
		w = op.Update
	case *spannerpb.Mutation_InsertOrUpdate:
		w = op.InsertOrUpdate
	case *spannerpb.Mutation_Replace:
		w = op.Replace
	case *spannerpb.Mutation_Delete_:
		return []row{{table: op.Delete.Table}}
	}
	at := map[string]int{}
	for i, c := range w.GetColumns() {
		at[c] = i
	}
	var rows []row
	for _, values := range w.GetValues() {
		key := &structpb.ListValue{}
		for _, c := range p.keys[w.GetTable()] {
			i, ok := at[c]
			if !ok || i >= len(values.Values) {
				return []row{{table: w.GetTable()}} // the engine will refuse it
			}
			key.Values = append(key.Values, values.Values[i])
		}
		rows = append(rows, row{w.GetTable(), encode(key)})
	}
	return rows
}

// encode returns a string that only this key has.
func encode(key *structpb.ListValue) string {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(key)
	if err != nil {
		panic(err) // it was unmarshalled
	}
	return string(b)
}

// aborted asks the client to try again soon, each at another time.
func aborted() error {
	s, err := status.New(codes.Aborted, "embedded Spanner: another transaction committed first").WithDetails(
		&errdetails.RetryInfo{RetryDelay: durationpb.New(rand.N(5 * time.Millisecond))})
	if err != nil {
		panic(err) // both messages are well-formed
	}
	return s.Err()
}
