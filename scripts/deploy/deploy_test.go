package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// builtImages is an output of build.sh with tagged and untagged references.
const builtImages = `registry/prod-hybridbts/review:abc1234@sha256:1111
registry/prod-hybridbts/canary:abc1234@sha256:2222
registry/prod-hybridbts/api@sha256:3333
`

// writeImages writes an image list for deploy.sh and returns the file's name.
func writeImages(t *testing.T, list string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "images.txt")
	if err := os.WriteFile(file, []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDeployReleasesEveryImage(t *testing.T) {
	t.Parallel()
	calls, output, code := runScript(t, "deploy.sh", nil, "-n", writeImages(t, builtImages))
	if code != 0 || calls != "" {
		t.Fatalf("exit status %d, a dry run calls %q: %s", code, calls, output)
	}
	checkCalls(t, output)
	var deployed []string
	for _, m := range regexp.MustCompile(`run deploy (\S+) .*--image=(\S+)`).FindAllStringSubmatch(output, -1) {
		deployed = append(deployed, m[1]+" "+m[2])
	}
	want := []string{
		"prod-hybridbts-api registry/prod-hybridbts/api@sha256:3333",
		"prod-hybridbts-review registry/prod-hybridbts/review@sha256:1111",
	}
	if !slices.Equal(deployed, want) {
		t.Errorf("deployed %q, want %q", deployed, want)
	}
	if n := strings.Count(output, "--image=registry/prod-hybridbts/canary@sha256:2222"); n != 8 {
		t.Errorf("%d runs of the canary image, want 8", n)
	}
}

func TestDeployStopsAtTheFirstFailedRelease(t *testing.T) {
	t.Parallel()
	calls, output, code := runScript(t, "deploy.sh", environment{"FAIL": "run deploy"}, writeImages(t, builtImages))
	if code != 1 || strings.Contains(calls, "hybridbts-review ") {
		t.Errorf("exit status %d, want 1 and no release of review; calls %s, output %s", code, calls, output)
	}
}

func TestDeployRejectsIncompleteImageLists(t *testing.T) {
	t.Parallel()
	canaryOnly := writeImages(t, strings.Split(builtImages, "\n")[1])
	for name, file := range map[string]string{"empty list": os.DevNull, "canary only": canaryOnly, "missing file": canaryOnly + "x"} {
		if _, _, code := runScript(t, "deploy.sh", nil, file); code != 1 {
			t.Errorf("%s: exit status %d, want 1", name, code)
		}
	}
}
