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

// builtIn are the substitutions that Cloud Build itself knows and we use.
var builtIn = []string{"PROJECT_ID", "SHORT_SHA"}

// readBuild reads a cloudbuild.yaml as the API does, and refuses what it does not know.
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

// lint says what is wrong with a build.
func lint(b *cloudbuildpb.Build) (problems []string) {
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	var ids []string
	texts := []string{b.ServiceAccount}
	for i, s := range b.Steps {
		if s.Id == "" || slices.Contains(ids, s.Id) {
			wrong("step %d has no id of its own: %q", i, s.Id)
		}
		for _, before := range s.WaitFor {
			if !slices.Contains(ids, before) { // such as "-", which waits for no test
				wrong("step %s waits for %q, which is no step before it", s.Id, before)
			}
		}
		if !regexp.MustCompile(`:[0-9]+\.[0-9]+\.[0-9]+(-[a-z]+)?$|@sha256:[0-9a-f]{64}$`).MatchString(s.Name) {
			wrong("the image of step %s is not pinned: %s", s.Id, s.Name)
		}
		if info, err := os.Stat(filepath.Join("..", "..", s.Entrypoint)); err != nil || info.Mode()&0o111 == 0 {
			wrong("step %s starts %q, which is no program", s.Id, s.Entrypoint)
		}
		ids = append(ids, s.Id)
		texts = append(texts, slices.Concat(s.Args, s.Env, []string{s.Name, s.Script})...)
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`\$\{?([A-Z_]+)\}?`).FindAllStringSubmatch(strings.Join(texts, "\n"), -1) {
		used[m[1]] = true
		if _, declared := b.Substitutions[m[1]]; !declared && !slices.Contains(builtIn, m[1]) {
			wrong("$%s is not declared", m[1])
		}
	}
	for name := range b.Substitutions {
		if !used[name] || !strings.HasPrefix(name, "_") {
			wrong("substitution %s is not used, or no name of ours", name)
		}
	}
	if b.ServiceAccount == "" || b.GetOptions().GetLogging() != cloudbuildpb.BuildOptions_CLOUD_LOGGING_ONLY {
		wrong("it has no account of its own, or keeps logs in a bucket: %q, %v", b.ServiceAccount, b.GetOptions().GetLogging())
	}
	if d := b.Timeout.AsDuration(); d < time.Hour || d > 24*time.Hour {
		wrong("it ends after %v", d)
	}
	return problems
}

func TestCloudBuild(t *testing.T) {
	text, err := os.ReadFile("../../cloudbuild.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := readBuild(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range lint(b) {
		t.Error(p)
	}
	if len(b.Steps) == 0 || b.Steps[0].Entrypoint != "./scripts/test" {
		t.Error("it does not begin with the tests")
	}
	// What the release step sets is what release.sh reads, and each mistake below is seen.
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
		t.Errorf("it sets %v, release.sh reads %v", set, read)
	}
	for name, change := range map[string][2]string{
		"an unknown field":           {"waitFor: [test]", "waitfor: [test]"},
		"a key twice":                {"timeout: 28800s", "timeout: 28800s\ntimeout: 1s"},
		"a duration of minutes":      {"timeout: 28800s", "timeout: 480m"},
		"a step that is not there":   {"waitFor: [test]", "waitFor: [tests]"},
		"a build without tests":      {"waitFor: [test]", `waitFor: ["-"]`},
		"an id twice":                {"id: build", "id: test"},
		"an undeclared substitution": {"ENV=${_ENV}", "ENV=${_ENVIRONMENT}"},
		"an unused substitution":     {"  _ENV: dev", "  _ENV: dev\n  _OTHER: x"},
		"an image that is not fixed": {"golang:1.26.8-bookworm", "golang:latest"},
		"a script that is not there": {"./scripts/deploy/deploy.sh", "./scripts/deplyo.sh"},
		"logs in a bucket":           {"CLOUD_LOGGING_ONLY", "GCS_ONLY"},
		"the default account":        {"serviceAccount: ", "tags: []\n# "},
	} {
		changed := strings.Replace(string(text), change[0], change[1], 1)
		if changed == string(text) {
			t.Errorf("%s: %q is not in cloudbuild.yaml", name, change[0])
		}
		b, err := readBuild([]byte(changed))
		if err == nil && len(lint(b)) == 0 {
			t.Errorf("%s is not seen", name)
		}
	}
}
