package deploy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/monitoring/apiv3/v2/monitoringpb"
	"github.com/zclconf/go-cty/cty"
	"google.golang.org/protobuf/encoding/protojson"
	"sigs.k8s.io/yaml"
)

// call is what is made: by gcloud, or by the gcloud that does what a resource of Terraform does.
type call struct {
	command, name string
	flags         map[string]string // without dashes; of a flag that is there twice both values
}

func (c call) String() string {
	lines := []string{c.command + " " + c.name}
	for _, f := range sorted(c.flags) {
		lines = append(lines, "  "+f+" = "+c.flags[f])
	}
	return strings.Join(lines, "\n")
}

// translation turns a resource into a call. Whatever it does not take of the body is told as forgotten.
type translation struct {
	call
	body map[string]any
}

// take returns an attribute by its path through blocks that are there once, and takes it off the body.
func (t *translation) take(path string) any {
	body := t.body
	steps := strings.Split(path, ".")
	for _, s := range steps[:len(steps)-1] {
		blocks, _ := body[s].([]any)
		if len(blocks) != 1 {
			return nil
		}
		body, _ = blocks[0].(map[string]any)
	}
	last := steps[len(steps)-1]
	v := body[last]
	delete(body, last)
	return v
}

// text is an attribute as gcloud's flags have it.
func (t *translation) text(path string) string { return flagText(t.take(path)) }

func flagText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, flagText(e))
		}
		return strings.Join(all, ",")
	case map[string]any:
		var all []string
		for _, k := range sorted(v) {
			all = append(all, k+"="+flagText(v[k]))
		}
		return strings.Join(all, ",")
	default:
		return fmt.Sprint(v)
	}
}

// is says what a call is called, and its flags: each a flag, and the path of its attribute.
func (t *translation) is(command, name string, flags ...string) {
	t.command, t.name = command, t.text(name)
	for i := 0; i < len(flags); i += 2 {
		t.flag(flags[i], t.text(flags[i+1]))
	}
}

// flag sets a flag that has a value.
func (t *translation) flag(name, value string) {
	if value != "" {
		t.flags[name] = value
	}
}

// needs takes an attribute off that setup.sh has by other words, and says when it is another.
func (t *translation) needs(path, want string) {
	if got := t.text(path); got != want {
		t.flag("!"+path, got)
	}
}

// blocks takes all blocks of a name.
func (t *translation) blocks(name string) []any {
	all, _ := t.take(name).([]any)
	return all
}

// forgotten are the attributes that are left.
func forgotten(body map[string]any, path string) (all []string) {
	for _, k := range sorted(body) {
		if blocks, ok := body[k].([]any); ok && len(blocks) > 0 {
			if _, ok := blocks[0].(map[string]any); ok {
				for _, b := range blocks {
					all = append(all, forgotten(b.(map[string]any), path+k+".")...)
				}
				continue
			}
		}
		all = append(all, path+k)
	}
	return all
}

// camel is JSON as the API has it of what Terraform has: other names, and blocks that are there once no lists,
// but for those of a name that may be there more often.
func camel(v any, lists ...string) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, e := range v {
			if all, ok := e.([]any); ok && len(all) == 1 && !slices.Contains(lists, k) {
				if block, ok := all[0].(map[string]any); ok {
					e = block
				}
			}
			name := regexp.MustCompile(`_[a-z]`).ReplaceAllStringFunc(k, func(s string) string { return strings.ToUpper(s[1:]) })
			m[name] = camel(e, lists...)
		}
		return m
	case []any:
		var all []any
		for _, e := range v {
			all = append(all, camel(e, lists...))
		}
		return all
	}
	return v
}

// canonical is JSON in one order.
func canonical(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // it came from JSON
	}
	return string(b)
}

// policy is an alert policy as the API reads it: strictly.
func policy(text []byte) (string, error) {
	p := &monitoringpb.AlertPolicy{}
	if err := protojson.Unmarshal(text, p); err != nil {
		return "", err
	}
	p.NotificationChannels = nil // a flag of gcloud
	b, err := protojson.Marshal(p)
	if err != nil {
		return "", err
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return "", err
	}
	return canonical(v), nil
}

// seconds is a duration of gcloud or of Terraform in seconds.
func seconds(s string) string {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil {
			return strconv.Itoa(n * 24 * 60 * 60)
		}
	}
	if d, err := time.ParseDuration(s); err == nil {
		return strconv.Itoa(int(d.Seconds()))
	}
	return s
}

