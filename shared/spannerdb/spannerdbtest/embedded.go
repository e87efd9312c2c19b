// Package spannerdbtest runs the shop's Spanner database where there is no Spanner.
//
// The embedded engine is Google's spannertest, which needs nothing but Go, behind a proxy that gives
// it isolation. Know what it still lacks: constraints, unique checks, DML, a roll-back of what a
// failing commit wrote before the failing mutation, and most SQL beyond a plain SELECT. The Cloud
// Spanner emulator has all of it; Run runs a test on both.
package spannerdbtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/spanner/apiv1/spannerpb"
	"cloud.google.com/go/spanner/spannertest"
	"cloud.google.com/go/spanner/spansql"
	"google.golang.org/api/option"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/hybrid-bts/functions/shared/spannerdb"
)

// Server is an embedded Spanner with one database, whatever name a client calls it by.
type Server struct {
	Addr string

	engine *spannertest.Server
	conn   *grpc.ClientConn
	grpc   *grpc.Server
	proxy  *proxy
}

// Start serves the shop's schema, empty, on addr; port 0 picks one.
func Start(addr string) (*Server, error) {
	ddl, err := spansql.ParseDDL("schema", strings.Join(spannerdb.Schema(), ";\n")+";")
	if err != nil {
		return nil, fmt.Errorf("embedded Spanner: %w", err)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("embedded Spanner: %w", err)
	}
	engine, err := spannertest.NewServer("127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("embedded Spanner: %w", err), l.Close())
	}
	engine.SetLogger(func(string, ...any) {}) // it logs each statement with its parameters
	if err := engine.UpdateDDL(ddl); err != nil {
		engine.Close()
		return nil, errors.Join(fmt.Errorf("embedded Spanner: %w", err), l.Close())
	}
	conn, err := grpc.NewClient(engine.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		engine.Close()
		return nil, errors.Join(fmt.Errorf("embedded Spanner: %w", err), l.Close())
	}
	s := &Server{
		Addr: l.Addr().String(), engine: engine, conn: conn, grpc: grpc.NewServer(),
		proxy: &proxy{to: spannerpb.NewSpannerClient(conn), reads: map[string]int64{}},
	}
	spannerpb.RegisterSpannerServer(s.grpc, s.proxy)
	go func() { _ = s.grpc.Serve(l) }() // returns when Close stops it
	return s, nil
}

// Options make a client speak to the server, without credentials.
func (s *Server) Options() []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(s.Addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

// Close stops the server and forgets the data.
func (s *Server) Close() {
	s.grpc.Stop()
	_ = s.conn.Close() // nothing is in flight any more
	s.engine.Close()
}

// Fail makes every request that reads or commits fail with err; nil ends that.
func (s *Server) Fail(err error) {
	s.proxy.mu.Lock()
	defer s.proxy.mu.Unlock()
	s.proxy.fault = err
}

// proxy makes spannertest's transactions serializable, as coarsely as can be: a transaction that
// read is aborted when any other commit came between its first read and its own commit. Aborted is
// what Spanner answers too, and its client then runs the transaction again.
//
// What it does not name (DML, partitions, batch writes, some of which crash spannertest) answers Unimplemented.
type proxy struct {
	spannerpb.UnimplementedSpannerServer
	to spannerpb.SpannerClient

	mu      sync.RWMutex // held for writing by commits, so that a read sees all of a commit or nothing
	fault   error
	commits int64

	readsMu sync.Mutex
	reads   map[string]int64 // of a read-write transaction: commits at its first read, or unread
}

const unread = -1

func (p *proxy) CreateSession(ctx context.Context, r *spannerpb.CreateSessionRequest) (*spannerpb.Session, error) {
	return p.to.CreateSession(ctx, r)
}

func (p *proxy) BatchCreateSessions(ctx context.Context, r *spannerpb.BatchCreateSessionsRequest) (*spannerpb.BatchCreateSessionsResponse, error) {
	return p.to.BatchCreateSessions(ctx, r)
}

func (p *proxy) GetSession(ctx context.Context, r *spannerpb.GetSessionRequest) (*spannerpb.Session, error) {
	return p.to.GetSession(ctx, r)
}

func (p *proxy) DeleteSession(ctx context.Context, r *spannerpb.DeleteSessionRequest) (*emptypb.Empty, error) {
	return p.to.DeleteSession(ctx, r)
}

func (p *proxy) BeginTransaction(ctx context.Context, r *spannerpb.BeginTransactionRequest) (*spannerpb.Transaction, error) {
	t, err := p.to.BeginTransaction(ctx, r)
	if err == nil && r.GetOptions().GetReadWrite() != nil {
		p.readsMu.Lock()
		p.reads[string(t.Id)] = unread
		p.readsMu.Unlock()
	}
	return t, err
}

func (p *proxy) StreamingRead(r *spannerpb.ReadRequest, s spannerpb.Spanner_StreamingReadServer) error {
	return p.read(s.Send, r.Transaction, func() (rows, error) { return p.to.StreamingRead(s.Context(), r) })
}

func (p *proxy) ExecuteStreamingSql(r *spannerpb.ExecuteSqlRequest, s spannerpb.Spanner_ExecuteStreamingSqlServer) error {
	return p.read(s.Send, r.Transaction, func() (rows, error) { return p.to.ExecuteStreamingSql(s.Context(), r) })
}

type rows interface {
	Recv() (*spannerpb.PartialResultSet, error)
}

// read sends the rows that open gives, all of one moment.
func (p *proxy) read(send func(*spannerpb.PartialResultSet) error, t *spannerpb.TransactionSelector, open func() (rows, error)) error {
	sets, err := p.collect(t, open)
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

// collect reads all rows, and remembers when their transaction first read.
func (p *proxy) collect(t *spannerpb.TransactionSelector, open func() (rows, error)) ([]*spannerpb.PartialResultSet, error) {
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
	if t.GetBegin().GetReadWrite() != nil && len(sets) > 0 {
		p.reads[string(sets[0].GetMetadata().GetTransaction().GetId())] = p.commits
	} else if first, ok := p.reads[string(t.GetId())]; ok && first == unread {
		p.reads[string(t.GetId())] = p.commits
	}
	return sets, nil
}

func (p *proxy) Commit(ctx context.Context, r *spannerpb.CommitRequest) (*spannerpb.CommitResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault != nil {
		return nil, p.fault
	}
	if first, ok := p.forget(r.GetTransactionId()); ok && first != unread && first != p.commits {
		_, err := p.to.Rollback(ctx, &spannerpb.RollbackRequest{Session: r.Session, TransactionId: r.GetTransactionId()})
		if err != nil {
			return nil, err
		}
		return nil, aborted()
	}
	p.commits++ // before we know of its success: a failing commit may have written something
	return p.to.Commit(ctx, r)
}

func (p *proxy) Rollback(ctx context.Context, r *spannerpb.RollbackRequest) (*emptypb.Empty, error) {
	p.forget(r.TransactionId)
	return p.to.Rollback(ctx, r)
}

func (p *proxy) forget(transaction []byte) (int64, bool) {
	p.readsMu.Lock()
	defer p.readsMu.Unlock()
	first, ok := p.reads[string(transaction)]
	delete(p.reads, string(transaction))
	return first, ok
}

// aborted asks the client to try again soon, each at another time.
func aborted() error {
	s, err := status.New(codes.Aborted, "embedded Spanner: another transaction committed first").WithDetails(
		&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Duration(rand.Int64N(int64(5 * time.Millisecond))))})
	if err != nil {
		panic(err) // both messages are well-formed
	}
	return s.Err()
}
