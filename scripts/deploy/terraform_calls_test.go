package deploy_test

import (
	"encoding/base64"
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

// call is a gcloud call that creates a resource: recorded from setup.sh, or translated from a Terraform resource.
type call struct {
	command, name string
	flags         map[string]string // by name without dashes; values of a repeated flag are joined by " and "
}

// String returns one line for the command and one for each flag.
func (c call) String() string {
	lines := []string{c.command + " " + c.name}
	for _, f := range sortedKeys(c.flags) {
		lines = append(lines, "  "+f+" = "+c.flags[f])
	}
	return strings.Join(lines, "\n")
}

// translation converts the body of a Terraform resource to a call. Each method removes from the body the attributes
// that it reads; the rest has no counterpart in setup.sh.
type translation struct {
	call
	body map[string]any
}

// take removes an attribute from the body and returns it. Blocks in its path must occur once.
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

// text takes an attribute and returns it in the form of a gcloud flag.
func (t *translation) text(path string) string { return flagText(t.take(path)) }

// flagText returns a value in the form of a gcloud flag: lists and maps are separated by commas, null is "".
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
		for _, k := range sortedKeys(v) {
			all = append(all, k+"="+flagText(v[k]))
		}
		return strings.Join(all, ",")
	default:
		return fmt.Sprint(v)
	}
}

// setCall sets command, name and flags of the call. flags alternates flag names and paths of attributes; name is a
// path.
func (t *translation) setCall(command, name string, flags ...string) {
	t.command, t.name = command, t.text(name)
	for i := 0; i < len(flags); i += 2 {
		t.setFlag(flags[i], t.text(flags[i+1]))
	}
}

// setFlag sets a flag unless its value is empty.
func (t *translation) setFlag(name, value string) {
	if value != "" {
		t.flags[name] = value
	}
}

// require takes an attribute that gcloud implies. Another value than want becomes a difference between the calls.
func (t *translation) require(path, want string) {
	if got := t.text(path); got != want {
		t.setFlag("!"+path, got)
	}
}

// takeBlocks takes all blocks of a name.
func (t *translation) takeBlocks(name string) []any {
	all, _ := t.take(name).([]any)
	return all
}

// attributePaths returns the paths of the attributes in a body.
func attributePaths(body map[string]any, path string) (all []string) {
	for _, k := range sortedKeys(body) {
		if blocks, ok := body[k].([]any); ok && len(blocks) > 0 {
			if _, ok := blocks[0].(map[string]any); ok {
				for _, b := range blocks {
					all = append(all, attributePaths(b.(map[string]any), path+k+".")...)
				}
				continue
			}
		}
		all = append(all, path+k)
	}
	return all
}

// camelCase converts a Terraform value to the API's JSON: names become camel case, and a single block becomes an object
// unless its name is in lists.
func camelCase(v any, lists ...string) any {
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
			m[name] = camelCase(e, lists...)
		}
		return m
	case []any:
		var all []any
		for _, e := range v {
			all = append(all, camelCase(e, lists...))
		}
		return all
	}
	return v
}

// canonicalJSON encodes a decoded JSON value with sorted keys.
func canonicalJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // decoded JSON can be encoded
	}
	return string(b)
}

// canonicalPolicy decodes an alert policy strictly, like the API, and encodes it without its notification channels.
func canonicalPolicy(text []byte) (string, error) {
	p := &monitoringpb.AlertPolicy{}
	if err := protojson.Unmarshal(text, p); err != nil {
		return "", err
	}
	p.NotificationChannels = nil // compared as a flag
	b, err := protojson.Marshal(p)
	if err != nil {
		return "", err
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return "", err
	}
	return canonicalJSON(v), nil
}

// seconds converts a duration such as 7d or 600s to seconds. It returns other texts unchanged.
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

// durationFlags are the flags whose values are durations.
var durationFlags = []string{"message-retention-duration", "min-retry-delay", "max-retry-delay", "retention-duration", "soft-delete-duration"}

// lastSegment returns the part of a full resource name after the last slash.
func lastSegment(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// shortenBackends replaces URLs and ids of backend services in a URL map by their names.
func shortenBackends(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if s, ok := e.(string); ok && (k == "service" || k == "defaultService") {
				v[k] = lastSegment(s)
			} else {
				v[k] = shortenBackends(e)
			}
		}
	case []any:
		for i := range v {
			v[i] = shortenBackends(v[i])
		}
	}
	return v
}

