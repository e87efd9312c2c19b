package deploy_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/scripts/deploy"
)

// binding is a role of one member on one resource.
type binding struct {
	resource string // kind and name, such as "pubsub topics prod-hybridbts-reviews"
	role     string
	member   string // without the prefix serviceAccount:

	condition string // "": none
}

// bindings returns the role bindings that recorded calls create.
func bindings(calls string) (all []binding) {
	re := regexp.MustCompile(`gcloud (.+) add-iam-policy-binding (\S+) .*--role=(\S+) .*--member=(?:serviceAccount:)?(\S+)`)
	for line := range strings.Lines(strings.NewReplacer("--member", " --member").Replace(calls)) {
		if m := re.FindStringSubmatch(line); m != nil {
			b := binding{m[1] + " " + m[2], m[3], m[4], ""}
			if c := regexp.MustCompile(` --condition=(\S+)`).FindStringSubmatch(line); c != nil && c[1] != "None" {
				b.condition = strings.ReplaceAll(c[1], `\`, "")
			}
			all = append(all, b)
		}
	}
	return all
}

func TestAccountsHaveLeastPrivilegeRoles(t *testing.T) {
	t.Parallel()
	calls, _, _ := runSetup(t, releasedProject)
	all := bindings(calls)
	if len(all) < 20 {
		t.Fatalf("%d bindings, want 20 or more", len(all))
	}
	onProject := []binding{
		{"projects shop", "projects/shop/roles/prod_hybridbts_release", "prod-hybridbts-build@shop.iam.gserviceaccount.com", ""},
		{"projects shop", "roles/cloudbuild.builds.viewer", "prod-hybridbts-build@shop.iam.gserviceaccount.com", ""},
		{"projects shop", "roles/logging.logWriter", "prod-hybridbts-build@shop.iam.gserviceaccount.com", ""},
		{"projects shop", "roles/logging.logWriter", "prod-hybridbts-test@shop.iam.gserviceaccount.com", ""},
		{"projects shop", "roles/monitoring.viewer", "prod-hybridbts-canary@shop.iam.gserviceaccount.com", ""},
		{"projects shop", "roles/serviceusage.serviceUsageConsumer", "prod-hybridbts-sentiment@shop.iam.gserviceaccount.com", ""},
		// Eventarc requires these.
		{"projects shop", "roles/eventarc.eventReceiver", "prod-hybridbts-push@shop.iam.gserviceaccount.com", ""},
		{"projects shop", "roles/eventarc.serviceAgent", "service-123@gcp-sa-eventarc.iam.gserviceaccount.com", ""},
		{"projects shop", "roles/pubsub.publisher", "service-123@gs-project-accounts.iam.gserviceaccount.com", ""},
	}
	for _, b := range onProject {
		if !slices.Contains(all, b) {
			t.Errorf("%s lacks %s", b.member, b.role)
		}
	}
	for _, b := range all {
		if strings.HasPrefix(b.resource, "projects ") && !slices.Contains(onProject, b) {
			t.Errorf("%s has %s on the whole project", b.member, b.role)
		}
		if regexp.MustCompile(`owner|editor|[aA]dmin`).MatchString(b.role) {
			t.Errorf("%s has %s", b.member, b.role)
		}
	}
	if strings.Contains(calls, "allUsers") {
		t.Error("setup.sh grants a role to allUsers")
	}
	const pubsubAgent = "service-123@gcp-sa-pubsub.iam.gserviceaccount.com"
	for _, want := range []binding{
		{"pubsub topics prod-hybridbts-reviews-dead", "roles/pubsub.publisher", pubsubAgent, ""},
		{"pubsub topics prod-hybridbts-alerts-dead", "roles/pubsub.publisher", pubsubAgent, ""},
		{"pubsub topics prod-hybridbts-originals-dead", "roles/pubsub.publisher", pubsubAgent, ""},
		{"pubsub subscriptions prod-hybridbts-reviews-sentiment", "roles/pubsub.subscriber", pubsubAgent, ""},
		{"pubsub subscriptions prod-hybridbts-alerts-alert", "roles/pubsub.subscriber", pubsubAgent, ""},
		{"pubsub subscriptions prod-hybridbts-reviews-dead-alert", "roles/pubsub.subscriber", pubsubAgent, ""},
		{"pubsub subscriptions eventarc-asia-northeast3-prod-hybridbts-originals-finalized-sub-001", "roles/pubsub.subscriber", pubsubAgent, ""},
		{"iam service-accounts prod-hybridbts-push@shop.iam.gserviceaccount.com", "roles/iam.serviceAccountTokenCreator", pubsubAgent, ""},
		{"storage buckets gs://prod-hybridbts-logs", "roles/storage.objectCreator", "service-123@gcp-sa-logging.iam.gserviceaccount.com", ""},
		{"pubsub topics prod-hybridbts-alerts", "roles/pubsub.publisher", "billing-budget-alert@system.gserviceaccount.com", ""},
		{"pubsub topics prod-hybridbts-alerts", "roles/pubsub.publisher", "service-123@gcp-sa-monitoring-notification.iam.gserviceaccount.com", ""},
	} {
		if !slices.Contains(all, want) {
			t.Errorf("%s lacks %s on %s", want.member, want.role, want.resource)
		}
	}
}

// The review writer obeys every message on the topic commands, and takes submissions from the topic reviews.
func TestPublicFunctionsPublishNoCommands(t *testing.T) {
	t.Parallel()
	calls, _, _ := runSetup(t, releasedProject)
	for topic, functions := range map[string][]string{
		"commands": {"admin", "api"},
		"reviews":  {"admin", "review"}, // admin replays dead letters
		// A message that the review writer refused must not become a command by a replay.
		"commands-dead": {"sentiment"},
	} {
		var got, want []string
		for _, b := range bindings(calls) {
			if b.resource == "pubsub topics prod-hybridbts-"+topic && b.role == "roles/pubsub.publisher" && !strings.Contains(b.member, "gcp-sa-pubsub") {
				got = append(got, b.member)
			}
		}
		for _, function := range functions {
			want = append(want, "prod-hybridbts-"+function+"@shop.iam.gserviceaccount.com")
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("publishers of %s = %v, want %v", topic, got, want)
		}
	}
}

// A compromised review signs uploads of its own account below its own prefix, and mints no tokens.
func TestReviewSignsUploadsBelowItsPrefixOnly(t *testing.T) {
	t.Parallel()
	calls, _, _ := runSetup(t, emptyProject)
	const review = "prod-hybridbts-review@shop.iam.gserviceaccount.com"
	want := []binding{
		{"iam service-accounts " + review, "projects/shop/roles/prod_hybridbts_sign", review, ""},
		{
			"storage buckets gs://prod-hybridbts-originals", "roles/storage.objectCreator", review,
			`expression=resource.name.startsWith("projects/_/buckets/prod-hybridbts-originals/objects/reviews/"),title=reviews/`,
		},
	}
	var got []binding
	for _, b := range bindings(calls) {
		if b.member == review && (strings.HasPrefix(b.resource, "iam ") || strings.HasPrefix(b.resource, "storage ")) {
			got = append(got, b)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("roles of review: %v, want %v", got, want)
	}
	if !strings.Contains(calls, "roles create prod_hybridbts_sign --title=signatures\\ of\\ uploads\\ of\\ prod-hybridbts --stage=GA --permissions=iam.serviceAccounts.signBlob ") {
		t.Error("the role sign has other permissions than signBlob")
	}
}

// Tests run code of the commit and of its dependencies.
func TestTestsCannotRelease(t *testing.T) {
	t.Parallel()
	calls, _, _ := runSetup(t, releasedProject)
	const account = "prod-hybridbts-test@shop.iam.gserviceaccount.com"
	var got []string
	for _, b := range bindings(calls) {
		if b.member == account {
			got = append(got, b.role+" on "+b.resource)
		}
		if b.resource == "iam service-accounts "+account {
			t.Errorf("%s may act as the account of the tests", b.member)
		}
	}
	if want := []string{"roles/logging.logWriter on projects shop", "roles/storage.objectViewer on storage buckets gs://prod-hybridbts-source"}; !slices.Equal(got, want) {
		t.Errorf("the tests have %q, want %q", got, want)
	}
}

// setup.sh replaces the policy of the whole project, so it must keep everything else in it.
func TestSetupKeepsThePolicyWhenItAddsAuditLogs(t *testing.T) {
	t.Parallel()
	all := []string{
		"bigtable.googleapis.com: ADMIN_READ DATA_READ DATA_WRITE", "bigtableadmin.googleapis.com: ADMIN_READ DATA_READ DATA_WRITE",
		"spanner.googleapis.com: ADMIN_READ DATA_READ DATA_WRITE", "storage.googleapis.com: ADMIN_READ DATA_READ DATA_WRITE",
	}
	partly := slices.Clone(all)
	partly[2] = "spanner.googleapis.com: DATA_WRITE" // the fake project's own setting
	for name, tc := range map[string]struct {
		environ environment
		want    []string
	}{
		"no audit logs": {emptyProject, all}, "some audit logs": {environment{"PARTIAL": "yes"}, partly}, "all audit logs": {environment{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			environ := existingProject(t)
			maps.Copy(environ, tc.environ)
			environ["FILES"] = folder
			if _, output, code := runSetup(t, environ); code != 0 {
				t.Fatal(output)
			}
			policy, err := os.ReadFile(filepath.Join(folder, "policy.yaml"))
			if tc.want == nil {
				if err == nil {
					t.Errorf("setup.sh replaces the policy without need: %s", policy)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := policyAuditConfigs(t, policy); !slices.Equal(got, tc.want) {
				t.Errorf("audit logs %q, want %q", got, tc.want)
			}
			for _, kept := range []string{"role: roles/owner", "user:owner@example.org", "etag: BwYabc=", "version: 1"} {
				if strings.Count(string(policy), kept) != 1 {
					t.Errorf("the policy lacks %s: %s", kept, policy)
				}
			}
		})
	}
}

func TestAuditorsHaveReadAccessWithoutData(t *testing.T) {
	t.Parallel()
	calls, _, _ := runSetup(t, environment{"EMPTY": "yes", "AUDITORS": "auditors@example.org"})
	var roles []string
	for _, m := range regexp.MustCompile(`gcloud projects add-iam-policy-binding shop --role=(\S+) --member=group:auditors@example\.org `).FindAllStringSubmatch(calls, -1) {
		roles = append(roles, m[1])
	}
	want := []string{"roles/cloudbuild.builds.viewer", "roles/iam.securityReviewer", "roles/logging.viewer", "roles/monitoring.viewer", "roles/run.viewer"}
	if !slices.Equal(roles, want) || strings.Count(calls, "group:") != len(want) {
		t.Errorf("roles of auditors = %v, want %v", roles, want)
	}
	if calls, _, _ := runSetup(t, emptyProject); strings.Contains(calls, "group:") {
		t.Error("setup.sh grants roles to a group without AUDITORS")
	}
}

func TestEachFunctionHasItsOwnAccount(t *testing.T) {
	t.Parallel()
	calls, _, _ := runSetup(t, emptyProject)
	created := resources(calls, "create")
	owners := map[string]string{} // function by account
	for _, s := range deploy.Services() {
		_, output, _ := runRelease(t, nil, "-n", s.Function, newImage, canaryImage)
		m := regexp.MustCompile(`run deploy .*--service-account=(\S+)@shop\.`).FindStringSubmatch(output)
		if m == nil {
			t.Fatalf("%s has no account: %s", s.Function, output)
		}
		if other, ok := owners[m[1]]; ok {
			t.Errorf("%s and %s share an account", s.Function, other)
		}
		owners[m[1]] = s.Function
		if !slices.Contains(created, "iam service-accounts "+m[1]) {
			t.Errorf("setup.sh does not create the account %s", m[1])
		}
	}
}

func TestAccountsHaveTheRolesOfTheirContracts(t *testing.T) {
	t.Parallel()
	calls, _, _ := runSetup(t, emptyProject)
	all := bindings(calls)
	for _, s := range deploy.Services() {
		b, err := os.ReadFile(filepath.Join("..", "..", "functions", s.Function, "main.go"))
		if err != nil {
			t.Fatal(err)
		}
		contract, _, _ := strings.Cut(string(b), "\npackage main\n")
		required := regexp.MustCompile(`roles/[a-zA-Z.]+[a-zA-Z]`).FindAllString(contract, -1)
		var granted []string
		for _, b := range all {
			if b.member != "prod-hybridbts-"+s.Function+"@shop.iam.gserviceaccount.com" {
				continue
			}
			if name, custom := strings.CutPrefix(b.role, "projects/shop/roles/prod_hybridbts_"); !custom {
				granted = append(granted, b.role)
			} else if !strings.Contains(contract, "custom role "+name) {
				t.Errorf("the contract of %s does not name the custom role %s", s.Function, name)
			}
		}
		slices.Sort(required)
		slices.Sort(granted)
		if required, granted = slices.Compact(required), slices.Compact(granted); !slices.Equal(required, granted) {
			t.Errorf("the contract of %s names %v, setup.sh grants %v", s.Function, required, granted)
		}
	}
}
