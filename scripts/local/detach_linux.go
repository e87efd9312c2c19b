package main

import (
	"os/exec"
	"syscall"
)

// detach keeps a terminal's Ctrl-C from a child, since its supervisor tells it when to stop; and has
// the system kill it when the supervisor is killed.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
