package main

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

	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// wireService is news that a test makes up.
type wireService struct {
	fails   error // what open answers
	broken  chan error
	opens   int
	hearing int
	tell    func(wire.ChangeNotice)
	closed  bool
}

func (s *wireService) open(context.Context) error {
	s.opens++
	return s.fails
}

func (s *wireService) receive(ctx context.Context, tell func(wire.ChangeNotice)) error {
	s.tell = tell
	s.hearing++
	defer func() { s.hearing-- }()
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.broken:
		return err
	}
}

func (s *wireService) close(context.Context) error {
	s.closed = true
	return nil
}

// counted is a rating that a test changes, and how often it was read.
type counted struct {
	mu    sync.Mutex
	count int64
	reads int
	fails error
}

func (c *counted) rating(context.Context, string) (rating, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	return rating{Count: c.count}, c.fails
}

func (c *counted) set(count int64, fails error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count, c.fails = count, fails
}

var (
	home = netip.MustParsePrefix("203.0.113.7/32")
	away = netip.MustParsePrefix("2001:db8::/64")
)

// inFeed runs f on a feed whose clock stands still until all wait.
func inFeed(t *testing.T, f func(t *testing.T, all *feed, s *wireService, c *counted)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, c := &wireService{broken: make(chan error)}, &counted{}
		all := newFeed(s, c.rating, maxStreams)
		f(t, all, s, c)
		all.close(t.Context())
		if all.watching != 0 || len(all.products) != 0 || len(all.clients) != 0 {
			t.Errorf("%d watch %d products, as %d clients, after the end", all.watching, len(all.products), len(all.clients))
		}
	})
}

func watch(t *testing.T, f *feed, product string, client netip.Prefix) *watcher {
	t.Helper()
	w, err := f.watch(t.Context(), product, client)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return w
}

// told returns all that a watcher was told by now, and whether it is over.
func told(w *watcher) (text string, over bool) {
	synctest.Wait()
	for {
		select {
		case b, more := <-w.batches:
			if !more {
				return text, true
			}
			text += string(b)
		default:
			return text, false
		}
	}
}

func newsOf(id string, revision int64) wire.ChangeNotice {
	return wire.ChangeNotice{Key: wire.Key{Product: butter, Review: id}, Status: wire.Published, Revision: revision}
}