// durations are the flags that have one.
var durations = []string{"message-retention-duration", "min-retry-delay", "max-retry-delay", "retention-duration"}

// id is the last part of a full name.
func id(s string) string { return s[strings.LastIndex(s, "/")+1:] }

// url maps name backends by addresses or ids; both end with the name.
func backends(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if s, ok := e.(string); ok && (k == "service" || k == "defaultService") {
				v[k] = id(s)
			} else {
				v[k] = backends(e)
			}
		}
	case []any:
		for i := range v {
			v[i] = backends(v[i])
		}
	}
	return v
}

// translations are the resources that a gcloud command makes. What one writes, the other has in its words.
var translations = map[string]func(*translation) error{
	"google_artifact_registry_repository": func(t *translation) error {
		t.is("artifacts repositories create", "repository_id", "location", "location", "description", "description")
		t.flag("repository-format", strings.ToLower(t.text("format")))
		return nil
	},
	"google_service_account": func(t *translation) error {
		t.is("iam service-accounts create", "account_id", "display-name", "display_name")
		return nil
	},
	"google_project_iam_custom_role": func(t *translation) error {
		t.is("iam roles create", "role_id", "title", "title", "stage", "stage", "permissions", "permissions")
		return nil
	},
	"google_project_service": func(t *translation) error {
		t.is("services enable", "service")
		t.needs("disable_on_destroy", "false")
		return nil
	},
	"google_compute_network": func(t *translation) error {
		t.is("compute networks create", "name")
		if t.text("auto_create_subnetworks") == "false" {
			t.flag("subnet-mode", "custom")
		}
		return nil
	},
	"google_compute_subnetwork": func(t *translation) error {
		t.is("compute networks subnets create", "name", "network", "network", "region", "region", "range", "ip_cidr_range",
			"enable-private-ip-google-access", "private_ip_google_access")
		return nil
	},
	"google_compute_router": func(t *translation) error {
		t.is("compute routers create", "name", "network", "network", "region", "region")
		return nil
	},
	"google_compute_router_nat": func(t *translation) error {
		t.is("compute routers nats create", "name", "router", "router", "region", "region",
			"nat-custom-subnet-ip-ranges", "subnetwork.name", "enable-logging", "log_config.enable", "log-filter", "log_config.filter")
		if t.text("nat_ip_allocate_option") == "AUTO_ONLY" {
			t.flag("auto-allocate-nat-external-ips", "true")
		}
		t.needs("source_subnetwork_ip_ranges_to_nat", "LIST_OF_SUBNETWORKS")
		t.needs("subnetwork.source_ip_ranges_to_nat", "PRIMARY_IP_RANGE")
		return nil
	},
	"google_compute_firewall": func(t *translation) error {
		t.is("compute firewall-rules create", "name", "network", "network", "direction", "direction", "priority", "priority",
			"source-ranges", "source_ranges", "destination-ranges", "destination_ranges")
		for _, action := range []string{"allow", "deny"} {
			if rule := t.text(action + ".protocol"); rule != "" {
				if ports := t.text(action + ".ports"); ports != "" {
					rule += ":" + ports
				}
				t.flag("rules", rule)
				t.flag("action", strings.ToUpper(action))
			}
		}
		return nil
	},
	"google_pubsub_topic": func(t *translation) error {
		t.is("pubsub topics create", "name", "message-retention-duration", "message_retention_duration")
		return nil
	},
	"google_pubsub_subscription": func(t *translation) error {
		t.is("pubsub subscriptions create", "name", "ack-deadline", "ack_deadline_seconds",
			"message-retention-duration", "message_retention_duration", "min-retry-delay", "retry_policy.minimum_backoff",
			"max-retry-delay", "retry_policy.maximum_backoff", "max-delivery-attempts", "dead_letter_policy.max_delivery_attempts",
			"push-endpoint", "push_config.push_endpoint", "push-auth-token-audience", "push_config.oidc_token.audience",
			"push-auth-service-account", "push_config.oidc_token.service_account_email")
		t.flag("topic", id(t.text("topic")))
		t.flag("dead-letter-topic", id(t.text("dead_letter_policy.dead_letter_topic")))
		if ttl, ok := t.take("expiration_policy.ttl").(string); ok && ttl == "" {
			t.flag("expiration-period", "never")
		}
		return nil
	},
	"google_storage_bucket": func(t *translation) error {
		t.is("storage buckets create", "name", "location", "location", "uniform-bucket-level-access", "uniform_bucket_level_access")
		t.name = "gs://" + t.name
		if t.text("public_access_prevention") == "enforced" {
			t.flag("public-access-prevention", "true")
		}
		if rules := t.blocks("lifecycle_rule"); rules != nil {
			t.flag("lifecycle-file", canonical(map[string]any{"rule": camel(rules)}))
		}
		if cors := t.blocks("cors"); cors != nil {
			t.flag("cors-file", canonical(camel(cors)))
		}
		return nil
	},
	"google_logging_project_sink": func(t *translation) error {
		t.is("logging sinks create", "name", "log-filter", "filter")
		t.name += " " + t.text("destination")
		t.needs("unique_writer_identity", "true") // gcloud makes no other
		return nil
	},
	"google_logging_metric": func(t *translation) error {
		t.is("logging metrics create", "name")
		t.flag("config-from-file", canonical(camel(t.body)))
		t.body = nil
		return nil
	},
	"google_eventarc_trigger": func(t *translation) error {
		t.is("eventarc triggers create", "name", "location", "location", "service-account", "service_account",
			"destination-run-service", "destination.cloud_run_service.service", "destination-run-region", "destination.cloud_run_service.region")
		var filters []string
		for _, c := range t.blocks("matching_criteria") {
			m := c.(map[string]any)
			filters = append(filters, flagText(m["attribute"])+"="+flagText(m["value"]))
		}
		t.flag("event-filters", strings.Join(filters, " and "))
		return nil
	},
	"google_spanner_instance": func(t *translation) error {
		t.is("spanner instances create", "name", "config", "config", "description", "display_name", "edition", "edition", "processing-units", "processing_units",
			"default-backup-schedule-type", "default_backup_schedule_type")
		return nil
	},
	"google_spanner_database": func(t *translation) error {
		t.is("spanner databases create", "name", "instance", "instance")
		t.needs("deletion_protection", "true") // from Terraform itself
		t.flag("ddl-file", canonical(t.take("ddl")))
		return nil
	},
	"google_spanner_backup_schedule": func(t *translation) error {
		t.is("spanner backup-schedules create", "name", "instance", "instance", "database", "database",
			"retention-duration", "retention_duration", "cron", "spec.cron_spec.text")
		if t.blocks("full_backup_spec") != nil {
			t.flag("backup-type", "full-backup")
		}
		return nil
	},
	"google_bigtable_instance": func(t *translation) error {
		t.is("bigtable instances create", "name", "display-name", "display_name")
		t.needs("deletion_protection", "true") // from Terraform itself
		t.flag("cluster-config", fmt.Sprintf("id=%s,zone=%s,autoscaling-min-nodes=%s,autoscaling-max-nodes=%s,autoscaling-cpu-target=%s",
			t.text("cluster.cluster_id"), t.text("cluster.zone"), t.text("cluster.autoscaling_config.min_nodes"),
			t.text("cluster.autoscaling_config.max_nodes"), t.text("cluster.autoscaling_config.cpu_target")))
		return nil
	},
	"google_bigtable_table": func(t *translation) error {
		t.is("bigtable tables create", "name", "instance", "instance_name")
		var families []string
		for _, f := range t.blocks("column_family") {
			families = append(families, flagText(f.(map[string]any)["family"]))
		}
		t.flag("column-families", strings.Join(families, ","))
		return nil
	},
	"google_bigtable_gc_policy": func(t *translation) error {
		t.is("bigtable tables create", "table", "instance", "instance_name")
		rule := "maxversions=" + t.text("max_version.number")
		if age := t.text("max_age.duration"); age != "" {
			rule = "maxage=" + seconds(age)
		}
		t.flag("column-families", t.text("column_family")+":"+rule)
		return nil
	},
	"google_secret_manager_secret": func(t *translation) error {
		t.is("secrets create", "secret_id")
		if t.blocks("replication") != nil { // of which auto is the only block
			t.flag("replication-policy", "automatic")
		}
		return nil
	},
	"google_compute_global_address": func(t *translation) error {
		t.is("compute addresses create", "name")
		t.flag("global", "true")
		return nil
	},
	"google_dns_managed_zone": func(t *translation) error {
		t.is("dns managed-zones create", "name", "dns-name", "dns_name", "description", "description", "visibility", "visibility", "dnssec-state", "dnssec_config.state")
		return nil
	},
	"google_dns_record_set": func(t *translation) error {
		t.is("dns record-sets create", "name", "zone", "managed_zone", "type", "type", "ttl", "ttl", "rrdatas", "rrdatas")
		return nil
	},
	"google_compute_managed_ssl_certificate": func(t *translation) error {
		t.is("compute ssl-certificates create", "name", "domains", "managed.domains")
		t.flag("global", "true")
		return nil
	},
	"google_compute_ssl_policy": func(t *translation) error {
		t.is("compute ssl-policies create", "name", "profile", "profile")
		t.flag("min-tls-version", strings.NewReplacer("TLS_", "", "_", ".").Replace(t.text("min_tls_version")))
		t.flag("global", "true")
		return nil
	},
	"google_compute_security_policy": func(t *translation) error {
		t.is("compute security-policies create", "name")
		file := map[string]any{"type": t.text("type"), "description": t.text("description"), "rules": camel(t.blocks("rule"))}
		t.flag("file-name", canonical(file))
		t.flag("file-format", "json")
		return nil
	},
	"google_compute_region_network_endpoint_group": func(t *translation) error {
		t.is("compute network-endpoint-groups create", "name", "region", "region", "cloud-run-service", "cloud_run.service")
		t.flag("network-endpoint-type", strings.ToLower(t.text("network_endpoint_type")))
		return nil
	},
	"google_compute_backend_service": func(t *translation) error {
		t.is("compute backend-services create", "name", "load-balancing-scheme", "load_balancing_scheme", "security-policy", "security_policy",
			"enable-cdn", "enable_cdn", "network-endpoint-group", "backend.group", "enable-logging", "log_config.enable",
			"logging-sample-rate", "log_config.sample_rate", "cache-mode", "cdn_policy.cache_mode",
			"cache-key-query-string-whitelist", "cdn_policy.cache_key_policy.query_string_whitelist")
		for _, part := range []string{"host", "protocol", "query_string"} { // all that the key has by itself
			if t.flags["enable-cdn"] == "true" {
				t.needs("cdn_policy.cache_key_policy.include_"+part, "true")
			}
		}
		t.flag("global", "true")
		return nil
	},
	"google_compute_url_map": func(t *translation) error {
		t.is("compute url-maps import", "name")
		t.body["name"] = t.name
		t.flag("source", canonical(backends(camelURLMap(t.body))))
		t.body = nil
		t.flag("global", "true")
		return nil
	},
	"google_compute_target_https_proxy": func(t *translation) error {
		t.is("compute target-https-proxies create", "name", "url-map", "url_map", "ssl-certificates", "ssl_certificates", "ssl-policy", "ssl_policy")
		t.flag("global", "true")
		return nil
	},
	"google_compute_target_http_proxy": func(t *translation) error {
		t.is("compute target-http-proxies create", "name", "url-map", "url_map")
		t.flag("global", "true")
		return nil
	},
	"google_compute_global_forwarding_rule": func(t *translation) error {
		t.is("compute forwarding-rules create", "name", "load-balancing-scheme", "load_balancing_scheme", "address", "ip_address", "ports", "port_range")
		proxy := "target-http-proxy"
		if t.flags["ports"] == "443" {
			proxy = "target-https-proxy"
		}
		t.flag(proxy, t.text("target"))
		t.flag("global", "true")
		return nil
	},
	"google_monitoring_notification_channel": func(t *translation) error {
		t.is("monitoring channels create", "display_name", "type", "type", "channel-labels", "labels")
		return nil
	},
	"google_monitoring_uptime_check_config": func(t *translation) error {
		t.is("monitoring uptime create", "display_name", "path", "http_check.path", "resource-labels", "monitored_resource.labels")
		t.flag("resource-type", strings.ReplaceAll(t.text("monitored_resource.type"), "_", "-"))
		if t.text("http_check.use_ssl") == "true" {
			t.flag("protocol", "https")
		}
		if t.text("period") == "60s" {
			t.flag("period", "1") // minute
		}
		t.needs("timeout", "60s")         // what gcloud makes
		t.needs("http_check.port", "443") // of https
		return nil
	},
	"google_monitoring_alert_policy": func(t *translation) error {
		t.is("monitoring policies create", "display_name", "notification-channels", "notification_channels")
		t.body["display_name"] = t.name
		b, err := json.Marshal(camel(t.body, "conditions", "links", "aggregations", "denominator_aggregations"))
		if err != nil {
			return err
		}
		t.body = nil
		p, err := policy(b)
		t.flag("policy-from-file", p)
		return err
	},
	"google_monitoring_dashboard": func(t *translation) error {
		t.command = "monitoring dashboards create"
		var v any
		err := json.Unmarshal([]byte(t.text("dashboard_json")), &v)
		t.flag("config-from-file", canonical(v))
		return err
	},
	"google_billing_budget": func(t *translation) error {
		t.is("billing budgets create", "display_name", "billing-account", "billing_account", "budget-amount", "amount.specified_amount.units",
			"notifications-rule-pubsub-topic", "all_updates_rule.pubsub_topic",
			"notifications-rule-monitoring-notification-channels", "all_updates_rule.monitoring_notification_channels")
		t.flag("filter-projects", strings.Replace(t.text("budget_filter.projects"), "123", "shop", 1)) // gcloud looks its number up
		var rules []string
		for _, r := range t.blocks("threshold_rules") {
			m := r.(map[string]any)
			rule := fmt.Sprintf("percent=%.1f", m["threshold_percent"])
			if basis, ok := m["spend_basis"].(string); ok {
				rule += ",basis=" + strings.ToLower(strings.ReplaceAll(basis, "_", "-"))
			}
			rules = append(rules, rule)
		}
		t.flag("threshold-rule", strings.Join(rules, " and "))
		return nil
	},
	"terraform_data": func(*translation) error { return nil }, // its commands are compared
}

