package deploy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/cloudbuild/apiv1/v2/cloudbuildpb"
	"google.golang.org/protobuf/encoding/protojson"
	"sigs.k8s.io/yaml"
)

// builtInSubstitutions are the substitutions of Cloud Build that the file uses.
var builtInSubstitutions = []string{"PROJECT_ID", "SHORT_SHA"}

// readBuild parses a cloudbuild.yaml. Like the API it rejects unknown fields.
func readBuild(text []byte) (*cloudbuildpb.Build, error) {
	b, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, err
	}
	build := &cloudbuildpb.Build{}
	if err := protojson.Unmarshal(b, build); err != nil {
		return nil, err
	}
	return build, nil
}

// buildProblems returns the rules of this project that a build breaks.
func buildProblems(b *cloudbuildpb.Build) (problems []string) {
	report := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	var ids []string
	texts := []string{b.ServiceAccount}
	for i, s := range b.Steps {
		if s.Id == "" || slices.Contains(ids, s.Id) {
			report("step %d: empty or duplicate id %q", i, s.Id)
		}
		for _, before := range s.WaitFor {
			if !slices.Contains(ids, before) { // "-" would start the step before the tests pass
				report("step %s waits for %q, which is no earlier step", s.Id, before)
			}
		}
		if !regexp.MustCompile(`:[0-9]+\.[0-9]+\.[0-9]+(-[a-z]+)?$|@sha256:[0-9a-f]{64}$`).MatchString(s.Name) {
			report("step %s: image %s is not pinned", s.Id, s.Name)
		}
		if info, err := os.Stat(filepath.Join("..", "..", s.Entrypoint)); err != nil || info.Mode()&0o111 == 0 {
			report("step %s: entrypoint %q is not executable", s.Id, s.Entrypoint)
		}
		ids = append(ids, s.Id)
		texts = append(texts, slices.Concat(s.Args, s.Env, []string{s.Name, s.Script})...)
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`\$\{?([A-Z_]+)\}?`).FindAllStringSubmatch(strings.Join(texts, "\n"), -1) {
		used[m[1]] = true
		if _, declared := b.Substitutions[m[1]]; !declared && !slices.Contains(builtInSubstitutions, m[1]) {
			report("undeclared substitution $%s", m[1])
		}
	}
	for name := range b.Substitutions {
		if !used[name] || !strings.HasPrefix(name, "_") {
			report("substitution %s is unused, or does not begin with _", name)
		}
	}
	if b.ServiceAccount == "" || b.GetOptions().GetLogging() != cloudbuildpb.BuildOptions_CLOUD_LOGGING_ONLY {
		report("service account %q, logging %v; want an account and logs in Cloud Logging only", b.ServiceAccount, b.GetOptions().GetLogging())
	}
	if d := b.Timeout.AsDuration(); d < time.Hour || d > 24*time.Hour {
		report("timeout %v, want 1 to 24 hours", d)
	}
	return problems
}

// readBuildFile parses a file of the repository's root and reports its problems.
func readBuildFile(t *testing.T, name string) (*cloudbuildpb.Build, []byte) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	b, err := readBuild(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range buildProblems(b) {
		t.Errorf("%s: %s", name, p)
	}
	return b, text
}

