package deploy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// emptyProject and releasedProject are environments of setup.sh: a project without resources, and one whose Cloud Run
// services exist. existingProject returns that of a project with all resources.
var (
	emptyProject    = environment{"EMPTY": "yes"}
	releasedProject = environment{"EMPTY": "yes", "RELEASED": "yes"}
)

func existingProject(t *testing.T) environment {
	t.Helper()
	return environment{"APPLIED": strings.Join(schemaFiles(t), " ")}
}

// schemaFiles returns the names of the schema files in the order of their application.
func schemaFiles(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("../../shared/schema/spannerdb/schema/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		names = append(names, filepath.Base(f))
	}
	return names
}

func TestSetupMakesTheExpectedCalls(t *testing.T) {
	t.Parallel()
	partlyCreated := existingProject(t)
	partlyCreated["PARTIAL"], partlyCreated["DELETED"] = "yes", "True"
	for name, environ := range map[string]environment{
		"empty project":  emptyProject,
		"released":       {"EMPTY": "yes", "RELEASED": "yes", "AUDITORS": "auditors@example.org", "ANALYSTS": "analysts@example.org", "BUDGET": "500"},
		"existing":       existingProject(t),
		"partly created": partlyCreated,
		"development":    {"EMPTY": "yes", "ENV": "dev", "REGION": "europe-west1", "ANALYSTS": "analysts@example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			calls, output, code := runSetup(t, environ)
			if code != 0 {
				t.Errorf("exit status %d: %s", code, output)
			}
			compareGolden(t, "setup/"+name, calls)
			if name == "existing" && strings.Count(calls, " create ") != strings.Count(calls, "identity create") {
				t.Error("setup.sh creates existing resources")
			}
		})
	}
}

func TestSetupRejectsInvalidInputBeforeAnyCall(t *testing.T) {
	t.Parallel()
	for want, environ := range map[string]environment{
		"valid values: dev, canary, prod": {"ENV": "test"},
		"set ENV to dev, canary or prod":  {"MAIL": "", "PROJECT": "", "ENV": ""},
	} {
		if calls, output, code := runSetup(t, environ); code == 0 || calls != "" || !strings.Contains(output, want) {
			t.Errorf("exit status %d, output %q, calls %q; want an error with %q and no calls", code, output, calls, want)
		}
	}
	if calls, output, code := runSetup(t, nil, "prod"); code != 2 || calls != "" || !strings.Contains(output, "scripts/deploy/setup.sh [-n]") {
		t.Errorf("with an argument: exit status %d, output %q, calls %q; want 2, the usage and no calls", code, output, calls)
	}
}

func TestSetupAppliesMissingSchemaFilesInOrder(t *testing.T) {
	t.Parallel()
	all := schemaFiles(t)
	for n := range len(all) + 1 {
		calls, output, code := runSetup(t, environment{"APPLIED": strings.Join(all[:n], " ")})
		if code != 0 {
			t.Fatal(output)
		}
		var got []string
		for _, m := range regexp.MustCompile(`--ddl-file=shared/schema/spannerdb/schema/(\S+)|INSERT.*\\'(\S+)\\'`).FindAllStringSubmatch(calls, -1) {
			got = append(got, m[1]+m[2])
		}
		var want []string
		for _, name := range all[n:] {
			want = append(want, name, name) // applied, then recorded
		}
		if !slices.Equal(got, want) {
			t.Errorf("with %v applied, setup.sh applies and records %v, want %v", all[:n], got, want)
		}
	}
}

