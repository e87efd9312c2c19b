// Package monitoring_test checks dashboard and alert policies without a cloud: that their JSON is what
// the API takes, that their metrics exist, and that each alert has its section in the runbook.
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

// metric is what a metric measures, as https://cloud.google.com/monitoring/api/metrics_gcp says.
type metric struct {
	resource string
	kind     string // gauge or delta
	value    string // bool, number or distribution
	labels   []string
}

// metrics are those that may be used.
var metrics = map[string]metric{
	"bigtable.googleapis.com/cluster/cpu_load":                      {"bigtable_cluster", "gauge", "number", nil},
	"bigtable.googleapis.com/cluster/cpu_load_hottest_node":         {"bigtable_cluster", "gauge", "number", nil},
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

// resources are the labels that the filters may use.
var resources = map[string][]string{
	"bigtable_cluster":    {"instance", "cluster"},
	"cloud_run_revision":  {"service_name"},
	"consumed_api":        {"service"},
	"pubsub_subscription": {"subscription_id"},
	"pubsub_topic":        {"topic_id"},
	"spanner_instance":    {"instance_id"},
	"uptime_url":          {"host"},
}

// named are the values of labels that are not a beginning of our names.
var named = map[string][]string{
	"host": {"hybridbts.tech"}, "instance": {"prod-hybridbts-customers"}, "instance_id": {"prod-hybridbts-shop"}, "service": {"language.googleapis.com"},
}

func isFunction(name string) bool {
	_, err := os.Stat(filepath.Join("../../../functions", name))
	return err == nil
}

// aligners are those that fit a kind and a value type.
var aligners = map[string][]string{
	"gauge bool":         {"ALIGN_NEXT_OLDER", "ALIGN_COUNT_TRUE", "ALIGN_FRACTION_TRUE"},
	"gauge number":       {"ALIGN_MAX", "ALIGN_MEAN", "ALIGN_MIN"},
	"delta number":       {"ALIGN_RATE", "ALIGN_DELTA"},
	"delta distribution": {"ALIGN_DELTA"},
}

// load reads a file strictly, as an environment has it.
func load[M proto.Message](t *testing.T, file string, m M) M {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := strings.NewReplacer("{env}", "prod", "{host}", "hybridbts.tech").Replace(string(b))
	if left := regexp.MustCompile(`[^$]\{[a-z_]+\}`).FindString(s); left != "" {
		t.Errorf("%s: nobody replaces %s", file, left)
	}
	if err := protojson.Unmarshal([]byte(s), m); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return m
}

func policies(t *testing.T) map[string]*monitoringpb.AlertPolicy {
	t.Helper()
	files, err := filepath.Glob("policies/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("policies: %v, %v", files, err)
	}
	all := map[string]*monitoringpb.AlertPolicy{}
	for _, f := range files {
		all[strings.TrimSuffix(filepath.Base(f), ".json")] = load(t, f, &monitoringpb.AlertPolicy{})
	}
	return all
}

// wrong says what is wrong with a filter and how its time series are put together, or "".
func wrong(filter, aligner, reducer string, by []string, period time.Duration) string {
	types := regexp.MustCompile(`metric\.type = "([^"]+)"`).FindAllStringSubmatch(filter, -1)
	if len(types) != 1 {
		return "it names not one metric"
	}
	m, ok := metrics[types[0][1]]
	if !ok {
		return types[0][1] + " is no metric that we know"
	}
	if !strings.Contains(filter, fmt.Sprintf("resource.type = %q", m.resource)) {
		return "its resource is not " + m.resource
	}
	for _, field := range slices.Concat(by, regexp.MustCompile(`(?:resource|metric)\.labels\.[a-z_]+`).FindAllString(filter, -1)) {
		of, label, _ := strings.Cut(field, ".labels.")
		known := resources[m.resource]
		if of == "metric" {
			known = m.labels
		}
		if !slices.Contains(known, label) {
			return field + " is no label of it"
		}
	}
	if !slices.Contains(aligners[m.kind+" "+m.value], aligner) {
		return aligner + " does not fit a " + m.kind + " " + m.value
	}
	if strings.HasPrefix(reducer, "REDUCE_PERCENTILE") != (m.value == "distribution") {
		return reducer + " does not fit a " + m.value
	}
	if strings.HasPrefix(reducer, "REDUCE_COUNT_FALSE") != (m.value == "bool") {
		return reducer + " does not fit a " + m.value
	}
	// What is not there has no time series, and an alert on it never comes.
	values := regexp.MustCompile(`resource\.labels\.([a-z_]+) = ([a-z_.]*\(?)"([^"]*)"((?:, ?"[^"]*")*)`)
	for _, m := range values.FindAllStringSubmatch(filter, -1) {
		for _, v := range append(regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(m[4], -1), []string{"", m[3]}) {
			name, ours := strings.CutPrefix(v[1], "prod-hybridbts-")
			switch exact := named[m[1]]; {
			case exact != nil && !slices.Contains(exact, v[1]), exact == nil && !ours:
				return v[1] + " is no " + m[1] + " of ours"
			case m[1] == "service_name" && name != "" && !isFunction(name):
				return name + " is no function"
			}
		}
	}
	if !strings.Contains(filter, "resource.labels.") {
		return "it is of every environment"
	}
	if period < time.Minute || period%time.Minute != 0 {
		return "its alignment period is not whole minutes"
	}
	return ""
}

func TestPolicies(t *testing.T) {
	for name, p := range policies(t) {
		t.Run(name, func(t *testing.T) {
			if p.DisplayName != "prod-hybridbts-"+name {
				t.Errorf("it is called %s", p.DisplayName)
			}
			if p.UserLabels["env"] != "prod" || p.UserLabels["system"] != "hybridbts" {
				t.Errorf("its labels are %v", p.UserLabels)
			}
			if p.Combiner != monitoringpb.AlertPolicy_OR || p.Severity == monitoringpb.AlertPolicy_SEVERITY_UNSPECIFIED || len(p.Conditions) == 0 {
				t.Errorf("combiner %v, severity %v, %d conditions", p.Combiner, p.Severity, len(p.Conditions))
			}
			if d := p.GetAlertStrategy().GetAutoClose().AsDuration(); d < 30*time.Minute {
				t.Errorf("closed after %v without data, Cloud Monitoring wants half an hour or more", d)
			}
			if len(p.NotificationChannels) != 0 || p.Name != "" {
				t.Error("it names what belongs to one project")
			}
			for _, c := range p.Conditions {
				th := c.GetConditionThreshold()
				if th == nil || c.DisplayName == "" {
					t.Fatalf("condition %q is no threshold with a name", c.DisplayName)
				}
				if th.Comparison != monitoringpb.ComparisonType_COMPARISON_GT || th.Duration.AsDuration()%time.Minute != 0 {
					t.Errorf("%s: %v for %v, want GT for whole minutes", c.DisplayName, th.Comparison, th.Duration.AsDuration())
				}
				if th.Duration.AsDuration() == 0 && th.EvaluationMissingData != monitoringpb.AlertPolicy_Condition_EVALUATION_MISSING_DATA_UNSPECIFIED {
					t.Errorf("%s: the API refuses evaluationMissingData where the duration is 0", c.DisplayName)
				}
				check := func(filter string, all []*monitoringpb.Aggregation) {
					if filter == "" && len(all) == 0 {
						return
					}
					if len(all) != 1 {
						t.Fatalf("%s: %d aggregations, want 1", c.DisplayName, len(all))
					}
					a := all[0]
					if why := wrong(filter, a.PerSeriesAligner.String(), a.CrossSeriesReducer.String(), a.GroupByFields, a.AlignmentPeriod.AsDuration()); why != "" {
						t.Errorf("%s: %s: %s", c.DisplayName, why, filter)
					}
				}
				check(th.Filter, th.Aggregations)
				check(th.DenominatorFilter, th.DenominatorAggregations)
			}
		})
	}
}

// A stream's path is that of the route of functions/api.
func TestLatencyIsThatOfRequestsWithoutStreams(t *testing.T) {
	m := load(t, "metrics/latency.json", &loggingpb.LogMetric{})
	d := m.GetMetricDescriptor()
	if d.GetMetricKind() != metricpb.MetricDescriptor_DELTA || d.GetValueType() != metricpb.MetricDescriptor_DISTRIBUTION || d.GetUnit() != "s" {
		t.Errorf("it is a %v %v in %q", d.GetMetricKind(), d.GetValueType(), d.GetUnit())
	}
	if m.ValueExtractor != "EXTRACT(httpRequest.latency)" {
		t.Errorf("it measures %s", m.ValueExtractor)
	}
	b := m.GetBucketOptions().GetExponentialBuckets()
	if top := b.GetScale() * math.Pow(b.GetGrowthFactor(), float64(b.GetNumFiniteBuckets())); b.GetGrowthFactor() > 1.2 || b.GetScale() > 0.001 || top < 900 {
		t.Errorf("its buckets grow by %v from %v s to %v s", b.GetGrowthFactor(), b.GetScale(), top)
	}
	for _, want := range []string{`resource.type = "cloud_run_revision"`, `service_name =~ "^prod-hybridbts-"`, `log_id("run.googleapis.com/requests")`} {
		if !strings.Contains(m.Filter, want) {
			t.Errorf("its filter lacks %s", want)
		}
	}
	without := regexp.MustCompile(`AND NOT httpRequest\.requestUrl =~ "([^"]+)"$`).FindStringSubmatch(m.Filter)
	if without == nil {
		t.Fatalf("it has streams: %s", m.Filter)
	}
	streams := regexp.MustCompile(without[1])
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
				t.Errorf("%s counts: %v, a stream: %v", url, !streams.MatchString(url), stream)
			}
		}
	}
	if seen == 0 {
		t.Error("the contract has no stream")
	}
}

