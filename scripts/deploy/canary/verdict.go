package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"strings"
	"time"

	monitoring "cloud.google.com/go/monitoring/apiv3/v2"
	"cloud.google.com/go/monitoring/apiv3/v2/monitoringpb"
	"google.golang.org/api/iterator"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Default limits of a verdict. The alert policies errors and latency of scripts/deploy/monitoring have the same thresholds.
const (
	defaultMaxErrorShare = 0.01                   // share of 5xx responses, from 0 to 1
	defaultMaxP95        = 500 * time.Millisecond // 95th percentile of request latency
)

// minFailed is the number of 5xx responses below which their share is not significant.
const minFailed = 2

// verdict holds the revision to judge and the limits that it must keep.
type verdict struct {
	project, service, revision string
	// deadLetterTopics are the dead-letter topics of the service; none if it uses no topic.
	deadLetterTopics []string
	// latencyMetric is the log-based metric of scripts/deploy/monitoring/metrics. Cloud Run's own latency metric would
	// include event streams, which last for minutes.
	latencyMetric string
	// window is the length of the judged time before now, at least a minute.
	window time.Duration
	// maxP95 limits the 95th percentile of request latency.
	maxP95 time.Duration
	// maxErrorShare limits the share of 5xx responses, from 0 to 1.
	maxErrorShare float64
}

// parseVerdict parses the flags of the verdict command.
func parseVerdict(args []string) (verdict, error) {
	var v verdict
	f := flag.NewFlagSet("verdict", flag.ContinueOnError)
	f.StringVar(&v.project, "project", "", "Google Cloud `project`")
	f.StringVar(&v.service, "service", "", "name of the Cloud Run `service`")
	f.StringVar(&v.revision, "revision", "", "name of the `revision` to judge")
	f.Func("dead", "dead-letter `topic` of the service; repeat the flag for several topics", func(topic string) error {
		v.deadLetterTopics = append(v.deadLetterTopics, topic)
		return nil
	})
	f.DurationVar(&v.window, "since", 10*time.Minute, "length of the judged time window, a minute or more")
	f.DurationVar(&v.maxP95, "p95", defaultMaxP95, "maximum 95th percentile of request latency")
	f.StringVar(&v.latencyMetric, "latency", "", "log-based `metric` of request latency in seconds")
	f.Float64Var(&v.maxErrorShare, "errors", defaultMaxErrorShare, "maximum `share` of 5xx responses, from 0 to 1")
	if err := f.Parse(args); err != nil {
		return v, err
	}
	if v.project == "" || v.service == "" || v.revision == "" || v.latencyMetric == "" || v.window < time.Minute || v.maxP95 <= 0 || f.NArg() > 0 {
		return v, errors.New("verdict requires -project, -service, -revision, -latency, -since of a minute or more, -p95 above 0, and no arguments")
	}
	return v, nil
}

// measurements are the values of one revision in the judged time window.
type measurements struct {
	// requests counts all requests, failed those with a 5xx response.
	requests, failed int64
	// p95 is the 95th percentile of request latency, 0 without requests.
	p95 time.Duration
	// deadLetters counts messages published to the dead-letter topics. Functions publish them at once. Pub/Sub forwards
	// messages only after about an hour of failed deliveries, too late for a verdict.
	deadLetters int64
}

// String returns a one-line summary for the job's log.
func (m measurements) String() string {
	return fmt.Sprintf("%d requests, %d with a 5xx response, p95 %v, %d dead letters", m.requests, m.failed, m.p95, m.deadLetters)
}

// judge measures the revision and returns an error with one line per exceeded limit. A revision without requests
// passes, because its smoke test passed before.
func (v verdict) judge(ctx context.Context, client *monitoring.MetricClient, now time.Time) (measurements, error) {
	m, err := v.measure(ctx, client, now)
	if err != nil {
		return m, err
	}
	var exceeded []error
	if m.failed >= minFailed && float64(m.failed) > v.maxErrorShare*float64(m.requests) {
		exceeded = append(exceeded, fmt.Errorf("%d of %d requests had a 5xx response", m.failed, m.requests))
	}
	if m.p95 > v.maxP95 {
		exceeded = append(exceeded, fmt.Errorf("p95 was %v, more than %v", m.p95, v.maxP95))
	}
	if m.deadLetters > 0 {
		exceeded = append(exceeded, fmt.Errorf("%d messages were dead-lettered", m.deadLetters))
	}
	return m, errors.Join(exceeded...)
}