// translations convert resources to calls, by resource type.
var translations = map[string]func(*translation) error{
	"google_artifact_registry_repository": func(t *translation) error {
		t.setCall("artifacts repositories create", "repository_id", "location", "location", "description", "description")
		t.setFlag("repository-format", strings.ToLower(t.text("format")))
		return nil
	},
	"google_service_account": func(t *translation) error {
		t.setCall("iam service-accounts create", "account_id", "display-name", "display_name")
		return nil
	},
	"google_project_iam_custom_role": func(t *translation) error {
		t.setCall("iam roles create", "role_id", "title", "title", "stage", "stage", "permissions", "permissions")
		return nil
	},
	"google_project_service": func(t *translation) error {
		t.setCall("services enable", "service")
		t.require("disable_on_destroy", "false")
		return nil
	},
	"google_compute_network": func(t *translation) error {
		t.setCall("compute networks create", "name")
		if t.text("auto_create_subnetworks") == "false" {
			t.setFlag("subnet-mode", "custom")
		}
		return nil
	},
	"google_compute_subnetwork": func(t *translation) error {
		t.setCall("compute networks subnets create", "name", "network", "network", "region", "region", "range", "ip_cidr_range",
			"enable-private-ip-google-access", "private_ip_google_access")
		return nil
	},
	"google_compute_router": func(t *translation) error {
		t.setCall("compute routers create", "name", "network", "network", "region", "region")
		return nil
	},
	"google_compute_router_nat": func(t *translation) error {
		t.setCall("compute routers nats create", "name", "router", "router", "region", "region",
			"nat-custom-subnet-ip-ranges", "subnetwork.name", "enable-logging", "log_config.enable", "log-filter", "log_config.filter")
		if t.text("nat_ip_allocate_option") == "AUTO_ONLY" {
			t.setFlag("auto-allocate-nat-external-ips", "true")
		}
		t.require("source_subnetwork_ip_ranges_to_nat", "LIST_OF_SUBNETWORKS")
		t.require("subnetwork.source_ip_ranges_to_nat", "PRIMARY_IP_RANGE")
		return nil
	},
	"google_compute_firewall": func(t *translation) error {
		t.setCall("compute firewall-rules create", "name", "network", "network", "direction", "direction", "priority", "priority",
			"source-ranges", "source_ranges", "destination-ranges", "destination_ranges")
		for _, action := range []string{"allow", "deny"} {
			if rule := t.text(action + ".protocol"); rule != "" {
				if ports := t.text(action + ".ports"); ports != "" {
					rule += ":" + ports
				}
				t.setFlag("rules", rule)
				t.setFlag("action", strings.ToUpper(action))
			}
		}
		return nil
	},
	"google_cloud_scheduler_job": func(t *translation) error {
		t.setCall("scheduler jobs create pubsub", "name", "location", "region", "schedule", "schedule")
		topic := t.text("pubsub_target.topic_name")
		t.setFlag("topic", topic[strings.LastIndex(topic, "/")+1:]) // gcloud takes the name alone, too
		body, err := base64.StdEncoding.DecodeString(t.text("pubsub_target.data"))
		t.setFlag("message-body", string(body))
		var attributes []string
		for name, value := range t.take("pubsub_target.attributes").(map[string]any) {
			attributes = append(attributes, name+"="+flagText(value))
		}
		slices.Sort(attributes)
		t.setFlag("attributes", strings.Join(attributes, ","))
		return err
	},
	"google_pubsub_topic": func(t *translation) error {
		t.setCall("pubsub topics create", "name", "message-retention-duration", "message_retention_duration")
		return nil
	},
	"google_pubsub_subscription": func(t *translation) error {
		t.setCall("pubsub subscriptions create", "name", "ack-deadline", "ack_deadline_seconds",
			"message-filter", "filter", "message-retention-duration", "message_retention_duration", "min-retry-delay", "retry_policy.minimum_backoff",
			"max-retry-delay", "retry_policy.maximum_backoff", "max-delivery-attempts", "dead_letter_policy.max_delivery_attempts",
			"push-endpoint", "push_config.push_endpoint", "push-auth-token-audience", "push_config.oidc_token.audience",
			"push-auth-service-account", "push_config.oidc_token.service_account_email")
		t.setFlag("topic", lastSegment(t.text("topic")))
		t.setFlag("dead-letter-topic", lastSegment(t.text("dead_letter_policy.dead_letter_topic")))
		if ttl, ok := t.take("expiration_policy.ttl").(string); ok && ttl == "" {
			t.setFlag("expiration-period", "never")
		}
		return nil
	},
	"google_storage_bucket": func(t *translation) error {
		t.setCall("storage buckets create", "name", "location", "location", "uniform-bucket-level-access", "uniform_bucket_level_access")
		t.name = "gs://" + t.name
		t.setFlag("soft-delete-duration", t.text("soft_delete_policy.retention_duration_seconds"))
		if t.text("public_access_prevention") == "enforced" {
			t.setFlag("public-access-prevention", "true")
		}
		if rules := t.takeBlocks("lifecycle_rule"); rules != nil {
			t.setFlag("lifecycle-file", canonicalJSON(map[string]any{"rule": camelCase(rules)}))
		}
		if cors := t.takeBlocks("cors"); cors != nil {
			t.setFlag("cors-file", canonicalJSON(camelCase(cors)))
		}
		return nil
	},
	"google_logging_project_sink": func(t *translation) error {
		t.setCall("logging sinks create", "name", "log-filter", "filter")
		t.name += " " + t.text("destination")
		t.require("unique_writer_identity", "true") // gcloud creates no other
		return nil
	},
	"google_logging_metric": func(t *translation) error {
		t.setCall("logging metrics create", "name")
		t.setFlag("config-from-file", canonicalJSON(camelCase(t.body)))
		t.body = nil
		return nil
	},
	"google_eventarc_trigger": func(t *translation) error {
		t.setCall("eventarc triggers create", "name", "location", "location", "service-account", "service_account",
			"destination-run-service", "destination.cloud_run_service.service", "destination-run-region", "destination.cloud_run_service.region")
		var filters []string
		for _, c := range t.takeBlocks("matching_criteria") {
			m := c.(map[string]any)
			filters = append(filters, flagText(m["attribute"])+"="+flagText(m["value"]))
		}
		t.setFlag("event-filters", strings.Join(filters, " and "))
		return nil
	},
	"google_spanner_instance": func(t *translation) error {
		t.setCall("spanner instances create", "name", "config", "config", "description", "display_name", "edition", "edition", "processing-units", "processing_units",
			"default-backup-schedule-type", "default_backup_schedule_type")
		return nil
	},
	"google_spanner_database": func(t *translation) error {
		t.setCall("spanner databases create", "name", "instance", "instance")
		t.require("deletion_protection", "true") // protects only from Terraform
		t.setFlag("ddl-file", canonicalJSON(t.take("ddl")))
		return nil
	},
	"google_spanner_backup_schedule": func(t *translation) error {
		t.setCall("spanner backup-schedules create", "name", "instance", "instance", "database", "database",
			"retention-duration", "retention_duration", "cron", "spec.cron_spec.text")
		if t.takeBlocks("full_backup_spec") != nil {
			t.setFlag("backup-type", "full-backup")
		}
		return nil
	},
	"google_bigtable_instance": func(t *translation) error {
		t.setCall("bigtable instances create", "name", "display-name", "display_name")
		t.require("deletion_protection", "true") // protects only from Terraform
		t.setFlag("cluster-config", fmt.Sprintf("id=%s,zone=%s,autoscaling-min-nodes=%s,autoscaling-max-nodes=%s,autoscaling-cpu-target=%s",
			t.text("cluster.cluster_id"), t.text("cluster.zone"), t.text("cluster.autoscaling_config.min_nodes"),
			t.text("cluster.autoscaling_config.max_nodes"), t.text("cluster.autoscaling_config.cpu_target")))
		return nil
	},
	"google_bigtable_table": func(t *translation) error {
		t.setCall("bigtable tables create", "name", "instance", "instance_name")
		var families []string
		for _, f := range t.takeBlocks("column_family") {
			families = append(families, flagText(f.(map[string]any)["family"]))
		}
		t.setFlag("column-families", strings.Join(families, ","))
		return nil
	},
	"google_bigtable_gc_policy": func(t *translation) error {
		t.setCall("bigtable tables create", "table", "instance", "instance_name")
		rule := "maxversions=" + t.text("max_version.number")
		if age := t.text("max_age.duration"); age != "" {
			rule = "maxage=" + seconds(age)
		}
		t.setFlag("column-families", t.text("column_family")+":"+rule)
		return nil
	},
	"google_secret_manager_secret": func(t *translation) error {
		t.setCall("secrets create", "secret_id")
		if t.takeBlocks("replication") != nil { // the schema allows only the block auto
			t.setFlag("replication-policy", "automatic")
		}
		return nil
	},
	"google_compute_global_address": func(t *translation) error {
		t.setCall("compute addresses create", "name")
		t.setFlag("global", "true")
		return nil
	},
	"google_dns_managed_zone": func(t *translation) error {
		t.setCall("dns managed-zones create", "name", "dns-name", "dns_name", "description", "description", "visibility", "visibility", "dnssec-state", "dnssec_config.state")
		return nil
	},
	"google_dns_record_set": func(t *translation) error {
		t.setCall("dns record-sets create", "name", "zone", "managed_zone", "type", "type", "ttl", "ttl", "rrdatas", "rrdatas")
		return nil
	},
	"google_compute_managed_ssl_certificate": func(t *translation) error {
		t.setCall("compute ssl-certificates create", "name", "domains", "managed.domains")
		t.setFlag("global", "true")
		return nil
	},
	"google_compute_ssl_policy": func(t *translation) error {
		t.setCall("compute ssl-policies create", "name", "profile", "profile")
		t.setFlag("min-tls-version", strings.NewReplacer("TLS_", "", "_", ".").Replace(t.text("min_tls_version")))
		t.setFlag("global", "true")
		return nil
	},
	"google_compute_security_policy": func(t *translation) error {
		t.setCall("compute security-policies create", "name")
		file := map[string]any{"type": t.text("type"), "description": t.text("description"), "rules": camelCase(t.takeBlocks("rule"))}
		t.setFlag("file-name", canonicalJSON(file))
		t.setFlag("file-format", "json")
		return nil
	},
	"google_compute_region_network_endpoint_group": func(t *translation) error {
		t.setCall("compute network-endpoint-groups create", "name", "region", "region", "cloud-run-service", "cloud_run.service")
		t.setFlag("network-endpoint-type", strings.ToLower(t.text("network_endpoint_type")))
		return nil
	},
	"google_compute_backend_service": func(t *translation) error {
		t.setCall("compute backend-services create", "name", "load-balancing-scheme", "load_balancing_scheme", "security-policy", "security_policy",
			"enable-cdn", "enable_cdn", "network-endpoint-group", "backend.group", "enable-logging", "log_config.enable",
			"logging-sample-rate", "log_config.sample_rate", "cache-mode", "cdn_policy.cache_mode",
			"cache-key-query-string-whitelist", "cdn_policy.cache_key_policy.query_string_whitelist")
		for _, part := range []string{"host", "protocol", "query_string"} { // gcloud includes them by default
			if t.flags["enable-cdn"] == "true" {
				t.require("cdn_policy.cache_key_policy.include_"+part, "true")
			}
		}
		t.setFlag("global", "true")
		return nil
	},
	"google_compute_url_map": func(t *translation) error {
		t.setCall("compute url-maps import", "name")
		t.body["name"] = t.name
		t.setFlag("source", canonicalJSON(shortenBackends(urlMapJSON(t.body))))
		t.body = nil
		t.setFlag("global", "true")
		return nil
	},
	"google_compute_target_https_proxy": func(t *translation) error {
		t.setCall("compute target-https-proxies create", "name", "url-map", "url_map", "ssl-certificates", "ssl_certificates", "ssl-policy", "ssl_policy")
		t.setFlag("global", "true")
		return nil
	},
	"google_compute_target_http_proxy": func(t *translation) error {
		t.setCall("compute target-http-proxies create", "name", "url-map", "url_map")
		t.setFlag("global", "true")
		return nil
	},
	"google_compute_global_forwarding_rule": func(t *translation) error {
		t.setCall("compute forwarding-rules create", "name", "load-balancing-scheme", "load_balancing_scheme", "address", "ip_address", "ports", "port_range")
		proxy := "target-http-proxy"
		if t.flags["ports"] == "443" {
			proxy = "target-https-proxy"
		}
		t.setFlag(proxy, t.text("target"))
		t.setFlag("global", "true")
		return nil
	},
	"google_monitoring_notification_channel": func(t *translation) error {
		t.setCall("monitoring channels create", "display_name", "type", "type", "channel-labels", "labels")
		return nil
	},
	"google_monitoring_uptime_check_config": func(t *translation) error {
		t.setCall("monitoring uptime create", "display_name", "path", "http_check.path", "resource-labels", "monitored_resource.labels")
		t.setFlag("resource-type", strings.ReplaceAll(t.text("monitored_resource.type"), "_", "-"))
		if t.text("http_check.use_ssl") == "true" {
			t.setFlag("protocol", "https")
		}
		if t.text("period") == "60s" {
			t.setFlag("period", "1") // minute
		}
		t.require("timeout", "60s")         // gcloud's default
		t.require("http_check.port", "443") // implied by https
		return nil
	},
	"google_monitoring_alert_policy": func(t *translation) error {
		t.setCall("monitoring policies create", "display_name", "notification-channels", "notification_channels")
		t.body["display_name"] = t.name
		b, err := json.Marshal(camelCase(t.body, "conditions", "links", "aggregations", "denominator_aggregations"))
		if err != nil {
			return err
		}
		t.body = nil
		p, err := canonicalPolicy(b)
		t.setFlag("policy-from-file", p)
		return err
	},
	"google_monitoring_dashboard": func(t *translation) error {
		t.command = "monitoring dashboards create"
		var v any
		err := json.Unmarshal([]byte(t.text("dashboard_json")), &v)
		t.setFlag("config-from-file", canonicalJSON(v))
		return err
	},
	"google_billing_budget": func(t *translation) error {
		t.setCall("billing budgets create", "display_name", "billing-account", "billing_account", "budget-amount", "amount.specified_amount.units",
			"notifications-rule-pubsub-topic", "all_updates_rule.pubsub_topic",
			"notifications-rule-monitoring-notification-channels", "all_updates_rule.monitoring_notification_channels")
		t.setFlag("filter-projects", strings.Replace(t.text("budget_filter.projects"), "123", "shop", 1)) // gcloud resolves the project's number
		var rules []string
		for _, r := range t.takeBlocks("threshold_rules") {
			m := r.(map[string]any)
			rule := fmt.Sprintf("percent=%.1f", m["threshold_percent"])
			if basis, ok := m["spend_basis"].(string); ok {
				rule += ",basis=" + strings.ToLower(strings.ReplaceAll(basis, "_", "-"))
			}
			rules = append(rules, rule)
		}
		t.setFlag("threshold-rule", strings.Join(rules, " and "))
		return nil
	},
	"terraform_data": func(*translation) error { return nil }, // compared by provisionerCalls
}

