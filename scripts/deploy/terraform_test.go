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
	"sigs.k8s.io/yaml"

	"github.com/hybrid-bts/functions/scripts/deploy/routes"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// releasedVariables are the Terraform variables that correspond to releasedWithOptions.
var releasedVariables = map[string]cty.Value{
	"env": cty.StringVal("prod"), "project": cty.StringVal("shop"), "mail": cty.StringVal("operators@example.org"),
	"auditors": cty.StringVal("auditors@example.org"), "budget": cty.NumberIntVal(500), "released": cty.True,
}

// releasedWithOptions returns an environment of setup.sh for a released project with auditors and a budget. Generated
// files go to folder.
func releasedWithOptions(folder string) environment {
	return environment{"EMPTY": "yes", "RELEASED": "yes", "AUDITORS": "auditors@example.org", "BUDGET": "500", "FILES": folder}
}

// loadConfiguration parses the Terraform files of this folder.
func loadConfiguration(t *testing.T) *configuration {
	t.Helper()
	c, err := parseConfiguration("terraform", func(source string) string { return source })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTerraformIsFormatted(t *testing.T) {
	for name := range loadConfiguration(t).files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(hclwrite.Format(src), src) {
			t.Errorf("%s is not formatted; run terraform fmt scripts/deploy/terraform", name)
		}
	}
}

// referenceProblems returns the unknown references and the unused variables, locals and data sources of a
// configuration.
func referenceProblems(c *configuration) (problems []string) {
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
				// Iterators of for expressions and dynamic blocks are not declared.
				ok = c.resources[name] != nil || !strings.HasPrefix(path[0], "google_") && path[0] != "terraform_data"
			}
			used[name] = true
			if !ok {
				problems = append(problems, fmt.Sprintf("%s: unknown reference %s", t.SourceRange(), name))
			}
		}
	}
	for name := range c.variables {
		if !used["var."+name] {
			problems = append(problems, "unused variable "+name)
		}
	}
	for name := range c.locals {
		if !used["local."+name] {
			problems = append(problems, "unused local "+name)
		}
	}
	for address, b := range c.resources {
		if b.Type == "data" && !used[address] {
			problems = append(problems, "unused data source "+address)
		}
	}
	return problems
}

// references returns the references in a body and its blocks, except those of variable blocks.
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

// providerSchema returns the names that the provider knows, by path of their block and then by name. The value has the
// suffix ! for a required argument and {} for a block, and the prefix ~ for a read-only attribute.
// testdata/terraform_arguments.txt is an extract of the bindings of provider 6.50 for the blocks of this configuration,
// without names that provider 7 lacks.
func providerSchema(t *testing.T) map[string]map[string]string {
	t.Helper()
	b, err := os.ReadFile("testdata/terraform_arguments.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]map[string]string{}
	for line := range strings.Lines(string(b)) {
		path, names, _ := strings.Cut(strings.TrimSpace(line), ":")
		known[path] = map[string]string{}
		for n := range strings.FieldsSeq(names) {
			known[path][strings.Trim(n, "~!{}")] = n
		}
	}
	return known
}

// schemaProblems returns unknown and missing arguments and blocks of a configuration.
func schemaProblems(known map[string]map[string]string, c *configuration) (problems []string) {
	report := func(at hcl.Range, format string, args ...any) {
		problems = append(problems, at.String()+": "+fmt.Sprintf(format, args...))
	}
	var check func(path string, b *hclsyntax.Body)
	check = func(path string, b *hclsyntax.Body) {
		args, ok := known[path]
		if !ok {
			report(b.Range(), "unknown block %s", path)
			return
		}
		present := map[string]bool{}
		for name, a := range b.Attributes {
			present[name] = true
			if kind := args[name]; !slices.Contains(metaArguments, name) && (kind == "" || strings.ContainsAny(kind, "~{")) {
				report(a.Range(), "%s: unknown argument %s", path, name)
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
			present[name] = true
			if !strings.HasSuffix(args[name], "{}") {
				report(block.Range(), "%s: unknown block %s", path, name)
				continue
			}
			check(path+"."+name, body)
		}
		for name, kind := range args {
			if strings.Contains(kind, "!") && !present[name] {
				report(b.Range(), "%s: missing argument %s", path, name)
			}
		}
	}
	for address, b := range c.resources {
		path := b.Labels[0]
		if b.Type == "data" {
			path = "data." + path
		}
		if len(b.Labels) != 2 {
			report(b.Range(), "%s: want a type and a name", address)
		}
		check(path, b.Body)
	}
	return append(problems, attributeProblems(known, c)...)
}

// attributeProblems returns the references to attributes that the provider does not know.
func attributeProblems(known map[string]map[string]string, c *configuration) (problems []string) {
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
				problems = append(problems, fmt.Sprintf("%s: %s has no attribute %s", t.SourceRange(), kind, path[2]))
			}
		}
	}
	return problems
}

