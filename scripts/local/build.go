package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// tags halve the start time of a function: they leave out gRPC's tracing, and Cloud Storage's gRPC transport, which no
// function uses.
const tags = "disable_grpc_modules,grpcnotrace"

// binaries are the built functions: one file each in dir, called as its folder in functions/.
type binaries struct {
	dir   string
	names []string // sorted
}

func (b binaries) path(name string) string { return filepath.Join(b.dir, name) }

// functionNames returns the folders of functions/ that hold a program, sorted.
func functionNames(root string) ([]string, error) {
	programs, err := filepath.Glob(filepath.Join(root, "functions", "*", "main.go"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, program := range programs {
		names = append(names, filepath.Base(filepath.Dir(program)))
	}
	return names, nil
}

// build builds the named functions into the folder dir, and shows its progress on stderr.
func build(ctx context.Context, root string, names []string, dir string, stderr io.Writer) (binaries, error) {
	fmt.Fprintf(stderr, "building %s; the first build takes minutes\n", strings.Join(names, ", "))
	args := []string{"build", "-v", "-tags", tags, "-o", dir + string(filepath.Separator)}
	// git refuses to describe a clone of another owner, and the build would fail.
	args = append(args, "-buildvcs=false")
	for _, name := range names {
		args = append(args, "./functions/"+name)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	out, err := cmd.StderrPipe()
	if err != nil {
		return binaries{}, err
	}
	if err := cmd.Start(); err != nil {
		return binaries{}, err
	}
	// The pipe must be read to its end before Wait.
	messages := showProgress(out, stderr)
	if err := cmd.Wait(); err != nil {
		_, _ = stderr.Write(messages)
		return binaries{}, fmt.Errorf("build functions %s: %w", strings.Join(names, ", "), err)
	}
	return binaries{dir, names}, nil
}

// showProgress reads the output of "go build -v" to its end. It counts the compiled packages on w, at most once in three
// seconds, and returns the compiler's messages.
func showProgress(out io.Reader, w io.Writer) []byte {
	const every = 3 * time.Second
	var messages bytes.Buffer
	packages, last := 0, time.Now()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		// A package path has no spaces; every message has.
		if line := lines.Text(); strings.ContainsAny(line, " \t") {
			messages.WriteString(line + "\n")
			continue
		}
		packages++
		if time.Since(last) >= every {
			last = time.Now()
			fmt.Fprintf(w, "building: %d packages compiled\n", packages)
		}
	}
	return messages.Bytes()
}

// moduleRoot returns the folder of go.mod. It works in any folder of the module.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	mod := strings.TrimSpace(string(out))
	if filepath.Base(mod) != "go.mod" {
		return "", errors.New("go.mod not found: run the command in the folder of the repository")
	}
	return filepath.Dir(mod), nil
}
