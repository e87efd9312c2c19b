package deploy_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/scripts/deploy"
)

// resources returns kind and name of the resources to which recorded calls apply a verb, such as create or delete.
func resources(calls, verb string) (all []string) {
	re := regexp.MustCompile(`gcloud (?:alpha |beta )?([a-z -]+) ` + verb + ` ([^- ]\S*)`)
	for _, m := range re.FindAllStringSubmatch(calls, -1) {
		all = append(all, m[1]+" "+strings.TrimSuffix(m[2], "@shop.iam.gserviceaccount.com"))
	}
	return all
}

// variableResource returns the gcloud command group and the name of the resource that a variable's value names. The
// group is "" if the value names no resource of this environment.
func variableResource(v deploy.Variable) (group, name string) {
	suffix, ours := strings.CutPrefix(v.Value, "{env}-hybridbts-")
	if !ours {
		return "", ""
	}
	name = "prod-hybridbts-" + suffix
	if prefix, number, ok := strings.Cut(name, ":"); ok && strings.HasSuffix(v.Name, "_SUBSCRIPTIONS") {
		return "pubsub subscriptions", prefix + "-" + number // the last one
	}
	switch {
	case strings.HasSuffix(v.Name, "_BUCKET"):
		return "storage buckets", "gs://" + name
	case strings.HasSuffix(v.Name, "_TOPIC"):
		return "pubsub topics", name
	case strings.HasSuffix(v.Name, "_DEAD"), strings.HasSuffix(v.Name, "_SUBSCRIPTION"):
		return "pubsub subscriptions", name
	}
	return strings.ToLower(strings.Replace(v.Name, "_INSTANCE", " instances", 1)), name
}

func TestSetupCreatesTheResourcesThatVariablesName(t *testing.T) {
	t.Parallel()
	calls, _, _ := runSetup(t, emptyProject)
	checked := 0
	check := func(s deploy.Service, v deploy.Variable, group, name string) {
		checked++
		if !strings.Contains(calls, "gcloud "+group+" create "+name+" ") {
			t.Errorf("setup.sh does not create %s %s, which %s of %s names", group, name, v.Name, s.Function)
		}
	}
	for _, s := range deploy.Services() {
		for _, v := range s.Variables {
			if group, name := variableResource(v); group != "" {
				check(s, v, group, name)
			}
		}
		for _, v := range s.Secrets {
			check(s, v, "secrets", strings.Replace(v.Value, "{env}", "prod", 1))
		}
	}
	if checked < 20 {
		t.Errorf("%d resources checked, want 20 or more", checked)
	}
}

func TestSubscriptionsRetryAndDeadLetter(t *testing.T) {
	t.Parallel()
	calls, _, _ := runSetup(t, releasedProject)
	pushes, triggers := 0, strings.Count(calls, "eventarc triggers create")
	for line := range strings.Lines(calls) {
		if !strings.Contains(line, "subscriptions create") && !strings.Contains(line, "subscriptions update") {
			continue
		}
		wants := []string{"--expiration-period=never", "--message-retention-duration=7d"}
		if strings.Contains(line, "create prod-hybridbts-published-api-") {
			wants[1] = "--message-retention-duration=10m"
		}
		if strings.Contains(line, "create prod-hybridbts-commands-erasures ") {
			wants[1] = "--message-retention-duration=31d"
		}
		if !strings.Contains(line, "create prod-hybridbts-") || strings.Contains(line, "--push-endpoint") {
			pushes++
			wants = append(wants, "--ack-deadline=60", "--min-retry-delay=10s", "--max-retry-delay=600s", "--max-delivery-attempts=10", "--dead-letter-topic=")
		}
		if strings.Contains(line, "--push-endpoint") {
			wants = append(wants, "--push-auth-service-account=prod-hybridbts-push@")
		}
		for _, want := range wants {
			if !strings.Contains(line, want) {
				t.Errorf("flag %s is missing: %s", want, line)
			}
		}
		if strings.Contains(line, "--topic=prod-hybridbts-alerts-dead") && strings.Contains(line, "push") {
			t.Errorf("alert receives its own dead letters: %s", line)
		}
	}
	if pushes < 5 || triggers < 1 {
		t.Errorf("%d push subscriptions and %d triggers, want at least 5 and 1", pushes, triggers)
	}
}

func TestTeardownDeletesTheResourcesThatSetupCreates(t *testing.T) {
	t.Parallel()
	created, _, _ := runSetup(t, releasedProject)
	calls, output, code := runScript(t, "teardown.sh", nil, "prod-hybridbts")
	if code != 0 {
		t.Fatalf("exit status %d: %s", code, output)
	}
	compareGolden(t, "teardown/existing", calls)
	deleted := resources(calls, "delete")
	for _, r := range resources(created, "create") {
		switch {
		case strings.HasPrefix(r, "monitoring "), strings.HasPrefix(r, "bigtable tables "):
			continue // deleted by generated names (checked below), and with their instance
		case strings.HasPrefix(r, "storage buckets "):
			if want := "storage rm " + strings.TrimPrefix(r, "storage buckets ") + " --recursive"; !strings.Contains(calls, want) {
				t.Errorf("teardown.sh does not call %s", want)
			}
			continue
		case strings.HasPrefix(r, "scheduler jobs pubsub"): // gcloud names the kind of target before the job
			r = "scheduler jobs prod-hybridbts-sweep"
		}
		if !slices.Contains(deleted, r) {
			t.Errorf("teardown.sh does not delete %s", r)
		}
	}
	for _, want := range []string{
		"url-maps delete prod-hybridbts ", "url-maps delete prod-hybridbts-to-https ", "budgets delete EXISTING", "policies delete EXISTING",
		"dashboards delete EXISTING", "uptime delete EXISTING", "channels delete EXISTING",
	} {
		if !strings.Contains(calls, want) {
			t.Errorf("teardown.sh does not call %s", want)
		}
	}
	for _, s := range deploy.Services() {
		if !slices.Contains(deleted, "run services prod-hybridbts-"+s.Function) {
			t.Errorf("teardown.sh does not delete the service %s", s.Function)
		}
	}
}

