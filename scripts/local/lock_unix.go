//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package main

import (
	"os"
	"syscall"
)

// createLock creates a file and locks it until unlock is called or the process ends.
func createLock(file string) (unlock func() error, err error) {
	return lock(file, os.O_CREATE|os.O_EXCL)
}

// takeLock locks a file that createLock created. It fails while another process holds the lock.
func takeLock(file string) (unlock func() error, err error) { return lock(file, 0) }

func lock(file string, flag int) (unlock func() error, err error) {
	f, err := os.OpenFile(file, os.O_RDWR|flag, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f.Close, nil
}