// urlMapJSON converts a URL map to the API's JSON, whose lists have plural names.
func urlMapJSON(body map[string]any) any {
	text := canonicalJSON(camelCase(body, "host_rule", "path_matcher", "path_rule"))
	text = strings.NewReplacer(`"hostRule":`, `"hostRules":`, `"pathMatcher":[`, `"pathMatchers":[`, `"pathRule":`, `"pathRules":`).Replace(text)
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		panic(err) // canonicalJSON returns valid JSON
	}
	return v
}

// terraformCalls evaluates a configuration and returns its resources as calls, by command and name.
func terraformCalls(c *configuration, variables map[string]cty.Value) (map[string]call, error) {
	if err := c.evaluate(variables); err != nil {
		return nil, err
	}
	created := map[string]call{}
	for _, i := range c.instances {
		if strings.Contains(i.kind, "_iam_member") || i.kind == "google_project_iam_audit_config" {
			continue // compared by terraformBindings and auditConfigs
		}
		translate := translations[i.kind]
		if translate == nil {
			return nil, fmt.Errorf("%s: no translation for %s", i.address, i.kind)
		}
		t := translation{call: call{flags: map[string]string{}}}
		if err := json.Unmarshal([]byte(canonicalJSON(i.body)), &t.body); err != nil { // a copy that the translation empties
			return nil, err
		}
		if err := translate(&t); err != nil {
			return nil, fmt.Errorf("%s: %w", i.address, err)
		}
		if i.kind == "terraform_data" {
			continue
		}
		if rest := attributePaths(t.body, ""); len(rest) > 0 {
			return nil, fmt.Errorf("%s: attributes without comparison: %v", i.address, rest)
		}
		merge(created, t.call)
	}
	return created, nil
}