func TestTeardownRequiresTheEnvironmentsName(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"dev-hybridbts"}, {"prod"}, {"-n"}} {
		if calls, output, code := runScript(t, "teardown.sh", nil, args...); code != 2 || calls != "" {
			t.Errorf("teardown.sh %q: exit status %d, calls %q: %s", args, code, calls, output)
		}
	}
}

func TestTeardownContinuesAfterFailures(t *testing.T) {
	t.Parallel()
	calls, _, code := runScript(t, "teardown.sh", environment{"FAIL": "spanner instances delete"}, "prod-hybridbts")
	if code != 1 || !strings.Contains(calls, "networks delete") {
		t.Errorf("exit status %d, want 1, and a deletion of the network after the failure", code)
	}
	if _, _, code = runScript(t, "teardown.sh", environment{"FAIL": "policies list"}, "prod-hybridbts"); code != 1 {
		t.Errorf("exit status %d, want 1, without a list of the policies", code)
	}
}

func TestTeardownOfAnEmptyProjectDeletesNothing(t *testing.T) {
	t.Parallel()
	calls, _, code := runScript(t, "teardown.sh", emptyProject, "prod-hybridbts")
	if code != 0 || strings.Contains(calls, " delete ") {
		t.Errorf("exit status %d, want 0 and no deletions: %s", code, calls)
	}
	// Without access to the project every resource would look absent.
	calls, output, code := runScript(t, "teardown.sh", environment{"FAIL": "gcloud"}, "prod-hybridbts")
	if code != 1 || strings.Contains(calls, " delete ") || !strings.Contains(output, "nothing is deleted") {
		t.Errorf("exit status %d, want 1 and no deletions, without access: %s", code, output)
	}
	calls, output, code = runScript(t, "teardown.sh", nil, "-n", "prod-hybridbts")
	if code != 0 || calls != "" {
		t.Errorf("exit status %d, a dry run calls %s", code, calls)
	}
	checkCalls(t, output)
}

// Resources that belong to another named resource, such as tables, may have other names.
func TestResourceNamesBeginWithTheEnvironment(t *testing.T) {
	t.Parallel()
	calls, _, _ := runSetup(t, releasedProject)
	rule := regexp.MustCompile(`^(gs://)?prod[-_]hybridbts([-_][a-z0-9-]+)?$`)
	nested := []string{"bigtable tables", "spanner databases", "dns record-sets"}
	created := resources(strings.ReplaceAll(calls, "scheduler jobs create pubsub ", "scheduler jobs create "), "create")
	for _, r := range created {
		kind, name := r[:strings.LastIndex(r, " ")], lastSegment(r[strings.LastIndex(r, " ")+1:])
		if strings.Contains(r, "gs://") {
			name = "gs://" + name
		}
		if !slices.Contains(nested, kind) && !rule.MatchString(name) {
			t.Errorf("name of %s does not match %s", r, rule)
		}
	}
	for _, m := range regexp.MustCompile(`--display-name=(\S+)`).FindAllStringSubmatch(calls, -1) {
		if !rule.MatchString(m[1]) {
			t.Errorf("display name %s does not match %s", m[1], rule)
		}
	}
	if len(created) < 60 {
		t.Errorf("%d resources, want 60 or more", len(created))
	}
}

// During a release, instances of two revisions have streams. An instance without a subscription polls.
func TestEachInstanceFindsASubscription(t *testing.T) {
	t.Parallel()
	calls, _, _ := runSetup(t, emptyProject)
	checked := 0
	for _, topic := range deploy.Topics() {
		if topic.PullSubscriptions == 0 {
			continue
		}
		for _, s := range deploy.Services() {
			if s.Function != topic.Function {
				continue
			}
			checked++
			if topic.PullSubscriptions < 2*s.MaxInstances {
				t.Errorf("%d subscriptions to %s for %d instances of a revision of %s, want two for each", topic.PullSubscriptions, topic.Name, s.MaxInstances, s.Function)
			}
			variable := deploy.Variable{Name: strings.ToUpper(topic.Name) + "_SUBSCRIPTIONS", Value: fmt.Sprintf("{env}-hybridbts-%s-%s:%d", topic.Name, s.Function, topic.PullSubscriptions)}
			if !slices.Contains(s.Variables, variable) {
				t.Errorf("%s lacks %v", s.Function, variable)
			}
		}
		for _, name := range topic.ClaimedSubscriptions() {
			want := binding{"pubsub subscriptions prod-hybridbts-" + name, "roles/pubsub.subscriber", "prod-hybridbts-" + topic.Function + "@shop.iam.gserviceaccount.com", ""}
			if !slices.Contains(bindings(calls), want) {
				t.Errorf("%v is missing", want)
			}
		}
	}
	if checked == 0 {
		t.Error("no function claims subscriptions")
	}
}
