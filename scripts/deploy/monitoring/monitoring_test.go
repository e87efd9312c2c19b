// Package monitoring_test checks the dashboard and the alert policies without a cloud: the API's protocol buffers
// decode their JSON, their metrics exist, and each alert has a section in the runbook.
package monitoring_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"cloud.google.com/go/monitoring/apiv3/v2/monitoringpb"
	"cloud.google.com/go/monitoring/dashboard/apiv1/dashboardpb"
	metricpb "google.golang.org/genproto/googleapis/api/metric"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// metric describes a metric as listed at https://cloud.google.com/monitoring/api/metrics_gcp.
type metric struct {
	resource string
	kind     string // gauge or delta
	value    string // bool, number or distribution
	labels   []string
}

// metrics are the metrics that policies and dashboard may use.
var metrics = map[string]metric{
	"bigtable.googleapis.com/cluster/cpu_load":                      {"bigtable_cluster", "gauge", "number", nil},
	"bigtable.googleapis.com/cluster/cpu_load_hottest_node":         {"bigtable_cluster", "gauge", "number", nil},
	"logging.googleapis.com/user/prod-hybridbts-moderation-budget":  {"cloud_run_revision", "delta", "distribution", nil},
	"logging.googleapis.com/user/prod-hybridbts-latency":            {"cloud_run_revision", "delta", "distribution", nil},
	"monitoring.googleapis.com/uptime_check/check_passed":           {"uptime_url", "gauge", "bool", nil},
	"pubsub.googleapis.com/subscription/dead_letter_message_count":  {"pubsub_subscription", "delta", "number", nil},
	"pubsub.googleapis.com/subscription/oldest_unacked_message_age": {"pubsub_subscription", "gauge", "number", nil},
	"pubsub.googleapis.com/topic/send_request_count":                {"pubsub_topic", "delta", "number", []string{"response_class"}},
	"run.googleapis.com/container/cpu/utilizations":                 {"cloud_run_revision", "delta", "distribution", nil},
	"run.googleapis.com/container/instance_count":                   {"cloud_run_revision", "gauge", "number", []string{"state"}},
	"run.googleapis.com/container/memory/utilizations":              {"cloud_run_revision", "delta", "distribution", nil},
	"run.googleapis.com/request_count":                              {"cloud_run_revision", "delta", "number", []string{"response_code", "response_code_class"}},
	"serviceruntime.googleapis.com/api/request_count":               {"consumed_api", "delta", "number", []string{"response_code"}},
	"spanner.googleapis.com/instance/cpu/utilization_by_priority":   {"spanner_instance", "gauge", "number", []string{"priority"}},
}

// resourceLabels are the labels that filters may use, by resource type.
var resourceLabels = map[string][]string{
	"bigtable_cluster":    {"instance", "cluster"},
	"cloud_run_revision":  {"service_name"},
	"consumed_api":        {"service"},
	"pubsub_subscription": {"subscription_id"},
	"pubsub_topic":        {"topic_id"},
	"spanner_instance":    {"instance_id"},
	"uptime_url":          {"host"},
}

// labelValues are the valid values of labels whose values are full names. Other labels take prefixes of names.
var labelValues = map[string][]string{
	"host": {"hybridbts.tech"}, "instance": {"prod-hybridbts-customers"}, "instance_id": {"prod-hybridbts-shop"}, "service": {"language.googleapis.com"},
}

// isFunction reports whether functions/ has a folder of this name.
func isFunction(name string) bool {
	_, err := os.Stat(filepath.Join("../../../functions", name))
	return err == nil
}

// aligners are the valid aligners by metric kind and value type.
var aligners = map[string][]string{
	"gauge bool":         {"ALIGN_NEXT_OLDER", "ALIGN_COUNT_TRUE", "ALIGN_FRACTION_TRUE"},
	"gauge number":       {"ALIGN_MAX", "ALIGN_MEAN", "ALIGN_MIN"},
	"delta number":       {"ALIGN_RATE", "ALIGN_DELTA"},
	"delta distribution": {"ALIGN_DELTA"},
}

// decode decodes a file strictly after it replaces the placeholders of an environment.
func decode[M proto.Message](t *testing.T, file string, m M) M {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := strings.NewReplacer("{env}", "prod", "{host}", "hybridbts.tech").Replace(string(b))
	if placeholder := regexp.MustCompile(`[^$]\{[a-z_]+\}`).FindString(s); placeholder != "" {
		t.Errorf("%s: unknown placeholder %s", file, placeholder)
	}
	if err := protojson.Unmarshal([]byte(s), m); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return m
}

