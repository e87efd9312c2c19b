// Package isolationtest is a proxy that adds isolation to the transactions of spannertest.
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

// Proxy makes the transactions of an engine serializable by optimistic concurrency control. It answers Aborted to the
// commit of a transaction when another commit, after a read of the transaction, wrote a row of that read. The client then
// runs the transaction again, as with Spanner. A read of a row by its key conflicts with writes of the row; any other read
// conflicts with every commit.
//
// Methods that it does not implement answer Unimplemented: DML, partitions and batch writes. Some crash spannertest.
type Proxy struct {
	spannerpb.UnimplementedSpannerServer
	engine spannerpb.SpannerClient
	keys   map[string][]string // primary key columns by table

	mu      sync.RWMutex // commits hold it for writing, so that a read sees either all writes of a commit or none
	fault   error
	commits int64
	written map[row]int64 // number of the last commit that wrote a row

	readsMu sync.Mutex
	reads   map[string]map[row]int64 // by read-write transaction: number of the last commit before the read of a row
}

// row is a row of a table. Without a key it stands for all rows of the table, without a table for all rows.
type row struct{ table, key string }

// New returns a proxy of an engine with the given schema.
func New(engine spannerpb.SpannerClient, ddl *spansql.DDL) *Proxy {
	p := &Proxy{engine: engine, keys: map[string][]string{}, written: map[row]int64{}, reads: map[string]map[row]int64{}}
	for _, s := range ddl.List {
		if t, ok := s.(*spansql.CreateTable); ok {
			for _, part := range t.PrimaryKey {
				p.keys[string(t.Name)] = append(p.keys[string(t.Name)], string(part.Column))
			}
		}
	}
	return p
}

// Fail makes each read and commit fail with err, until a call with nil.
func (p *Proxy) Fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = err
}

// CreateSession implements spannerpb.SpannerServer.
func (p *Proxy) CreateSession(ctx context.Context, r *spannerpb.CreateSessionRequest) (*spannerpb.Session, error) {
	return p.engine.CreateSession(ctx, r)
}

// BatchCreateSessions implements spannerpb.SpannerServer.
func (p *Proxy) BatchCreateSessions(ctx context.Context, r *spannerpb.BatchCreateSessionsRequest) (*spannerpb.BatchCreateSessionsResponse, error) {
	return p.engine.BatchCreateSessions(ctx, r)
}

// GetSession implements spannerpb.SpannerServer.
func (p *Proxy) GetSession(ctx context.Context, r *spannerpb.GetSessionRequest) (*spannerpb.Session, error) {
	return p.engine.GetSession(ctx, r)
}

// DeleteSession implements spannerpb.SpannerServer.
func (p *Proxy) DeleteSession(ctx context.Context, r *spannerpb.DeleteSessionRequest) (*emptypb.Empty, error) {
	return p.engine.DeleteSession(ctx, r)
}

// BeginTransaction implements spannerpb.SpannerServer.
func (p *Proxy) BeginTransaction(ctx context.Context, r *spannerpb.BeginTransactionRequest) (*spannerpb.Transaction, error) {
	t, err := p.engine.BeginTransaction(ctx, r)
	if err == nil && r.GetOptions().GetReadWrite() != nil {
		p.readsMu.Lock()
		p.reads[string(t.Id)] = map[row]int64{}
		p.readsMu.Unlock()
	}
	return t, err
}

// StreamingRead implements spannerpb.SpannerServer.
func (p *Proxy) StreamingRead(r *spannerpb.ReadRequest, s spannerpb.Spanner_StreamingReadServer) error {
	rows := []row{{}}
	if k := r.GetKeySet(); !k.GetAll() && len(k.GetRanges()) == 0 {
		rows = nil
		for _, key := range k.GetKeys() {
			rows = append(rows, row{r.Table, encode(key)})
		}
	}
	return p.read(s.Send, r.Transaction, rows, func() (stream, error) { return p.engine.StreamingRead(s.Context(), r) })
}

