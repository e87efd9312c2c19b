// Package spannerdbtest runs the Spanner database of the shop without Spanner.
//
// The embedded engine is spannertest, which is written in Go, behind the proxy of isolationtest. It lacks constraints, unique
// checks, DML, most SQL beyond a plain SELECT, and the rollback of a failed commit: mutations before the failing one remain.
// The Cloud Spanner emulator has all of these. Run runs a test on both.
package spannerdbtest

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"cloud.google.com/go/spanner/apiv1/spannerpb"
	"cloud.google.com/go/spanner/spannertest"
	"cloud.google.com/go/spanner/spansql"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/hybrid-bts/functions/shared/fake/isolationtest"
	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

// Server is an embedded Spanner with one database, which has every name.
type Server struct {
	Addr string

	engine *spannertest.Server
	conn   *grpc.ClientConn
	grpc   *grpc.Server
	proxy  *isolationtest.Proxy
}

// Start serves an empty database with the schema of the shop on addr. Port 0 picks a free port.
func Start(addr string) (*Server, error) {
	tables, _ := spannerdb.Schema() // without the search indexes, which spannertest lacks
	ddl, err := spansql.ParseDDL("schema", strings.Join(tables, ";\n")+";")
	if err != nil {
		return nil, fmt.Errorf("start embedded Spanner: %w", err)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("start embedded Spanner: %w", err)
	}
	engine, err := spannertest.NewServer("127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start embedded Spanner: %w", err), l.Close())
	}
	engine.SetLogger(func(string, ...any) {}) // the engine would log statements with their parameters
	if err := engine.UpdateDDL(ddl); err != nil {
		engine.Close()
		return nil, errors.Join(fmt.Errorf("start embedded Spanner: %w", err), l.Close())
	}
	conn, err := grpc.NewClient(engine.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		engine.Close()
		return nil, errors.Join(fmt.Errorf("start embedded Spanner: %w", err), l.Close())
	}
	s := &Server{
		Addr: l.Addr().String(), engine: engine, conn: conn, grpc: grpc.NewServer(),
		proxy: isolationtest.New(spannerpb.NewSpannerClient(conn), ddl),
	}
	spannerpb.RegisterSpannerServer(s.grpc, s.proxy)
	go func() { _ = s.grpc.Serve(l) }() // ends at Close
	return s, nil
}

// Options returns the options of a client of the server.
func (s *Server) Options() []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(s.Addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

// Close stops the server and drops its data.
func (s *Server) Close() {
	s.grpc.Stop()
	_ = s.conn.Close() // no call is in flight
	s.engine.Close()
}

// Fail makes each read and commit fail with err, until a call with nil.
func (s *Server) Fail(err error) { s.proxy.Fail(err) }