func TestAlertsComeWhenTheyWerePromised(t *testing.T) {
	all := policies(t)
	type when struct {
		threshold float64
		duration  time.Duration
	}
	for name, want := range map[string][]when{
		"latency": {{0.5, 5 * time.Minute}}, "errors": {{0.01, 5 * time.Minute}}, "cpu": {{0.6, 15 * time.Minute}}, "backlog": {{300, 0}},
		"dead-letters": {{0, 0}, {0, 0}}, "language-quota": {{0, 5 * time.Minute}}, "spanner-cpu": {{0.65, 10 * time.Minute}},
		"bigtable-cpu": {{0.7, 10 * time.Minute}, {0.9, 10 * time.Minute}}, "uptime": {{1, time.Minute}},
	} {
		var got []when
		for _, c := range all[name].GetConditions() {
			th := c.GetConditionThreshold()
			got = append(got, when{th.GetThresholdValue(), th.GetDuration().AsDuration()})
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s comes above %v, want above %v", name, got, want)
		}
	}
}

// Dead letters wait in their own subscriptions for days: that is what dead-letters tells, and no backlog.
func TestADeadLetterIsNoBacklog(t *testing.T) {
	filter := policies(t)["backlog"].Conditions[0].GetConditionThreshold().GetFilter()
	m := regexp.MustCompile(`subscription_id != monitoring\.regex\.full_match\("([^"]+)"\)`).FindStringSubmatch(filter)
	if m == nil {
		t.Fatalf("it leaves nothing out: %s", filter)
	}
	left := regexp.MustCompile("^(?:" + m[1] + ")$")
	for name, out := range map[string]bool{
		"prod-hybridbts-reviews-dead": true, "prod-hybridbts-alerts-dead": true,
		"prod-hybridbts-reviews-dead-alert": false, "prod-hybridbts-reviews-sentiment": false,
		"eventarc-asia-northeast3-prod-hybridbts-originals-finalized-sub-001": false,
	} {
		if left.MatchString(name) != out {
			t.Errorf("%s is left out: %v, want %v", name, !out, out)
		}
	}
}