func TestReleaseWaitsForTheTestsOfAnotherAccount(t *testing.T) {
	tests, _ := readBuildFile(t, ".ci/cloudbuild.yaml")
	if len(tests.Steps) != 1 || tests.Steps[0].Entrypoint != "./.ci/run" {
		t.Error(".ci/cloudbuild.yaml does more than to run .ci/run")
	}
	b, text := readBuildFile(t, "cloudbuild.yaml")
	if b.Steps[0].Entrypoint != "./scripts/deploy/preflight.sh" {
		t.Error("the first step of cloudbuild.yaml does not run preflight.sh")
	}
	for _, s := range b.Steps {
		if strings.Contains(s.Entrypoint+strings.Join(s.Args, " "), "test") || s.Entrypoint == "./.ci/run" {
			t.Errorf("step %s of the release runs tests", s.Id)
		}
	}
	account := func(b *cloudbuildpb.Build) string {
		return strings.TrimPrefix(b.ServiceAccount, "projects/${PROJECT_ID}/serviceAccounts/")
	}
	if got, want := account(tests)+" "+account(b), "${_ENV}-hybridbts-test@${PROJECT_ID}.iam.gserviceaccount.com ${_ENV}-hybridbts-build@${PROJECT_ID}.iam.gserviceaccount.com"; got != want {
		t.Errorf("accounts of tests and release: %s, want %s", got, want)
	}
	// The release step must set the variables in the usage table of release.sh.
	script, err := os.ReadFile("release.sh")
	if err != nil {
		t.Fatal(err)
	}
	var set, read []string
	for _, e := range b.Steps[len(b.Steps)-1].Env {
		name, _, _ := strings.Cut(e, "=")
		set = append(set, name)
	}
	_, table, _ := strings.Cut(string(script), "\n#   variable ")
	for _, m := range regexp.MustCompile(`(?m)^#   ([A-Z]+)  `).FindAllStringSubmatch(table, -1) {
		read = append(read, m[1])
	}
	slices.Sort(set)
	slices.Sort(read)
	if !slices.Equal(set, read) {
		t.Errorf("the release step sets %v, release.sh reads %v", set, read)
	}
	for name, change := range map[string][2]string{ // mistakes that readBuild or buildProblems must find
		"unknown field":           {"waitFor: [preflight]", "waitfor: [preflight]"},
		"duplicate key":           {"timeout: 28800s", "timeout: 28800s\ntimeout: 1s"},
		"duration in minutes":     {"timeout: 28800s", "timeout: 480m"},
		"unknown step":            {"waitFor: [preflight]", "waitFor: [preflights]"},
		"build without tests":     {"waitFor: [preflight]", `waitFor: ["-"]`},
		"duplicate id":            {"id: build", "id: preflight"},
		"undeclared substitution": {"ENV=${_ENV}", "ENV=${_ENVIRONMENT}"},
		"unused substitution":     {"  _ENV: dev", "  _ENV: dev\n  _OTHER: x"},
		"unpinned image":          {"golang:1.26.8-bookworm", "golang:latest"},
		"missing script":          {"./scripts/deploy/deploy.sh", "./scripts/deplyo.sh"},
		"logs in a bucket":        {"CLOUD_LOGGING_ONLY", "GCS_ONLY"},
		"default account":         {"serviceAccount: ", "tags: []\n# "},
	} {
		changed := strings.Replace(string(text), change[0], change[1], 1)
		if changed == string(text) {
			t.Errorf("%s: %q is not in cloudbuild.yaml", name, change[0])
		}
		b, err := readBuild([]byte(changed))
		if err == nil && len(buildProblems(b)) == 0 {
			t.Errorf("%s: not detected", name)
		}
	}
}

// A commit is admitted when its tests passed, whatever else ran, and its builder images have digests.
func TestPreflightAdmitsTestedCommitsWithPinnedBuilders(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("1", 64)
	for name, tc := range map[string]struct {
		states, digest, want string
	}{
		"passed":               {"SUCCESS", digest, ""},
		"passed after a retry": {"FAILURE SUCCESS", digest, ""},
		"passed beside a run":  {"WORKING SUCCESS", digest, ""},
		"failed":               {"FAILURE", digest, "the tests of abc1234 did not pass: FAILURE"},
		"cancelled":            {"CANCELLED TIMEOUT", digest, "did not pass: CANCELLED TIMEOUT"},
		"running for too long": {"WORKING", digest, "no passed tests of abc1234 within 40 s"},
		"never started":        {"", digest, "no passed tests of abc1234 within 40 s"},
		"no digest":            {"SUCCESS", "", "builder images without a digest; run scripts/deploy/pin.sh"},
		"short digest":         {"SUCCESS", digest[:70], "builder images without a digest"},
	} {
		t.Run(name, func(t *testing.T) {
			root := buildFiles(t, "preflight.sh")
			if tc.digest != "" {
				pin(t, root, tc.digest)
			}
			calls, output, code := runScript(t, filepath.Join(root, "scripts/deploy/preflight.sh"), environment{"COMMIT": "abc1234", "WAIT": "40", "BUILDS": tc.states})
			if (code == 0) != (tc.want == "") || !strings.Contains(output, tc.want) {
				t.Errorf("exit status %d: %s, want %q", code, output, tc.want)
			}
			if strings.HasPrefix(tc.want, "builder") {
				return
			}
			checkCalls(t, calls)
			for _, want := range []string{`substitutions.SHORT_SHA=\"abc1234\"`, `substitutions._ENV=\"prod\"`, `serviceAccount=\"projects/shop/serviceAccounts/prod-hybridbts-test@shop.iam.gserviceaccount.com\"`} {
				if !strings.Contains(calls, want) {
					t.Errorf("%s is missing in %s", want, calls)
				}
			}
			if waits := strings.Count(calls, "sleep 20"); strings.HasPrefix(tc.want, "no passed") != (waits == 2) {
				t.Errorf("%d waits of 20 s", waits)
			}
		})
	}
}