// providerProblems checks that google, version 7 or later, is the only provider.
func providerProblems(c *configuration) (problems []string) {
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
		problems = append(problems, fmt.Sprintf("providers %v, want only hashicorp/google of version 7 or later", sources))
	}
	return problems
}

// terraformBindings returns the role bindings of an evaluated configuration, like bindings for setup.sh.
func terraformBindings(c *configuration) (all []binding, err error) {
	resourceOf := map[string]func(map[string]any) string{
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
		if !strings.Contains(i.kind, "_iam_") || i.kind == "google_project_iam_custom_role" || i.kind == "google_project_iam_audit_config" {
			continue
		}
		resource := resourceOf[i.kind]
		if resource == nil {
			return nil, fmt.Errorf("%s: the configuration may use only _iam_member resources of known kinds", i.address)
		}
		b := binding{resource(i.body), i.body["role"].(string), strings.TrimPrefix(i.body["member"].(string), "serviceAccount:"), ""}
		if conditions, ok := i.body["condition"].([]any); ok {
			for _, c := range conditions {
				m := c.(map[string]any)
				b.condition = "expression=" + m["expression"].(string) + ",title=" + m["title"].(string)
			}
		}
		all = append(all, b)
	}
	return all, nil
}

// auditConfigs returns the Data Access audit logs of an evaluated configuration as lines "service: log types".
func auditConfigs(c *configuration) (all []string) {
	for _, i := range c.instances {
		if i.kind != "google_project_iam_audit_config" {
			continue
		}
		var types []string
		for _, l := range i.body["audit_log_config"].([]any) {
			types = append(types, l.(map[string]any)["log_type"].(string))
		}
		slices.Sort(types)
		all = append(all, i.body["service"].(string)+": "+strings.Join(types, " "))
	}
	slices.Sort(all)
	return all
}

// policyAuditConfigs returns the audit logs of an IAM policy in YAML, in the form of auditConfigs.
func policyAuditConfigs(t *testing.T, policy []byte) (all []string) {
	t.Helper()
	var p struct {
		AuditConfigs []struct {
			Service         string
			AuditLogConfigs []struct{ LogType string }
		}
	}
	if err := yaml.Unmarshal(policy, &p); err != nil {
		t.Fatalf("%v: %s", err, policy)
	}
	for _, c := range p.AuditConfigs {
		var types []string
		for _, l := range c.AuditLogConfigs {
			types = append(types, l.LogType)
		}
		slices.Sort(types)
		all = append(all, c.Service+": "+strings.Join(types, " "))
	}
	slices.Sort(all)
	return all
}