// camelURLMap is a URL map as the API has it, whose lists have names in the plural.
func camelURLMap(body map[string]any) any {
	text := canonical(camel(body, "host_rule", "path_matcher", "path_rule"))
	text = strings.NewReplacer(`"hostRule":`, `"hostRules":`, `"pathMatcher":[`, `"pathMatchers":[`, `"pathRule":`, `"pathRules":`).Replace(text)
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		panic(err) // we wrote it
	}
	return v
}

// terraformMakes evaluates the configuration, and returns what it makes, by command and name.
func terraformMakes(c *configuration, given map[string]cty.Value) (map[string]call, error) {
	if err := c.evaluate(given); err != nil {
		return nil, err
	}
	made := map[string]call{}
	for _, i := range c.instances {
		if strings.Contains(i.kind, "_iam_member") {
			continue // terraformBinds
		}
		translate := translations[i.kind]
		if translate == nil {
			return nil, fmt.Errorf("%s: nobody knows how setup.sh makes a %s", i.address, i.kind)
		}
		t := translation{call: call{flags: map[string]string{}}}
		if err := json.Unmarshal([]byte(canonical(i.body)), &t.body); err != nil { // a copy, to be taken apart
			return nil, err
		}
		if err := translate(&t); err != nil {
			return nil, fmt.Errorf("%s: %w", i.address, err)
		}
		if i.kind == "terraform_data" {
			continue
		}
		if left := forgotten(t.body, ""); len(left) > 0 {
			return nil, fmt.Errorf("%s: nothing compares %v", i.address, left)
		}
		merge(made, t.call)
	}
	return made, nil
}

