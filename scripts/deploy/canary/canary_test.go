package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	monitoring "cloud.google.com/go/monitoring/apiv3/v2"
	"cloud.google.com/go/monitoring/apiv3/v2/monitoringpb"
	"google.golang.org/api/option"
	"google.golang.org/genproto/googleapis/api/metric"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// fakeMonitoring serves the metrics of one revision in prod. It rejects filters, projects and intervals that the canary
// must not send.
type fakeMonitoring struct {
	monitoringpb.UnimplementedMetricServiceServer
	ok, failed, deadLetters int64 // per minute, for two minutes
	p95                     float64
	err                     error
}

func (f *fakeMonitoring) ListTimeSeries(_ context.Context, r *monitoringpb.ListTimeSeriesRequest) (*monitoringpb.ListTimeSeriesResponse, error) {
	if f.err != nil {
		return nil, f.err
	}
	if took := r.Interval.EndTime.AsTime().Sub(r.Interval.StartTime.AsTime()); r.Name != "projects/shop" || took != 10*time.Minute || !r.Interval.EndTime.AsTime().Equal(now) {
		return nil, status.Errorf(codes.InvalidArgument, "%s over %v", r.Name, took)
	}
	count := func(class string, n int64) *monitoringpb.TimeSeries {
		v := &monitoringpb.Point{Value: &monitoringpb.TypedValue{Value: &monitoringpb.TypedValue_Int64Value{Int64Value: n}}}
		return &monitoringpb.TimeSeries{
			Metric: &metric.Metric{Labels: map[string]string{"response_code_class": class}},
			Points: []*monitoringpb.Point{v, v},
		}
	}
	const revision = `service_name = "prod-hybridbts-api" AND resource.labels.revision_name = "prod-hybridbts-api-2"`
	var s []*monitoringpb.TimeSeries
	switch {
	case strings.Contains(r.Filter, "request_count") && strings.Contains(r.Filter, revision):
		s = []*monitoringpb.TimeSeries{count("2xx", f.ok), count("5xx", f.failed)}
	case strings.Contains(r.Filter, `"logging.googleapis.com/user/prod-hybridbts-latency"`) && strings.Contains(r.Filter, revision):
		s = []*monitoringpb.TimeSeries{{Points: []*monitoringpb.Point{
			{Value: &monitoringpb.TypedValue{Value: &monitoringpb.TypedValue_DoubleValue{DoubleValue: f.p95}}},
		}}}
	case strings.Contains(r.Filter, `one_of("prod-hybridbts-reviews-dead","prod-hybridbts-images-dead")`):
		s = []*monitoringpb.TimeSeries{count("", f.deadLetters)}
	default:
		return nil, status.Errorf(codes.InvalidArgument, "filter %s", r.Filter)
	}
	return &monitoringpb.ListTimeSeriesResponse{TimeSeries: s}, nil
}

// openClient serves f until the test ends and returns a client of it.
func openClient(t *testing.T, f *fakeMonitoring) *monitoring.MetricClient {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer()
	monitoringpb.RegisterMetricServiceServer(srv, f)
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(srv.Stop)
	client, err := monitoring.NewMetricClient(t.Context(), option.WithEndpoint(l.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestVerdictNamesEveryExceededLimit(t *testing.T) {
	v, err := parseVerdict([]string{"-project=shop", "-service=prod-hybridbts-api", "-revision=prod-hybridbts-api-2", "-since=600s", "-p95=500ms", "-latency=prod-hybridbts-latency",
		"-dead=prod-hybridbts-reviews-dead", "-dead=prod-hybridbts-images-dead"})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		fake fakeMonitoring
		want []string // substrings of the error
	}{
		"healthy":              {fakeMonitoring{ok: 1000, p95: 0.48}, nil},
		"no requests":          {fakeMonitoring{}, nil},
		"1 % fails":            {fakeMonitoring{ok: 99, failed: 1, p95: 0.02}, nil},
		"more than 1 % fails":  {fakeMonitoring{ok: 98, failed: 2, p95: 0.02}, []string{"4 of 200 requests"}},
		"slow":                 {fakeMonitoring{ok: 1000, p95: 0.501}, []string{"p95 was 501ms"}},
		"dead letters":         {fakeMonitoring{ok: 1000, deadLetters: 1}, []string{"2 messages"}},
		"all limits exceeded":  {fakeMonitoring{ok: 1, failed: 1, p95: 9, deadLetters: 1}, []string{"2 of 4 requests", "p95 was 9s", "2 messages"}},
		"metrics not readable": {fakeMonitoring{err: status.Error(codes.PermissionDenied, "injected")}, []string{"injected"}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := v.judge(t.Context(), openClient(t, &tc.fake), now)
			if (err != nil) != (tc.want != nil) {
				t.Fatalf("judge() = %v, %v", m, err)
			}
			for _, w := range tc.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("judge() error = %v, want it to contain %q", err, w)
				}
			}
		})
	}
}

func TestVerdictIgnoresDeadLettersOfOtherFunctions(t *testing.T) {
	v, err := parseVerdict([]string{"-project=shop", "-service=prod-hybridbts-api", "-revision=prod-hybridbts-api-2", "-latency=prod-hybridbts-latency"})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := v.judge(t.Context(), openClient(t, &fakeMonitoring{ok: 1000, deadLetters: 1}), now); err != nil || m.deadLetters != 0 {
		t.Errorf("judge() = %v, %v, want no dead letters", m, err)
	}
}

func TestSmokeRetriesUntilTheStatusMatches(t *testing.T) {
	for name, tc := range map[string]struct {
		firstMatch int32 // number of the first request with the expected status
		ok         bool
	}{
		"first request": {1, true}, "last request": {maxAttempts, true}, "never": {maxAttempts + 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if requests.Add(1) < tc.firstMatch {
					w.WriteHeader(http.StatusNotFound)
					return
				}
				w.WriteHeader(http.StatusMethodNotAllowed)
			}))
			defer srv.Close()
			if err := smoke(t.Context(), srv.Client(), srv.URL, "405", time.Millisecond); (err == nil) != tc.ok {
				t.Errorf("smoke() = %v", err)
			}
			if got, want := requests.Load(), min(tc.firstMatch, maxAttempts); got != want {
				t.Errorf("%d requests, want %d", got, want)
			}
		})
	}
}

func TestSmokeStopsWhenItsContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := smoke(ctx, http.DefaultClient, "http://127.0.0.1:1/", "200", time.Hour); err == nil {
		t.Error("smoke() = nil without a server")
	}
}

func TestInvalidArgumentsAreRejected(t *testing.T) {
	for _, args := range []string{"", "smoke", "smoke a b", "verdict", "verdict -project=p", "verdict -nothing",
		"verdict -project=p -service=s -revision=r", "verdict -project=p -service=s -revision=r -latency=l -since=1s",
		"verdict -project=p -service=s -revision=r -latency=l more"} {
		if err := run(t.Context(), strings.Fields(args)); err == nil {
			t.Errorf("canary %s: no error", args)
		}
	}
}