func TestEachAlertLinksToItsSectionOfTheRunbook(t *testing.T) {
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
			t.Errorf("section %s of the runbook is of no policy", s)
		}
	}
	for _, m := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(string(b), -1) {
		if !slices.Contains(sections, m[1]) {
			t.Errorf("the runbook links to #%s, which is not there", m[1])
		}
	}
}

func TestDashboard(t *testing.T) {
	d := load(t, "dashboard.json", &dashboardpb.Dashboard{})
	layout := d.GetMosaicLayout()
	if d.DisplayName != "prod-hybridbts" || layout == nil || len(layout.Tiles) == 0 {
		t.Fatalf("%q with %d tiles", d.DisplayName, len(layout.GetTiles()))
	}
	taken := map[[2]int32]string{}
	shown := map[string]bool{}
	for _, tile := range layout.Tiles {
		title := tile.Widget.GetTitle()
		if tile.XPos+tile.Width > layout.Columns || tile.Width <= 0 || tile.Height <= 0 {
			t.Errorf("%s is not within %d columns", title, layout.Columns)
		}
		for x := tile.XPos; x < tile.XPos+tile.Width; x++ {
			for y := tile.YPos; y < tile.YPos+tile.Height; y++ {
				if other, ok := taken[[2]int32{x, y}]; ok {
					t.Fatalf("%s lies over %s", title, other)
				}
				taken[[2]int32{x, y}] = title
			}
		}
		sets := tile.Widget.GetXyChart().GetDataSets()
		if len(sets) == 0 {
			t.Errorf("%s shows nothing", title)
		}
		for _, s := range sets {
			f := s.GetTimeSeriesQuery().GetTimeSeriesFilter()
			a := f.GetAggregation()
			if why := wrong(f.GetFilter(), a.GetPerSeriesAligner().String(), a.GetCrossSeriesReducer().String(), a.GetGroupByFields(), a.GetAlignmentPeriod().AsDuration()); why != "" {
				t.Errorf("%s: %s", title, why)
			}
			for m := range metrics {
				shown[m] = shown[m] || strings.Contains(f.GetFilter(), m)
			}
		}
	}
	for name, p := range policies(t) {
		m := regexp.MustCompile(`metric\.type = "([^"]+)"`).FindStringSubmatch(p.Conditions[0].GetConditionThreshold().GetFilter())
		if !shown[m[1]] {
			t.Errorf("the dashboard does not show %s, of which %s alerts", m[1], name)
		}
	}
}

