//go:build !unix

package main

import "os/exec"

// detach does nothing on these systems.
func detach(*exec.Cmd) {}
