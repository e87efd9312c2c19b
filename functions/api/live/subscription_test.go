package live

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/hybrid-bts/functions/shared/fake/buckettest"
	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

// leaseBucket is the bucket of leases.
const leaseBucket = "leases"

// newSubscriptions returns the view of an instance on the subscriptions published-api-1 and -2, and a client of their server.
func newSubscriptions(t *testing.T) (*Subscriptions, *pubsub.Client) {
	t.Helper()
	client, _ := pubsubtest.Client(t, []string{"published"})
	ids, err := ParseSubscriptions("published-api:2")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		s := &pubsubpb.Subscription{Name: "projects/shop/subscriptions/" + id, Topic: "projects/shop/topics/published", AckDeadlineSeconds: 10}
		if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	files, _ := buckettest.New(t, nil, leaseBucket)
	return NewSubscriptions(client, ids, files.Bucket(leaseBucket)), client
}

func TestSubscriptionsAreParsed(t *testing.T) {
	ids, err := ParseSubscriptions("prod-published-api:3")
	if want := []string{"prod-published-api-1", "prod-published-api-2", "prod-published-api-3"}; err != nil || !slices.Equal(ids, want) {
		t.Errorf("%q, %v, want %q", ids, err, want)
	}
	for _, s := range []string{"", "a", "a:", "a:0", "a:-1", "a:101", "a:1:2", ":8", "a:1000000000000"} {
		if ids, err := ParseSubscriptions(s); err == nil {
			t.Errorf("ParseSubscriptions(%q) = %d IDs, want an error", s, len(ids))
		}
	}
}

func TestSubscriptionDeliversNewNoticesAndDropsOtherMessages(t *testing.T) {
	s, client := newSubscriptions(t)
	p := client.Publisher("published")
	defer p.Stop()
	want := notice("6f2c5c0e-8a53-5d2e-9d2b-1e6f0a4f7c11", 7)
	publish := func(data []byte, attributes map[string]string) {
		t.Helper()
		if _, err := p.Publish(t.Context(), &pubsub.Message{Data: data, Attributes: attributes}).Get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	send := func(m review.Message) {
		t.Helper()
		data, attributes, err := review.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		publish(data, attributes)
	}
	send(notice("6f2c5c0e-8a53-5d2e-9d2b-1e6f0a4f7c12", 1)) // in the backlog
	began := time.Now()
	s.leases.now = func() time.Time { return began.Add(backlogAge + 10*time.Millisecond) }
	time.Sleep(20 * time.Millisecond)
	c, err := s.claim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	publish([]byte("not JSON"), nil)
	send(review.Erasure{Key: want.Key})
	send(want)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	var got []review.ChangeNotice
	if err := c.receive(ctx, func(n review.ChangeNotice) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, n)
		stop()
	}); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0] != want {
		t.Errorf("delivered %+v, want %+v once", got, want)
	}
}

func TestReceiveFailsWithTheSubscriptionAndWithTheLease(t *testing.T) {
	s, client := newSubscriptions(t)
	c, err := s.claim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mine := c.(*subscription).lease
	if err := client.SubscriptionAdminClient.DeleteSubscription(t.Context(), &pubsubpb.DeleteSubscriptionRequest{Subscription: "projects/shop/subscriptions/" + mine.name}); err != nil {
		t.Fatal(err)
	}
	if err := c.receive(t.Context(), func(review.ChangeNotice) {}); err == nil || !strings.Contains(err.Error(), mine.name) {
		t.Errorf("receive from a deleted subscription: %v", err)
	}
	if c, err = s.claim(t.Context()); err != nil { // of the other subscription
		t.Fatal(err)
	}
	mine = c.(*subscription).lease
	stolen := *mine
	if err := stolen.extend(t.Context(), leaseTime); err != nil {
		t.Fatal(err)
	}
	mine.until = time.Now() // a renewal is due
	if err := c.receive(t.Context(), func(review.ChangeNotice) {}); !errors.Is(err, errLeaseLost) {
		t.Errorf("receive with a lost lease: %v, want %v", err, errLeaseLost)
	}
	if err := c.release(t.Context()); err != nil {
		t.Errorf("release of a lost lease: %v", err)
	}
	if _, err := s.claim(t.Context()); !errors.Is(err, errLeased) {
		t.Errorf("claim after the release of a lost lease: %v, want %v: the lease is another instance's", err, errLeased)
	}
}

