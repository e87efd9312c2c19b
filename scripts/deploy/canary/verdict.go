package main

import (
	"context"
	"errors"
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

// fewest is how many requests must fail before their share means something.
const fewest = 2

// verdict is what to judge, and how strictly.
type verdict struct {
	project, service, revision string
	dead                       []string // topics
	latency                    string   // scripts/deploy/monitoring/metrics: Cloud Run's own has streams, too
	since                      time.Duration
	p95                        time.Duration
	errors                     float64
}

// findings are what Cloud Monitoring says of the time that is judged.
type findings struct {
	requests, failed int64
	p95              time.Duration
	deadLetters      int64 // published at once, by functions; Pub/Sub's own come after an hour of deliveries in vain
}

func (f findings) String() string {
	return fmt.Sprintf("%d requests, %d answered 5xx, p95 %v, %d dead letters", f.requests, f.failed, f.p95, f.deadLetters)
}

// judge returns what it found, with an error that says what is not as it should be. A revision that
// nobody asked anything is in order: its smoke test passed.
func (v verdict) judge(ctx context.Context, client *monitoring.MetricClient, now time.Time) (findings, error) {
	f, err := v.find(ctx, client, now)
	if err != nil {
		return f, err
	}
	var bad []error
	if f.failed >= fewest && float64(f.failed) > v.errors*float64(f.requests) {
		bad = append(bad, fmt.Errorf("%d of %d requests were answered 5xx", f.failed, f.requests))
	}
	if f.p95 > v.p95 {
		bad = append(bad, fmt.Errorf("p95 was %v, more than %v", f.p95, v.p95))
	}
	if f.deadLetters > 0 {
		bad = append(bad, fmt.Errorf("%d messages were dead-lettered", f.deadLetters))
	}
	return f, errors.Join(bad...)
}

func (v verdict) find(ctx context.Context, client *monitoring.MetricClient, now time.Time) (f findings, err error) {
	revision := fmt.Sprintf(`resource.type = "cloud_run_revision" AND resource.labels.service_name = %q AND resource.labels.revision_name = %q AND `, v.service, v.revision)
	const minute = time.Minute
	err = v.each(ctx, client, now, revision+`metric.type = "run.googleapis.com/request_count"`, &monitoringpb.Aggregation{
		AlignmentPeriod: durationpb.New(minute), PerSeriesAligner: monitoringpb.Aggregation_ALIGN_DELTA,
		CrossSeriesReducer: monitoringpb.Aggregation_REDUCE_SUM, GroupByFields: []string{"metric.labels.response_code_class"},
	}, func(labels map[string]string, value *monitoringpb.TypedValue) {
		f.requests += value.GetInt64Value()
		if labels["response_code_class"] == "5xx" {
			f.failed += value.GetInt64Value()
		}
	})
	if err != nil {
		return f, err
	}
	err = v.each(ctx, client, now, revision+fmt.Sprintf(`metric.type = "logging.googleapis.com/user/%s"`, v.latency), &monitoringpb.Aggregation{
		// One value for the whole time: a quiet minute's would be that of its slowest request.
		AlignmentPeriod: durationpb.New(v.since.Truncate(minute)), PerSeriesAligner: monitoringpb.Aggregation_ALIGN_DELTA,
		CrossSeriesReducer: monitoringpb.Aggregation_REDUCE_PERCENTILE_95,
	}, func(_ map[string]string, value *monitoringpb.TypedValue) {
		if seconds := value.GetDoubleValue(); !math.IsNaN(seconds) {
			f.p95 = max(f.p95, time.Duration(seconds*float64(time.Second)))
		}
	})
	if err != nil {
		return f, err
	}
	if len(v.dead) == 0 {
		return f, nil
	}
	topics := fmt.Sprintf(`resource.type = "pubsub_topic" AND resource.labels.topic_id = one_of("%s") AND `, strings.Join(v.dead, `","`))
	err = v.each(ctx, client, now, topics+`metric.type = "pubsub.googleapis.com/topic/send_request_count"`, &monitoringpb.Aggregation{
		AlignmentPeriod: durationpb.New(minute), PerSeriesAligner: monitoringpb.Aggregation_ALIGN_DELTA,
		CrossSeriesReducer: monitoringpb.Aggregation_REDUCE_SUM,
	}, func(_ map[string]string, value *monitoringpb.TypedValue) { f.deadLetters += value.GetInt64Value() })
	return f, err
}

// each calls use with every point of the time series that a filter finds.
func (v verdict) each(ctx context.Context, client *monitoring.MetricClient, now time.Time, filter string, a *monitoringpb.Aggregation,
	use func(labels map[string]string, value *monitoringpb.TypedValue),
) error {
	it := client.ListTimeSeries(ctx, &monitoringpb.ListTimeSeriesRequest{
		Name: "projects/" + v.project, Filter: filter, Aggregation: a,
		Interval: &monitoringpb.TimeInterval{StartTime: timestamppb.New(now.Add(-v.since)), EndTime: timestamppb.New(now)},
	})
	for {
		s, err := it.Next()
		if errors.Is(err, iterator.Done) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("time series of %s: %w", filter, err)
		}
		for _, p := range s.Points {
			use(s.GetMetric().GetLabels(), p.GetValue())
		}
	}
}
