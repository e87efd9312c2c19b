//go:build unix

package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// untilParentExits returns a context that also ends when the parent of this process exits, provided that the parent is
// "go run": a SIGTERM ends "go run", but does not reach its child.
func untilParentExits(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if !underGoRun() {
		return ctx, cancel
	}
	parent := os.Getppid()
	go func() {
		for ctx.Err() == nil {
			if os.Getppid() != parent {
				cancel()
			}
			time.Sleep(200 * time.Millisecond)
		}
	}()
	return ctx, cancel
}

// cachedProgram matches the folder of a program that "go run" caches.
var cachedProgram = regexp.MustCompile(`^[0-9a-f]{64}-d$`)

// underGoRun reports whether "go run" started this process.
func underGoRun() bool {
	self, err := os.Executable()
	return err == nil && (cachedProgram.MatchString(filepath.Base(filepath.Dir(self))) || strings.Contains(self, "go-build"))
}