// measure reads the metrics of the window that ends now.
func (v verdict) measure(ctx context.Context, client *monitoring.MetricClient, now time.Time) (m measurements, err error) {
	revision := fmt.Sprintf(`resource.type = "cloud_run_revision" AND resource.labels.service_name = %q AND resource.labels.revision_name = %q AND `, v.service, v.revision)
	const minute = time.Minute
	err = v.eachPoint(ctx, client, now, revision+`metric.type = "run.googleapis.com/request_count"`, &monitoringpb.Aggregation{
		AlignmentPeriod: durationpb.New(minute), PerSeriesAligner: monitoringpb.Aggregation_ALIGN_DELTA,
		CrossSeriesReducer: monitoringpb.Aggregation_REDUCE_SUM, GroupByFields: []string{"metric.labels.response_code_class"},
	}, func(labels map[string]string, value *monitoringpb.TypedValue) {
		m.requests += value.GetInt64Value()
		if labels["response_code_class"] == "5xx" {
			m.failed += value.GetInt64Value()
		}
	})
	if err != nil {
		return m, err
	}
	err = v.eachPoint(ctx, client, now, revision+fmt.Sprintf(`metric.type = "logging.googleapis.com/user/%s"`, v.latencyMetric), &monitoringpb.Aggregation{
		// The alignment period is the whole window: in a minute with few requests the percentile would equal the
		// maximum.
		AlignmentPeriod: durationpb.New(v.window.Truncate(minute)), PerSeriesAligner: monitoringpb.Aggregation_ALIGN_DELTA,
		CrossSeriesReducer: monitoringpb.Aggregation_REDUCE_PERCENTILE_95,
	}, func(_ map[string]string, value *monitoringpb.TypedValue) {
		if seconds := value.GetDoubleValue(); !math.IsNaN(seconds) {
			m.p95 = max(m.p95, time.Duration(seconds*float64(time.Second)))
		}
	})
	if err != nil {
		return m, err
	}
	if len(v.deadLetterTopics) == 0 {
		return m, nil
	}
	topics := fmt.Sprintf(`resource.type = "pubsub_topic" AND resource.labels.topic_id = one_of("%s") AND `, strings.Join(v.deadLetterTopics, `","`))
	err = v.eachPoint(ctx, client, now, topics+`metric.type = "pubsub.googleapis.com/topic/send_request_count"`, &monitoringpb.Aggregation{
		AlignmentPeriod: durationpb.New(minute), PerSeriesAligner: monitoringpb.Aggregation_ALIGN_DELTA,
		CrossSeriesReducer: monitoringpb.Aggregation_REDUCE_SUM,
	}, func(_ map[string]string, value *monitoringpb.TypedValue) { m.deadLetters += value.GetInt64Value() })
	return m, err
}

// eachPoint calls use for every point of the time series that match filter, with the labels of its metric.
func (v verdict) eachPoint(ctx context.Context, client *monitoring.MetricClient, now time.Time, filter string, a *monitoringpb.Aggregation,
	use func(labels map[string]string, value *monitoringpb.TypedValue),
) error {
	it := client.ListTimeSeries(ctx, &monitoringpb.ListTimeSeriesRequest{
		Name: "projects/" + v.project, Filter: filter, Aggregation: a,
		Interval: &monitoringpb.TimeInterval{StartTime: timestamppb.New(now.Add(-v.window)), EndTime: timestamppb.New(now)},
	})
	for {
		s, err := it.Next()
		if errors.Is(err, iterator.Done) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read time series %s: %w", filter, err)
		}
		for _, p := range s.Points {
			use(s.GetMetric().GetLabels(), p.GetValue())
		}
	}
}
