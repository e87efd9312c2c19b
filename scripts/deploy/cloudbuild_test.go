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

func TestCloudBuildTestsBeforeItReleases(t *testing.T) {
	text, err := os.ReadFile("../../cloudbuild.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := readBuild(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range buildProblems(b) {
		t.Error(p)
	}
	if len(b.Steps) == 0 || b.Steps[0].Entrypoint != "./scripts/test" {
		t.Error("the first step does not run ./scripts/test")
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
		"unknown field":           {"waitFor: [test]", "waitfor: [test]"},
		"duplicate key":           {"timeout: 28800s", "timeout: 28800s\ntimeout: 1s"},
		"duration in minutes":     {"timeout: 28800s", "timeout: 480m"},
		"unknown step":            {"waitFor: [test]", "waitFor: [tests]"},
		"build without tests":     {"waitFor: [test]", `waitFor: ["-"]`},
		"duplicate id":            {"id: build", "id: test"},
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