// merge adds a call to those before it that make the same thing.
func merge(made map[string]call, c call) {
	for name, value := range c.flags {
		if slices.Contains(durations, name) {
			c.flags[name] = seconds(value)
		}
	}
	before, ok := made[c.command+" "+c.name]
	if !ok {
		made[c.command+" "+c.name] = c
		return
	}
	for name, value := range c.flags {
		switch {
		case name == "column-families": // family, and later family:rule
			family, _, _ := strings.Cut(value, ":")
			all := strings.Split(before.flags[name], ",")
			if i := slices.Index(all, family); i >= 0 {
				all[i] = value
			}
			before.flags[name] = strings.Join(all, ",")
		case name == "ddl-file" && before.flags[name] != "":
			before.flags[name] = strings.TrimSuffix(before.flags[name], "]") + "," + strings.TrimPrefix(value, "[")
		default:
			before.flags[name] = value
		}
	}
}

// later are commands that set what a command before them made.
var later = map[string]string{
	"storage buckets update":               "storage buckets create",
	"compute backend-services add-backend": "compute backend-services create",
	"compute backend-services update":      "compute backend-services create",
	"spanner databases ddl update":         "spanner databases create",
}

// unshell are the words of a call as a shell reads them.
func unshell(line string) (all []string) {
	var word strings.Builder
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
			word.WriteByte(line[i])
		case ' ':
			all = append(all, word.String())
			word.Reset()
		default:
			word.WriteByte(line[i])
		}
	}
	return append(all, word.String())
}