// policies decodes the alert policies, by file name without extension.
func policies(t *testing.T) map[string]*monitoringpb.AlertPolicy {
	t.Helper()
	files, err := filepath.Glob("policies/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("policies: %v, %v", files, err)
	}
	all := map[string]*monitoringpb.AlertPolicy{}
	for _, f := range files {
		all[strings.TrimSuffix(filepath.Base(f), ".json")] = decode(t, f, &monitoringpb.AlertPolicy{})
	}
	return all
}

// query is a time series query of a policy or a chart.
type query struct {
	filter, aligner, reducer string
	groupBy                  []string
	period                   time.Duration // alignment period
}

// newQuery returns the query of a filter and its aggregation.
func newQuery(filter string, a *monitoringpb.Aggregation) query {
	return query{filter, a.GetPerSeriesAligner().String(), a.GetCrossSeriesReducer().String(), a.GetGroupByFields(), a.GetAlignmentPeriod().AsDuration()}
}

// problem returns the first reason why a query is invalid or never matches a time series, or "".
func (q query) problem() string {
	types := regexp.MustCompile(`metric\.type = "([^"]+)"`).FindAllStringSubmatch(q.filter, -1)
	if len(types) != 1 {
		return "want exactly one metric"
	}
	m, ok := metrics[types[0][1]]
	switch {
	case !ok:
		return "unknown metric " + types[0][1]
	case !strings.Contains(q.filter, fmt.Sprintf("resource.type = %q", m.resource)):
		return "resource is not " + m.resource
	case !strings.Contains(q.filter, "resource.labels."):
		return "filter matches every environment"
	case q.period < time.Minute || q.period%time.Minute != 0:
		return "alignment period is not whole minutes"
	}
	for _, check := range []func(metric) string{q.labelProblem, q.aggregationProblem, q.valueProblem} {
		if p := check(m); p != "" {
			return p
		}
	}
	return ""
}

// labelProblem checks that metric and resource have the labels of the filter and of groupBy.
func (q query) labelProblem(m metric) string {
	for _, field := range slices.Concat(q.groupBy, regexp.MustCompile(`(?:resource|metric)\.labels\.[a-z_]+`).FindAllString(q.filter, -1)) {
		owner, label, _ := strings.Cut(field, ".labels.")
		known := resourceLabels[m.resource]
		if owner == "metric" {
			known = m.labels
		}
		if !slices.Contains(known, label) {
			return "unknown label " + field
		}
	}
	return ""
}

// aggregationProblem checks that aligner and reducer fit the metric's kind and value type.
func (q query) aggregationProblem(m metric) string {
	if !slices.Contains(aligners[m.kind+" "+m.value], q.aligner) {
		return q.aligner + " does not fit a " + m.kind + " " + m.value
	}
	percentile, countFalse := strings.HasPrefix(q.reducer, "REDUCE_PERCENTILE"), strings.HasPrefix(q.reducer, "REDUCE_COUNT_FALSE")
	if percentile != (m.value == "distribution") || countFalse != (m.value == "bool") {
		return q.reducer + " does not fit a " + m.value
	}
	return ""
}

// valueProblem checks that label values name existing resources. A misspelled name matches no time series, and its
// alert never fires.
func (q query) valueProblem(metric) string {
	values := regexp.MustCompile(`resource\.labels\.([a-z_]+) = ([a-z_.]*\(?)"([^"]*)"((?:, ?"[^"]*")*)`)
	for _, m := range values.FindAllStringSubmatch(q.filter, -1) {
		for _, v := range append(regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(m[4], -1), []string{"", m[3]}) {
			name, ours := strings.CutPrefix(v[1], "prod-hybridbts-")
			switch exact := labelValues[m[1]]; {
			case exact != nil && !slices.Contains(exact, v[1]), exact == nil && !ours:
				return "unknown " + m[1] + " " + v[1]
			case m[1] == "service_name" && name != "" && !isFunction(name):
				return "unknown function " + name
			}
		}
	}
	return ""
}

