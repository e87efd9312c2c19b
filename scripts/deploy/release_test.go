package deploy_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	newImage    = "asia-northeast3-docker.pkg.dev/shop/prod-hybridbts/api@sha256:1111111111111111111111111111111111111111111111111111111111111111"
	oldImage    = "asia-northeast3-docker.pkg.dev/shop/prod-hybridbts/api@sha256:0000000000000000000000000000000000000000000000000000000000000000"
	canaryImage = "asia-northeast3-docker.pkg.dev/shop/prod-hybridbts/canary@sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

// Traffic targets of the service as release.sh reads them: revision,percent,tag,url.
const (
	oldHasAllTraffic = "prod-hybridbts-api-old,100,,"
	newHasTag        = "prod-hybridbts-api-20261120-120000,,canary,https://canary---prod-hybridbts-api.run.app"
	splitTraffic     = "prod-hybridbts-api-old,50,,\nprod-hybridbts-api-new,50,,"
	otherHasTag      = "prod-hybridbts-api-old,100,,\nprod-hybridbts-api-new,,canary,https://canary---prod-hybridbts-api.run.app"
	onlyRevisionTag  = "prod-hybridbts-api-old,100,canary,https://canary---prod-hybridbts-api.run.app"
)

// rollbackFlag is part of the call that returns all traffic to the old revision.
const rollbackFlag = "--to-revisions=prod-hybridbts-api-old=100"

// runRelease runs release.sh as runScript does.
func runRelease(t *testing.T, environ environment, args ...string) (calls, output string, code int) {
	t.Helper()
	return runScript(t, "release.sh", environ, args...)
}

// deployedNewImage returns the fake's DEPLOYED for a revision with newImage and the settings that release.sh would
// deploy.
func deployedNewImage(t *testing.T) string {
	t.Helper()
	calls, _, _ := runRelease(t, nil, "api", newImage, canaryImage)
	m := regexp.MustCompile(`,settings=(\d+) `).FindStringSubmatch(calls)
	if m == nil {
		t.Fatalf("no label settings in %s", calls)
	}
	return newImage + "," + m[1]
}

func TestReleaseMakesTheExpectedCalls(t *testing.T) {
	t.Parallel()
	unchanged := deployedNewImage(t)
	for _, tc := range []struct {
		name     string
		environ  environment
		function string
		code     int
	}{
		{"healthy", nil, "api", 0},
		{"first deploy", environment{"NEW_SERVICE": "yes"}, "api", 0},
		{"no ready revision", environment{"READY": "", "TRAFFIC": ""}, "api", 0},
		{"unchanged", environment{"DEPLOYED": unchanged}, "api", 0},
		{"changed settings", environment{"DEPLOYED": newImage + ",1", "STAGES": ""}, "api", 0},
		{"failed verdict", environment{"FAIL": "--args=verdict", "FAIL_FROM": "2"}, "api", 1},
		{"failed smoke test", environment{"FAIL": "--args=smoke"}, "api", 1},
		{"failed smoke test of first deploy", environment{"NEW_SERVICE": "yes", "FAIL": "--args=smoke"}, "api", 1},
		{"split traffic", environment{"TRAFFIC": splitTraffic}, "api", 1},
		{"release in progress", environment{"TRAFFIC": otherHasTag}, "api", 1},
		{"no traffic targets", environment{"TRAFFIC": ""}, "api", 1},
		{"interrupted first release", environment{"TRAFFIC": onlyRevisionTag, "DEPLOYED": unchanged, "STAGES": ""}, "api", 0},
		{"concurrent release", environment{"TAGGED": otherHasTag}, "api", 1},
		{"no stages", environment{"STAGES": ""}, "api", 0},
		{"interrupted", environment{"INTERRUPTED": "yes"}, "api", 1},
		{"internal service with secrets", environment{"ENV": "dev", "NEW_SERVICE": "yes"}, "alert", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			calls, output, code := runRelease(t, tc.environ, tc.function, newImage, canaryImage)
			if code != tc.code {
				t.Errorf("exit status %d, want %d: %s", code, tc.code, output)
			}
			compareGolden(t, "release/"+tc.name, calls)
		})
	}
}

func TestReleaseRejectsInvalidInputBeforeAnyCall(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		environ environment
		args    []string
		code    int
		want    string // part of the error text
	}{
		{"table header as function", nil, []string{"function", newImage, canaryImage}, 1, "unknown function function"},
		{"unknown function", nil, []string{"nothing", newImage, canaryImage}, 1, "unknown function nothing"},
		{"unknown environment", environment{"ENV": "test"}, []string{"api", newImage, canaryImage}, 1, "valid values: dev, canary, prod"},
		{"stage of 100 percent", environment{"STAGES": "5 100"}, []string{"api", newImage, canaryImage}, 1, "invalid STAGES=5 100"},
		{"stages with commas", environment{"STAGES": "5,25"}, []string{"api", newImage, canaryImage}, 1, "invalid STAGES=5,25"},
		{"pause with a unit", environment{"PAUSE": "10m"}, []string{"api", newImage, canaryImage}, 1, "invalid PAUSE=10m"},
		{"pause too short", environment{"PAUSE": "299"}, []string{"api", newImage, canaryImage}, 1, "invalid PAUSE=299"},
		{"dirty tree", environment{"GIT_STATUS": " M go.mod"}, []string{"api", newImage, canaryImage}, 1, "uncommitted changes"},
		{"dirty tree in Cloud Build", environment{"COMMIT": "abc1234-dirty"}, []string{"api", newImage, canaryImage}, 1, "abc1234-dirty"},
		{"image without digest", nil, []string{"api", "registry/api:latest", canaryImage}, 1, "registry/api:latest has no digest"},
		{"canary image without digest", nil, []string{"api", newImage, "registry/canary:latest"}, 1, "registry/canary:latest has no digest"},
		{"no arguments", nil, nil, 2, "scripts/deploy/release.sh [-n] FUNCTION"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			calls, output, code := runRelease(t, tc.environ, tc.args...)
			if code != tc.code || !strings.Contains(output, tc.want) || calls != "" {
				t.Errorf("exit status %d, output %q, calls %q; want %d, %q and no calls", code, output, calls, tc.code, tc.want)
			}
		})
	}
}