// setupMakes returns what recorded calls of setup.sh make. Its files are in a folder, or in the repository.
func setupMakes(t *testing.T, calls, folder string) map[string]call {
	t.Helper()
	made := map[string]call{}
	command := regexp.MustCompile(`^gcloud (?:alpha |beta )?((?:[a-z-]+ )+(?:create|enable|import|update|add-backend)) `)
	for line := range strings.Lines(calls) {
		line = strings.TrimSpace(line)
		m := command.FindStringSubmatch(line)
		if m == nil || m[1] == "pubsub subscriptions update" || m[1] == "services identity create" {
			continue // commands that Terraform calls itself
		}
		c := call{command: m[1], flags: map[string]string{}}
		var names []string
		for _, w := range unshell(strings.TrimPrefix(line, m[0])) {
			name, value, ok := strings.Cut(strings.TrimPrefix(w, "--"), "=")
			switch {
			case !strings.HasPrefix(w, "--"):
				names = append(names, w)
			case slices.Contains([]string{"project", "quiet", "format"}, name):
			case !ok && strings.HasPrefix(name, "no-"):
				c.flags[strings.TrimPrefix(name, "no-")] = "false"
			case !ok:
				c.flags[name] = "true"
			case c.flags[name] != "":
				c.flags[name] += " and " + value
			default:
				c.flags[name] = value
			}
		}
		if c.command == "services enable" { // all at once
			for _, n := range names {
				merge(made, call{c.command, n, map[string]string{}})
			}
			continue
		}
		c.name = strings.Join(names, " ")
		if first := later[c.command]; first != "" {
			c.command = first
		}
		adjust(t, &c, folder)
		merge(made, c)
	}
	return made
}

