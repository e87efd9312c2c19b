//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package main

import "errors"

// createLock does nothing, because these systems have no lock that ends with its process.
func createLock(string) (unlock func() error, err error) { return func() error { return nil }, nil }

// takeLock fails, so that the folders of ended runs stay.
func takeLock(string) (unlock func() error, err error) { return nil, errors.ErrUnsupported }
