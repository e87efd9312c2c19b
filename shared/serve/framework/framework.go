// Package framework serves a function of the Functions Framework. It is separate from serve because the framework adds to
// the start of every program that links it.
package framework

import (
	"context"
	"fmt"
	"net/http"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/hybrid-bts/functions/shared/serve"
)

// Serve registers h with the Functions Framework under a name, once in a process, and serves it at all paths as serve.HTTP
// does. The server is that of package serve, because the framework's own server has no timeouts and never closes its
// listener.
func Serve(ctx context.Context, name, port string, h http.Handler) error {
	functions.HTTP(name, h.ServeHTTP)
	if err := serve.HTTP(ctx, port, h); err != nil {
		return fmt.Errorf("function %s: %w", name, err)
	}
	return nil
}
