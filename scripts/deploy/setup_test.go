package deploy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var project = map[string]string{"MAIL": "operators@example.org"}

// ran is what setup.sh did in an environment: a run takes a second, and is the same each time.
var ran = map[string]func() (calls, printed string, code int){}

// setup runs setup.sh, and returns its calls with the name of its work folder made the same.
func setup(t *testing.T, environ map[string]string, args ...string) (calls, printed string, code int) {
	t.Helper()
	all := map[string]string{}
	maps.Copy(all, project)
	maps.Copy(all, environ)
	key := fmt.Sprint(all, args)
	if again, ok := ran[key]; ok && all["FILES"] == "" {
		return again()
	}
	calls, printed, code = script(t, "setup.sh", all, args...)
	work := regexp.MustCompile(`=\S*/tmp\.[A-Za-z0-9]+/`)
	calls, printed = work.ReplaceAllString(calls, "=WORK/"), work.ReplaceAllString(printed, "=WORK/")
	ran[key] = func() (string, string, int) { return calls, printed, code }
	return calls, printed, code
}

// schema is the files of the schema, in order.
func schema(t *testing.T) (names []string) {
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

func TestSetup(t *testing.T) {
	for name, environ := range map[string]map[string]string{
		"empty_project":    {"EMPTY": "yes"},
		"released":         {"EMPTY": "yes", "RELEASED": "yes", "AUDITORS": "auditors@example.org", "BUDGET": "500"},
		"all_there":        {"APPLIED": strings.Join(schema(t), " ")},
		"half_there":       {"APPLIED": strings.Join(schema(t), " "), "HALF": "yes", "DELETED": "True"},
		"for_development":  {"EMPTY": "yes", "ENV": "dev", "REGION": "europe-west1"},
		"bad_environment":  {"ENV": "test"},
		"without_anything": {"MAIL": "", "PROJECT": "", "ENV": ""},
	} {
		t.Run(name, func(t *testing.T) {
			calls, printed, code := setup(t, environ)
			if bad := name == "bad_environment" || name == "without_anything"; (code != 0) != bad || bad && calls != "" {
				t.Errorf("exit %d: %s", code, printed)
			}
			golden(t, "testdata/setup/"+name+".txt", calls)
			checkFlags(t, calls)
			if name == "all_there" && strings.Contains(calls, " create ") && strings.Count(calls, " create ") != strings.Count(calls, "identity create") {
				t.Error("it makes again what is there")
			}
		})
	}
}

// A database gets the files of the schema that it lacks, in their order, and no other.
func TestSetupAppliesTheLaterFilesOfTheSchema(t *testing.T) {
	all := schema(t)
	for n := range len(all) + 1 {
		calls, printed, code := setup(t, map[string]string{"APPLIED": strings.Join(all[:n], " ")})
		if code != 0 {
			t.Fatal(printed)
		}
		var did []string
		for _, m := range regexp.MustCompile(`--ddl-file=shared/schema/spannerdb/schema/(\S+)|INSERT.*\\'(\S+)\\'`).FindAllStringSubmatch(calls, -1) {
			did = append(did, m[1]+m[2])
		}
		var want []string
		for _, name := range all[n:] {
			want = append(want, name, name) // applied, then said to be
		}
		if !slices.Equal(did, want) {
			t.Errorf("where there is %v it did %v, want %v", all[:n], did, want)
		}
	}
}

// An environment is never half there without a word: the first call that fails is the last.
func TestSetupEndsWithTheFirstCallThatFails(t *testing.T) {
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes", "RELEASED": "yes"})
	seen := map[string]bool{}
	for line := range strings.Lines(calls) {
		line = strings.TrimSpace(line)
		words := strings.Fields(line)
		if command := strings.Join(words[:4], " "); seen[command] {
			continue // one call of a command is as good as another
		} else {
			seen[command] = true
		}
		if strings.Contains(line, " describe ") && !strings.Contains(line, "projects describe") || strings.Contains(line, "WORK") {
			continue // what is not there is made; the names in the work folder differ
		}
		got, printed, code := setup(t, map[string]string{"EMPTY": "yes", "RELEASED": "yes", "FAIL": line})
		if code == 0 {
			t.Errorf("exit 0 when this fails: %s\n%s", line, printed)
		}
		if !strings.HasSuffix(strings.TrimSpace(got), line) {
			t.Errorf("it goes on after this failed: %s", line)
		}
	}
}

// An alert of a metric that was made a minute ago is refused for some minutes.
func TestSetupWaitsForMetricsOfLogs(t *testing.T) {
	for refused, code := range map[string]int{"2": 0, "999": 1} {
		calls, printed, got := setup(t, map[string]string{"EMPTY": "yes", "FAIL": "monitoring policies create", "FAIL_TO": refused})
		if got != code {
			t.Errorf("exit %d, want %d: %s", got, code, printed)
		}
		attempts, waits := strings.Count(calls, "monitoring policies create"), strings.Count(calls, "sleep 30")
		policies, err := filepath.Glob("monitoring/policies/*.json")
		if err != nil {
			t.Fatal(err)
		}
		if code == 0 && (waits != 2 || attempts != 2+len(policies)) || code != 0 && (waits < 20 || attempts != waits+1) {
			t.Errorf("%d attempts and %d waits where %s are refused", attempts, waits, refused)
		}
	}
}

// A backend service that nobody put anything behind serves nothing, and one without a policy is without Cloud Armor.
func TestSetupEndsWhatARunBegan(t *testing.T) {
	whole, _, _ := setup(t, map[string]string{"EMPTY": "yes"})
	half, printed, code := setup(t, map[string]string{"APPLIED": strings.Join(schema(t), " "), "HALF": "yes", "DELETED": "True"})
	if code != 0 {
		t.Fatal(printed)
	}
	for _, begin := range []string{"gcloud compute backend-services add-backend", "gcloud compute backend-services update"} {
		want := regexp.MustCompile(`(?m)^`+begin+` .*$`).FindAllString(whole, -1)
		if got := regexp.MustCompile(`(?m)^`+begin+` .*$`).FindAllString(half, -1); len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("it calls %v, want %v", got, want)
		}
	}
	// What teardown.sh deleted is there to look at, and not to use.
	for _, name := range []string{"release", "live"} {
		if !strings.Contains(half, "gcloud iam roles undelete prod_hybridbts_"+name+" ") {
			t.Errorf("the deleted role %s is not brought back", name)
		}
	}
}

