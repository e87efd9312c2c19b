//go:build unix && !linux

package main

import (
	"os/exec"
	"syscall"
)

// detach keeps a terminal's Ctrl-C from a child, since its supervisor tells it when to stop.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
