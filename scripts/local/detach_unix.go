//go:build unix && !linux

package main

import (
	"os/exec"
	"syscall"
)

// detach puts a child into a process group of its own, so that Ctrl-C in a terminal reaches the local run alone, which then
// stops the child.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