// provisionerCalls returns the gcloud commands of the configuration's provisioners.
func provisionerCalls(c *configuration) (all []string) {
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

// comparisonProblems returns the differences between a configuration and recorded calls of setup.sh, whose generated
// files are in folder.
func comparisonProblems(t *testing.T, c *configuration, calls, folder string) (all []string) {
	t.Helper()
	created, err := terraformCalls(c, releasedVariables)
	if err != nil {
		return []string{err.Error()}
	}
	all = differences(creationCalls(t, calls, folder), created)
	granted, err := terraformBindings(c)
	if err != nil {
		return append(all, err.Error())
	}
	setupBindings := bindings(calls)
	for _, b := range setupBindings {
		if !slices.Contains(granted, b) {
			all = append(all, fmt.Sprintf("only setup.sh grants %v", b))
		}
	}
	for _, b := range granted {
		if !slices.Contains(setupBindings, b) {
			all = append(all, fmt.Sprintf("only Terraform grants %v", b))
		}
	}
	policy, err := os.ReadFile(filepath.Join(folder, "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if script, terraform := policyAuditConfigs(t, policy), auditConfigs(c); len(script) < 3 || !slices.Equal(script, terraform) {
		all = append(all, fmt.Sprintf("setup.sh audits %q, Terraform %q", script, terraform))
	}
	var commands []string
	for line := range strings.Lines(calls) {
		if strings.Contains(line, "services identity create") || strings.Contains(line, "subscriptions update") {
			commands = append(commands, strings.TrimSpace(line))
		}
	}
	provisioned := provisionerCalls(c)
	slices.Sort(commands)
	slices.Sort(provisioned)
	if !slices.Equal(commands, provisioned) {
		all = append(all, fmt.Sprintf("setup.sh runs\n%s\nTerraform runs\n%s", strings.Join(commands, "\n"), strings.Join(provisioned, "\n")))
	}
	return all
}

// configurationProblems returns the problems that all checks find in a configuration.
func configurationProblems(t *testing.T, c *configuration, calls, folder string) []string {
	t.Helper()
	all := slices.Concat(referenceProblems(c), schemaProblems(providerSchema(t), c), comparisonProblems(t, c, calls, folder))
	return slices.Concat(all, providerProblems(c), messagingProblems(c))
}

// messagingProblems decodes subscriptions and triggers as messages of Google's API, and checks their delivery settings.
func messagingProblems(c *configuration) (problems []string) {
	for _, i := range c.instances {
		var found []string
		switch i.kind {
		case "google_pubsub_subscription":
			found = subscriptionProblems(i.body)
		case "google_eventarc_trigger":
			found = triggerProblems(i.body)
		}
		for _, p := range found {
			problems = append(problems, i.address+": "+p)
		}
	}
	return problems
}

// subscriptionProblems decodes a subscription and returns its deliveryProblems.
func subscriptionProblems(body map[string]any) []string {
	s := &pubsubpb.Subscription{}
	if err := decodeBody(body, s, map[string]string{`"expirationPolicy":{"ttl":""}`: `"expirationPolicy":{}`}); err != nil {
		return []string{err.Error()}
	}
	return deliveryProblems(s)
}

// deliveryProblems returns the required delivery settings that a subscription lacks.
func deliveryProblems(s *pubsubpb.Subscription) (problems []string) {
	report := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	want := 7 * 24 * time.Hour
	switch {
	case s.AckDeadlineSeconds == 10: // only the newest messages are of use
		want = 10 * time.Minute
	case s.Filter != "": // erasures outlive the backups
		want = 31 * 24 * time.Hour
	}
	if s.ExpirationPolicy == nil || s.ExpirationPolicy.Ttl != nil || s.MessageRetentionDuration.AsDuration() != want {
		report("the subscription expires, or retains messages for %v instead of %v", s.MessageRetentionDuration.AsDuration(), want)
	}
	if s.PushConfig.GetPushEndpoint() == "" {
		return problems
	}
	if s.AckDeadlineSeconds != 60 {
		report("ack deadline %d s, want 60", s.AckDeadlineSeconds)
	}
	if n := s.DeadLetterPolicy.GetMaxDeliveryAttempts(); n < 5 || n > 10 || s.DeadLetterPolicy.GetDeadLetterTopic() == "" {
		report("%d delivery attempts and dead-letter topic %q, want 5 to 10 and a topic", n, s.DeadLetterPolicy.GetDeadLetterTopic())
	}
	if r := s.RetryPolicy; r.GetMinimumBackoff().AsDuration() != 10*time.Second || r.GetMaximumBackoff().AsDuration() != 600*time.Second {
		report("back-off %v, want 10 s to 600 s", r)
	}
	token := s.PushConfig.GetOidcToken()
	if token.GetServiceAccountEmail() != "prod-hybridbts-push@shop.iam.gserviceaccount.com" || token.GetAudience()+"/" != s.PushConfig.PushEndpoint {
		report("token of %q for audience %q does not fit %s", token.GetServiceAccountEmail(), token.GetAudience(), s.PushConfig.PushEndpoint)
	}
	return problems
}

// triggerProblems checks that an Eventarc trigger filters one event type of one bucket and calls a service.
func triggerProblems(body map[string]any) (problems []string) {
	trigger := &eventarcpb.Trigger{}
	rename := map[string]string{`"matchingCriteria":`: `"eventFilters":`, `"cloudRunService":`: `"cloudRun":`, `"location":"asia-northeast3",`: ``}
	if err := decodeBody(body, trigger, rename, "matching_criteria"); err != nil {
		return []string{err.Error()}
	}
	filters := map[string]string{}
	for _, f := range trigger.EventFilters {
		filters[f.Attribute] = f.Value
	}
	if !slices.Contains(storageEvents, filters["type"]) || filters["bucket"] == "" || len(filters) != 2 {
		problems = append(problems, fmt.Sprintf("event filters %v, want a type of Cloud Storage and a bucket", filters))
	}
	if trigger.ServiceAccount == "" || trigger.Destination.GetCloudRun().GetService() == "" {
		problems = append(problems, fmt.Sprintf("account %q, destination %v; want an account and a service", trigger.ServiceAccount, trigger.Destination))
	}
	return problems
}

// storageEvents are the direct event types of Cloud Storage in Eventarc.
var storageEvents = []string{
	"google.cloud.storage.object.v1.finalized", "google.cloud.storage.object.v1.deleted",
	"google.cloud.storage.object.v1.archived", "google.cloud.storage.object.v1.metadataUpdated",
}

// decodeBody decodes a Terraform resource as a message of the API, strictly. rename maps JSON text of Terraform to that
// of the API, and lists names the blocks that are lists in the API.
func decodeBody(body map[string]any, m proto.Message, rename map[string]string, lists ...string) error {
	text := canonicalJSON(camelCase(body, lists...))
	for from, to := range rename {
		text = strings.Replace(text, from, to, 1)
	}
	return protojson.Unmarshal([]byte(text), m)
}

func TestTerraformCreatesTheResourcesOfSetup(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	calls, output, code := runSetup(t, releasedWithOptions(folder))
	if code != 0 {
		t.Fatal(output)
	}
	for _, p := range configurationProblems(t, loadConfiguration(t), calls, folder) {
		t.Error(p)
	}

	for name, change := range map[string][2]string{ // mistakes in the configuration that the checks must find
		"wrong ack deadline":                   {"ack_deadline_seconds       = 60", "ack_deadline_seconds       = 30"},
		"too few attempts":                     {"max_delivery_attempts = 10\n", "max_delivery_attempts = 3\n"},
		"invalid duration":                     {`maximum_backoff = "600s"`, `maximum_backoff = "10m"`},
		"unknown field of the API":             {`audience              =`, `audiences             =`},
		"wrong dead-letter topic":              {"google_pubsub_topic.this[each.value.dead_letter_topic].id", `google_pubsub_topic.this["images"].id`},
		"missing topic":                        {"toset(local.topic_rows[*].topic)", `toset([for row in local.topic_rows : row.topic if row.topic != "images"])`},
		"expiring subscription":                {`ttl = "" # never`, `ttl = "86400s"`},
		"erasures that die with a backup":      {`message_retention_duration = "2678400s"`, "message_retention_duration = local.week"},
		"wrong event type":                     {`storage.object.v1.${each.key}`, `storage.object.v2.${each.key}`},
		"wrong delivery settings of a trigger": {"--max-delivery-attempts=10", "--max-delivery-attempts=5"},
		"public bucket":                        {`public_access_prevention    = "enforced"`, `public_access_prevention    = "inherited"`},
		"long soft delete":                     {`"renditions" = { lifecycle = "", kept_days = 0`, `"renditions" = { lifecycle = "", kept_days = 7`},
		"unaudited service":                    {`"bigtableadmin", "spanner", "storage"])`, `"bigtableadmin", "spanner"])`},
		"unaudited reads":                      {`log_type = "DATA_READ"`, `log_type = "ADMIN_READ"`},
		"uploads to the whole bucket":          {`objects/${condition.value}`, `objects/`},
		"missing lifecycle":                    {`"logs"       = { lifecycle = "logs"`, `"logs"       = { lifecycle = ""`},
		"missing role":                         {`role    = "roles/eventarc.eventReceiver"`, `role    = "roles/eventarc.viewer"`},
		"role for allUsers":                    {"member  = data.google_storage_project_service_account.this.member", `member  = "allUsers"`},
		"authoritative binding":                {`"google_pubsub_topic_iam_member" "dead"`, `"google_pubsub_topic_iam_binding" "dead"`},
		"disabled API":                         {`"eventarc", "iam"`, `"iam"`},
		"too many nodes":                       {"max_nodes  = 4", "max_nodes  = 40"},
		"too many cell versions":               {"number = 1\n", "number = 2\n"},
		"short backup retention":               {"retention_duration = local.week", `retention_duration = "86400s"`},
		"wrong path pattern":                   {`"${path_rule.value.prefix}/*"`, `"${path_rule.value.prefix}*"`},
		"missing security policy":              {"security_policy       = google_compute_security_policy.this.id\n", ""},
		"cache that ignores Cache-Control":     {"USE_ORIGIN_HEADERS", "FORCE_CACHE_ALL"},
		"old TLS":                              {"TLS_1_2", "TLS_1_0"},
		"open firewall":                        {`protocol = "all"`, `protocol = "icmp"`},
		"wrong NAT ranges":                     {`"LIST_OF_SUBNETWORKS"`, `"ALL_SUBNETWORKS_ALL_IP_RANGES"`},
		"missing budget threshold":             {"[0.5, 0.9, 1.0]", "[0.5, 1.0]"},
		"wrong alert threshold":                {"try(conditions.value.conditionThreshold.thresholdValue, 0)", "1"},
		"wrong log-based metric":               {"each.value.bucketOptions.exponentialBuckets.growthFactor", "2"},
		"auditors with access to data":         {`"run.viewer",`, `"run.viewer", "storage.objectViewer",`},
		"wrong secret name":                    {`secret_id = "${local.name}-${each.key}"`, `secret_id = "${var.env}-${each.key}"`},
		"beta provider":                        {`provider "google" {`, `provider "google-beta" {`},
		"old provider":                         {">= 7.0, < 8.0", ">= 6.0"},
		"unknown variable":                     {"var.mail", "var.email"},
		"unused variable":                      {`variable "mail" {`, "variable \"other\" {\n  type    = string\n  default = \"\"\n}\nvariable \"mail\" {"},
		"unknown local":                        {"local.buckets\n", "local.bucket\n"},
		"unknown resource":                     {"google_compute_router.this.name", "google_compute_router.that.name"},
		"unknown dependency":                   {"depends_on = [google_dns_record_set.this]", "depends_on = [google_dns_record_set.that]"},
		"unknown argument":                     {"private_ip_google_access =", "private_google_access ="},
		"missing argument":                     {"  dns_name    = \"${local.host}.\"\n", ""},
		"unknown attribute":                    {"google_logging_project_sink.this.writer_identity", "google_logging_project_sink.this.writer"},
		"unknown block":                        {"dnssec_config {", "dnssec {"},
		"setting without comparison":           {`visibility  = "public"`, "visibility  = \"public\"\n  force_destroy = true"},
		"unknown function":                     {"trimsuffix(", "trimend("},
	} {
		changed := false
		c, err := parseConfiguration("terraform", func(source string) string {
			edited := strings.Replace(source, change[0], change[1], 1)
			changed = changed || edited != source
			return edited
		})
		if !changed {
			t.Errorf("%s: no file contains %q", name, change[0])
		} else if err == nil && len(configurationProblems(t, c, calls, folder)) == 0 {
			t.Errorf("%s: not detected", name)
		}
	}

	for name, change := range map[string][2]string{ // changes of setup.sh that the comparison must find
		"flag":    {"--max-retry-delay=600s", "--max-retry-delay=60s"},
		"name":    {"topics create prod-hybridbts-images ", "topics create prod-hybridbts-image "},
		"role":    {"--role=roles/bigtable.reader", "--role=roles/bigtable.user"},
		"member":  {"--member=serviceAccount:prod-hybridbts-city@", "--member=serviceAccount:prod-hybridbts-api@"},
		"command": {"gcloud compute firewall-rules create prod-hybridbts-deny-egress", "gcloud compute firewall-rules list prod-hybridbts-deny-egress"},
	} {
		if !strings.Contains(calls, change[0]) {
			t.Errorf("%s: no call contains %q", name, change[0])
		}
		if len(comparisonProblems(t, loadConfiguration(t), strings.ReplaceAll(calls, change[0], change[1]), folder)) == 0 {
			t.Errorf("another %s in setup.sh: not detected", name)
		}
	}
}

// Without auditors the configuration grants them no roles, and before the first release it creates no triggers.
func TestTerraformWithDefaultsCreatesTheResourcesOfSetup(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	calls, _, _ := runSetup(t, environment{"EMPTY": "yes", "ENV": "dev", "FILES": folder})
	c := loadConfiguration(t)
	variables := map[string]cty.Value{"env": cty.StringVal("dev"), "project": cty.StringVal("shop"), "mail": cty.StringVal("operators@example.org")}
	created, err := terraformCalls(c, variables)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences(creationCalls(t, calls, folder), created) {
		t.Error(d)
	}
	variables["env"] = cty.StringVal("test")
	if err := loadConfiguration(t).evaluate(variables); err == nil {
		t.Error("the configuration accepts the unknown environment test")
	}
}

func TestLoadBalancerRoutesPathsLikeTheLocalGateway(t *testing.T) {
	created, err := terraformCalls(loadConfiguration(t), releasedVariables)
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
	if err := json.Unmarshal([]byte(created["compute url-maps import prod-hybridbts"].flags["source"]), &m); err != nil || len(m.PathMatchers) != 1 {
		t.Fatalf("%v, %d path matchers", err, len(m.PathMatchers))
	}
	// In a URL map the longest matching path wins. * is a wildcard only at the end, after a slash.
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
			t.Errorf("the load balancer routes %s to %s, the gateway to %s", p, got, want)
		}
	}
	if len(seen) < 4 {
		t.Errorf("the paths lead only to %v", slices.Collect(maps.Keys(seen)))
	}
}

