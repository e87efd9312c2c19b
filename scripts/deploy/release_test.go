package deploy_test

import (
	"bytes"
	"encoding/csv"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files again")

// fakeGcloud records its calls, a line each, keeps their files where the test says, fails those that it says, and answers questions as
// Google Cloud would of a service whose revision "old" has all traffic.
const fakeGcloud = `#!/usr/bin/env bash
printf -v call '%q ' gcloud "$@"
call=${call//\\,/,}
call=${call% }
if [[ -n $TALKS && $call == *-old=100* ]]; then echo "Updating traffic..." >&2 || exit 1; fi
echo "$call" >>"$CALLS"
if [ -n "$FILES" ]; then
  for word in "$@"; do case $word in --*=/*.json | --*=/*.yaml) cp "${word#*=}" "$FILES" ;; esac; done
fi
if [[ -n $FAIL && $call == *"$FAIL"* && $(grep -cF -- "$FAIL" "$CALLS") -ge $FAIL_FROM &&
  $(grep -cF -- "$FAIL" "$CALLS") -le ${FAIL_TO:-999} ]]; then exit 1; fi
if [[ -n $AGAIN && $call == *-old=100* ]]; then kill -INT $$; kill -HUP $$; fi
[ -z "$NOISE" ] || echo "WARNING: this gcloud is old"
service=prod-hybridbts-api
case "$*" in
*"services list"*) [ -n "$FIRST" ] || echo "$service,${READY-$service-old}" ;;
*"services describe"*flatten*)
  printf '%s\n' "$TRAFFIC"
  if grep -q "run deploy" "$CALLS"; then printf '%s\n' "$TAGGED"; fi
  ;;
*"services describe"*"status.url"*) echo https://$service.run.app ;;
*"revisions describe"*) echo "$DEPLOYED" ;;
*"billing projects describe"*) echo 0000-1111 ;;
*"projects describe"*) echo 123 ;;
*"addresses describe"*"value(address)"*) echo 203.0.113.7 ;;
*"sinks describe"*writerIdentity*) echo serviceAccount:service-123@gcp-sa-logging.iam.gserviceaccount.com ;;
*"managed-zones describe"*dnsName*) echo hybridbts.tech. ;;
*"triggers describe"*subscription*) echo "eventarc-asia-northeast3-$4-sub-001" ;;
*"roles describe"*"value(deleted)"*) echo "$DELETED" ;;
*"backend-services describe"*"value("*) [ -n "$EMPTY$HALF" ] || echo THERE ;;
*"run services describe"*) [ -z "$EMPTY" ] || [ -n "$RELEASED" ] ;;
*"SELECT File"*) [ -n "$EMPTY" ] || printf 'File\n%s\n' $APPLIED ;;
*" describe "*) [ -z "$EMPTY" ] ;;
*" list"*) [ -n "$EMPTY" ] || echo THERE ;;
*"channels create"*) echo CHANNEL ;;
esac
`

// tools are the fakes that a script finds before the real ones.
var tools = map[string]string{
	"gcloud": fakeGcloud,
	"date":   "#!/bin/sh\necho 20261120-120000\n",
	"sleep":  "#!/bin/sh\necho \"sleep $1\" >>\"$CALLS\"\n[ -z \"$INTERRUPTED\" ] || { kill -TERM $PPID; exec /bin/sleep 5; }\n",
	"git":    "#!/bin/sh\ncase $1 in status) printf '%s' \"$DIRTY\";; rev-parse) echo abc1234;; esac\n",
}

const (
	image    = "asia-northeast3-docker.pkg.dev/shop/prod-hybridbts/api@sha256:1111111111111111111111111111111111111111111111111111111111111111"
	old      = "asia-northeast3-docker.pkg.dev/shop/prod-hybridbts/api@sha256:0000000000000000000000000000000000000000000000000000000000000000"
	judge    = "asia-northeast3-docker.pkg.dev/shop/prod-hybridbts/canary@sha256:2222222222222222222222222222222222222222222222222222222222222222"
	oldHas   = "prod-hybridbts-api-old,100,,"
	newIs    = "prod-hybridbts-api-20261120-120000,,canary,https://canary---prod-hybridbts-api.run.app"
	nobodyIs = "prod-hybridbts-api-old,50,,\nprod-hybridbts-api-new,50,,"
	// another release has deployed, and asks its revision; a first release stopped before it did.
	another  = "prod-hybridbts-api-old,100,,\nprod-hybridbts-api-new,,canary,https://canary---prod-hybridbts-api.run.app"
	unproven = "prod-hybridbts-api-old,100,canary,https://canary---prod-hybridbts-api.run.app"
	back     = "--to-revisions=prod-hybridbts-api-old=100"
)

// release runs release.sh as script does.
func release(t *testing.T, environ map[string]string, args ...string) (calls, printed string, code int) {
	t.Helper()
	return script(t, "release.sh", environ, args...)
}

// script runs a script on fakes, and returns its calls, what it printed and its exit status.
func script(t *testing.T, name string, environ map[string]string, args ...string) (calls, printed string, code int) {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("needs bash: install it")
	}
	// What scripts read the test must have read, or go test answers from its cache when they change.
	for _, dir := range []string{".", "monitoring", "monitoring/metrics", "monitoring/policies", "../../shared/schema/spannerdb/schema"} {
		if _, err := os.ReadDir(dir); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	for tool, text := range tools {
		if err := os.WriteFile(filepath.Join(dir, tool), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	log := filepath.Join(dir, "calls")
	cmd := exec.Command("bash", append([]string{name}, args...)...)
	all := map[string]string{
		"PATH": dir + string(os.PathListSeparator) + os.Getenv("PATH"), "CALLS": log, "ENV": "prod", "PROJECT": "shop",
		"TRAFFIC": oldHas, "TAGGED": newIs, "DEPLOYED": old + ",1", "FAIL_FROM": "1",
	}
	for name, value := range environ {
		all[name] = value
	}
	for name, value := range all {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(log)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b), string(out), cmd.ProcessState.ExitCode()
}

// deployed is what gcloud says of a revision with the image and the settings that a release would deploy.
func deployed(t *testing.T) string {
	t.Helper()
	calls, _, _ := release(t, nil, "api", image, judge)
	m := regexp.MustCompile(`,settings=(\d+) `).FindStringSubmatch(calls)
	if m == nil {
		t.Fatalf("no settings in %s", calls)
	}
	return image + "," + m[1]
}

func TestRelease(t *testing.T) {
	same := deployed(t)
	for _, tc := range []struct {
		name    string
		environ map[string]string
		args    []string
		code    int
	}{
		{"healthy", nil, []string{"api", image, judge}, 0},
		{"first deploy", map[string]string{"FIRST": "yes"}, []string{"api", image, judge}, 0},
		{"first release that never started", map[string]string{"READY": "", "TRAFFIC": ""}, []string{"api", image, judge}, 0},
		{"nothing changed", map[string]string{"DEPLOYED": same}, []string{"api", image, judge}, 0},
		{"bad verdict", map[string]string{"FAIL": "--args=verdict", "FAIL_FROM": "2"}, []string{"api", image, judge}, 1},
		{"bad smoke test", map[string]string{"FAIL": "--args=smoke"}, []string{"api", image, judge}, 1},
		{"bad smoke test of the first deploy", map[string]string{"FIRST": "yes", "FAIL": "--args=smoke"}, []string{"api", image, judge}, 1},
		{"split traffic", map[string]string{"TRAFFIC": nobodyIs}, []string{"api", image, judge}, 1},
		{"another release", map[string]string{"TRAFFIC": another}, []string{"api", image, judge}, 1},
		{"no answer", map[string]string{"TRAFFIC": ""}, []string{"api", image, judge}, 1},
		{"first release that stopped", map[string]string{"TRAFFIC": unproven, "DEPLOYED": same, "STAGES": ""}, []string{"api", image, judge}, 0},
		{"another release at the same time", map[string]string{"TAGGED": another}, []string{"api", image, judge}, 1},
		{"other settings", map[string]string{"DEPLOYED": image + ",1", "STAGES": ""}, []string{"api", image, judge}, 0},
		{"header of the table", nil, []string{"function", image, judge}, 1},
		{"bad stages", map[string]string{"STAGES": "5 100"}, []string{"api", image, judge}, 1},
		{"stages with commas", map[string]string{"STAGES": "5,25"}, []string{"api", image, judge}, 1},
		{"a pause that is no number", map[string]string{"PAUSE": "10m"}, []string{"api", image, judge}, 1},
		{"dirty tree", map[string]string{"DIRTY": " M go.mod"}, []string{"api", image, judge}, 1},
		{"dirty tree in Cloud Build", map[string]string{"COMMIT": "abc1234-dirty"}, []string{"api", image, judge}, 1},
		{"a tag, no digest", nil, []string{"api", "registry/api:latest", judge}, 1},
		{"unknown function", nil, []string{"nothing", image, judge}, 1},
		{"unknown environment", map[string]string{"ENV": "test"}, []string{"api", image, judge}, 1},
		{"too short a pause", map[string]string{"PAUSE": "299"}, []string{"api", image, judge}, 1},
		{"no arguments", nil, nil, 2},
		{"no stages", map[string]string{"STAGES": ""}, []string{"api", image, judge}, 0},
		{"interrupted", map[string]string{"INTERRUPTED": "yes"}, []string{"api", image, judge}, 1},
		{"with secrets and for the inside", map[string]string{"ENV": "dev", "FIRST": "yes"}, []string{"alert", image, judge}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			calls, printed, code := release(t, tc.environ, tc.args...)
			if code != tc.code {
				t.Errorf("exit %d, want %d: %s", code, tc.code, printed)
			}
			golden(t, "testdata/release/"+strings.ReplaceAll(tc.name, " ", "_")+".txt", calls)
			checkFlags(t, calls)
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("calls differ from %s, which -update writes again:\n%s", file, diff)
	}
}

// Once the new revision is there, whatever fails, the last call gives all traffic back.
func TestFailureAtEachStepGivesTheTrafficBack(t *testing.T) {
	healthy, _, _ := release(t, nil, "api", image, judge)
	lines := strings.Split(strings.TrimSpace(healthy), "\n")
	before := true
	seen := map[string]int{}
	for i, line := range lines {
		if strings.HasPrefix(line, "sleep") {
			continue
		}
		seen[line]++
		before = before && !strings.Contains(line, "run deploy")
		calls, printed, code := release(t, map[string]string{"FAIL": line, "FAIL_FROM": strconv.Itoa(seen[line])}, "api", image, judge)
		if code != 1 {
			t.Errorf("exit %d when call %d fails, want 1: %s\n%s", code, i+1, line, printed)
		}
		got := strings.Split(strings.TrimSpace(calls), "\n")
		last := got[len(got)-1]
		if returned := strings.Contains(last, back); returned == before {
			t.Errorf("when call %d fails (%s) the last is %s", i+1, line, last)
		}
	}
}

// What gcloud says beside its answers changes nothing.
func TestReleaseReadsOverWarnings(t *testing.T) {
	want, _, _ := release(t, nil, "api", image, judge)
	got, printed, code := release(t, map[string]string{"NOISE": "yes"}, "api", image, judge)
	if diff := cmp.Diff(want, got); diff != "" || code != 0 {
		t.Errorf("exit %d, printed %s, calls differ:\n%s", code, printed, diff)
	}
	if got, _, code := release(t, map[string]string{"NOISE": "yes", "DEPLOYED": deployed(t)}, "api", image, judge); code != 0 || strings.Contains(got, "run deploy") {
		t.Errorf("exit %d, it deploys what is there: %s", code, got)
	}
	if got, printed, _ := release(t, map[string]string{"NOISE": "yes", "FIRST": "yes"}, "api", image, judge); !strings.Contains(printed, "for the first time") {
		t.Errorf("it deploys nothing: %s%s", got, printed)
	}
}

// Whoever interrupts the way back, or closes the terminal, does not stop it.
func TestTheWayBackIsNotInterrupted(t *testing.T) {
	calls, printed, code := release(t, map[string]string{"FAIL": "--args=verdict", "AGAIN": "yes"}, "api", image, judge)
	if code != 1 || strings.Contains(printed, "ROLLBACK FAILED") || !strings.Contains(calls, back) {
		t.Errorf("exit %d, %s: %s", code, printed, calls)
	}
	calls, _, _ = script(t, "testdata/closed_output.sh", map[string]string{"FAIL": "--args=verdict", "TALKS": "yes"}, "./release.sh", "api", image, judge)
	if lines := strings.Split(strings.TrimSpace(calls), "\n"); !strings.Contains(lines[len(lines)-1], back) {
		t.Errorf("with nobody to hear it, the last call is %s", lines[len(lines)-1])
	}
}

func TestDryRunPrintsAndRunsNothing(t *testing.T) {
	calls, printed, code := release(t, nil, "-n", "api", image, judge)
	if calls != "" || code != 0 {
		t.Errorf("exit %d, it ran %s", code, calls)
	}
	checkFlags(t, printed)
	for _, want := range []string{"run deploy prod-hybridbts-api", "--no-traffic", "=25,", "20261120-120000=100"} {
		if !strings.Contains(printed, want) {
			t.Errorf("it does not print %q: %s", want, printed)
		}
	}
	if strings.Contains(printed, back) {
		t.Errorf("it prints a way back: %s", printed)
	}
}

// A bad revision answers for the dead letters that it may have caused, and for no others.
func TestVerdictCountsTheDeadLettersOfTheFunction(t *testing.T) {
	for function, want := range map[string]string{
		"city": "", "resize": "", "alert": "prod-hybridbts-alerts-dead", "api": "prod-hybridbts-reviews-dead",
		"review": "prod-hybridbts-reviews-dead", "sentiment": "prod-hybridbts-reviews-dead", "image": "prod-hybridbts-originals-dead",
	} {
		_, printed, _ := release(t, map[string]string{"STAGES": "50"}, "-n", function, image, judge)
		verdict := printed[max(0, strings.Index(printed, "--args=verdict")):]
		var got []string
		for _, m := range regexp.MustCompile(`,-dead=([a-z-]+)`).FindAllStringSubmatch(verdict, -1) {
			got = append(got, m[1])
		}
		if want == "" && got != nil || want != "" && !slices.Contains(got, want) || slices.Contains(got, "prod-hybridbts-alerts-dead") != (function == "alert") {
			t.Errorf("%s is judged by %q, want %q", function, got, want)
		}
	}
}

// checkFlags checks each gcloud call against the commands and flags of a real gcloud.
func checkFlags(t *testing.T, calls string) {
	t.Helper()
	for line := range strings.Lines(calls) {
		if why := wrongCall(t, line); why != "" {
			t.Errorf("%s: %s", why, line)
		}
	}
}

// wrongCall says what gcloud would not know of a call, or "". What it knows is in a file cut from the
// completions of gcloud 528 (data/cli/gcloud_completions.py), for our commands alone.
func wrongCall(t *testing.T, line string) string {
	t.Helper()
	call, ok := strings.CutPrefix(strings.TrimSpace(line), "gcloud ")
	if !ok {
		return ""
	}
	b, err := os.ReadFile("testdata/gcloud_flags.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string][]string{}
	for l := range strings.Lines(string(b)) {
		command, flags, _ := strings.Cut(strings.TrimSpace(l), ":")
		known[command] = strings.Fields(flags)
	}
	command := ""
	for c := range known {
		if strings.HasPrefix(call, c+" ") && len(c) > len(command) {
			command = c
		}
	}
	if command == "" {
		return "no such command"
	}
	flags := slices.Concat(known[command], known["gcloud"])
	for _, f := range regexp.MustCompile(` (--[a-z0-9-]+)`).FindAllStringSubmatch(call, -1) {
		if !slices.Contains(flags, f[1]) && !slices.Contains(flags, "--"+strings.TrimPrefix(f[1], "--no-")) {
			return "no flag " + f[1]
		}
	}
	return ""
}

func TestWrongCallsAreSeen(t *testing.T) {
	for call, want := range map[string]bool{
		"gcloud run deploy x --image=i --no-traffic --quiet":      false,
		"gcloud run deploy x --no-allow-unauthenticated":          false,
		"gcloud run deploy x --revision-suffx=a":                  true,
		"gcloud run service update-traffic x --to-revisions=a=10": true,
		"gcloud run services list --no-traffic":                   true,
	} {
		if why := wrongCall(t, call); (why != "") != want {
			t.Errorf("wrongCall(%q) = %q", call, why)
		}
	}
}

// The API's quota is the project's: https://cloud.google.com/natural-language/quotas.
func TestInstancesShareTheQuotaOfTheNaturalLanguageAPI(t *testing.T) {
	const perMinute = 600
	for _, s := range services(t) {
		if s["function"] != "sentiment" {
			continue
		}
		_, share, _ := strings.Cut(s["variables"], "LANGUAGE_QPM=")
		share, _, _ = strings.Cut(share, ";")
		each, err := strconv.Atoi(share)
		if err != nil {
			t.Fatal(err)
		}
		instances, err := strconv.Atoi(s["max"])
		if err != nil {
			t.Fatal(err)
		}
		if each*instances > perMinute {
			t.Errorf("%d instances of sentiment may make %d calls a minute each, in all more than %d", instances, each, perMinute)
		}
	}
}

// services returns the rows of services.csv by column.
func services(t *testing.T) []map[string]string {
	t.Helper()
	b, err := os.ReadFile("services.csv")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]string
	for _, row := range rows[1:] {
		s := map[string]string{}
		for i, column := range rows[0] {
			s[column] = row[i]
		}
		all = append(all, s)
	}
	return all
}

func TestServicesAreTheFunctionsWithTheVariablesThatTheyRequire(t *testing.T) {
	required := regexp.MustCompile(`e\.Required\("([A-Z_]+)"\)`)
	names := regexp.MustCompile(`([A-Z_]+)=`)
	var listed []string
	for _, s := range services(t) {
		listed = append(listed, s["function"])
		b, err := os.ReadFile(filepath.Join("..", "..", "functions", s["function"], "main.go"))
		if err != nil {
			t.Error(err)
			continue
		}
		set := []string{"GOOGLE_CLOUD_PROJECT"} // of every one
		for _, m := range names.FindAllStringSubmatch(s["variables"]+";"+s["secrets"], -1) {
			set = append(set, m[1])
			if !bytes.Contains(b, []byte(`"`+m[1]+`"`)) {
				t.Errorf("%s does not read %s", s["function"], m[1])
			}
		}
		for _, m := range required.FindAllSubmatch(b, -1) {
			if !slices.Contains(set, string(m[1])) {
				t.Errorf("%s has no %s", s["function"], m[1])
			}
		}
		if s["public"] == "yes" && s["ingress"] != "internal-and-cloud-load-balancing" || s["ingress"] == "all" {
			t.Errorf("%s can be reached past the load balancer", s["function"])
		}
	}
	mains, err := filepath.Glob("../../functions/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, main := range mains {
		there = append(there, filepath.Base(filepath.Dir(main)))
	}
	if !slices.Equal(listed, there) {
		t.Errorf("services.csv lists %v, functions/ holds %v", listed, there)
	}
}

func TestPersonalDataIsNotPublic(t *testing.T) {
	for _, s := range services(t) {
		if s["function"] == "city" && s["public"] != "no" {
			t.Error("city is deployed for unauthenticated callers")
		}
		if s["function"] == "city" && s["cache"] != "" || s["cache"] != "" && s["public"] != "yes" {
			t.Errorf("what %s answers one caller is kept for others", s["function"])
		}
	}
}
