// Package live sends live updates of reviews and ratings to browsers over server-sent events.
//
// Each instance of the function api has one Feed. It receives change notices of reviews from a Pub/Sub subscription that
// it has claimed and sends them, with the current rating, to all streams of the product on this instance. The wiring, the
// HTTP operation and the database belong to functions/api.
package live

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/hybrid-bts/functions/shared/clouderr"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

// Intervals, timeouts and queue sizes of a feed.
const (
	sendInterval   = 500 * time.Millisecond // between two batches of a product: at most two a second
	pollInterval   = 30 * time.Second       // between two reads of a rating without change notices
	retryInterval  = 5 * time.Second        // between a failed read of a rating and the next one
	readTimeout    = 10 * time.Second       // of one read of a rating
	soloInterval   = 5 * time.Second        // between two reads of a rating while the feed has no claim
	claimInterval  = time.Minute            // between a failed claim and the next one
	claimTimeout   = 5 * time.Second        // of one claim
	releaseTimeout = 1 * time.Second        // of a release: Cloud Run grants 10 s for the whole shutdown
	queuedBatches  = 8                      // unread batches of a stream; a stream with more is closed
	pendingNotices = 50                     // notices in a batch; a page with more changes reloads its list anyway
)

// ReadRating returns the rating of a product, which encoding/json must encode identically on all instances. It
// is called by several goroutines.
type ReadRating func(ctx context.Context, product string) (any, error)

// Feed distributes change notices and ratings to the streams of an instance. Its methods may be called concurrently.
//
// A Feed reads the rating of a product at most every sendInterval, however many reviews and streams the product has.
// It claims a source and receives notices only while it has streams, because an instance without requests has no CPU. It also
// reads ratings every pollInterval, so a lost notice delays an update but does not lose it.
//
// A Feed without a claim, because other instances have all sources or Pub/Sub fails, reads ratings every soloInterval. After
// claimInterval it closes its streams: clients that reconnect read the list again, and so learn of changes that leave the
// rating as it is. The first of them makes the Feed claim again.
type Feed struct {
	source noticeSource
	rating ReadRating

	maxStreams, maxClientStreams, maxNetworkStreams int

	sendInterval, pollInterval time.Duration
	streamTiming               streamTiming

	claiming singleflight.Group

	mu            sync.Mutex
	ended         bool               // no more streams
	stopReceiving context.CancelFunc // nil: the feed has no claim
	pause         *time.Timer        // ends a pause of claims; nil: no pause
	receiving     sync.WaitGroup
	products      map[string]*productFeed
	clients       map[netip.Prefix]int // streams by client
	networks      map[netip.Prefix]int // streams by network
	streams       int
}

// NewFeed returns a Feed with at most maxStreams streams. With 0 every Watch fails with ErrTooManyStreams. The caller
// closes the Feed.
func NewFeed(s *Subscriptions, rating ReadRating, maxStreams int) *Feed {
	return newFeed(s, rating, maxStreams)
}

// newFeed is NewFeed for any source, which lets tests use a fake one.
func newFeed(s noticeSource, rating ReadRating, maxStreams int) *Feed {
	return &Feed{
		source: s, rating: rating, maxStreams: maxStreams, maxClientStreams: MaxClientStreams, maxNetworkStreams: MaxNetworkStreams,
		sendInterval: sendInterval, pollInterval: pollInterval, streamTiming: defaultStreamTiming,
		products: map[string]*productFeed{}, clients: map[netip.Prefix]int{}, networks: map[netip.Prefix]int{},
	}
}

// productFeed holds the streams of a product. Feed.mu guards its fields.
type productFeed struct {
	id        string
	streams   map[*Stream]bool
	stop      context.CancelFunc    // ends Feed.run
	wake      chan struct{}         // receives when Feed.run should flush
	pending   []review.ChangeNotice // at most one for each review
	ratingTag string                // of the rating sent last
}

// Watch opens a stream of a product for a client. The stream begins with the current rating, unless lastEventID is
// the id of that rating's event. Errors are ErrTooManyStreams, those of ReadRating, and clouderr.ErrUnavailable if the
// instance is stopping or ctx ends. The caller closes the stream.
func (f *Feed) Watch(ctx context.Context, product string, client netip.Prefix, lastEventID string) (*Stream, error) {
	s, err := f.subscribe(ctx, product, client)
	if err != nil {
		return nil, err
	}
	// Read after subscribing, so that no change falls between the two.
	if s.first, err = f.ratingEvent(ctx, product, lastEventID); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// subscribe opens a stream without its first event.
func (f *Feed) subscribe(ctx context.Context, product string, client netip.Prefix) (*Stream, error) {
	s, err := f.register(product, client)
	if err != nil {
		return nil, err
	}
	if err := f.claim(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("watch %q: %w: %w", product, clouderr.ErrUnavailable, err)
	}
	return s, nil
}

// register adds a stream.
func (f *Feed) register(product string, client netip.Prefix) (*Stream, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.checkLimits(client); err != nil {
		return nil, err
	}
	p := f.products[product]
	if p == nil {
		ctx, stop := context.WithCancel(context.Background())
		p = &productFeed{id: product, streams: map[*Stream]bool{}, stop: stop, wake: make(chan struct{}, 1)}
		f.products[product] = p
		go f.run(ctx, p)
	}
	s := &Stream{feed: f, client: client, product: p, batches: make(chan []byte, queuedBatches), timing: f.streamTiming}
	p.streams[s] = true
	f.clients[client]++
	f.networks[network(client)]++
	f.streams++
	return s, nil
}

// remove closes a stream. With the last stream of a product it removes the product; with the last of all it stops
// receiving. It does nothing for a stream that was removed before. The caller holds f.mu.
func (f *Feed) remove(s *Stream) {
	if !s.product.streams[s] {
		return
	}
	close(s.batches)
	delete(s.product.streams, s)
	if len(s.product.streams) == 0 {
		s.product.stop()
		delete(f.products, s.product.id)
	}
	if f.clients[s.client]--; f.clients[s.client] == 0 {
		delete(f.clients, s.client)
	}
	if n := network(s.client); f.networks[n] > 1 {
		f.networks[n]--
	} else {
		delete(f.networks, n)
	}
	if f.streams--; f.streams == 0 && f.stopReceiving != nil {
		f.stopReceiving()
		f.stopReceiving = nil
	}
}

// removeAll removes all streams. The caller holds f.mu.
func (f *Feed) removeAll() {
	for _, p := range f.products {
		for s := range p.streams {
			f.remove(s)
		}
	}
}

// End closes all streams and makes every later Watch fail with
// clouderr.ErrUnavailable. It returns at once.
func (f *Feed) End() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	if f.pause != nil {
		f.pause.Stop()
		f.pause = nil
	}
	f.removeAll()
}

// Close ends the feed and releases its claim.
func (f *Feed) Close() {
	f.End()
	f.receiving.Wait()
}
