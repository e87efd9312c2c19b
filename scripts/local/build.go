package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// tags halve the start of a function: they leave out gRPC's tracing, and from Cloud Storage the gRPC
// transport that it does not use.
const tags = "disable_grpc_modules,grpcnotrace"

// binaries are the built functions: a file each in dir, with the name of its folder.
type binaries struct {
	dir   string
	names []string
}

func (b binaries) path(name string) string { return filepath.Join(b.dir, name) }

// build builds every function into a new folder.
func build(ctx context.Context, stderr io.Writer) (b binaries, err error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return b, err
	}
	entries, err := os.ReadDir(filepath.Join(root, "functions"))
	if err != nil {
		return b, err
	}
	for _, e := range entries {
		switch _, err := os.Stat(filepath.Join(root, "functions", e.Name(), "main.go")); {
		case err == nil:
			b.names = append(b.names, e.Name())
		case !errors.Is(err, fs.ErrNotExist):
			return b, err
		}
	}
	if b.dir, err = os.MkdirTemp("", "hybrid-bts-"); err != nil {
		return b, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(b.dir))
		}
	}()
	fmt.Fprintf(stderr, "building %s; the first build takes minutes\n", strings.Join(b.names, ", "))
	// A clone of another owner has no version to stamp, and git refuses to look.
	cmd := exec.CommandContext(ctx, "go", "build", "-v", "-buildvcs=false", "-tags", tags, "-o", b.dir+string(filepath.Separator), "./functions/...")
	cmd.Dir = root
	out, err := cmd.StderrPipe()
	if err != nil {
		return b, err
	}
	if err := cmd.Start(); err != nil {
		return b, err
	}
	complaints := showProgress(out, stderr)
	if err := cmd.Wait(); err != nil {
		_, _ = stderr.Write(complaints)
		return b, fmt.Errorf("go build ./functions/...: %w", err)
	}
	return b, nil
}

// showProgress reads what "go build -v" prints: the name of each package that it compiles, which it
// counts now and then on w, and complaints, which it returns.
func showProgress(out io.Reader, w io.Writer) []byte {
	const every = 3 * time.Second
	var complaints bytes.Buffer
	packages, last := 0, time.Now()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if line := lines.Text(); strings.ContainsAny(line, " \t") {
			complaints.WriteString(line + "\n")
			continue
		}
		packages++
		if time.Since(last) >= every {
			last = time.Now()
			fmt.Fprintf(w, "building: %d packages compiled\n", packages)
		}
	}
	return complaints.Bytes()
}

// moduleRoot returns the folder of our go.mod, from any folder of the module.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	mod := strings.TrimSpace(string(out))
	if filepath.Base(mod) != "go.mod" {
		return "", errors.New("not inside the repository: run it from its folder")
	}
	return filepath.Dir(mod), nil
}
