package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// images is what build.sh writes: with a tag and without.
const images = `registry/prod-hybridbts/review:abc1234@sha256:1111
registry/prod-hybridbts/canary:abc1234@sha256:2222
registry/prod-hybridbts/api@sha256:3333
`

func TestDeployReleasesEveryImage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "images.txt")
	if err := os.WriteFile(file, []byte(images), 0o644); err != nil {
		t.Fatal(err)
	}
	calls, printed, code := script(t, "deploy.sh", nil, "-n", file)
	if code != 0 || calls != "" {
		t.Fatalf("exit %d, it ran %q: %s", code, calls, printed)
	}
	checkFlags(t, printed)
	var deployed []string
	for _, m := range regexp.MustCompile(`run deploy (\S+) .*--image=(\S+)`).FindAllStringSubmatch(printed, -1) {
		deployed = append(deployed, m[1]+" "+m[2])
	}
	want := []string{
		"prod-hybridbts-api registry/prod-hybridbts/api@sha256:3333",
		"prod-hybridbts-review registry/prod-hybridbts/review@sha256:1111",
	}
	if !slices.Equal(deployed, want) {
		t.Errorf("it deploys %q, want %q", deployed, want)
	}
	if n := strings.Count(printed, "--image=registry/prod-hybridbts/canary@sha256:2222"); n != 8 {
		t.Errorf("the canary of that build is asked %d times, want 8", n)
	}
}

func TestDeployEndsWithTheFirstThatFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "images.txt")
	if err := os.WriteFile(file, []byte(images), 0o644); err != nil {
		t.Fatal(err)
	}
	calls, printed, code := script(t, "deploy.sh", map[string]string{"FAIL": "run deploy"}, file)
	if code != 1 || strings.Contains(calls, "hybridbts-review ") {
		t.Errorf("exit %d, calls %s, printed %s", code, calls, printed)
	}
	if err := os.WriteFile(file, []byte(strings.Split(images, "\n")[1]), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"no images": os.DevNull, "the canary alone": file, "no file": file + "x"} {
		if _, _, code := script(t, "deploy.sh", nil, file); code != 1 {
			t.Errorf("exit %d for %s, want 1", code, name)
		}
	}
}