// Instances come and go: of 6 at once, 2 get subscriptions of their own, and a subscription is free after a release and a
// minute after the death of its instance.
func TestEachSubscriptionHasAtMostOneInstance(t *testing.T) {
	s, _ := newSubscriptions(t)
	var claims []*lease
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			l, err := s.leases.acquire(t.Context(), s.ids)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				claims = append(claims, l)
			} else if !errors.Is(err, errLeased) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(claims) != 2 || claims[0].name == claims[1].name {
		t.Fatalf("%d claims of 2 subscriptions: %+v", len(claims), claims)
	}
	if err := claims[0].extend(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	again, err := s.leases.acquire(t.Context(), s.ids)
	if err != nil || again.name != claims[0].name {
		t.Fatalf("after a release: %+v, %v", again, err)
	}
	if err := claims[0].extend(t.Context(), leaseTime); !errors.Is(err, errLeaseLost) {
		t.Errorf("renewal of a released lease that another instance has: %v, want %v", err, errLeaseLost)
	}
	dead := s.leases
	dead.now = func() time.Time { return time.Now().Add(leaseTime - 5*time.Second) }
	if _, err := dead.acquire(t.Context(), s.ids); !errors.Is(err, errLeased) {
		t.Errorf("before the expiry: %v, want %v", err, errLeased)
	}
	dead.now = func() time.Time { return time.Now().Add(leaseTime) }
	for range 2 {
		if _, err := dead.acquire(t.Context(), s.ids); err != nil {
			t.Errorf("after the expiry: %v", err)
		}
	}
	if err := claims[1].extend(t.Context(), leaseTime); !errors.Is(err, errLeaseLost) {
		t.Errorf("renewal of an expired lease that another instance has: %v, want %v", err, errLeaseLost)
	}
}

func TestLeaseSurvivesFailuresOfCloudStorage(t *testing.T) {
	var failures atomic.Int64
	var writes atomic.Int64
	files, _ := buckettest.New(t, func(r *http.Request) *http.Response {
		if r.Method == http.MethodGet {
			return nil
		}
		writes.Add(1)
		if failures.Add(-1) < 0 {
			return nil
		}
		return &http.Response{StatusCode: http.StatusForbidden, Body: http.NoBody}
	}, leaseBucket)
	l := leases{files.Bucket(leaseBucket), time.Now}
	mine, err := l.acquire(t.Context(), []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	keep := func(until time.Time) error {
		mine.until = until // its time decides when a renewal is due, and for how long failures are retried
		ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
		defer stop()
		return mine.keep(ctx)
	}
	failures.Store(2)
	if err := keep(time.Now().Add(leaseTime - renewEvery)); err != nil || time.Until(mine.until) < leaseTime/2 {
		t.Errorf("after 2 failures: %v, the lease lasts %v more", err, time.Until(mine.until))
	}
	failures.Store(1000)
	if err := keep(time.Now().Add(renewTime + 500*time.Millisecond)); !errors.Is(err, errLeaseLost) {
		t.Errorf("without Cloud Storage until the expiry: %v, want %v", err, errLeaseLost)
	}
	if _, err := l.acquire(t.Context(), []string{"b"}); err == nil || errors.Is(err, errLeased) {
		t.Errorf("acquire without Cloud Storage: %v, want its error", err)
	}
	failures.Store(0)
	before := writes.Load()
	if err := keep(time.Now().Add(leaseTime)); err != nil || writes.Load() != before {
		t.Errorf("%v, %d writes before a renewal is due", err, writes.Load()-before)
	}
}