// ExecuteStreamingSql implements spannerpb.SpannerServer.
func (p *Proxy) ExecuteStreamingSql(r *spannerpb.ExecuteSqlRequest, s spannerpb.Spanner_ExecuteStreamingSqlServer) error {
	return p.read(s.Send, r.Transaction, []row{{}}, func() (stream, error) { return p.engine.ExecuteStreamingSql(s.Context(), r) })
}

// stream is the result of a read.
type stream interface {
	// Recv returns the next part, or io.EOF.
	Recv() (*spannerpb.PartialResultSet, error)
}

// read sends the result of a read of the given rows. open starts the read at the engine.
func (p *Proxy) read(send func(*spannerpb.PartialResultSet) error, t *spannerpb.TransactionSelector, rows []row, open func() (stream, error)) error {
	sets, err := p.collect(t, rows, open)
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

// collect returns the result of a read and records the read in its transaction. No commit runs meanwhile.
func (p *Proxy) collect(t *spannerpb.TransactionSelector, rows []row, open func() (stream, error)) ([]*spannerpb.PartialResultSet, error) {
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
		for _, w := range rows {
			if _, ok := read[w]; !ok {
				read[w] = p.commits
			}
		}
	}
	return sets, nil
}

// Commit implements spannerpb.SpannerServer.
func (p *Proxy) Commit(ctx context.Context, r *spannerpb.CommitRequest) (*spannerpb.CommitResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault != nil {
		return nil, p.fault
	}
	if p.conflicts(p.forget(r.GetTransactionId())) {
		_, err := p.engine.Rollback(ctx, &spannerpb.RollbackRequest{Session: r.Session, TransactionId: r.GetTransactionId()})
		if err != nil {
			return nil, err
		}
		return nil, aborted()
	}
	// Count the commit before its result is known, since a failed commit of spannertest may have written rows.
	p.commits++
	p.written[row{}] = p.commits
	for _, m := range r.Mutations {
		for _, w := range p.writes(m) {
			p.written[w] = p.commits
		}
	}
	return p.engine.Commit(ctx, r)
}

// Rollback implements spannerpb.SpannerServer.
func (p *Proxy) Rollback(ctx context.Context, r *spannerpb.RollbackRequest) (*emptypb.Empty, error) {
	p.forget(r.TransactionId)
	return p.engine.Rollback(ctx, r)
}

// forget removes and returns the reads of a transaction.
func (p *Proxy) forget(transaction []byte) map[row]int64 {
	p.readsMu.Lock()
	defer p.readsMu.Unlock()
	read := p.reads[string(transaction)]
	delete(p.reads, string(transaction))
	return read
}

// conflicts reports whether a row was written after its read.
func (p *Proxy) conflicts(read map[row]int64) bool {
	for r, at := range read {
		if p.written[r] > at || p.written[row{table: r.table}] > at && r.table != "" {
			return true
		}
	}
	return false
}

// writes returns the rows that a mutation writes. A deletion counts as a write of the whole table.
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
				return []row{{table: w.GetTable()}} // the engine rejects it
			}
			key.Values = append(key.Values, values.Values[i])
		}
		rows = append(rows, row{w.GetTable(), encode(key)})
	}
	return rows
}

// encode returns a distinct string for each key.
func encode(key *structpb.ListValue) string {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(key)
	if err != nil {
		panic(err) // the value was unmarshalled before
	}
	return string(b)
}

// aborted returns the error of a conflict. The retry delay is random, up to 5 ms, so that concurrent clients do not collide
// again.
func aborted() error {
	s, err := status.New(codes.Aborted, "embedded Spanner: another transaction committed first").WithDetails(
		&errdetails.RetryInfo{RetryDelay: durationpb.New(rand.N(5 * time.Millisecond))})
	if err != nil {
		panic(err) // both messages are valid
	}
	return s.Err()
}