func TestPoliciesAreValid(t *testing.T) {
	for name, p := range policies(t) {
		t.Run(name, func(t *testing.T) {
			if p.DisplayName != "prod-hybridbts-"+name {
				t.Errorf("display name %s, want prod-hybridbts-%s", p.DisplayName, name)
			}
			if p.UserLabels["env"] != "prod" || p.UserLabels["system"] != "hybridbts" {
				t.Errorf("labels %v", p.UserLabels)
			}
			if p.Combiner != monitoringpb.AlertPolicy_OR || p.Severity == monitoringpb.AlertPolicy_SEVERITY_UNSPECIFIED || len(p.Conditions) == 0 {
				t.Errorf("combiner %v, severity %v, %d conditions", p.Combiner, p.Severity, len(p.Conditions))
			}
			if d := p.GetAlertStrategy().GetAutoClose().AsDuration(); d < 30*time.Minute {
				t.Errorf("auto close after %v, Cloud Monitoring requires 30 minutes or more", d)
			}
			if len(p.NotificationChannels) != 0 || p.Name != "" {
				t.Error("the policy names resources of one project")
			}
			for _, c := range p.Conditions {
				checkCondition(t, c)
			}
		})
	}
}

// checkCondition checks a condition's threshold, duration and queries.
func checkCondition(t *testing.T, c *monitoringpb.AlertPolicy_Condition) {
	t.Helper()
	th := c.GetConditionThreshold()
	if th == nil || c.DisplayName == "" {
		t.Fatalf("condition %q is not a threshold with a name", c.DisplayName)
	}
	if th.Comparison != monitoringpb.ComparisonType_COMPARISON_GT || th.Duration.AsDuration()%time.Minute != 0 {
		t.Errorf("%s: %v for %v, want GT for whole minutes", c.DisplayName, th.Comparison, th.Duration.AsDuration())
	}
	if th.Duration.AsDuration() == 0 && th.EvaluationMissingData != monitoringpb.AlertPolicy_Condition_EVALUATION_MISSING_DATA_UNSPECIFIED {
		t.Errorf("%s: the API rejects evaluationMissingData with a duration of 0", c.DisplayName)
	}
	check := func(filter string, all []*monitoringpb.Aggregation) {
		if len(all) != 1 {
			t.Fatalf("%s: %d aggregations, want 1", c.DisplayName, len(all))
		}
		if p := newQuery(filter, all[0]).problem(); p != "" {
			t.Errorf("%s: %s: %s", c.DisplayName, p, filter)
		}
	}
	check(th.Filter, th.Aggregations)
	if th.DenominatorFilter != "" || len(th.DenominatorAggregations) > 0 {
		check(th.DenominatorFilter, th.DenominatorAggregations)
	}
}

// The test finds the paths of event streams in the contract of functions/api.
func TestLatencyMetricExcludesEventStreams(t *testing.T) {
	m := decode(t, "metrics/latency.json", &loggingpb.LogMetric{})
	d := m.GetMetricDescriptor()
	if d.GetMetricKind() != metricpb.MetricDescriptor_DELTA || d.GetValueType() != metricpb.MetricDescriptor_DISTRIBUTION || d.GetUnit() != "s" {
		t.Errorf("descriptor %v %v in %q, want a delta distribution in s", d.GetMetricKind(), d.GetValueType(), d.GetUnit())
	}
	if m.ValueExtractor != "EXTRACT(httpRequest.latency)" {
		t.Errorf("value extractor %s", m.ValueExtractor)
	}
	b := m.GetBucketOptions().GetExponentialBuckets()
	if top := b.GetScale() * math.Pow(b.GetGrowthFactor(), float64(b.GetNumFiniteBuckets())); b.GetGrowthFactor() > 1.2 || b.GetScale() > 0.001 || top < 900 {
		t.Errorf("buckets grow by %v from %v s to %v s, want at most 1.2, 0.001 s and at least 900 s", b.GetGrowthFactor(), b.GetScale(), top)
	}
	for _, want := range []string{`resource.type = "cloud_run_revision"`, `service_name =~ "^prod-hybridbts-"`, `log_id("run.googleapis.com/requests")`} {
		if !strings.Contains(m.Filter, want) {
			t.Errorf("filter lacks %s", want)
		}
	}
	excluded := regexp.MustCompile(`AND NOT httpRequest\.requestUrl =~ "([^"]+)"$`).FindStringSubmatch(m.Filter)
	if excluded == nil {
		t.Fatalf("filter excludes no URL: %s", m.Filter)
	}
	streams := regexp.MustCompile(excluded[1])
	contract, err := os.ReadFile("../../../functions/api/contract/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct{ Content map[string]any }
		}
	}
	if err := json.Unmarshal(contract, &document); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for path, operations := range document.Paths {
		_, stream := operations["get"].Responses["200"].Content["text/event-stream"]
		if stream {
			seen++
		}
		for _, url := range []string{"https://hybridbts.tech" + path, "https://hybridbts.tech" + path + "?x=1"} {
			if streams.MatchString(url) != stream {
				t.Errorf("%s: excluded %v, event stream %v", url, streams.MatchString(url), stream)
			}
		}
	}
	if seen == 0 {
		t.Error("the contract has no event stream")
	}
}

