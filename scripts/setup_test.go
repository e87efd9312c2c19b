package scripts_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var project = map[string]string{"MAIL": "operators@example.org"}

// setup runs setup.sh, and returns its calls with the name of its work folder made the same.
func setup(t *testing.T, environ map[string]string, args ...string) (calls, printed string, code int) {
	t.Helper()
	all := map[string]string{}
	for _, m := range []map[string]string{project, environ} {
		for name, value := range m {
			all[name] = value
		}
	}
	calls, printed, code = script(t, "setup.sh", all, args...)
	work := regexp.MustCompile(`=\S*/tmp\.[A-Za-z0-9]+/`)
	return work.ReplaceAllString(calls, "=WORK/"), work.ReplaceAllString(printed, "=WORK/"), code
}

func TestSetup(t *testing.T) {
	for name, environ := range map[string]map[string]string{
		"empty_project":    {"EMPTY": "yes"},
		"all_there":        nil,
		"for_development":  {"EMPTY": "yes", "ENV": "dev", "REGION": "europe-west1", "HOST": "dev.hybridbts.tech"},
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

// An environment is never half there without a word: the first call that fails is the last.
func TestSetupEndsWithTheFirstCallThatFails(t *testing.T) {
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes"})
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
		got, printed, code := setup(t, map[string]string{"EMPTY": "yes", "FAIL": line})
		if code == 0 {
			t.Errorf("exit 0 when this fails: %s\n%s", line, printed)
		}
		if !strings.HasSuffix(strings.TrimSpace(got), line) {
			t.Errorf("it goes on after this failed: %s", line)
		}
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
		if !strings.Contains(line, " describe ") && !strings.Contains(line, " list") {
			line = strings.NewReplacer("-123", "-NUMBER", "CHANNEL,CHANNEL", "CHANNEL_email,CHANNEL_pubsub", " --format=value\\(name\\)", "").Replace(line)
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
	re := regexp.MustCompile(`gcloud (.+) add-iam-policy-binding (\S+) .*--role=(\S+) .*--member=serviceAccount:(\S+)`)
	for line := range strings.Lines(strings.NewReplacer("--member", " --member").Replace(calls)) {
		if m := re.FindStringSubmatch(line); m != nil {
			all = append(all, binding{m[1] + " " + m[2], m[3], m[4]})
		}
	}
	return all
}

func TestRolesAreTheLeastOnTheSmallest(t *testing.T) {
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes"})
	all := bindings(calls)
	if len(all) < 20 {
		t.Fatalf("%d bindings are found", len(all))
	}
	onProject := []string{"roles/logging.logWriter", "roles/monitoring.viewer", "roles/serviceusage.serviceUsageConsumer", "projects/shop/roles/prod_hybridbts_release"}
	for _, b := range all {
		if strings.HasPrefix(b.on, "projects ") && !slices.Contains(onProject, b.role) {
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
		{"pubsub topics prod-hybridbts-originals", "roles/pubsub.publisher", "service-123@gs-project-accounts.iam.gserviceaccount.com"},
		{"pubsub topics prod-hybridbts-alerts", "roles/pubsub.publisher", "service-123@gcp-sa-monitoring-notification.iam.gserviceaccount.com"},
	} {
		if !slices.Contains(all, want) {
			t.Errorf("%s has no %s on %s", want.member, want.role, want.on)
		}
	}
}

func TestAccountsHaveTheRolesOfTheirContracts(t *testing.T) {
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes"})
	all := bindings(calls)
	for _, s := range services(t) {
		member := "prod-hybridbts-" + s["function"] + "@shop.iam.gserviceaccount.com"
		b, err := os.ReadFile(filepath.Join("..", "functions", s["function"], "main.go"))
		if err != nil {
			t.Fatal(err)
		}
		contract, _, _ := strings.Cut(string(b), "\npackage main\n")
		asked := regexp.MustCompile(`roles/[a-zA-Z.]+[a-zA-Z]`).FindAllString(contract, -1)
		var given []string
		for _, b := range all {
			if b.member == member {
				given = append(given, b.role)
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
			kind := map[string]string{"DEAD_LETTER_TOPIC": "pubsub topics", "REVIEWS_TOPIC": "pubsub topics", "SPANNER_INSTANCE": "spanner instances", "BIGTABLE_INSTANCE": "bigtable instances", "IMAGES_TOPIC": "pubsub topics"}[m[1]]
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
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes"})
	n := 0
	for line := range strings.Lines(calls) {
		if !strings.Contains(line, "subscriptions create") {
			continue
		}
		wants := []string{"--expiration-period=never", "--message-retention-duration=7d"}
		if strings.Contains(line, "--push-endpoint") {
			n++
			wants = append(wants, "--ack-deadline=60", "--min-retry-delay=10s", "--max-retry-delay=600s", "--max-delivery-attempts=10", "--dead-letter-topic=", "--push-auth-service-account=prod-hybridbts-push@")
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
	if n != 5 {
		t.Errorf("%d pushes, want 5", n)
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
	made, _, _ := setup(t, map[string]string{"EMPTY": "yes"})
	calls, printed, code := script(t, "teardown.sh", nil, "prod-hybridbts")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, printed)
	}
	golden(t, "testdata/teardown/all_there.txt", calls)
	checkFlags(t, calls)
	deleted := resources(calls, "delete")
	for _, r := range resources(made, "create") {
		switch {
		case strings.HasPrefix(r, "monitoring "), r == "storage buckets notifications gs://prod-hybridbts-originals":
			continue // by the names that lists give, and with its bucket
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
	for _, want := range []string{"policies delete THERE", "dashboards delete THERE", "uptime delete THERE", "channels delete THERE"} {
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
	calls, printed, code := script(t, "teardown.sh", nil, "-n", "prod-hybridbts")
	if code != 0 || calls != "" {
		t.Errorf("exit %d, -n ran %s", code, calls)
	}
	checkFlags(t, printed)
}
