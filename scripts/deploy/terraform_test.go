package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigtable"
	"cloud.google.com/go/bigtable/bttest"
	"cloud.google.com/go/eventarc/apiv1/eventarcpb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/hybrid-bts/functions/scripts/deploy/routes"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// production is the configuration of what the tests of setup.sh make.
var production = map[string]cty.Value{
	"env": cty.StringVal("prod"), "project": cty.StringVal("shop"), "mail": cty.StringVal("operators@example.org"),
	"auditors": cty.StringVal("auditors@example.org"), "budget": cty.NumberIntVal(500), "released": cty.True,
}

// released is the environment of setup.sh that makes the same.
func released(folder string) map[string]string {
	return map[string]string{"EMPTY": "yes", "RELEASED": "yes", "AUDITORS": "auditors@example.org", "BUDGET": "500", "FILES": folder}
}

// unchanged leaves a file as it is.
func unchanged(s string) string { return s }

func terraform(t *testing.T) *configuration {
	t.Helper()
	c, err := readTerraform("terraform", unchanged)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTerraformIsFormatted(t *testing.T) {
	for name := range terraform(t).files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(hclwrite.Format(src), src) {
			t.Errorf("%s is not formatted: terraform fmt scripts/deploy/terraform", name)
		}
	}
}

// unresolved says which references lead nowhere, and what is declared in vain.
func unresolved(c *configuration) (problems []string) {
	used := map[string]bool{}
	for _, f := range c.files {
		for _, t := range references(f.Body.(*hclsyntax.Body)) {
			path := words(t)
			name := strings.Join(path[:min(2, len(path))], ".")
			ok := true
			switch path[0] {
			case "each", "self", "path":
			case "var":
				ok = len(path) > 1 && c.variables[path[1]] != nil
			case "local":
				ok = len(path) > 1 && c.locals[path[1]] != nil
			case "data":
				name = strings.Join(path[:min(3, len(path))], ".")
				ok = c.resources[name] != nil
			default:
				// The name of a loop, or of a dynamic block, has no label behind it.
				ok = c.resources[name] != nil || !strings.HasPrefix(path[0], "google_") && path[0] != "terraform_data"
			}
			used[name] = true
			if !ok {
				problems = append(problems, fmt.Sprintf("%s: there is no %s", t.SourceRange(), name))
			}
		}
	}
	for name := range c.variables {
		if !used["var."+name] {
			problems = append(problems, "nothing uses var."+name)
		}
	}
	for name := range c.locals {
		if !used["local."+name] {
			problems = append(problems, "nothing uses local."+name)
		}
	}
	for address, b := range c.resources {
		if b.Type == "data" && !used[address] {
			problems = append(problems, "nothing uses "+address)
		}
	}
	return problems
}

// references are all references of a body and of the blocks in it; a variable's own checks do not count.
func references(b *hclsyntax.Body) (all []hcl.Traversal) {
	for name, a := range b.Attributes {
		if name != "type" {
			all = append(all, a.Expr.Variables()...)
		}
	}
	for _, inner := range b.Blocks {
		if inner.Type != "variable" {
			all = append(all, references(inner.Body)...)
		}
	}
	return all
}