func TestFailureAfterDeploymentRollsBack(t *testing.T) {
	t.Parallel()
	healthy, _, _ := runRelease(t, nil, "api", newImage, canaryImage)
	deployed := false
	seen := map[string]int{}
	for i, line := range strings.Split(strings.TrimSpace(healthy), "\n") {
		if strings.HasPrefix(line, "sleep") {
			continue
		}
		seen[line]++
		deployed = deployed || strings.Contains(line, "run deploy")
		calls, output, code := runRelease(t, environment{"FAIL": line, "FAIL_FROM": strconv.Itoa(seen[line])}, "api", newImage, canaryImage)
		if code != 1 {
			t.Errorf("exit status %d, want 1, after call %d failed: %s\n%s", code, i+1, line, output)
		}
		got := strings.Split(strings.TrimSpace(calls), "\n")
		last := got[len(got)-1]
		if rolledBack := strings.Contains(last, rollbackFlag); rolledBack != deployed {
			t.Errorf("after call %d failed (%s) the last call is %s", i+1, line, last)
		}
	}
}

func TestReleaseIgnoresWarningsOfGcloud(t *testing.T) {
	t.Parallel()
	want, _, _ := runRelease(t, nil, "api", newImage, canaryImage)
	got, output, code := runRelease(t, environment{"WARNINGS": "yes"}, "api", newImage, canaryImage)
	if diff := cmp.Diff(want, got); diff != "" || code != 0 {
		t.Errorf("exit status %d, output %s, calls differ:\n%s", code, output, diff)
	}
	unchanged := environment{"WARNINGS": "yes", "DEPLOYED": deployedNewImage(t)}
	if got, _, code := runRelease(t, unchanged, "api", newImage, canaryImage); code != 0 || strings.Contains(got, "run deploy") {
		t.Errorf("exit status %d, an unchanged function is deployed: %s", code, got)
	}
	if got, output, _ := runRelease(t, environment{"WARNINGS": "yes", "NEW_SERVICE": "yes"}, "api", newImage, canaryImage); !strings.Contains(output, "for the first time") {
		t.Errorf("a new function is not deployed: %s%s", got, output)
	}
}

func TestRollbackSurvivesSignalsAndAClosedTerminal(t *testing.T) {
	t.Parallel()
	calls, output, code := runRelease(t, environment{"FAIL": "--args=verdict", "SIGNAL_ROLLBACK": "yes"}, "api", newImage, canaryImage)
	if code != 1 || strings.Contains(output, "ROLLBACK FAILED") || !strings.Contains(calls, rollbackFlag) {
		t.Errorf("exit status %d, %s: %s", code, output, calls)
	}
	calls, _, _ = runScript(t, "testdata/closed_output.sh", environment{"FAIL": "--args=verdict", "PROGRESS": "yes"}, "./release.sh", "api", newImage, canaryImage)
	if lines := strings.Split(strings.TrimSpace(calls), "\n"); !strings.Contains(lines[len(lines)-1], rollbackFlag) {
		t.Errorf("with a closed terminal the last call is %s", lines[len(lines)-1])
	}
}

func TestDryReleasePrintsCallsAndRunsNone(t *testing.T) {
	t.Parallel()
	calls, output, code := runRelease(t, nil, "-n", "api", newImage, canaryImage)
	if calls != "" || code != 0 {
		t.Errorf("exit status %d, calls %s", code, calls)
	}
	checkCalls(t, output)
	for _, want := range []string{"run deploy prod-hybridbts-api", "--no-traffic", "=25,", "20261120-120000=100"} {
		if !strings.Contains(output, want) {
			t.Errorf("output lacks %q: %s", want, output)
		}
	}
	if strings.Contains(output, rollbackFlag) {
		t.Errorf("output contains a rollback: %s", output)
	}
}

func TestVerdictCountsDeadLettersOfTheFunctionsTopics(t *testing.T) {
	t.Parallel()
	for function, want := range map[string]string{
		"city": "", "resize": "", "alert": "prod-hybridbts-alerts-dead", "api": "prod-hybridbts-commands-dead",
		"review": "prod-hybridbts-reviews-dead", "sentiment": "prod-hybridbts-commands-dead", "image": "prod-hybridbts-originals-dead",
	} {
		_, output, _ := runRelease(t, environment{"STAGES": "50"}, "-n", function, newImage, canaryImage)
		verdict := output[max(0, strings.Index(output, "--args=verdict")):]
		var got []string
		for _, m := range regexp.MustCompile(`,-dead=([a-z-]+)`).FindAllStringSubmatch(verdict, -1) {
			got = append(got, m[1])
		}
		if want == "" && got != nil || want != "" && !slices.Contains(got, want) || slices.Contains(got, "prod-hybridbts-alerts-dead") != (function == "alert") {
			t.Errorf("the verdict of %s counts %q, want %q", function, got, want)
		}
	}
}