// A second value would be another key, by which nobody's token is right any more.
func TestSetupAsksForAValueOfASecretOnce(t *testing.T) {
	for name, environ := range map[string]map[string]string{
		"missing": {"EMPTY": "yes"}, "there": {"APPLIED": strings.Join(schema(t), " ")},
	} {
		_, printed, _ := setup(t, environ)
		for _, secret := range []string{"author-token-key", "page-token-key", "slack-webhook", "oidc-issuer", "oidc-audience"} {
			if asks := strings.Contains(printed, "versions add prod-hybridbts-"+secret+" "); asks != (name == "missing") {
				t.Errorf("%s: it asks for a value of %s: %v", name, secret, asks)
			}
		}
		if !strings.Contains(printed, "gcloud dns managed-zones describe") {
			t.Errorf("%s: it does not say how the domain gets here", name)
		}
	}
}

// Each call is one of an API, and each API is asked for before it is called.
func TestSetupEnablesEveryAPIThatIsCalled(t *testing.T) {
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes", "RELEASED": "yes"})
	apis := map[string]string{
		"artifacts": "artifactregistry", "bigtable": "bigtableadmin", "iam": "iam", "projects": "cloudresourcemanager", "secrets": "secretmanager",
		"beta services": "serviceusage", "beta monitoring": "monitoring", "alpha monitoring": "monitoring", "billing projects": "cloudbilling", "billing budgets": "billingbudgets",
	}
	var enabled []string
	for line := range strings.Lines(calls) {
		words := strings.Fields(line)[1:]
		if words[0] == "services" {
			some := regexp.MustCompile(`([a-z]+)\.googleapis\.com`).FindAllStringSubmatch(line, -1)
			if len(some) > 20 {
				t.Errorf("%d APIs at once, Google takes 20", len(some))
			}
			for _, m := range some {
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
	// Uploads are signed as an account, without its key, by an API of its own.
	if strings.Contains(calls, "roles/iam.serviceAccountTokenCreator --member=serviceAccount:prod-hybridbts-review@") && !slices.Contains(enabled, "iamcredentials") {
		t.Error("iamcredentials is not enabled, by which review signs")
	}
}

// setup.sh and Terraform read these files both, so that no comparison sees a mistake in one.
func TestBucketsKeepAndLetInWhatTheyShould(t *testing.T) {
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
		if got, _ := json.Marshal(v); string(got) != want {
			t.Errorf("%s is %s, want %s", file, got, want)
		}
	}
}

// Spanner would make a second daily backup by itself.
func TestThereIsOneDailyBackup(t *testing.T) {
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes"})
	if strings.Count(calls, "backup-schedules create") != 1 || !strings.Contains(calls, " --default-backup-schedule-type=NONE ") {
		t.Error("there is not one schedule of backups")
	}
}

func TestDrySetupIsThatOfAnEmptyProject(t *testing.T) {
	calls, printed, code := setup(t, nil, "-n")
	if calls != "" || code != 0 {
		t.Fatalf("exit %d, it ran %s", code, calls)
	}
	ran, _, _ := setup(t, map[string]string{"EMPTY": "yes"})
	var want []string
	for line := range strings.Lines(ran) {
		if !strings.Contains(line, " describe ") && !strings.Contains(line, " list") && !strings.Contains(line, "SELECT") {
			line = strings.NewReplacer("-123", "-NUMBER", "CHANNEL,CHANNEL", "CHANNEL_email,CHANNEL_pubsub", "channels=CHANNEL ", "channels=CHANNEL_email ",
				"service-123@gcp-sa-logging.iam.gserviceaccount.com", "WRITER", "203.0.113.7", "ADDRESS", "0000-1111", "BILLING", " --format=value\\(name\\)", "").Replace(line)
			want = append(want, strings.TrimSpace(line))
		}
	}
	if got := strings.Split(strings.TrimSpace(printed), "\n"); !slices.Equal(got, want) {
		for i := range got {
			if i >= len(want) || got[i] != want[i] {
				t.Fatalf("it prints\n%s\nwhere it would run\n%s", got[i], want[min(i, len(want)-1)])
			}
		}
		t.Fatalf("it prints %d calls, and would run %d", len(got), len(want))
	}
}

// binding is one role of one member.
type binding struct{ on, role, member string }

func bindings(calls string) (all []binding) {
	re := regexp.MustCompile(`gcloud (.+) add-iam-policy-binding (\S+) .*--role=(\S+) .*--member=(?:serviceAccount:)?(\S+)`)
	for line := range strings.Lines(strings.NewReplacer("--member", " --member").Replace(calls)) {
		if m := re.FindStringSubmatch(line); m != nil {
			all = append(all, binding{m[1] + " " + m[2], m[3], m[4]})
		}
	}
	return all
}

func TestRolesAreTheLeastOnTheSmallest(t *testing.T) {
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes", "RELEASED": "yes"})
	all := bindings(calls)
	if len(all) < 20 {
		t.Fatalf("%d bindings are found", len(all))
	}
	onProject := []binding{
		{"projects shop", "projects/shop/roles/prod_hybridbts_release", "prod-hybridbts-build@shop.iam.gserviceaccount.com"},
		{"projects shop", "projects/shop/roles/prod_hybridbts_live", "prod-hybridbts-api@shop.iam.gserviceaccount.com"},
		{"projects shop", "roles/logging.logWriter", "prod-hybridbts-build@shop.iam.gserviceaccount.com"},
		{"projects shop", "roles/monitoring.viewer", "prod-hybridbts-canary@shop.iam.gserviceaccount.com"},
		{"projects shop", "roles/serviceusage.serviceUsageConsumer", "prod-hybridbts-sentiment@shop.iam.gserviceaccount.com"},
		// What Eventarc asks for.
		{"projects shop", "roles/eventarc.eventReceiver", "prod-hybridbts-push@shop.iam.gserviceaccount.com"},
		{"projects shop", "roles/eventarc.serviceAgent", "service-123@gcp-sa-eventarc.iam.gserviceaccount.com"},
		{"projects shop", "roles/pubsub.publisher", "service-123@gs-project-accounts.iam.gserviceaccount.com"},
	}
	for _, b := range onProject {
		if !slices.Contains(all, b) {
			t.Errorf("%s has no %s", b.member, b.role)
		}
	}
	for _, b := range all {
		if strings.HasPrefix(b.on, "projects ") && !slices.Contains(onProject, b) {
			t.Errorf("%s has %s on the whole project", b.member, b.role)
		}
		if regexp.MustCompile(`owner|editor|[aA]dmin`).MatchString(b.role) {
			t.Errorf("%s has %s", b.member, b.role)
		}
	}
	if strings.Contains(calls, "allUsers") {
		t.Error("setup lets everybody in")
	}
	for _, want := range []binding{
		{"pubsub topics prod-hybridbts-reviews-dead", "roles/pubsub.publisher", "service-123@gcp-sa-pubsub.iam.gserviceaccount.com"},
		{"pubsub topics prod-hybridbts-alerts-dead", "roles/pubsub.publisher", "service-123@gcp-sa-pubsub.iam.gserviceaccount.com"},
		{"pubsub subscriptions prod-hybridbts-reviews-sentiment", "roles/pubsub.subscriber", "service-123@gcp-sa-pubsub.iam.gserviceaccount.com"},
		{"pubsub subscriptions prod-hybridbts-alerts-alert", "roles/pubsub.subscriber", "service-123@gcp-sa-pubsub.iam.gserviceaccount.com"},
		{"pubsub subscriptions prod-hybridbts-reviews-dead-alert", "roles/pubsub.subscriber", "service-123@gcp-sa-pubsub.iam.gserviceaccount.com"},
		{"pubsub subscriptions eventarc-asia-northeast3-prod-hybridbts-originals-finalized-sub-001", "roles/pubsub.subscriber", "service-123@gcp-sa-pubsub.iam.gserviceaccount.com"},
		{"pubsub topics prod-hybridbts-originals-dead", "roles/pubsub.publisher", "service-123@gcp-sa-pubsub.iam.gserviceaccount.com"},
		{"iam service-accounts prod-hybridbts-push@shop.iam.gserviceaccount.com", "roles/iam.serviceAccountTokenCreator", "service-123@gcp-sa-pubsub.iam.gserviceaccount.com"},
		{"storage buckets gs://prod-hybridbts-logs", "roles/storage.objectCreator", "service-123@gcp-sa-logging.iam.gserviceaccount.com"},
		{"pubsub topics prod-hybridbts-alerts", "roles/pubsub.publisher", "billing-budget-alert@system.gserviceaccount.com"},
		{"pubsub topics prod-hybridbts-alerts", "roles/pubsub.publisher", "service-123@gcp-sa-monitoring-notification.iam.gserviceaccount.com"},
	} {
		if !slices.Contains(all, want) {
			t.Errorf("%s has no %s on %s", want.member, want.role, want.on)
		}
	}
}

// Auditors see what is deployed and what it does, and no data.
// The writer of reviews believes every decision, edit and erasure that is on their topic.
func TestOnlyThreeMaySpeakOfReviews(t *testing.T) {
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes", "RELEASED": "yes"})
	var may []string
	for _, b := range bindings(calls) {
		if b.on == "pubsub topics prod-hybridbts-reviews" && b.role == "roles/pubsub.publisher" {
			may = append(may, b.member)
		}
	}
	slices.Sort(may)
	var want []string
	for _, function := range []string{"admin", "api", "review"} {
		want = append(want, "prod-hybridbts-"+function+"@shop.iam.gserviceaccount.com")
	}
	if !slices.Equal(may, want) {
		t.Errorf("%v may publish to reviews, want %v", may, want)
	}
}

func TestAuditorsOnlyLook(t *testing.T) {
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes", "AUDITORS": "auditors@example.org"})
	var roles []string
	for _, m := range regexp.MustCompile(`gcloud projects add-iam-policy-binding shop --role=(\S+) --member=group:auditors@example\.org `).FindAllStringSubmatch(calls, -1) {
		roles = append(roles, m[1])
	}
	want := []string{"roles/cloudbuild.builds.viewer", "roles/iam.securityReviewer", "roles/logging.viewer", "roles/monitoring.viewer", "roles/run.viewer"}
	if !slices.Equal(roles, want) || strings.Count(calls, "group:") != len(want) {
		t.Errorf("auditors have %v, want %v", roles, want)
	}
	if calls, _, _ := setup(t, map[string]string{"EMPTY": "yes"}); strings.Contains(calls, "group:") {
		t.Error("a group that nobody named has roles")
	}
}

// Each function runs as an account of its own, which setup.sh makes.
func TestAccountsAreUsedOnce(t *testing.T) {
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes"})
	made := resources(calls, "create")
	used := map[string]string{}
	for _, s := range services(t) {
		_, printed, _ := release(t, nil, "-n", s["function"], image, judge)
		m := regexp.MustCompile(`run deploy .*--service-account=(\S+)@shop\.`).FindStringSubmatch(printed)
		if m == nil {
			t.Fatalf("%s has no account: %s", s["function"], printed)
		}
		if other, ok := used[m[1]]; ok {
			t.Errorf("%s runs as %s does", s["function"], other)
		}
		used[m[1]] = s["function"]
		if !slices.Contains(made, "iam service-accounts "+m[1]) {
			t.Errorf("nobody makes %s", m[1])
		}
	}
}

func TestAccountsHaveTheRolesOfTheirContracts(t *testing.T) {
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes"})
	all := bindings(calls)
	for _, s := range services(t) {
		member := "prod-hybridbts-" + s["function"] + "@shop.iam.gserviceaccount.com"
		b, err := os.ReadFile(filepath.Join("..", "..", "functions", s["function"], "main.go"))
		if err != nil {
			t.Fatal(err)
		}
		contract, _, _ := strings.Cut(string(b), "\npackage main\n")
		asked := regexp.MustCompile(`roles/[a-zA-Z.]+[a-zA-Z]`).FindAllString(contract, -1)
		var given []string
		for _, b := range all {
			if b.member != member {
				continue
			}
			if name, custom := strings.CutPrefix(b.role, "projects/shop/roles/prod_hybridbts_"); !custom {
				given = append(given, b.role)
			} else if !strings.Contains(contract, "custom role "+name) {
				t.Errorf("%s does not ask for the custom role %s", s["function"], name)
			}
		}
		slices.Sort(asked)
		slices.Sort(given)
		if asked, given = slices.Compact(asked), slices.Compact(given); !slices.Equal(asked, given) {
			t.Errorf("%s asks for %v, and has %v", s["function"], asked, given)
		}
	}
}

func TestEveryTopicOfServicesIsMade(t *testing.T) {
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes"})
	for _, s := range services(t) {
		for _, m := range regexp.MustCompile(`([A-Z_]+)=\{env\}-hybridbts-([a-z-]+)`).FindAllStringSubmatch(s["variables"]+";"+s["secrets"], -1) {
			_, suffix, _ := strings.Cut(m[1], "_")
			kind := map[string]string{"LETTER_TOPIC": "pubsub topics", "TOPIC": "pubsub topics", "DEAD": "pubsub subscriptions", "INSTANCE": m[1]}[suffix]
			kind = strings.ToLower(strings.Replace(kind, "_INSTANCE", " instances", 1))
			if strings.HasSuffix(m[1], "_BUCKET") {
				kind, m[2] = "storage buckets", "gs://prod-hybridbts-"+m[2]
			}
			if kind != "storage buckets" {
				m[2] = "prod-hybridbts-" + m[2]
			}
			if strings.Contains(s["secrets"], m[0]) {
				kind = "secrets"
			}
			if !strings.Contains(calls, "gcloud "+kind+" create "+m[2]+" ") {
				t.Errorf("%s of %s is not made: %s %s", m[1], s["function"], kind, m[2])
			}
		}
	}
}

func TestPushesAreThoseOfTheDesign(t *testing.T) {
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes", "RELEASED": "yes"})
	pushes, triggers := 0, strings.Count(calls, "eventarc triggers create")
	for line := range strings.Lines(calls) {
		if !strings.Contains(line, "subscriptions create") && !strings.Contains(line, "subscriptions update") {
			continue
		}
		wants := []string{"--expiration-period=never", "--message-retention-duration=7d"}
		if !strings.Contains(line, "create prod-hybridbts-") || strings.Contains(line, "--push-endpoint") {
			pushes++
			wants = append(wants, "--ack-deadline=60", "--min-retry-delay=10s", "--max-retry-delay=600s", "--max-delivery-attempts=10", "--dead-letter-topic=")
		}
		if strings.Contains(line, "--push-endpoint") {
			wants = append(wants, "--push-auth-service-account=prod-hybridbts-push@")
		}
		for _, want := range wants {
			if !strings.Contains(line, want) {
				t.Errorf("no %s: %s", want, line)
			}
		}
		if strings.Contains(line, "--topic=prod-hybridbts-alerts-dead") && strings.Contains(line, "push") {
			t.Errorf("alert gets its own dead letters: %s", line)
		}
	}
	if pushes < 5 || triggers < 1 {
		t.Errorf("%d pushes, %d of them of triggers, want 5 and 1 or more", pushes, triggers)
	}
}

// resources are what a script makes or deletes: kind and name.
func resources(calls, verb string) (all []string) {
	re := regexp.MustCompile(`gcloud (?:alpha |beta )?([a-z -]+) ` + verb + ` ([^- ]\S*)`)
	for _, m := range re.FindAllStringSubmatch(calls, -1) {
		all = append(all, m[1]+" "+strings.TrimSuffix(m[2], "@shop.iam.gserviceaccount.com"))
	}
	return all
}

func TestTeardownDeletesWhatSetupMakes(t *testing.T) {
	made, _, _ := setup(t, map[string]string{"EMPTY": "yes", "RELEASED": "yes"})
	calls, printed, code := script(t, "teardown.sh", nil, "prod-hybridbts")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, printed)
	}
	golden(t, "testdata/teardown/all_there.txt", calls)
	checkFlags(t, calls)
	deleted := resources(calls, "delete")
	for _, r := range resources(made, "create") {
		switch {
		case strings.HasPrefix(r, "monitoring "), strings.HasPrefix(r, "bigtable tables "):
			continue // by the names that lists give, and with their instance
		case strings.HasPrefix(r, "storage buckets "):
			if want := "storage rm " + strings.TrimPrefix(r, "storage buckets ") + " --recursive"; !strings.Contains(calls, want) {
				t.Errorf("no %s", want)
			}
			continue
		}
		if !slices.Contains(deleted, r) {
			t.Errorf("%s is left", r)
		}
	}
	for _, want := range []string{"url-maps delete prod-hybridbts ", "url-maps delete prod-hybridbts-to-https ", "budgets delete THERE", "policies delete THERE", "dashboards delete THERE", "uptime delete THERE", "channels delete THERE"} {
		if !strings.Contains(calls, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, s := range services(t) {
		if !slices.Contains(deleted, "run services prod-hybridbts-"+s["function"]) {
			t.Errorf("service %s is left", s["function"])
		}
	}
}

func TestTeardownAsksForTheNameAndGoesOnAfterAFailure(t *testing.T) {
	for _, args := range [][]string{nil, {"dev-hybridbts"}, {"prod"}, {"-n"}} {
		if calls, printed, code := script(t, "teardown.sh", nil, args...); code != 2 || calls != "" {
			t.Errorf("teardown.sh %q: exit %d, it ran %q: %s", args, code, calls, printed)
		}
	}
	calls, _, code := script(t, "teardown.sh", map[string]string{"FAIL": "spanner instances delete"}, "prod-hybridbts")
	if code != 1 || !strings.Contains(calls, "networks delete") {
		t.Errorf("exit %d, and it ended with the failure", code)
	}
	calls, _, code = script(t, "teardown.sh", map[string]string{"EMPTY": "yes"}, "prod-hybridbts")
	if code != 0 || strings.Contains(calls, " delete ") {
		t.Errorf("exit %d where nothing is there: %s", code, calls)
	}
	// Whoever is not logged in sees nothing there.
	calls, printed, code := script(t, "teardown.sh", map[string]string{"FAIL": "gcloud"}, "prod-hybridbts")
	if code != 1 || strings.Contains(calls, " delete ") || !strings.Contains(printed, "nothing is deleted") {
		t.Errorf("exit %d where every call fails: %s", code, printed)
	}
	if _, _, code = script(t, "teardown.sh", map[string]string{"FAIL": "policies list"}, "prod-hybridbts"); code != 1 {
		t.Errorf("exit %d where the policies cannot be listed", code)
	}
	calls, printed, code = script(t, "teardown.sh", nil, "-n", "prod-hybridbts")
	if code != 0 || calls != "" {
		t.Errorf("exit %d, -n ran %s", code, calls)
	}
	checkFlags(t, printed)
}

// Every name is ENV-hybridbts-RESOURCE, but for what is named within something that is.
func TestNamesFollowOneRule(t *testing.T) {
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes", "RELEASED": "yes"})
	rule := regexp.MustCompile(`^(gs://)?prod[-_]hybridbts([-_][a-z-]+)?$`)
	within := []string{"bigtable tables", "spanner databases", "dns record-sets"}
	n := 0
	for _, r := range resources(calls, "create") {
		kind, name := r[:strings.LastIndex(r, " ")], id(r[strings.LastIndex(r, " ")+1:])
		if strings.Contains(r, "gs://") {
			name = "gs://" + name
		}
		if !slices.Contains(within, kind) && !rule.MatchString(name) {
			t.Errorf("a name by no rule: %s", r)
		}
		n++
	}
	for _, m := range regexp.MustCompile(`--display-name=(\S+)`).FindAllStringSubmatch(calls, -1) {
		if !rule.MatchString(m[1]) {
			t.Errorf("a name by no rule: %s", m[1])
		}
	}
	if n < 60 {
		t.Errorf("%d names are found", n)
	}
}
