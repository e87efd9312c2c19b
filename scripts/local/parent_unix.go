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

// untilParentDies ends the context when this program was started by "go run" and that dies: a SIGTERM
// kills "go run" without reaching what it runs.
func untilParentDies(ctx context.Context) (context.Context, context.CancelFunc) {
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

// cached is the folder that "go run" keeps a program in from one run to the next.
var cached = regexp.MustCompile(`^[0-9a-f]{64}-d$`)

func underGoRun() bool {
	self, err := os.Executable()
	return err == nil && (cached.MatchString(filepath.Base(filepath.Dir(self))) || strings.Contains(self, "go-build"))
}