// The checks themselves: each must see its mistake.
func TestMistakesAreSeen(t *testing.T) {
	const filter = `resource.type = "cloud_run_revision" AND resource.labels.service_name = starts_with("prod-hybridbts-") AND metric.type = "run.googleapis.com/request_count"`
	by := []string{"resource.labels.service_name"}
	if why := wrong(filter, "ALIGN_RATE", "REDUCE_SUM", by, time.Minute); why != "" {
		t.Fatal(why)
	}
	for name, why := range map[string]string{
		"metric":      wrong(strings.ReplaceAll(filter, "request_count", "requests"), "ALIGN_RATE", "REDUCE_SUM", by, time.Minute),
		"resource":    wrong(strings.ReplaceAll(filter, "cloud_run_revision", "cloud_function"), "ALIGN_RATE", "REDUCE_SUM", by, time.Minute),
		"label":       wrong(filter, "ALIGN_RATE", "REDUCE_SUM", []string{"resource.labels.service"}, time.Minute),
		"filter":      wrong(filter+` AND metric.labels.code = "5xx"`, "ALIGN_RATE", "REDUCE_SUM", by, time.Minute),
		"aligner":     wrong(filter, "ALIGN_PERCENTILE_95", "REDUCE_SUM", by, time.Minute),
		"reducer":     wrong(filter, "ALIGN_RATE", "REDUCE_PERCENTILE_95", by, time.Minute),
		"environment": wrong(strings.ReplaceAll(filter, "prod-hybridbts-", "hybridbts-"), "ALIGN_RATE", "REDUCE_SUM", by, time.Minute),
		"function":    wrong(strings.ReplaceAll(filter, "prod-hybridbts-", "prod-hybridbts-nothing"), "ALIGN_RATE", "REDUCE_SUM", by, time.Minute),
		"every one":   wrong(`resource.type = "cloud_run_revision" AND metric.type = "run.googleapis.com/request_count"`, "ALIGN_RATE", "REDUCE_SUM", nil, time.Minute),
		"period":      wrong(filter, "ALIGN_RATE", "REDUCE_SUM", by, 90*time.Second),
	} {
		if why == "" {
			t.Errorf("a wrong %s is not seen", name)
		}
	}
	if err := protojson.Unmarshal([]byte(`{"displayname": "x"}`), &monitoringpb.AlertPolicy{}); err == nil {
		t.Error("an unknown field is not seen")
	}
}