func TestAlertsFireAtTheDocumentedThresholds(t *testing.T) {
	all := policies(t)
	type trigger struct {
		threshold float64
		duration  time.Duration
	}
	for name, want := range map[string][]trigger{
		"latency": {{0.5, 5 * time.Minute}}, "errors": {{0.01, 5 * time.Minute}}, "cpu": {{0.6, 15 * time.Minute}}, "backlog": {{300, 0}},
		"dead-letters": {{0, 0}, {0, 0}}, "language-quota": {{0, 5 * time.Minute}}, "moderation-budget": {{0, 0}}, "spanner-cpu": {{0.65, 10 * time.Minute}},
		"bigtable-cpu": {{0.7, 10 * time.Minute}, {0.9, 10 * time.Minute}}, "uptime": {{1, time.Minute}},
	} {
		var got []trigger
		for _, c := range all[name].GetConditions() {
			th := c.GetConditionThreshold()
			got = append(got, trigger{th.GetThresholdValue(), th.GetDuration().AsDuration()})
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s fires above %v, want %v", name, got, want)
		}
	}
}

// Retained dead letters are days old. The alert dead-letters reports them. Messages of unclaimed subscriptions have no use.
func TestBacklogIgnoresRetainedDeadLetters(t *testing.T) {
	filter := policies(t)["backlog"].Conditions[0].GetConditionThreshold().GetFilter()
	m := regexp.MustCompile(`subscription_id != monitoring\.regex\.full_match\("([^"]+)"\)`).FindStringSubmatch(filter)
	if m == nil {
		t.Fatalf("filter excludes no subscription: %s", filter)
	}
	excluded := regexp.MustCompile("^(?:" + m[1] + ")$")
	for name, want := range map[string]bool{
		"prod-hybridbts-reviews-dead": true, "prod-hybridbts-alerts-dead": true,
		"prod-hybridbts-published-api-8":    true, // unclaimed ones have a backlog of 10 minutes
		"prod-hybridbts-commands-erasures":  true,
		"prod-hybridbts-reviews-dead-alert": false, "prod-hybridbts-reviews-sentiment": false,
		"eventarc-asia-northeast3-prod-hybridbts-originals-finalized-sub-001": false,
	} {
		if excluded.MatchString(name) != want {
			t.Errorf("%s: excluded %v, want %v", name, !want, want)
		}
	}
}

