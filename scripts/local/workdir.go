package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Names in the temporary folder of the system. A folder is called unlockedPrefix until its lock is held.
const (
	unlockedPrefix = "new-hybrid-bts-local-"
	workPrefix     = "hybrid-bts-local-"
	lockName       = "lock"
	binariesName   = "bin"
)

// newWorkDir creates the work folder of this run, with the folder binariesName in it, and deletes the work folders of runs
// that were killed. The caller calls remove at the end. Each run holds the lock of its folder; the system releases the lock
// when the run ends, in whatever way.
func newWorkDir() (dir string, remove func() error, err error) {
	created, err := os.MkdirTemp("", unlockedPrefix)
	if err != nil {
		return "", nil, err
	}
	unlock, err := createLock(filepath.Join(created, lockName))
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("lock %s: %w", created, err), os.RemoveAll(created))
	}
	if err := os.Mkdir(filepath.Join(created, binariesName), 0o755); err != nil {
		return "", nil, errors.Join(err, unlock(), os.RemoveAll(created))
	}
	dir = filepath.Join(filepath.Dir(created), workPrefix+strings.TrimPrefix(filepath.Base(created), unlockedPrefix))
	if err := os.Rename(created, dir); err != nil {
		return "", nil, errors.Join(err, unlock(), os.RemoveAll(created))
	}
	if err := removeStale(filepath.Dir(dir)); err != nil {
		return "", nil, errors.Join(fmt.Errorf("delete the folders of ended runs: %w", err), unlock(), os.RemoveAll(dir))
	}
	// The lock file goes last: a folder without it is never deleted by another run.
	remove = func() error {
		return errors.Join(os.RemoveAll(filepath.Join(dir, binariesName)), os.RemoveAll(dir), unlock())
	}
	return dir, remove, nil
}

// removeStale deletes the work folders below parent whose lock no process holds. It leaves folders that it cannot lock, such as
// those of other users.
func removeStale(parent string) error {
	dirs, err := filepath.Glob(filepath.Join(parent, workPrefix+"*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range dirs {
		unlock, err := takeLock(filepath.Join(dir, lockName))
		if err != nil {
			continue
		}
		errs = append(errs, os.RemoveAll(filepath.Join(dir, binariesName)), os.RemoveAll(dir), unlock())
	}
	return errors.Join(errs...)
}