// merge adds a call, or its flags to an earlier call for the same resource.
func merge(created map[string]call, c call) {
	for name, value := range c.flags {
		if slices.Contains(durationFlags, name) {
			c.flags[name] = seconds(value)
		}
	}
	before, ok := created[c.command+" "+c.name]
	if !ok {
		created[c.command+" "+c.name] = c
		return
	}
	for name, value := range c.flags {
		switch {
		case name == "column-families": // a family, and in a later call family:rule
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

// creatingCommands maps commands that update a resource to the command that creates it.
var creatingCommands = map[string]string{
	"storage buckets update":               "storage buckets create",
	"compute backend-services add-backend": "compute backend-services create",
	"compute backend-services update":      "compute backend-services create",
	"spanner databases ddl update":         "spanner databases create",
}

// shellWords splits a recorded call into words and removes its backslashes, like a shell.
func shellWords(line string) (all []string) {
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

// creationCalls returns the recorded calls of setup.sh that create resources, by command and name. folder holds the
// files that setup.sh generated.
func creationCalls(t *testing.T, calls, folder string) map[string]call {
	t.Helper()
	created := map[string]call{}
	command := regexp.MustCompile(`^gcloud (?:alpha |beta )?((?:[a-z-]+ )+(?:create|enable|import|update|add-backend)) `)
	for line := range strings.Lines(calls) {
		line = strings.TrimSpace(line)
		m := command.FindStringSubmatch(line)
		if m == nil || m[1] == "pubsub subscriptions update" || m[1] == "services identity create" {
			continue // compared with the provisioners of Terraform
		}
		c := call{command: m[1], flags: map[string]string{}}
		var names []string
		for _, w := range shellWords(strings.TrimPrefix(line, m[0])) {
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
		if c.command == "services enable" { // one call enables several APIs
			for _, n := range names {
				merge(created, call{c.command, n, map[string]string{}})
			}
			continue
		}
		c.name = strings.Join(names, " ")
		if creating := creatingCommands[c.command]; creating != "" {
			c.command = creating
		}
		normalize(t, &c, folder)
		merge(created, c)
	}
	return created
}

// normalize replaces file names by the files' contents, and removes flags without a counterpart in Terraform.
func normalize(t *testing.T, c *call, folder string) {
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
			if c.flags[flag], err = canonicalPolicy(b); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var p struct{ DisplayName string }
			if err := json.Unmarshal(b, &p); err != nil {
				t.Fatal(err)
			}
			c.name = p.DisplayName
			continue
		case "ddl-file":
			v = ddlStatements(string(b))
		default:
			if err := yaml.UnmarshalStrict(b, &v); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		c.flags[flag] = canonicalJSON(shortenBackends(v))
	}
	switch c.command {
	case "spanner databases create":
		delete(c.flags, "ddl") // creates SchemaFiles, for which Terraform has its state
	case "compute backend-services create":
		delete(c.flags, "network-endpoint-group-region") // Terraform refers to the group
	case "monitoring channels create", "billing budgets create":
		c.name = c.flags["display-name"]
		delete(c.flags, "display-name")
	case "bigtable tables create":
		c.flags["column-families"] = strings.ReplaceAll(c.flags["column-families"], "maxage=7d", "maxage=604800")
	}
}

// ddlStatements returns the statements of a schema file.
func ddlStatements(text string) (all []any) {
	for s := range strings.SplitSeq(regexp.MustCompile(`--[^\n]*`).ReplaceAllString(text, ""), ";") {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// differences compares the calls of setup.sh with those of Terraform.
func differences(script, terraform map[string]call) (all []string) {
	for _, name := range sortedKeys(script) {
		other, ok := terraform[name]
		switch {
		case !ok:
			all = append(all, "only setup.sh creates\n"+script[name].String())
		case other.String() != script[name].String():
			all = append(all, "setup.sh creates\n"+script[name].String()+"\nTerraform creates\n"+other.String())
		}
	}
	for _, name := range sortedKeys(terraform) {
		if _, ok := script[name]; !ok {
			all = append(all, "only Terraform creates\n"+terraform[name].String())
		}
	}
	return all
}