// The test fails one call of each command. Calls of one command are alike.
func TestSetupStopsAtTheFirstFailedCall(t *testing.T) {
	t.Parallel()
	calls, _, _ := runSetup(t, releasedProject)
	seen := map[string]bool{}
	for line := range strings.Lines(calls) {
		line = strings.TrimSpace(line)
		command := strings.Join(strings.Fields(line)[:4], " ")
		// A failed describe means that the resource does not exist. Names of generated files differ between runs.
		describes := strings.Contains(line, " describe ") && !strings.Contains(line, "projects describe")
		if seen[command] || describes || strings.Contains(line, "WORK") {
			seen[command] = true
			continue
		}
		seen[command] = true
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			got, output, code := runSetup(t, environment{"EMPTY": "yes", "RELEASED": "yes", "FAIL": line})
			if code == 0 {
				t.Errorf("exit status 0 after a failed call: %s\n%s", line, output)
			}
			if !strings.HasSuffix(strings.TrimSpace(got), line) {
				t.Errorf("setup.sh continues after a failed call: %s", line)
			}
		})
	}
}

func TestSetupRetriesPoliciesUntilTheirMetricExists(t *testing.T) {
	t.Parallel()
	policies, err := filepath.Glob("monitoring/policies/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for failures, want := range map[string]int{"2": 0, "999": 1} {
		calls, output, code := runSetup(t, environment{"EMPTY": "yes", "FAIL": "monitoring policies create", "FAIL_TO": failures})
		if code != want {
			t.Errorf("exit status %d, want %d: %s", code, want, output)
		}
		attempts, pauses := strings.Count(calls, "monitoring policies create"), strings.Count(calls, "sleep 30")
		if want == 0 && (pauses != 2 || attempts != 2+len(policies)) || want != 0 && (pauses < 20 || attempts != pauses+1) {
			t.Errorf("%d attempts and %d pauses for %s failures", attempts, pauses, failures)
		}
	}
}

// A backend service without a backend serves no requests, and one without a policy lacks Cloud Armor.
func TestSetupCompletesAnInterruptedRun(t *testing.T) {
	t.Parallel()
	whole, _, _ := runSetup(t, emptyProject)
	environ := existingProject(t)
	environ["PARTIAL"], environ["DELETED"] = "yes", "True"
	partial, output, code := runSetup(t, environ)
	if code != 0 {
		t.Fatal(output)
	}
	for _, command := range []string{"gcloud compute backend-services add-backend", "gcloud compute backend-services update"} {
		calls := regexp.MustCompile(`(?m)^` + command + ` .*$`)
		want := calls.FindAllString(whole, -1)
		if got := calls.FindAllString(partial, -1); len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("calls %v, want %v", got, want)
		}
	}
	for _, name := range []string{"release", "sign"} {
		if !strings.Contains(partial, "gcloud iam roles undelete prod_hybridbts_"+name+" ") {
			t.Errorf("setup.sh does not restore the deleted role %s", name)
		}
	}
}

// A second version of a key would invalidate the tokens that functions signed with the first.
func TestSetupRequestsSecretValuesOnlyOnce(t *testing.T) {
	t.Parallel()
	for name, environ := range map[string]environment{"empty": emptyProject, "existing": existingProject(t)} {
		_, output, _ := runSetup(t, environ)
		for _, secret := range []string{"author-token-key", "page-token-key", "slack-webhook", "oidc-issuer", "oidc-audience"} {
			if requested := strings.Contains(output, "versions add prod-hybridbts-"+secret+" "); requested != (name == "empty") {
				t.Errorf("%s project: setup.sh requests a value of %s: %v", name, secret, requested)
			}
		}
		if !strings.Contains(output, "gcloud dns managed-zones describe") {
			t.Errorf("%s project: the output has no instructions for the DNS delegation", name)
		}
	}
}

