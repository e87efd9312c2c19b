//go:build !unix

package main

import "context"

func untilParentDies(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}
