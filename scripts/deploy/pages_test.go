package deploy_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// What a page tells to type, gcloud knows; and a revision that is made by hand is given the traffic, which a release took from
// whatever is the latest.
func TestCallsOfThePagesAreRight(t *testing.T) {
	calls := 0
	for _, page := range []string{"../../README.md", "../../cloudbuild.yaml", "COSTS.md", "monitoring/RUNBOOK.md", "terraform/main.tf"} {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`\\\n|\$\([^)]*\)`).ReplaceAllString(string(b), "")
		for _, call := range regexp.MustCompile("(?m)(?:^#? *|\\| |`)(gcloud [a-z][^`\n]*)").FindAllStringSubmatch(text, -1) {
			calls++
			if why := wrongCall(t, call[1]+" "); why != "" {
				t.Errorf("%s: %s: %s", page, why, call[1])
			}
		}
		for _, m := range regexp.MustCompile(`gcloud run services update (\S+) .*\n(.*)`).FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(m[2], "gcloud run services update-traffic "+m[1]+" ") || !strings.HasSuffix(m[2], " --to-latest") {
				t.Errorf("%s: %s is changed, and its traffic stays where it was", page, m[1])
			}
		}
	}
	// Cloud Build has no git, by which release.sh would see what is not committed.
	for _, page := range []string{"../../README.md", "../../cloudbuild.yaml"} {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(b), "SHORT_SHA=$(git describe --always --dirty --exclude='*')") != 1 {
			t.Errorf("%s: a build of a dirty tree is not named so", page)
		}
	}
	if calls < 10 {
		t.Errorf("%d calls are found", calls)
	}
}
