package deploy_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files again")

// fakeGcloud is a shell function in place of gcloud. It appends each call to the file CALLS and prints the output that
// Google Cloud would print about a service whose revision "old" has all traffic. Tests set its variables:
//
//	FAIL, FAIL_FROM, FAIL_TO   calls containing FAIL fail, from the FAIL_FROM-th to the FAIL_TO-th of them
//	FILES                      folder that receives copies of the generated files that calls name
//	EMPTY, PARTIAL, RELEASED   no resource exists; backend services lack their backend; Cloud Run services exist
//	APPLIED, DELETED           applied schema files; whether custom roles are deleted
//	NEW_SERVICE, READY         the service does not exist; its latest ready revision
//	TRAFFIC, TAGGED            traffic targets before and after the deployment
//	DEPLOYED                   image and settings of the serving revision
//	BUILDS                     states of the builds that tested a commit
//	WARNINGS, PROGRESS         print a warning on every call; print progress of a rollback, and fail if nobody reads it
//	SIGNAL_ROLLBACK            interrupt the rollback's gcloud by signals
//
// A function costs a fork for each call instead of a new process, which makes a run of setup.sh three times cheaper.
const fakeGcloud = `gcloud() (
set +eu
printf -v call '%q ' gcloud "$@"
call=${call//\\,/,}
call=${call% }
if [[ -n $PROGRESS && $call == *-old=100* ]]; then echo "Updating traffic..." >&2 || exit 1; fi
echo "$call" >>"$CALLS"
if [ -n "$FILES" ]; then
  for word in "$@"; do case $word in --*=/*.json | --*=/*.yaml | /*.yaml) cp "${word#*=}" "$FILES" ;; esac; done
fi
if [[ -n $FAIL && $call == *"$FAIL"* && $(grep -cF -- "$FAIL" "$CALLS") -ge $FAIL_FROM &&
  $(grep -cF -- "$FAIL" "$CALLS") -le ${FAIL_TO:-999} ]]; then exit 1; fi
if [[ -n $SIGNAL_ROLLBACK && $call == *-old=100* ]]; then kill -INT $BASHPID; kill -HUP $BASHPID; fi
[ -z "$WARNINGS" ] || echo "WARNING: this gcloud is old"
service=prod-hybridbts-api
audits=
[ -n "$EMPTY" ] || audits=spanner
[ -n "$EMPTY$PARTIAL" ] || audits="bigtable bigtableadmin spanner storage"
case "$*" in
*"builds list"*) printf '%s\n' $BUILDS ;;
*"get-iam-policy"*"value("*) for audit in $audits; do echo $audit.googleapis.com; done ;;
*"get-iam-policy"*)
  [ -z "$audits" ] || echo auditConfigs:
  for audit in $audits; do printf -- '- auditLogConfigs:\n  - logType: DATA_WRITE\n  service: %s\n' $audit.googleapis.com; done
  printf -- 'bindings:\n- members:\n  - user:owner@example.org\n  role: roles/owner\netag: BwYabc=\nversion: 1\n'
  ;;
*"services list"*) [ -n "$NEW_SERVICE" ] || echo "$service,${READY-$service-old}" ;;
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
*"backend-services describe"*"value("*) [ -n "$EMPTY$PARTIAL" ] || echo EXISTING ;;
*"run services describe"*) [ -z "$EMPTY" ] || [ -n "$RELEASED" ] ;;
*"SELECT File"*) [ -n "$EMPTY" ] || printf 'File\n%s\n' $APPLIED ;;
*" describe "*) [ -z "$EMPTY" ] ;;
*" list"*) [ -n "$EMPTY" ] || echo EXISTING ;;
*"channels create"*) echo CHANNEL ;;
esac
)
`

// fakeTools precede the real tools in the PATH of a script. INTERRUPTED makes sleep send SIGTERM to the script.
var fakeTools = map[string]string{
	"date":  "#!/bin/sh\necho 20261120-120000\n",
	"sleep": "#!/bin/sh\necho \"sleep $1\" >>\"$CALLS\"\n[ -z \"$INTERRUPTED\" ] || { kill -TERM $PPID; exec /bin/sleep 5; }\n",
	"git":   "#!/bin/sh\ncase $1 in status) printf '%s' \"$GIT_STATUS\";; rev-parse) echo abc1234;; esac\n",
}

// environment holds environment variables of a script by name.
type environment map[string]string

// requireBash skips the test without bash.
func requireBash(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("needs bash: install it")
	}
}