func TestAThousandReviewsASecondAreFewReadsOfTheRating(t *testing.T) {
	inFeed(t, func(t *testing.T, f *feed, s *wireService, c *counted) {
		one, two, other := watch(t, f, butter, home), watch(t, f, butter, away), watch(t, f, "other", home)
		for i := range int64(1000) {
			c.set(i+1, nil)
			s.tell(newsOf(fmt.Sprint("r", i), i))
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if c.reads > 4 {
			t.Errorf("the rating was read %d times in a second, want one at once and two a second", c.reads)
		}
		for _, w := range []*watcher{one, two} {
			got, over := told(w)
			if over || !strings.Contains(got, `{"id":"r0","status":"published","revision":0}`) || !strings.Contains(got, `"id":"r999"`) {
				t.Errorf("over: %v; told %.300s", over, got)
			}
			if last := got[strings.LastIndex(got, "event: rating"):]; !strings.Contains(last, `"count":1000`) {
				t.Errorf("the last rating is %s", last)
			}
		}
		if got, _ := told(other); got != "" {
			t.Errorf("who watches another product is told %s", got)
		}
	})
}

func TestWhatIsToldTwiceOrLateIsSentOnce(t *testing.T) {
	inFeed(t, func(t *testing.T, f *feed, s *wireService, c *counted) {
		w := watch(t, f, butter, home)
		if _, err := f.current(t.Context(), butter, ""); err != nil {
			t.Fatal(err)
		}
		s.tell(newsOf("before", 1))
		synctest.Wait() // the next wait for half a second
		erased := newsOf("erased", 0)
		erased.Status = wire.Erased
		for _, n := range []wire.ChangeNotice{newsOf("a", 2), newsOf("a", 2), newsOf("a", 1), newsOf("erased", 9), erased, newsOf("erased", 10)} {
			s.tell(n)
		}
		time.Sleep(time.Second)
		got, _ := told(w)
		want := `event: review
data: {"id":"a","status":"published","revision":2}

event: review
data: {"id":"erased","status":"erased","revision":0}

`
		if _, after, _ := strings.Cut(got, `"revision":1}`); !strings.Contains(after, want) || strings.Count(after, "event:") != 2 {
			t.Errorf("told %s", got)
		}
	})
}

func TestNewsThatAreLostAreMadeGood(t *testing.T) {
	inFeed(t, func(t *testing.T, f *feed, _ *wireService, c *counted) {
		w := watch(t, f, butter, home)
		if _, err := f.current(t.Context(), butter, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got, _ := told(w); got != "" || c.reads > 12 {
			t.Errorf("nothing happened, it was read %d times and told %s", c.reads, got)
		}
		c.set(1, errors.New("away"))
		time.Sleep(time.Minute)
		c.set(1, nil)
		time.Sleep(lookAgain + time.Second)
		if got, _ := told(w); !strings.Contains(got, `"count":1`) || strings.Contains(got, "event: review") {
			t.Errorf("told %s", got)
		}
	})
}

func TestASlowReaderIsDropped(t *testing.T) {
	inFeed(t, func(t *testing.T, f *feed, s *wireService, c *counted) {
		slow, fast := watch(t, f, butter, home), watch(t, f, butter, away)
		batches := 0
		for i := range int64(4 * behind) {
			s.tell(newsOf("a", i))
			time.Sleep(time.Second)
			if got, over := told(fast); over || got == "" {
				t.Fatalf("over: %v; told %s", over, got)
			}
		}
		for range slow.batches { // which ends only if it was dropped
			batches++
		}
		if batches != behind || f.watching != 1 {
			t.Errorf("%d batches wait for who does not read, %d watch", batches, f.watching)
		}
		f.leave(slow) // as it will
		if f.watching != 1 {
			t.Error("who was dropped left once more")
		}
	})
}

func TestThereAreOnlySoManyStreams(t *testing.T) {
	inFeed(t, func(t *testing.T, f *feed, _ *wireService, _ *counted) {
		f.streams, f.clientStreams = 3, 2
		first := watch(t, f, butter, home)
		watch(t, f, "other", home)
		if _, err := f.watch(t.Context(), butter, home); !errors.Is(err, errTooMany) {
			t.Errorf("the third of a client: %v", err)
		}
		watch(t, f, butter, away)
		if _, err := f.watch(t.Context(), butter, netip.Prefix{}); !errors.Is(err, errTooMany) {
			t.Errorf("the fourth of all: %v", err)
		}
		f.leave(first)
		watch(t, f, butter, home)
	})
}

func TestNoStreamsNeedNoSubscription(t *testing.T) {
	inFeed(t, func(t *testing.T, f *feed, _ *wireService, _ *counted) {
		f.streams = 0
		if _, err := f.watch(t.Context(), butter, home); !errors.Is(err, errTooMany) {
			t.Errorf("the first of none: %v", err)
		}
		if f.opened {
			t.Error("there is a subscription for nobody")
		}
	})
}

func TestAFailedOpenIsNotRemembered(t *testing.T) {
	inFeed(t, func(t *testing.T, f *feed, s *wireService, _ *counted) {
		s.fails = errors.New("away")
		for range 2 {
			if _, err := f.watch(t.Context(), butter, home); !errors.Is(err, errUnavailable) || !errors.Is(err, s.fails) {
				t.Errorf("watch() = %v", err)
			}
		}
		s.fails = nil
		watch(t, f, butter, home)
		watch(t, f, butter, away)
		if s.opens != 3 || s.hearing != 1 {
			t.Errorf("%d opened, %d hear", s.opens, s.hearing)
		}
	})
}

func TestItListensWhileSomebodyWatches(t *testing.T) {
	inFeed(t, func(t *testing.T, f *feed, s *wireService, _ *counted) {
		for range 3 {
			w := watch(t, f, butter, home)
			if s.hearing != 1 {
				t.Errorf("%d hear while one watches", s.hearing)
			}
			f.leave(w)
			synctest.Wait()
			if s.hearing != 0 {
				t.Errorf("%d hear while nobody watches", s.hearing)
			}
		}
		if s.opens != 1 || s.closed {
			t.Errorf("opened %d times, closed: %v", s.opens, s.closed)
		}
		f.close(t.Context())
		if !s.closed {
			t.Error("the subscription is left behind")
		}
	})
}

func TestWatchersAreSentAwayWhenTheNewsEnd(t *testing.T) {
	inFeed(t, func(t *testing.T, f *feed, s *wireService, _ *counted) {
		w := watch(t, f, butter, home)
		s.broken <- errors.New("deleted")
		if _, over := told(w); !over {
			t.Error("it still waits")
		}
		w = watch(t, f, butter, home)
		if s.opens != 2 || s.hearing != 1 {
			t.Errorf("opened %d times, %d hear", s.opens, s.hearing)
		}
		f.end()
		if _, over := told(w); !over {
			t.Error("it still waits after the end")
		}
		if _, err := f.watch(t.Context(), butter, home); !errors.Is(err, errUnavailable) {
			t.Errorf("watch() after the end = %v", err)
		}
	})
}
