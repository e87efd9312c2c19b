// Package customerstest runs an embedded Bigtable with the tables of shared/schema/customers.
package customerstest

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/bigtable"
	"cloud.google.com/go/bigtable/bttest"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// Names of the project and the instance that Start creates.
const (
	Project  = "hybrid-bts-local"
	Instance = "local"
)

// Server is an embedded Bigtable. It keeps all data in memory.
type Server struct {
	Addr   string
	Client *bigtable.Client

	close []func() error
}

// Start starts a server on a free loopback port. A test injects faults through the options.
func Start(ctx context.Context, opts ...grpc.ServerOption) (s *Server, err error) {
	engine, err := bttest.NewServer("127.0.0.1:0", opts...)
	if err != nil {
		return nil, fmt.Errorf("start embedded Bigtable: %w", err)
	}
	s = &Server{Addr: engine.Addr, close: []func() error{func() error { engine.Close(); return nil }}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := Create(ctx, s.Addr, Project, Instance); err != nil {
		return s, err
	}
	s.Client, err = Open(ctx, s.Addr, Project, Instance)
	if err != nil {
		return s, err
	}
	s.close = append(s.close, s.Client.Close)
	return s, nil
}

// Close stops the server and drops its data.
func (s *Server) Close() error {
	var errs []error
	for i := range s.close {
		errs = append(errs, s.close[len(s.close)-1-i]())
	}
	return errors.Join(errs...)
}

// Create creates the tables in the embedded Bigtable at addr.
func Create(ctx context.Context, addr, project, instance string) error {
	conn, err := dial(addr)
	if err != nil {
		return err
	}
	admin, err := bigtable.NewAdminClient(ctx, project, instance, option.WithGRPCConn(conn))
	if err != nil {
		return fmt.Errorf("open embedded Bigtable: %w", err)
	}
	return errors.Join(customers.Create(ctx, admin), admin.Close())
}

// Open returns a client of the embedded Bigtable at addr.
func Open(ctx context.Context, addr, project, instance string) (*bigtable.Client, error) {
	conn, err := dial(addr)
	if err != nil {
		return nil, err
	}
	config := bigtable.ClientConfig{MetricsProvider: bigtable.NoopMetricsProvider{}, DisableSession: true}
	client, err := bigtable.NewClientWithConfig(ctx, project, instance, config, option.WithGRPCConn(conn))
	if err != nil {
		return nil, fmt.Errorf("open embedded Bigtable: %w", err)
	}
	return client, nil
}

// dial returns a connection. Clients use it instead of an endpoint, since BIGTABLE_EMULATOR_HOST overrides endpoints.
func dial(addr string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("open embedded Bigtable: %w", err)
	}
	return conn, nil
}
