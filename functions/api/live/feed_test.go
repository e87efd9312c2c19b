package live

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hybrid-bts/functions/shared/clouderr"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

const butter = "butter-cream-peaches"

// fakeSource is a noticeSource that a test controls, and its own claim.
type fakeSource struct {
	claimErr  error
	failure   chan error // ends receive
	claims    int
	releases  int
	receivers int // running receive calls
	deliver   func(review.ChangeNotice)
	slow      time.Duration // of a claim

	mu sync.Mutex // guards all fields that calls change, because the calls may overlap
}

func (s *fakeSource) claim(context.Context) (noticeClaim, error) {
	time.Sleep(s.slow)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims++
	if s.claimErr != nil {
		return nil, s.claimErr
	}
	return s, nil
}

func (s *fakeSource) receive(ctx context.Context, deliver func(review.ChangeNotice)) error {
	s.mu.Lock()
	s.deliver = deliver
	s.receivers++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.receivers--
	}()
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failure:
		return err
	}
}

func (s *fakeSource) release(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.releases++
	return nil
}

// fakeRating is a rating that a test changes. It counts its reads.
type fakeRating struct {
	mu    sync.Mutex
	count int64
	reads int
	err   error
}

func (r *fakeRating) read(context.Context, string) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	return map[string]int64{"count": r.count}, r.err
}

// readCount returns the number of reads so far.
func (r *fakeRating) readCount() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reads
}

func (r *fakeRating) set(count int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count, r.err = count, err
}

var (
	clientA = netip.MustParsePrefix("203.0.113.7/32")
	clientB = netip.MustParsePrefix("2001:db8::/64")
)

// withFeed calls test in a synctest bubble, whose clock advances only while all goroutines are blocked. It checks that
// nothing is left after Close.
func withFeed(t *testing.T, test func(t *testing.T, f *Feed, s *fakeSource, r *fakeRating)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, r := &fakeSource{failure: make(chan error)}, &fakeRating{}
		f := newFeed(s, r.read, DefaultStreams)
		test(t, f, s, r)
		f.Close()
		if s.claimErr == nil && s.claims != s.releases {
			t.Errorf("%d claims and %d releases", s.claims, s.releases)
		}
		if f.streams != 0 || len(f.products) != 0 || len(f.clients) != 0 || len(f.networks) != 0 {
			t.Errorf("after Close: %d streams of %d products, %d clients and %d networks", f.streams, len(f.products), len(f.clients), len(f.networks))
		}
	})
}

// subscribe opens a stream without a first event, so without a read of the rating.
func subscribe(t *testing.T, f *Feed, product string, client netip.Prefix) *Stream {
	t.Helper()
	s, err := f.subscribe(t.Context(), product, client)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return s
}

// watch opens a stream with its first event.
func watch(t *testing.T, f *Feed, product string, client netip.Prefix) *Stream {
	t.Helper()
	s, err := f.Watch(t.Context(), product, client, "")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return s
}

// sent returns the unread events of a stream, and whether it was closed.
func sent(s *Stream) (events string, closed bool) {
	synctest.Wait()
	for {
		select {
		case b, open := <-s.batches:
			if !open {
				return events, true
			}
			events += string(b)
		default:
			return events, false
		}
	}
}

func notice(id string, revision int64) review.ChangeNotice {
	return review.ChangeNotice{Key: review.Key{Product: butter, Review: id}, Status: review.Published, Revision: revision}
}