// buildFiles returns a folder with the build configurations, whose images have no digests, and scripts of this folder.
func buildFiles(t *testing.T, scripts ...string) string {
	t.Helper()
	root := t.TempDir()
	files := []string{"cloudbuild.yaml", ".ci/cloudbuild.yaml"}
	for _, s := range scripts {
		files = append(files, "scripts/deploy/"+s)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join("../..", f))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f, ".yaml") {
			b = regexp.MustCompile(`@sha256:[0-9a-f]{64}`).ReplaceAll(b, nil)
		}
		to := filepath.Join(root, f)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, b, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// pin runs pin.sh in a folder of buildFiles with a registry in which every image has the given digest.
func pin(t *testing.T, root, digest string) (output string, code int) {
	t.Helper()
	b, err := os.ReadFile("pin.sh")
	if err != nil {
		t.Fatal(err)
	}
	script, crane := filepath.Join(root, "scripts/deploy/pin.sh"), filepath.Join(t.TempDir(), "crane")
	if err := os.WriteFile(script, b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(crane, []byte("#!/bin/sh\ncase $1$2 in digest*@*) exit 1;; digest*:*) echo "+digest+";; esac\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, output, code = runScript(t, script, environment{"CRANE": crane})
	if len(digest) == 71 && code != 0 {
		t.Fatal(output)
	}
	if len(digest) != 71 { // pin.sh refuses it, so the test writes it
		for _, f := range []string{"cloudbuild.yaml", ".ci/cloudbuild.yaml"} {
			text, err := os.ReadFile(filepath.Join(root, f))
			if err != nil {
				t.Fatal(err)
			}
			text = regexp.MustCompile(`(?m)^( +name: \S+)$`).ReplaceAll(text, []byte("${1}@"+digest))
			if err := os.WriteFile(filepath.Join(root, f), text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return output, code
}

func TestPinWritesTheDigestOfEveryBuilderImage(t *testing.T) {
	t.Parallel()
	root := buildFiles(t)
	if err := os.MkdirAll(filepath.Join(root, "scripts/deploy"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, digit := range []string{"1", "2"} { // the second time it replaces the first digests
		pin(t, root, "sha256:"+strings.Repeat(digit, 64))
		images := 0
		for _, f := range []string{"cloudbuild.yaml", ".ci/cloudbuild.yaml"} {
			text, err := os.ReadFile(filepath.Join(root, f))
			if err != nil {
				t.Fatal(err)
			}
			b, err := readBuild(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range b.Steps {
				images++
				if !regexp.MustCompile(`^\S+:[0-9.]+-[a-z]+@sha256:` + digit + `{64}$`).MatchString(s.Name) {
					t.Errorf("image %s of step %s, want a tag and the digest of %ss", s.Name, s.Id, digit)
				}
			}
		}
		if images != 4 {
			t.Errorf("%d images, want 4", images)
		}
	}
	if output, code := pin(t, root, "sha256:1"); code == 0 || !strings.Contains(output, "look up the digest of ") {
		t.Errorf("exit status %d with an invalid digest: %s", code, output)
	}
}
