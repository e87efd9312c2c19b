//go:build !unix

package main

import "context"

// untilParentExits returns a context that the caller cancels. These systems do not report the exit of a parent.
func untilParentExits(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}
