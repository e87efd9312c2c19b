// Package spannerdbtest runs the shop's Spanner database where there is no Spanner.
//
// The embedded engine is Google's spannertest, which needs nothing but Go, behind a proxy that gives
// it isolation. Know what it still lacks: constraints, unique checks, DML, a roll-back of what a
// failing commit wrote before the failing mutation, and most SQL beyond a plain SELECT. The Cloud
// Spanner emulator has all of it; Run runs a test on both.
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

// Server is an embedded Spanner with one database, whatever name a client calls it by.
type Server struct {
	Addr string

	engine *spannertest.Server
	conn   *grpc.ClientConn
	grpc   *grpc.Server
	proxy  *isolationtest.Proxy
}

// Start serves the shop's schema, empty, on addr; port 0 picks one.
func Start(addr string) (*Server, error) {
	tables, _ := spannerdb.Schema() // it knows no search
	ddl, err := spansql.ParseDDL("schema", strings.Join(tables, ";\n")+";")
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
		proxy: isolationtest.New(spannerpb.NewSpannerClient(conn), ddl),
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
func (s *Server) Fail(err error) { s.proxy.Fail(err) }