// adjust puts files in the place of their names, and leaves out what only gcloud has.
func adjust(t *testing.T, c *call, folder string) {
	t.Helper()
	for _, flag := range []string{"lifecycle-file", "cors-file", "file-name", "source", "policy-from-file", "config-from-file", "ddl-file"} {
		name, ok := c.flags[flag]
		if !ok {
			continue
		}
		file := filepath.Join("..", "..", name)
		if base, ok := strings.CutPrefix(name, "WORK/"); ok {
			file = filepath.Join(folder, base)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		switch flag {
		case "policy-from-file":
			if c.flags[flag], err = policy(b); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var p struct{ DisplayName string }
			if err := json.Unmarshal(b, &p); err != nil {
				t.Fatal(err)
			}
			c.name = p.DisplayName
			continue
		case "ddl-file":
			v = ddl(string(b))
		default:
			if err := yaml.UnmarshalStrict(b, &v); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		c.flags[flag] = canonical(backends(v))
	}
	switch c.command {
	case "spanner databases create":
		delete(c.flags, "ddl") // the table of files, which Terraform has in its state
	case "compute backend-services create":
		delete(c.flags, "network-endpoint-group-region") // the group has it
	case "monitoring channels create", "billing budgets create":
		c.name = c.flags["display-name"]
		delete(c.flags, "display-name")
	case "bigtable tables create":
		c.flags["column-families"] = strings.ReplaceAll(c.flags["column-families"], "maxage=7d", "maxage=604800")
	}
}

// ddl are the statements of a file of the schema.
func ddl(text string) (all []any) {
	for s := range strings.SplitSeq(regexp.MustCompile(`--[^\n]*`).ReplaceAllString(text, ""), ";") {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// differences says in which calls two makers differ.
func differences(script, terraform map[string]call) (all []string) {
	for _, name := range sorted(script) {
		other, ok := terraform[name]
		switch {
		case !ok:
			all = append(all, "only setup.sh makes\n"+script[name].String())
		case other.String() != script[name].String():
			all = append(all, "setup.sh makes\n"+script[name].String()+"\nTerraform makes\n"+other.String())
		}
	}
	for _, name := range sorted(terraform) {
		if _, ok := script[name]; !ok {
			all = append(all, "only Terraform makes\n"+terraform[name].String())
		}
	}
	return all
}