func TestThousandReviewsASecondCauseFewReadsOfTheRating(t *testing.T) {
	withFeed(t, func(t *testing.T, f *Feed, s *fakeSource, r *fakeRating) {
		one, two, other := subscribe(t, f, butter, clientA), subscribe(t, f, butter, clientB), subscribe(t, f, "other", clientA)
		for i := range int64(1000) {
			r.set(i+1, nil)
			s.deliver(notice(fmt.Sprint("r", i), i))
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if r.reads > 4 {
			t.Errorf("%d reads of the rating within 2 s, want one at once and two a second", r.reads)
		}
		for _, stream := range []*Stream{one, two} {
			got, closed := sent(stream)
			if closed || !strings.Contains(got, `{"id":"r0","status":"published","revision":0}`) || !strings.Contains(got, `"id":"r999"`) {
				t.Errorf("closed: %v, sent %.300s", closed, got)
			}
			if last := got[strings.LastIndex(got, "event: rating"):]; !strings.Contains(last, `"count":1000`) {
				t.Errorf("last rating sent: %s", last)
			}
		}
		if got, _ := sent(other); got != "" {
			t.Errorf("stream of another product received %s", got)
		}
	})
}

func TestDuplicateAndLateNoticesAreSentOnce(t *testing.T) {
	withFeed(t, func(t *testing.T, f *Feed, s *fakeSource, r *fakeRating) {
		stream := watch(t, f, butter, clientA)
		s.deliver(notice("before", 1))
		synctest.Wait() // later notices wait for sendInterval
		erased := notice("erased", 0)
		erased.Status = review.Erased
		for _, n := range []review.ChangeNotice{notice("a", 2), notice("a", 2), notice("a", 1), notice("erased", 9), erased, notice("erased", 10)} {
			s.deliver(n)
		}
		time.Sleep(time.Second)
		got, _ := sent(stream)
		want := `event: review
data: {"id":"a","status":"published","revision":2}

event: review
data: {"id":"erased","status":"erased","revision":0}

`
		if _, after, _ := strings.Cut(got, `"revision":1}`); !strings.Contains(after, want) || strings.Count(after, "event:") != 2 {
			t.Errorf("sent %s", got)
		}
	})
}

func TestRatingIsPolledWithoutNotices(t *testing.T) {
	withFeed(t, func(t *testing.T, f *Feed, _ *fakeSource, r *fakeRating) {
		stream := watch(t, f, butter, clientA)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got, _ := sent(stream); got != "" || r.reads > 12 {
			t.Errorf("unchanged rating: %d reads, sent %s", r.reads, got)
		}
		r.set(1, errors.New("unavailable"))
		time.Sleep(time.Minute)
		r.set(1, nil)
		time.Sleep(retryInterval + time.Second)
		if got, _ := sent(stream); !strings.Contains(got, `"count":1`) || strings.Contains(got, "event: review") {
			t.Errorf("changed rating: sent %s", got)
		}
	})
}

func TestSlowClientIsDisconnected(t *testing.T) {
	withFeed(t, func(t *testing.T, f *Feed, s *fakeSource, r *fakeRating) {
		slow, fast := subscribe(t, f, butter, clientA), subscribe(t, f, butter, clientB)
		batches := 0
		for i := range int64(4 * queuedBatches) {
			s.deliver(notice("a", i))
			time.Sleep(time.Second)
			if got, closed := sent(fast); closed || got == "" {
				t.Fatalf("client that reads: closed: %v, sent %s", closed, got)
			}
		}
		for range slow.batches { // ends only if the feed closed the stream
			batches++
		}
		if batches != queuedBatches || f.streams != 1 {
			t.Errorf("%d batches queued for the slow client, %d streams open", batches, f.streams)
		}
		slow.Close()
		if f.streams != 1 {
			t.Errorf("%d streams after the second close of one, want 1", f.streams)
		}
	})
}

func TestStreamsAreLimitedPerInstanceAndClient(t *testing.T) {
	withFeed(t, func(t *testing.T, f *Feed, _ *fakeSource, _ *fakeRating) {
		f.maxStreams, f.maxClientStreams = 3, 2
		first := watch(t, f, butter, clientA)
		watch(t, f, "other", clientA)
		if _, err := f.Watch(t.Context(), butter, clientA, ""); !errors.Is(err, ErrTooManyStreams) {
			t.Errorf("third stream of a client: %v", err)
		}
		watch(t, f, butter, clientB)
		if _, err := f.Watch(t.Context(), butter, netip.Prefix{}, ""); !errors.Is(err, ErrTooManyStreams) {
			t.Errorf("fourth stream of the instance: %v", err)
		}
		first.Close()
		watch(t, f, butter, clientA)
	})
}

// fill opens streams for clients, in turn up to their limits, and returns the number of streams.
func fill(t *testing.T, f *Feed, clients ...string) (opened int) {
	t.Helper()
	for _, c := range clients {
		for {
			_, err := f.subscribe(t.Context(), butter, netip.MustParsePrefix(c))
			if errors.Is(err, ErrTooManyStreams) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			opened++
		}
	}
	return opened
}

func TestManyAddressesOfOneNetworkShareALimit(t *testing.T) {
	for name, clients := range map[string]struct {
		format string // of the clients in one network
		other  string // a client outside it
	}{
		"IPv6 /48": {"2001:db8:7:%x::/64", "2001:db8:8::/64"},
		"IPv4 /24": {"198.51.100.%d/32", "198.51.101.7/32"},
	} {
		t.Run(name, func(t *testing.T) {
			withFeed(t, func(t *testing.T, f *Feed, _ *fakeSource, _ *fakeRating) {
				var all []string
				for i := range 20 {
					all = append(all, fmt.Sprintf(clients.format, i))
				}
				if got := fill(t, f, all...); got != MaxNetworkStreams {
					t.Errorf("20 clients of a network got %d streams, want %d", got, MaxNetworkStreams)
				}
				if got := fill(t, f, clients.other); got != MaxClientStreams {
					t.Errorf("a client of another network got %d streams, want %d", got, MaxClientStreams)
				}
			})
		})
	}
}

func TestNewClientsGetStreamsOfAFullInstance(t *testing.T) {
	withFeed(t, func(t *testing.T, f *Feed, _ *fakeSource, _ *fakeRating) {
		var all []string
		for i := range 20 { // each in a network of its own, so that only the share of new networks stops them
			all = append(all, fmt.Sprintf("2001:db8:%x::/64", i))
		}
		const shared = DefaultStreams - DefaultStreams/newNetworkShare
		fullClients := shared / MaxClientStreams
		if got, want := fill(t, f, all...), shared+newNetworkStreams*(20-fullClients); got != want {
			t.Errorf("20 networks got %d streams, want %d", got, want)
		}
		for i := range 90 {
			if got := fill(t, f, fmt.Sprintf("203.0.%d.1/32", i)); got != newNetworkStreams {
				t.Fatalf("new client %d got %d streams, want %d", i, got, newNetworkStreams)
			}
		}
	})
}

func TestFeedWithoutStreamsClaimsNoSubscription(t *testing.T) {
	withFeed(t, func(t *testing.T, f *Feed, s *fakeSource, _ *fakeRating) {
		f.maxStreams = 0
		if _, err := f.Watch(t.Context(), butter, clientA, ""); !errors.Is(err, ErrTooManyStreams) {
			t.Errorf("Watch with 0 streams allowed: %v", err)
		}
		if s.claims != 0 {
			t.Errorf("%d subscriptions claimed", s.claims)
		}
	})
}

func TestFailedRatingReadLeavesNoStream(t *testing.T) {
	withFeed(t, func(t *testing.T, f *Feed, s *fakeSource, r *fakeRating) {
		r.set(0, errors.New("no such product"))
		if _, err := f.Watch(t.Context(), butter, clientA, ""); !errors.Is(err, r.err) {
			t.Errorf("Watch: %v, want %v", err, r.err)
		}
		if synctest.Wait(); f.streams != 0 || s.receivers != 0 {
			t.Errorf("%d streams, %d receivers left", f.streams, s.receivers)
		}
	})
}

// With more instances than subscriptions, some have none.
func TestFeedWithoutAClaimPollsAndReconnectsItsStreams(t *testing.T) {
	withFeed(t, func(t *testing.T, f *Feed, s *fakeSource, r *fakeRating) {
		s.claimErr = errLeased
		stream, other := watch(t, f, butter, clientA), watch(t, f, "other", clientB)
		r.set(1, nil)
		time.Sleep(soloInterval + sendInterval)
		if got, closed := sent(stream); closed || !strings.Contains(got, `"count":1`) {
			t.Errorf("closed: %v, sent %s within %v, want the rating", closed, got, soloInterval)
		}
		reads := r.readCount()
		time.Sleep(30 * time.Second)
		if n := r.readCount() - reads; n < 10 || n > 14 { // of two products
			t.Errorf("%d reads of two ratings in 30 s, want 12", n)
		}
		if s.claims != 1 {
			t.Errorf("%d claims, want 1", s.claims)
		}
		time.Sleep(claimInterval)
		for _, stream := range []*Stream{stream, other} {
			if _, closed := sent(stream); !closed {
				t.Error("a stream is open for longer than claimInterval: its page misses edits")
			}
		}
		s.claimErr = nil
		stream = watch(t, f, butter, clientA) // a subscription is free again
		if s.claims != 2 || s.receivers != 1 {
			t.Errorf("%d claims and %d receivers, want 2 and 1", s.claims, s.receivers)
		}
		s.deliver(notice("a", 1))
		if got, _ := sent(stream); !strings.Contains(got, "event: review") {
			t.Errorf("sent %s, want the notice", got)
		}
		time.Sleep(2 * claimInterval)
		if _, closed := sent(stream); closed {
			t.Error("the stream of a feed with a claim is closed")
		}
		s.releases++ // balances the failed claim
	})
}

func TestFeedReceivesOnlyWhileItHasStreams(t *testing.T) {
	withFeed(t, func(t *testing.T, f *Feed, s *fakeSource, _ *fakeRating) {
		for i := range 3 {
			stream, other := watch(t, f, butter, clientA), watch(t, f, butter, clientA)
			other.Close()
			if s.receivers != 1 || s.claims != i+1 || s.releases != i {
				t.Errorf("%d receivers, %d claims and %d releases with a stream", s.receivers, s.claims, s.releases)
			}
			stream.Close()
			synctest.Wait()
			if s.receivers != 0 || s.releases != i+1 {
				t.Errorf("%d receivers and %d releases without streams", s.receivers, s.releases)
			}
		}
	})
}

func TestStreamsOutliveTheSubscription(t *testing.T) {
	withFeed(t, func(t *testing.T, f *Feed, s *fakeSource, r *fakeRating) {
		stream := watch(t, f, butter, clientA)
		r.set(1, nil)
		s.failure <- errors.New("lease lost")
		time.Sleep(time.Second)
		if got, closed := sent(stream); closed || !strings.Contains(got, `"count":1`) {
			t.Errorf("closed: %v, sent %s, want the rating at once", closed, got)
		}
		watch(t, f, butter, clientB)
		if s.claims != 1 || s.releases != 1 {
			t.Errorf("%d claims and %d releases during the pause, want 1 and 1", s.claims, s.releases)
		}
		time.Sleep(claimInterval)
		if _, closed := sent(stream); !closed {
			t.Error("the stream is open after the pause: its page misses edits")
		}
		stream = watch(t, f, butter, clientA)
		if s.claims != 2 || s.receivers != 1 {
			t.Errorf("%d claims and %d receivers, want 2 and 1", s.claims, s.receivers)
		}
		f.End()
		if _, closed := sent(stream); !closed {
			t.Error("stream stays open after End")
		}
		if _, err := f.Watch(t.Context(), butter, clientA, ""); !errors.Is(err, clouderr.ErrUnavailable) {
			t.Errorf("Watch after End: %v", err)
		}
	})
}

// The clients that wait for a slow claim may all disconnect, and the instance may stop.
func TestClaimForNobodyIsReleased(t *testing.T) {
	for name, leave := range map[string]func(f *Feed, disconnect func()){
		"clients disconnect": func(_ *Feed, disconnect func()) { disconnect() },
		"instance stops":     func(f *Feed, _ func()) { f.End() },
	} {
		t.Run(name, func(t *testing.T) {
			withFeed(t, func(t *testing.T, f *Feed, s *fakeSource, _ *fakeRating) {
				s.slow = time.Second
				ctx, disconnect := context.WithCancel(t.Context())
				defer disconnect()
				done := make(chan error)
				for range 3 {
					go func() {
						stream, err := f.Watch(ctx, butter, clientA, "")
						if err == nil {
							stream.Close()
						}
						done <- err
					}()
				}
				synctest.Wait()
				leave(f, disconnect)
				for range 3 {
					if err := <-done; name == "clients disconnect" && !errors.Is(err, context.Canceled) {
						t.Errorf("Watch: %v, want the error of the context", err)
					}
				}
				time.Sleep(2 * time.Second)
				s.mu.Lock()
				defer s.mu.Unlock()
				if s.claims != 1 || s.releases != 1 || s.receivers != 0 {
					t.Errorf("%d claims, %d releases and %d receivers, want 1, 1 and 0", s.claims, s.releases, s.receivers)
				}
			})
		})
	}
}
