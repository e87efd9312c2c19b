package main

import (
	"os/exec"
	"syscall"
)

// detach puts a child into a process group of its own, so that Ctrl-C in a terminal reaches the local run alone, which then
// stops the child. The kernel kills the child if the thread that started it ends.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
