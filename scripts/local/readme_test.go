//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// varying is what differs from one run to the next in an answer: ids, times and tokens.
var varying = regexp.MustCompile(`g=\d{16}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+Z|"(next_page_token|author_token)": *"[^"]+"`)

// testReadme runs the commands that README shows with an answer, and compares that.
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
			for range 100 { // a review takes a moment to be there
				if diff = cmp.Diff(value(t, answer), value(t, r.shell(t, command))); diff == "" {
					break
				}
				if strings.Contains(command, " -d ") {
					break // once is enough
				}
				time.Sleep(50 * time.Millisecond)
			}
			if diff != "" {
				t.Errorf("%s\n%s", command, diff)
			}
		}
	}
	if ran < 3 {
		t.Errorf("README shows %d commands with an answer, want 3 or more", ran)
	}
}

// shell returns what a command prints, its address replaced by that of the running system.
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

// value is the JSON of an answer without what varies.
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
