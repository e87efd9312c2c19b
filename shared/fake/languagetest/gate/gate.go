// Package gate injects quotas, faults and delays into an embedded gRPC server and counts its requests.
package gate

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Gate is a gRPC interceptor with settings. Its methods may be called during requests.
type Gate struct {
	service string

	mu    sync.Mutex
	calls int
	delay time.Duration
	fault fault
	quota quota
}

// New returns a gate without quota, faults and delay. Its errors contain the name of the service.
func New(service string) *Gate { return &Gate{service: service} }

// Fail makes each request fail with err, until a call with nil.
func (g *Gate) Fail(err error) { g.FailShare(err, 1) }

// FailShare makes a share of the requests, 0 to 1, fail with err. The failures are spread evenly: with 0.5 each second
// request fails.
func (g *Gate) FailShare(err error, share float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault = fault{err: err, share: share}
}

// Delay delays each request within the quota by d.
func (g *Gate) Delay(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.delay = d
}

// SetQuota sets a quota of requests per minute, 0 for none, and begins a new minute. Requests beyond the quota fail with
// RESOURCE_EXHAUSTED.
func (g *Gate) SetQuota(perMinute int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.quota = quota{perMinute: perMinute}
}

// Calls returns the number of requests, including those beyond the quota.
func (g *Gate) Calls() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls
}

// Admit is a grpc.UnaryServerInterceptor. It passes a request to the service unless the quota or an injected fault prevents it.
func (g *Gate) Admit(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	g.mu.Lock()
	g.calls++
	delay := g.delay
	wait, admitted := g.quota.take(time.Now())
	perMinute := g.quota.perMinute
	var err error
	if admitted {
		err = g.fault.next()
	}
	g.mu.Unlock()
	if !admitted {
		return nil, exhausted(g.service, perMinute, wait)
	}
	select {
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	case <-time.After(delay):
	}
	if err != nil {
		return nil, err
	}
	return handle(ctx, req)
}

// fault is an error of a share of the requests.
type fault struct {
	err   error
	share float64
	due   float64 // sum of shares since the last error; 1 triggers the next
}

func (f *fault) next() error {
	if f.err == nil {
		return nil
	}
	if f.due += f.share; f.due < 1 {
		return nil
	}
	f.due--
	return f.err
}

// quota is a number of requests per minute.
type quota struct {
	perMinute int // 0 for no limit
	began     time.Time
	used      int
}

// take counts a request. When the quota is exhausted, it returns the time until the next minute.
func (q *quota) take(now time.Time) (wait time.Duration, ok bool) {
	if now.Sub(q.began) >= time.Minute {
		q.began, q.used = now, 0
	}
	if q.perMinute > 0 && q.used >= q.perMinute {
		return q.began.Add(time.Minute).Sub(now), false
	}
	q.used++
	return 0, true
}

// exhausted is the error of a request beyond the quota, with the details that Google's APIs give
// (https://google.aip.dev/193). The names of metric and limit are not documented; these are likely ones.
func exhausted(service string, perMinute int, wait time.Duration) error {
	s, err := status.New(codes.ResourceExhausted, "embedded "+service+": quota of "+strconv.Itoa(perMinute)+" requests per minute exceeded").WithDetails(
		&errdetails.ErrorInfo{Reason: "RATE_LIMIT_EXCEEDED", Domain: "googleapis.com", Metadata: map[string]string{
			"service":           service,
			"consumer":          "projects/0",
			"quota_metric":      service + "/default_requests",
			"quota_limit":       "DefaultRequestsPerMinutePerProject",
			"quota_limit_value": strconv.Itoa(perMinute),
			"quota_location":    "global",
		}},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(wait)},
	)
	if err != nil {
		return fmt.Errorf("details of an exceeded quota: %w", err)
	}
	return s.Err()
}