func TestSetupEnablesEveryAPIBeforeItsFirstCall(t *testing.T) {
	t.Parallel()
	calls, _, _ := runSetup(t, releasedProject)
	apis := map[string]string{ // by command group; other groups are named like their API
		"artifacts": "artifactregistry", "scheduler": "cloudscheduler", "bigtable": "bigtableadmin", "iam": "iam", "projects": "cloudresourcemanager", "secrets": "secretmanager",
		"beta services": "serviceusage", "beta monitoring": "monitoring", "alpha monitoring": "monitoring", "billing projects": "cloudbilling", "billing budgets": "billingbudgets",
	}
	var enabled []string
	for line := range strings.Lines(calls) {
		words := strings.Fields(line)[1:]
		if words[0] == "services" {
			names := regexp.MustCompile(`([a-z]+)\.googleapis\.com`).FindAllStringSubmatch(line, -1)
			if len(names) > 20 {
				t.Errorf("%d APIs in one call, the service accepts 20", len(names))
			}
			for _, m := range names {
				enabled = append(enabled, m[1])
			}
			continue
		}
		api := words[0]
		for _, group := range []string{words[0], words[0] + " " + words[1]} {
			if name, ok := apis[group]; ok {
				api = name
			}
		}
		if !slices.Contains(enabled, api) {
			t.Errorf("%s is not enabled: %s", api, line)
		}
	}
	// The function review signs upload URLs with its account by this API.
	if strings.Contains(calls, "roles/iam.serviceAccountTokenCreator --member=serviceAccount:prod-hybridbts-review@") && !slices.Contains(enabled, "iamcredentials") {
		t.Error("iamcredentials is not enabled, which review signs upload URLs with")
	}
}

// The comparison of setup.sh with Terraform cannot find a mistake in these files, which both read.
func TestBucketSettingsLimitRetentionAndOrigins(t *testing.T) {
	for file, want := range map[string]string{
		"lifecycle/logs.json":    `{"rule":[{"action":{"type":"Delete"},"condition":{"age":180}}]}`,
		"lifecycle/source.json":  `{"rule":[{"action":{"type":"Delete"},"condition":{"age":30}}]}`,
		"lifecycle/archive.json": `{"rule":[{"action":{"storageClass":"COLDLINE","type":"SetStorageClass"},"condition":{"age":30}},{"action":{"type":"Delete"},"condition":{"age":365}}]}`,
		"cors.json":              `[{"maxAgeSeconds":3600,"method":["POST"],"origin":["https://{host}"],"responseHeader":["Content-Type"]}]`,
	} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		if got := canonicalJSON(v); got != want {
			t.Errorf("%s = %s, want %s", file, got, want)
		}
	}
}

// Spanner adds a default backup schedule to a new instance unless disabled.
func TestSpannerHasOneBackupSchedule(t *testing.T) {
	t.Parallel()
	calls, _, _ := runSetup(t, emptyProject)
	if n := strings.Count(calls, "backup-schedules create"); n != 1 || !strings.Contains(calls, " --default-backup-schedule-type=NONE ") {
		t.Errorf("%d backup schedules, or Spanner's default schedule too", n)
	}
}

func TestDrySetupPrintsTheCallsForAnEmptyProject(t *testing.T) {
	t.Parallel()
	calls, output, code := runSetup(t, nil, "-n")
	if calls != "" || code != 0 {
		t.Fatalf("exit status %d, calls %s", code, calls)
	}
	real, _, _ := runSetup(t, emptyProject)
	placeholders := strings.NewReplacer("-123", "-NUMBER", "CHANNEL,CHANNEL", "CHANNEL_email,CHANNEL_pubsub", "channels=CHANNEL ", "channels=CHANNEL_email ",
		"service-123@gcp-sa-logging.iam.gserviceaccount.com", "WRITER", "203.0.113.7", "ADDRESS", "0000-1111", "BILLING", " --format=value\\(name\\)", "")
	var want []string
	for line := range strings.Lines(real) {
		if !strings.Contains(line, " describe ") && !strings.Contains(line, " list") && !strings.Contains(line, " get-iam-policy ") && !strings.Contains(line, "SELECT") {
			want = append(want, strings.TrimSpace(placeholders.Replace(line)))
		}
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(output), "\n")); diff != "" {
		t.Errorf("a dry run prints other calls than a real run makes:\n%s", diff)
	}
}