// arguments reads what the provider takes: by path of a block its arguments, ! those that it needs, {} blocks,
// and ~ what only it says. The file is cut from the bindings of provider 6.50, for the blocks that we use, and
// holds no name that those of provider 7 lack.
func arguments(t *testing.T) map[string]map[string]string {
	t.Helper()
	b, err := os.ReadFile("testdata/terraform_arguments.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]map[string]string{}
	for line := range strings.Lines(string(b)) {
		path, names, _ := strings.Cut(strings.TrimSpace(line), ":")
		known[path] = map[string]string{}
		for _, n := range strings.Fields(names) {
			known[path][strings.Trim(n, "~!{}")] = n
		}
	}
	return known
}

// unknown says which arguments and blocks the provider would not take, and which it would miss.
func unknown(known map[string]map[string]string, c *configuration) (problems []string) {
	wrong := func(at hcl.Range, format string, args ...any) {
		problems = append(problems, at.String()+": "+fmt.Sprintf(format, args...))
	}
	var check func(path string, b *hclsyntax.Body)
	check = func(path string, b *hclsyntax.Body) {
		args, ok := known[path]
		if !ok {
			wrong(b.Range(), "the provider has no %s", path)
			return
		}
		there := map[string]bool{}
		for name, a := range b.Attributes {
			there[name] = true
			if kind := args[name]; !slices.Contains(meta, name) && (kind == "" || strings.ContainsAny(kind, "~{")) {
				wrong(a.Range(), "%s has no argument %s", path, name)
			}
		}
		for _, block := range b.Blocks {
			name, body := block.Type, block.Body
			if name == "provisioner" {
				continue
			}
			if name == "dynamic" {
				name, body = block.Labels[0], block.Body.Blocks[0].Body
			}
			there[name] = true
			if !strings.HasSuffix(args[name], "{}") {
				wrong(block.Range(), "%s has no block %s", path, name)
				continue
			}
			check(path+"."+name, body)
		}
		for name, kind := range args {
			if strings.Contains(kind, "!") && !there[name] {
				wrong(b.Range(), "%s has no %s, which it needs", path, name)
			}
		}
	}
	for address, b := range c.resources {
		path := b.Labels[0]
		if b.Type == "data" {
			path = "data." + path
		}
		if len(b.Labels) != 2 {
			wrong(b.Range(), "%s has not a type and a name", address)
		}
		check(path, b.Body)
	}
	for _, f := range c.files {
		for _, t := range references(f.Body.(*hclsyntax.Body)) {
			path := words(t)
			kind := path[0]
			if kind == "data" {
				kind, path = "data."+path[1], path[1:]
			}
			if known[kind] == nil {
				continue // var, local, each
			}
			if len(path) > 2 && known[kind][path[2]] == "" {
				wrong(t.SourceRange(), "%s says nothing of %s", kind, path[2])
			}
		}
	}
	return problems
}

// settled says what is wrong with the choice of the provider.
func settled(c *configuration) (problems []string) {
	sources := map[string]string{}
	for _, b := range c.settings {
		if b.Type == "provider" && b.Labels[0] != "google" {
			problems = append(problems, "provider "+b.Labels[0])
		}
		for _, inner := range b.Body.Blocks {
			if inner.Type != "required_providers" {
				continue
			}
			for name, a := range inner.Body.Attributes {
				v, err := c.value(a.Expr, nil)
				if err != nil {
					return append(problems, err.Error())
				}
				sources[v.GetAttr("source").AsString()] = v.GetAttr("version").AsString()
				if name != "google" {
					problems = append(problems, "provider "+name)
				}
			}
		}
	}
	if v := sources["hashicorp/google"]; len(sources) != 1 || !regexp.MustCompile(`^(>=|~>) [7-9]\.`).MatchString(v) {
		problems = append(problems, fmt.Sprintf("providers %v, want google of version 7 or later alone", sources))
	}
	return problems
}

// binds are the roles that Terraform gives, as bindings has those of setup.sh.
func binds(c *configuration) (all []binding, err error) {
	on := map[string]func(map[string]any) string{
		"google_project_iam_member":                      func(b map[string]any) string { return "projects " + b["project"].(string) },
		"google_service_account_iam_member":              func(b map[string]any) string { return "iam service-accounts " + b["service_account_id"].(string) },
		"google_artifact_registry_repository_iam_member": func(b map[string]any) string { return "artifacts repositories " + b["repository"].(string) },
		"google_storage_bucket_iam_member":               func(b map[string]any) string { return "storage buckets gs://" + b["bucket"].(string) },
		"google_pubsub_topic_iam_member":                 func(b map[string]any) string { return "pubsub topics " + b["topic"].(string) },
		"google_pubsub_subscription_iam_member":          func(b map[string]any) string { return "pubsub subscriptions " + b["subscription"].(string) },
		"google_spanner_database_iam_member":             func(b map[string]any) string { return "spanner databases " + b["database"].(string) },
		"google_bigtable_instance_iam_member":            func(b map[string]any) string { return "bigtable instances " + b["instance"].(string) },
		"google_secret_manager_secret_iam_member":        func(b map[string]any) string { return "secrets " + b["secret_id"].(string) },
	}
	for _, i := range c.instances {
		if !strings.Contains(i.kind, "_iam_") || i.kind == "google_project_iam_custom_role" {
			continue
		}
		of := on[i.kind]
		if of == nil {
			return nil, fmt.Errorf("%s: who may do what is said in members alone", i.address)
		}
		all = append(all, binding{of(i.body), i.body["role"].(string), strings.TrimPrefix(i.body["member"].(string), "serviceAccount:")})
	}
	return all, nil
}

// runs are the commands that Terraform has gcloud run.
func runs(c *configuration) (all []string) {
	for _, i := range c.instances {
		if provisioners, ok := i.body["provisioner"].([]any); ok {
			for _, p := range provisioners {
				if command := p.(map[string]any)["command"].(string); strings.HasPrefix(command, "gcloud ") {
					all = append(all, command)
				}
			}
		}
	}
	return all
}

// compare says in what Terraform and recorded calls of setup.sh, whose files are in a folder, differ.
func compare(t *testing.T, c *configuration, calls, folder string) (all []string) {
	t.Helper()
	made, err := terraformMakes(c, production)
	if err != nil {
		return []string{err.Error()}
	}
	all = differences(setupMakes(t, calls, folder), made)
	given, err := binds(c)
	if err != nil {
		return append(all, err.Error())
	}
	ours := bindings(calls)
	for _, b := range ours {
		if !slices.Contains(given, b) {
			all = append(all, fmt.Sprintf("only setup.sh gives %v", b))
		}
	}
	for _, b := range given {
		if !slices.Contains(ours, b) {
			all = append(all, fmt.Sprintf("only Terraform gives %v", b))
		}
	}
	var commands []string
	for line := range strings.Lines(calls) {
		if strings.Contains(line, "services identity create") || strings.Contains(line, "subscriptions update") {
			commands = append(commands, strings.TrimSpace(line))
		}
	}
	ran := runs(c)
	slices.Sort(commands)
	slices.Sort(ran)
	if !slices.Equal(commands, ran) {
		all = append(all, fmt.Sprintf("setup.sh runs\n%s\nTerraform runs\n%s", strings.Join(commands, "\n"), strings.Join(ran, "\n")))
	}
	return all
}

// problems is everything that is wrong with a configuration.
func problems(t *testing.T, c *configuration, calls, folder string) []string {
	t.Helper()
	all := slices.Concat(unresolved(c), unknown(arguments(t), c), compare(t, c, calls, folder))
	return slices.Concat(all, settled(c), misread(c))
}

// misread says which of the subscriptions and triggers Google's API would not take. Terraform's names are those of
// the API, but for a few.
func misread(c *configuration) (problems []string) {
	for _, i := range c.instances {
		wrong := func(format string, args ...any) {
			problems = append(problems, i.address+": "+fmt.Sprintf(format, args...))
		}
		switch i.kind {
		case "google_pubsub_subscription":
			s := &pubsubpb.Subscription{}
			if err := readProto(i.body, s, map[string]string{`"expirationPolicy":{"ttl":""}`: `"expirationPolicy":{}`}); err != nil {
				wrong("%v", err)
				continue
			}
			if s.ExpirationPolicy == nil || s.ExpirationPolicy.Ttl != nil || s.MessageRetentionDuration.AsDuration() != 7*24*time.Hour {
				wrong("it expires, or keeps messages for %v", s.MessageRetentionDuration.AsDuration())
			}
			if s.PushConfig == nil {
				continue
			}
			if d := s.AckDeadlineSeconds; d < 10 || d > 600 {
				wrong("an ack deadline of %d s, want 10 to 600", d)
			}
			if n := s.DeadLetterPolicy.GetMaxDeliveryAttempts(); n < 5 || n > 10 || s.DeadLetterPolicy.GetDeadLetterTopic() == "" {
				wrong("%d attempts, want 5 to 10, and then %q", n, s.DeadLetterPolicy.GetDeadLetterTopic())
			}
			if r := s.RetryPolicy; r.GetMinimumBackoff().AsDuration() != 10*time.Second || r.GetMaximumBackoff().AsDuration() != 600*time.Second {
				wrong("a back-off of %v", r)
			}
			if o := s.PushConfig.GetOidcToken(); o.GetServiceAccountEmail() == "" || o.GetAudience()+"/" != s.PushConfig.PushEndpoint {
				wrong("a token of %q for %q", o.GetServiceAccountEmail(), o.GetAudience())
			}
		case "google_eventarc_trigger":
			e := &eventarcpb.Trigger{}
			rename := map[string]string{`"matchingCriteria":`: `"eventFilters":`, `"cloudRunService":`: `"cloudRun":`, `"location":"asia-northeast3",`: ``}
			if err := readProto(i.body, e, rename, "matching_criteria"); err != nil {
				wrong("%v", err)
				continue
			}
			filters := map[string]string{}
			for _, f := range e.EventFilters {
				filters[f.Attribute] = f.Value
			}
			if !slices.Contains(storageEvents, filters["type"]) || filters["bucket"] == "" || len(filters) != 2 {
				wrong("it filters by %v", filters)
			}
			if e.ServiceAccount == "" || e.Destination.GetCloudRun().GetService() == "" {
				wrong("it hands events on as %q to %v", e.ServiceAccount, e.Destination)
			}
		}
	}
	return problems
}

// storageEvents are the types of events that Eventarc has of Cloud Storage.
var storageEvents = []string{
	"google.cloud.storage.object.v1.finalized", "google.cloud.storage.object.v1.deleted",
	"google.cloud.storage.object.v1.archived", "google.cloud.storage.object.v1.metadataUpdated",
}

// readProto reads what Terraform has as the API would, strictly, once some names are those of the API.
func readProto(body map[string]any, m proto.Message, rename map[string]string, lists ...string) error {
	text := canonical(camel(body, lists...))
	for from, to := range rename {
		text = strings.Replace(text, from, to, 1)
	}
	return protojson.Unmarshal([]byte(text), m)
}

func TestTerraformMakesWhatSetupMakes(t *testing.T) {
	folder := t.TempDir()
	calls, printed, code := setup(t, released(folder))
	if code != 0 {
		t.Fatal(printed)
	}
	for _, p := range problems(t, terraform(t), calls, folder) {
		t.Error(p)
	}

	// The checks themselves: each must see its mistake.
	for name, change := range map[string][2]string{
		"another ack deadline":               {"ack_deadline_seconds       = 60", "ack_deadline_seconds       = 30"},
		"too few attempts":                   {"max_delivery_attempts = 10\n", "max_delivery_attempts = 3\n"},
		"a bad duration":                     {`maximum_backoff = "600s"`, `maximum_backoff = "10m"`},
		"a field that the API lacks":         {`audience              =`, `audiences             =`},
		"another topic of dead letters":      {"google_pubsub_topic.this[each.value.dead_letter_topic].id", `google_pubsub_topic.this["images"].id`},
		"a topic that is missing":            {"toset(local.topic_rows[*].topic)", `toset([for row in local.topic_rows : row.topic if row.topic != "images"])`},
		"a subscription that expires":        {`ttl = "" # never`, `ttl = "86400s"`},
		"a trigger of another event":         {`storage.object.v1.${each.key}`, `storage.object.v2.${each.key}`},
		"other settings of the trigger":      {"--max-delivery-attempts=10", "--max-delivery-attempts=5"},
		"a bucket that is public":            {`public_access_prevention    = "enforced"`, `public_access_prevention    = "inherited"`},
		"a bucket without its lifecycle":     {`"logs"       = { lifecycle = "logs"`, `"logs"       = { lifecycle = ""`},
		"a role too few":                     {`role    = "roles/eventarc.eventReceiver"`, `role    = "roles/eventarc.viewer"`},
		"a role for everybody":               {"member  = data.google_storage_project_service_account.this.member", `member  = "allUsers"`},
		"a binding that takes others away":   {`"google_pubsub_topic_iam_member" "dead"`, `"google_pubsub_topic_iam_binding" "dead"`},
		"an API that is off":                 {`"eventarc", "iam"`, `"iam"`},
		"more nodes":                         {"max_nodes  = 4", "max_nodes  = 40"},
		"old versions that stay":             {"number = 1\n", "number = 2\n"},
		"backups for a day":                  {"retention_duration = local.week", `retention_duration = "86400s"`},
		"another path":                       {`"${path_rule.value.prefix}/*"`, `"${path_rule.value.prefix}*"`},
		"no Cloud Armor":                     {"security_policy       = google_compute_security_policy.this.id\n", ""},
		"a cache that ignores the origin":    {"USE_ORIGIN_HEADERS", "FORCE_CACHE_ALL"},
		"old TLS":                            {"TLS_1_2", "TLS_1_0"},
		"an open network":                    {`protocol = "all"`, `protocol = "icmp"`},
		"no NAT":                             {`"LIST_OF_SUBNETWORKS"`, `"ALL_SUBNETWORKS_ALL_IP_RANGES"`},
		"another budget":                     {"[0.5, 0.9, 1.0]", "[0.5, 1.0]"},
		"another threshold of an alert":      {"try(conditions.value.conditionThreshold.thresholdValue, 0)", "1"},
		"another metric of logs":             {"each.value.bucketOptions.exponentialBuckets.growthFactor", "2"},
		"auditors who see data":              {`"run.viewer",`, `"run.viewer", "storage.objectViewer",`},
		"a secret by another name":           {`secret_id = "${local.name}-${each.key}"`, `secret_id = "${var.env}-${each.key}"`},
		"the beta provider":                  {`provider "google" {`, `provider "google-beta" {`},
		"an old provider":                    {">= 7.0, < 8.0", ">= 6.0"},
		"a variable that is not there":       {"var.mail", "var.email"},
		"a variable that is not used":        {`variable "mail" {`, "variable \"other\" {\n  type    = string\n  default = \"\"\n}\nvariable \"mail\" {"},
		"a local that is not there":          {"local.buckets\n", "local.bucket\n"},
		"a resource that is not there":       {"google_compute_router.this.name", "google_compute_router.that.name"},
		"a dependency that is not there":     {"depends_on = [google_dns_record_set.this]", "depends_on = [google_dns_record_set.that]"},
		"an argument that is not there":      {"private_ip_google_access =", "private_google_access ="},
		"an argument that is missing":        {"  dns_name    = \"${local.host}.\"\n", ""},
		"an attribute that is not there":     {"google_logging_project_sink.this.writer_identity", "google_logging_project_sink.this.writer"},
		"a block that is not there":          {"dnssec_config {", "dnssec {"},
		"a setting that nothing compares":    {`visibility  = "public"`, "visibility  = \"public\"\n  force_destroy = true"},
		"a function that is not Terraform's": {"trimsuffix(", "trimend("},
	} {
		changed := false
		c, err := readTerraform("terraform", func(s string) string {
			to := strings.Replace(s, change[0], change[1], 1)
			changed = changed || to != s
			return to
		})
		if !changed {
			t.Errorf("%s: %q is in no file", name, change[0])
		} else if err == nil && len(problems(t, c, calls, folder)) == 0 {
			t.Errorf("%s is not seen", name)
		}
	}

	// And what setup.sh alone does.
	for name, change := range map[string][2]string{
		"a flag":    {"--max-retry-delay=600s", "--max-retry-delay=60s"},
		"a name":    {"topics create prod-hybridbts-images ", "topics create prod-hybridbts-image "},
		"a role":    {"--role=roles/bigtable.reader", "--role=roles/bigtable.user"},
		"a member":  {"--member=serviceAccount:prod-hybridbts-city@", "--member=serviceAccount:prod-hybridbts-api@"},
		"a command": {"gcloud compute firewall-rules create prod-hybridbts-deny-egress", "gcloud compute firewall-rules list prod-hybridbts-deny-egress"},
	} {
		if !strings.Contains(calls, change[0]) {
			t.Errorf("%s: %q is in no call", name, change[0])
		}
		if len(compare(t, terraform(t), strings.ReplaceAll(calls, change[0], change[1]), folder)) == 0 {
			t.Errorf("%s of setup.sh that changed is not seen", name)
		}
	}
}

// A project whose auditors nobody named has none, and one where nothing is released has no trigger.
func TestTerraformOfAnEmptyProject(t *testing.T) {
	folder := t.TempDir()
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes", "ENV": "dev", "FILES": folder})
	c := terraform(t)
	given := map[string]cty.Value{"env": cty.StringVal("dev"), "project": cty.StringVal("shop"), "mail": cty.StringVal("operators@example.org")}
	made, err := terraformMakes(c, given)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences(setupMakes(t, calls, folder), made) {
		t.Error(d)
	}
	given["env"] = cty.StringVal("test")
	if err := terraform(t).evaluate(given); err == nil {
		t.Error("an environment is called test")
	}
}

// The load balancer sends each path to whom the local gateway sends it.
func TestRoutesOfTheLoadBalancerAreThoseOfTheGateway(t *testing.T) {
	folder := t.TempDir()
	if _, printed, code := setup(t, released(folder)); code != 0 {
		t.Fatal(printed)
	}
	made, err := terraformMakes(terraform(t), production)
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		PathMatchers []struct {
			DefaultService string
			PathRules      []struct {
				Paths   []string
				Service string
			}
		}
	}
	if err := json.Unmarshal([]byte(made["compute url-maps import prod-hybridbts"].flags["source"]), &m); err != nil || len(m.PathMatchers) != 1 {
		t.Fatalf("%v, %d path matchers", err, len(m.PathMatchers))
	}
	// The longest path that matches wins; only a * at the end, after a slash, is more than itself.
	balancer := func(path string) string {
		service, longest := m.PathMatchers[0].DefaultService, -1
		for _, r := range m.PathMatchers[0].PathRules {
			for _, p := range r.Paths {
				prefix, below := strings.CutSuffix(p, "*")
				if (path == p || below && strings.HasPrefix(path, prefix)) && len(prefix) > longest {
					service, longest = r.Service, len(prefix)
				}
			}
		}
		return strings.TrimPrefix(service, "prod-hybridbts-")
	}
	paths := []string{"/", "//", "/v1", "/v1/", "/index.html", "/v1/products/a/reviews", "//v1/reviews", "/V1/reviews", "/v1/reviews*"}
	for _, r := range routes.All() {
		for _, end := range []string{"", "/", "/a", "/a/b", "/*", "x", "-x", ".", "//"} {
			paths = append(paths, r.Prefix+end)
		}
	}
	seen := map[string]bool{}
	for _, p := range paths {
		want := "api"
		for _, r := range routes.All() {
			if r.Matches(p) {
				want = r.Function
				break
			}
		}
		seen[want] = true
		if got := balancer(p); got != want {
			t.Errorf("the load balancer sends %s to %s, the gateway to %s", p, got, want)
		}
	}
	if len(seen) < 4 {
		t.Errorf("the paths lead to %v alone", slices.Collect(maps.Keys(seen)))
	}
}

