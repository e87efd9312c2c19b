//go:build !unix

package main

import (
	"context"
	"os/exec"
)

func untilParentDies(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

func detach(*exec.Cmd) {}