func TestSetupCreatesTheTablesOfTheCustomersLoader(t *testing.T) {
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
	calls, _, _ := runSetup(t, emptyProject)
	got := map[string]string{}
	for _, m := range regexp.MustCompile(`bigtable tables create (\S+) .*--column-families=(\S+)`).FindAllStringSubmatch(calls, -1) {
		families := strings.Split(m[2], ",")
		slices.Sort(families)
		got[m[1]] = strings.Join(families, ",")
	}
	if !maps.Equal(got, want) {
		t.Errorf("setup.sh creates %v, scripts/data/customers %v", got, want)
	}
}

// The test needs an installed Terraform and network access to its provider.
func TestRealTerraformAcceptsTheConfiguration(t *testing.T) {
	terraform, err := exec.LookPath("terraform")
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
		cmd := exec.Command(terraform, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+os.DevNull, "CHECKPOINT_DISABLE=1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("fmt", "-check", "-diff"); err != nil {
		t.Errorf("terraform fmt: %v\n%s", err, out)
	}
	if out, err := run("init", "-backend=false", "-no-color"); err != nil {
		t.Skipf("needs network access to the provider: terraform -chdir=scripts/deploy/terraform init -backend=false\n%s", out)
	}
	if out, err := run("validate", "-no-color"); err != nil {
		t.Errorf("terraform validate: %v\n%s", err, out)
	}
}