// scripts/data/customers makes the tables that setup.sh makes, and leaves those alone that are there.
func TestTablesOfCustomersAreThoseOfSetup(t *testing.T) {
	srv, err := bttest.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	conn, err := grpc.NewClient(srv.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx := t.Context()
	admin, err := bigtable.NewAdminClient(ctx, "p", "i", option.WithGRPCConn(conn))
	if err != nil {
		t.Fatal(err)
	}
	if err := customers.Create(ctx, admin); err != nil {
		t.Fatal(err)
	}
	tables, err := admin.Tables(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, name := range tables {
		info, err := admin.TableInfo(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		var families []string
		for _, f := range info.FamilyInfos {
			rule := strings.NewReplacer("versions() > ", ":maxversions=", "age() > 7d", ":maxage=7d", "<never>", "").Replace(f.GCPolicy)
			families = append(families, f.Name+rule)
		}
		slices.Sort(families)
		want[name] = strings.Join(families, ",")
	}
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes"})
	got := map[string]string{}
	for _, m := range regexp.MustCompile(`bigtable tables create (\S+) .*--column-families=(\S+)`).FindAllStringSubmatch(calls, -1) {
		families := strings.Split(m[2], ",")
		slices.Sort(families)
		got[m[1]] = strings.Join(families, ",")
	}
	if !maps.Equal(got, want) {
		t.Errorf("setup.sh makes %v, scripts/data/customers %v", got, want)
	}
}

// Where Terraform is installed, and its provider within reach, it checks the configuration itself.
func TestRealTerraformTakesIt(t *testing.T) {
	real, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("needs terraform: install it")
	}
	dir := t.TempDir()
	files, err := filepath.Glob("terraform/*.tf")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) (string, error) {
		cmd := exec.Command(real, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+os.DevNull, "CHECKPOINT_DISABLE=1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("fmt", "-check", "-diff"); err != nil {
		t.Errorf("terraform fmt: %v\n%s", err, out)
	}
	if out, err := run("init", "-backend=false", "-no-color"); err != nil {
		t.Skipf("formatted; to validate it, its provider must be within reach: terraform -chdir=scripts/deploy/terraform init -backend=false\n%s", out)
	}
	if out, err := run("validate", "-no-color"); err != nil {
		t.Errorf("terraform validate: %v\n%s", err, out)
	}
}
