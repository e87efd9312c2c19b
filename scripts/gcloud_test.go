package scripts_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Where gcloud is installed, it reads every call of the goldens itself: commands, flags, and the values
// that a flag may have. It runs none of them.
func TestRealGcloudTakesTheCalls(t *testing.T) {
	gcloud, err := exec.LookPath("gcloud")
	if err != nil {
		t.Skip("needs gcloud: install the Google Cloud CLI")
	}
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	const wrong = "gcloud run jobs deploy planted --image=i --vpc-egress=some-traffic"
	calls := wrong + "\n"
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		calls += string(b)
	}
	// Calls that differ in names alone are one.
	names := regexp.MustCompile(`(prod|dev)[-_]hybridbts\S*`)
	seen := map[string]bool{}
	var text strings.Builder
	for line := range strings.Lines(calls) {
		line = strings.TrimSpace(line)
		if shape := names.ReplaceAllString(line, ""); !strings.HasPrefix(line, "gcloud ") || seen[shape] {
			continue
		} else {
			seen[shape] = true
		}
		// It splits words as a shell does not.
		line = strings.NewReplacer(`\ `, "_", `\"`, "", `\`, "").Replace(line)
		fmt.Fprintf(&text, "```\n%s\n```\n", line)
	}
	file := filepath.Join(t.TempDir(), "calls.md")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(gcloud, "meta", "lint-gcloud-commands", "--commands-text-file="+file)
	cmd.Env = append(os.Environ(), "CLOUDSDK_CONFIG="+t.TempDir(), "CLOUDSDK_CORE_DISABLE_PROMPTS=1")
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("this gcloud has no meta lint-gcloud-commands: install one like 528 (%v)", err)
	}
	var results []struct {
		Command string `json:"command_string"`
		Error   string `json:"error_message"`
		Success bool   `json:"success"`
	}
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatal(err)
	}
	if len(results) != len(seen) {
		t.Errorf("gcloud read %d calls of %d", len(results), len(seen))
	}
	for _, r := range results {
		if planted := strings.Contains(r.Command, "planted"); r.Success == planted {
			t.Errorf("taken: %v, %s: %s", r.Success, r.Error, r.Command)
		}
	}
}