// runScript runs a script of this folder with fake tools. It returns the recorded calls, one per line, the script's
// output and its exit status.
func runScript(t *testing.T, name string, environ environment, args ...string) (calls, output string, code int) {
	t.Helper()
	requireBash(t)
	// go test caches results by the files that the test process opens, not by those of its child processes.
	for _, dir := range []string{".", "monitoring", "monitoring/metrics", "monitoring/policies", "../../shared/schema/spannerdb/schema"} {
		if _, err := os.ReadDir(dir); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	for tool, text := range fakeTools {
		if err := os.WriteFile(filepath.Join(dir, tool), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	gcloud := filepath.Join(dir, "gcloud.bash")
	if err := os.WriteFile(gcloud, []byte(fakeGcloud), 0o644); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "calls")
	all := environment{
		"PATH": dir + string(os.PathListSeparator) + os.Getenv("PATH"), "BASH_ENV": gcloud, "CALLS": log, "ENV": "prod", "PROJECT": "shop",
		"TRAFFIC": oldHasAllTraffic, "TAGGED": newHasTag, "DEPLOYED": oldImage + ",1", "FAIL_FROM": "1",
	}
	maps.Copy(all, environ)
	cmd := exec.Command("bash", append([]string{name}, args...)...)
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

// recording is the result of one run of setup.sh.
type recording struct {
	sync.Once
	calls, output string
	code          int
}

// recordings holds a *recording for each environment and argument list of setup.sh, so that tests share runs.
var recordings sync.Map

// runSetup runs setup.sh as runScript does, and returns a shared result for equal environments. The name of the
// script's work folder is WORK in the result. A run with FILES is not shared.
func runSetup(t *testing.T, environ environment, args ...string) (calls, output string, code int) {
	t.Helper()
	all := environment{"MAIL": "operators@example.org"}
	maps.Copy(all, environ)
	requireBash(t)
	r := &recording{}
	if all["FILES"] == "" {
		shared, _ := recordings.LoadOrStore(fmt.Sprint(all, args), r)
		r = shared.(*recording)
	}
	r.Do(func() {
		r.calls, r.output, r.code = runScript(t, "setup.sh", all, args...)
		work := regexp.MustCompile(`([ =])/\S*/tmp\.[A-Za-z0-9]+/`)
		r.calls, r.output = work.ReplaceAllString(r.calls, "${1}WORK/"), work.ReplaceAllString(r.output, "${1}WORK/")
	})
	return r.calls, r.output, r.code
}

// compareGolden compares the recorded calls with a golden file below testdata, or writes the file with -update. It also
// checks the calls' flags.
func compareGolden(t *testing.T, name, calls string) {
	t.Helper()
	file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "_")+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(calls), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(calls, "\n")); diff != "" {
		t.Errorf("calls differ from %s; -update writes it again:\n%s", file, diff)
	}
	checkCalls(t, calls)
}

// checkCalls checks every gcloud call against the commands and flags of a real gcloud.
func checkCalls(t *testing.T, calls string) {
	t.Helper()
	for line := range strings.Lines(calls) {
		if problem := callProblem(line); problem != "" {
			t.Errorf("%s: %s", problem, line)
		}
	}
}

// gcloudFlags returns the flags of each gcloud command that the scripts and pages use. testdata/gcloud_flags.txt is an
// extract of the completions of gcloud 528 (data/cli/gcloud_completions.py).
var gcloudFlags = sync.OnceValue(func() map[string][]string {
	b, err := os.ReadFile("testdata/gcloud_flags.txt")
	if err != nil {
		panic(err)
	}
	flags := map[string][]string{}
	for line := range strings.Lines(string(b)) {
		command, list, _ := strings.Cut(strings.TrimSpace(line), ":")
		flags[command] = strings.Fields(list)
	}
	return flags
})

// flagPattern matches the name of a flag in a call.
var flagPattern = regexp.MustCompile(` (--[a-z0-9-]+)`)

// callProblem returns the reason why gcloud would reject a call, or "" for a valid call and for other commands.
func callProblem(line string) string {
	call, ok := strings.CutPrefix(strings.TrimSpace(line), "gcloud ")
	if !ok {
		return ""
	}
	known, command := gcloudFlags(), ""
	for c := range known {
		if strings.HasPrefix(call+" ", c+" ") && len(c) > len(command) {
			command = c
		}
	}
	if command == "" {
		return "unknown command"
	}
	flags := slices.Concat(known[command], known["gcloud"])
	for _, f := range flagPattern.FindAllStringSubmatch(call, -1) {
		if !slices.Contains(flags, f[1]) && !slices.Contains(flags, "--"+strings.TrimPrefix(f[1], "--no-")) {
			return "unknown flag " + f[1]
		}
	}
	return ""
}

func TestUnknownCommandsAndFlagsAreDetected(t *testing.T) {
	for call, invalid := range map[string]bool{
		"gcloud run deploy x --image=i --no-traffic --quiet":      false,
		"gcloud run deploy x --no-allow-unauthenticated":          false,
		"gcloud run deploy x --revision-suffx=a":                  true,
		"gcloud run service update-traffic x --to-revisions=a=10": true,
		"gcloud run services list --no-traffic":                   true,
	} {
		if problem := callProblem(call); (problem != "") != invalid {
			t.Errorf("callProblem(%q) = %q", call, problem)
		}
	}
}
