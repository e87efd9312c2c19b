//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

// varying matches the parts of an answer that differ between runs: ids, times, revisions and tokens.
var varying = regexp.MustCompile(`g=\d{16}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+Z|"(next_page_token|author_token)": *"[^"]+"|"revision": *\d{16}`)

// testReadme runs the commands of README.md that have an answer there, and compares the answers.
func (r *running) testReadme(t *testing.T) {
	for _, tool := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s: install it", tool)
		}
	}
	root, err := moduleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(b), -1) {
		for example := range strings.SplitSeq(block[1], "$ ") {
			command, answer, found := strings.Cut(example, "\n")
			if !found {
				continue
			}
			ran++
			var diff string
			for range 100 { // until the review is stored
				if diff = cmp.Diff(value(t, answer), value(t, r.shell(t, command))); diff == "" {
					break
				}
				if strings.Contains(command, " -d ") {
					break // the command creates a review
				}
				time.Sleep(50 * time.Millisecond)
			}
			if diff != "" {
				t.Errorf("%s\n%s", command, diff)
			}
		}
	}
	if ran < 3 {
		t.Errorf("README.md has %d commands with an answer, want 3 or more", ran)
	}
}

// shell runs a command with the address of the running system, and returns its output.
func (r *running) shell(t *testing.T, command string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", strings.Replace(command, "curl ", "curl -sS ", 1))
	cmd.Args[2] = strings.ReplaceAll(cmd.Args[2], "http://127.0.0.1:8080", r.url)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return string(out)
}

// value decodes a JSON answer, with placeholders for the varying parts.
func value(t *testing.T, answer string) any {
	t.Helper()
	same := varying.ReplaceAllStringFunc(answer, func(s string) string {
		if name, _, ok := strings.Cut(s, `":`); ok {
			return name + `":"…"`
		}
		return fmt.Sprintf("<%d>", strings.Count(s, "-"))
	})
	var v any
	if err := json.Unmarshal([]byte(same), &v); err != nil {
		t.Fatalf("%q: %v", answer, err)
	}
	return v
}

// testFunctionsAlone starts each function with the command of README.md, with its built binary in place of "go run". A function
// with dead letters sends them to its own topic.
func (r *running) testFunctionsAlone(t *testing.T) {
	root, err := moduleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`(?m)^\(set -a; \. \./\.local/api\.env; PORT=8081 go run \./functions/api\)`).FindString(string(b))
	if shown == "" {
		t.Fatal("README.md does not show how one function runs alone")
	}
	dir := t.TempDir()
	names, err := functionNames(root)
	if err != nil {
		t.Fatal(err)
	}
	binaries, err := build(t.Context(), root, names, dir, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			addr, err := freeAddr()
			if err != nil {
				t.Fatal(err)
			}
			command := strings.NewReplacer("./.local/api.env", filepath.Join(r.envDir, name+".env"), "PORT=8081 go run ./functions/api",
				"PORT="+addr+" exec "+binaries.path(name)).Replace(shown)
			cmd := exec.Command("sh", "-c", strings.Trim(command, "()"))
			cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait() // the error reports the signal
			}()
			p := &process{name: name, url: "http://" + addr}
			if err := (processes{name: p}).ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			own := r.env[name]["DEAD_LETTER_TOPIC"]
			if own == "" {
				return
			}
			dead := r.deadLetters(t, own)
			resp, err := do(t.Context(), http.MethodPost, p.url, http.Header{"Content-Type": {"application/json"}},
				strings.NewReader(`{"message":{"data":"e30=","messageId":"alone","attributes":{"`+review.VersionAttribute+`":"`+review.SubmissionVersion+`"}},"subscription":"s"}`))
			if err != nil || resp.StatusCode/100 != 2 {
				t.Fatalf("an invalid message is answered with %v, %v; want 2xx", resp, err)
			}
			if letters := dead(); len(letters) != 1 || letters[0].Attributes[event.SourceIDAttribute] != "alone" {
				t.Errorf("%s has the dead letters %v, want one", own, letters)
			}
		})
	}
}