func TestEachAlertLinksToItsRunbookSection(t *testing.T) {
	b, err := os.ReadFile("RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	var sections []string
	for _, m := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(string(b), -1) {
		sections = append(sections, m[1])
	}
	all := policies(t)
	for name, p := range all {
		if !slices.Contains(sections, name) {
			t.Errorf("the runbook has no section %s", name)
		}
		d := p.Documentation
		if d.GetContent() == "" || d.GetSubject() == "" || d.GetMimeType() != "text/markdown" {
			t.Errorf("%s has no documentation", name)
		}
		const book = "https://github.com/hybrid-bts/functions/blob/main/scripts/deploy/monitoring/RUNBOOK.md#"
		if links := d.GetLinks(); len(links) != 1 || links[0].DisplayName != "Runbook" || links[0].Url != book+name {
			t.Errorf("%s links to %v, want %s%s", name, links, book, name)
		}
	}
	for _, s := range sections {
		if all[s] == nil {
			t.Errorf("no policy for the runbook section %s", s)
		}
	}
	for _, m := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(string(b), -1) {
		if !slices.Contains(sections, m[1]) {
			t.Errorf("the runbook links to the unknown section #%s", m[1])
		}
	}
}

func TestDashboardShowsTheMetricOfEveryAlert(t *testing.T) {
	d := decode(t, "dashboard.json", &dashboardpb.Dashboard{})
	layout := d.GetMosaicLayout()
	if d.DisplayName != "prod-hybridbts" || layout == nil || len(layout.Tiles) == 0 {
		t.Fatalf("%q with %d tiles", d.DisplayName, len(layout.GetTiles()))
	}
	occupied := map[[2]int32]string{}
	shown := map[string]bool{}
	for _, tile := range layout.Tiles {
		title := tile.Widget.GetTitle()
		if tile.XPos+tile.Width > layout.Columns || tile.Width <= 0 || tile.Height <= 0 {
			t.Errorf("%s exceeds %d columns", title, layout.Columns)
		}
		for x := tile.XPos; x < tile.XPos+tile.Width; x++ {
			for y := tile.YPos; y < tile.YPos+tile.Height; y++ {
				if other, ok := occupied[[2]int32{x, y}]; ok {
					t.Fatalf("%s overlaps %s", title, other)
				}
				occupied[[2]int32{x, y}] = title
			}
		}
		sets := tile.Widget.GetXyChart().GetDataSets()
		if len(sets) == 0 {
			t.Errorf("%s has no data set", title)
		}
		for _, s := range sets {
			f := s.GetTimeSeriesQuery().GetTimeSeriesFilter()
			a := f.GetAggregation()
			q := query{f.GetFilter(), a.GetPerSeriesAligner().String(), a.GetCrossSeriesReducer().String(), a.GetGroupByFields(), a.GetAlignmentPeriod().AsDuration()}
			if p := q.problem(); p != "" {
				t.Errorf("%s: %s", title, p)
			}
			for m := range metrics {
				shown[m] = shown[m] || strings.Contains(f.GetFilter(), m)
			}
		}
	}
	for name, p := range policies(t) {
		m := regexp.MustCompile(`metric\.type = "([^"]+)"`).FindStringSubmatch(p.Conditions[0].GetConditionThreshold().GetFilter())
		if !shown[m[1]] {
			t.Errorf("the dashboard does not show %s, the metric of the alert %s", m[1], name)
		}
	}
}

func TestInvalidQueriesAreDetected(t *testing.T) {
	valid := query{
		filter:  `resource.type = "cloud_run_revision" AND resource.labels.service_name = starts_with("prod-hybridbts-") AND metric.type = "run.googleapis.com/request_count"`,
		aligner: "ALIGN_RATE", reducer: "REDUCE_SUM", groupBy: []string{"resource.labels.service_name"}, period: time.Minute,
	}
	if p := valid.problem(); p != "" {
		t.Fatal(p)
	}
	for name, change := range map[string]func(*query){
		"metric":       func(q *query) { q.filter = strings.ReplaceAll(q.filter, "request_count", "requests") },
		"resource":     func(q *query) { q.filter = strings.ReplaceAll(q.filter, "cloud_run_revision", "cloud_function") },
		"group label":  func(q *query) { q.groupBy = []string{"resource.labels.service"} },
		"metric label": func(q *query) { q.filter += ` AND metric.labels.code = "5xx"` },
		"aligner":      func(q *query) { q.aligner = "ALIGN_PERCENTILE_95" },
		"reducer":      func(q *query) { q.reducer = "REDUCE_PERCENTILE_95" },
		"environment":  func(q *query) { q.filter = strings.ReplaceAll(q.filter, "prod-hybridbts-", "hybridbts-") },
		"function":     func(q *query) { q.filter = strings.ReplaceAll(q.filter, "prod-hybridbts-", "prod-hybridbts-nothing") },
		"all environments": func(q *query) {
			q.filter, q.groupBy = `resource.type = "cloud_run_revision" AND metric.type = "run.googleapis.com/request_count"`, nil
		},
		"period": func(q *query) { q.period = 90 * time.Second },
	} {
		changed := valid
		change(&changed)
		if changed.problem() == "" {
			t.Errorf("wrong %s: not detected", name)
		}
	}
	if err := protojson.Unmarshal([]byte(`{"displayname": "x"}`), &monitoringpb.AlertPolicy{}); err == nil {
		t.Error("unknown field: not detected")
	}
}
