package deploy_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// A release pins traffic to a revision, so a page that updates a service must also move the traffic.
func TestPagesContainValidGcloudCalls(t *testing.T) {
	calls := 0
	for _, page := range []string{"../../README.md", "../../cloudbuild.yaml", "COSTS.md", "monitoring/RUNBOOK.md", "terraform/main.tf"} {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`\\\n|\$\([^)]*\)`).ReplaceAllString(string(b), "")
		for _, call := range regexp.MustCompile("(?m)(?:^#? *|\\| |`)(gcloud [a-z][^`\n]*)").FindAllStringSubmatch(text, -1) {
			calls++
			if problem := callProblem(call[1]); problem != "" {
				t.Errorf("%s: %s: %s", page, problem, call[1])
			}
		}
		for _, m := range regexp.MustCompile(`gcloud run services update (\S+) .*\n(.*)`).FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(m[2], "gcloud run services update-traffic "+m[1]+" ") || !strings.HasSuffix(m[2], " --to-latest") {
				t.Errorf("%s: the update of %s is not followed by run services update-traffic --to-latest", page, m[1])
			}
		}
	}
	// Cloud Build has no git clone, so the tag is the only sign of uncommitted changes.
	for _, page := range []string{"../../README.md", "../../cloudbuild.yaml"} {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(b), "SHORT_SHA=$(git describe --always --dirty --exclude='*')") != 1 {
			t.Errorf("%s: the build's tag does not mark a dirty tree", page)
		}
	}
	if calls < 10 {
		t.Errorf("%d calls, want 10 or more", calls)
	}
}
