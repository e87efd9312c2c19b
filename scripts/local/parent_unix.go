//go:build unix

package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// untilParentDies ends the context when this program was started by "go run" and that dies: a SIGTERM
// kills "go run" without reaching what it runs.
func untilParentDies(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	self, err := os.Executable()
	if err != nil || !strings.Contains(self, "go-build") {
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

// detach keeps a terminal's Ctrl-C from a child: its supervisor tells it when to stop.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
