package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// What a feed holds to, unless a test says otherwise.
const (
	maxStreams       = 800 // of an instance, which answers 1000 requests at a time: the others are for who reads
	maxClientStreams = 50  // of one client: many shoppers may share the address of a mobile network
	tellEvery        = 500 * time.Millisecond
	lookEvery        = 30 * time.Second
	lookAgain        = 5 * time.Second
	behind           = 8 // batches that a watcher may be behind
	openTimeout      = 5 * time.Second
	closeTimeout     = 1 * time.Second // Cloud Run grants 10 s in all
	batchReviews     = 50              // news in a batch; a reader of more looks at the list anyway
)

// errTooMany is the error for one stream more than there may be.
var errTooMany = errors.New("too many streams")

// feed tells who watches a product what changed. However many reviews come in, a product's rating is read at
// most once in a while for all who watch it here.
//
// It listens only while somebody watches: an instance that nobody asks has no CPU to listen with. What was missed
// for any reason is made good, because the rating is also looked at when there was no news for long.
type feed struct {
	news   news
	rating func(ctx context.Context, product string) (rating, error)

	streams, clientStreams int
	every, look            time.Duration

	opening singleflight.Group

	mu        sync.Mutex
	opened    bool
	ended     bool
	stop      context.CancelFunc // of listening; nil: it does not
	listening sync.WaitGroup
	products  map[string]*watched
	clients   map[netip.Prefix]int
	watching  int
}

func newFeed(n news, rating func(context.Context, string) (rating, error), streams int) *feed {
	return &feed{
		news: n, rating: rating, streams: streams, clientStreams: maxClientStreams, every: tellEvery, look: lookEvery,
		products: map[string]*watched{}, clients: map[netip.Prefix]int{},
	}
}

// watched is a product that somebody watches.
type watched struct {
	id       string
	watchers map[*watcher]bool
	stop     context.CancelFunc
	wake     chan struct{}
	pending  []wire.ChangeNotice // of a review each
	tag      string              // of the rating that was told last
}

// watcher is told of a product. The channel is closed when it is over.
type watcher struct {
	batches chan []byte // events, as they are sent
	client  netip.Prefix
	product *watched
}

// watch begins to tell a client of a product. The errors are errTooMany and errUnavailable. Who watches ends it by leave.
func (f *feed) watch(ctx context.Context, product string, client netip.Prefix) (*watcher, error) {
	if err := f.admits(client); err != nil {
		return nil, err
	}
	if err := f.open(ctx); err != nil {
		return nil, fmt.Errorf("watch %q: %w: %w", product, errUnavailable, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.admitsLocked(client); err != nil { // others came meanwhile
		return nil, err
	}
	if !f.opened {
		return nil, fmt.Errorf("watch %q: %w: the news ended", product, errUnavailable)
	}
	if f.stop == nil {
		f.listen()
	}
	p := f.products[product]
	if p == nil {
		ctx, stop := context.WithCancel(context.Background())
		p = &watched{id: product, watchers: map[*watcher]bool{}, stop: stop, wake: make(chan struct{}, 1)}
		f.products[product] = p
		go f.run(ctx, p)
	}
	w := &watcher{make(chan []byte, behind), client, p}
	p.watchers[w] = true
	f.clients[client]++
	f.watching++
	return w, nil
}

func (f *feed) admits(client netip.Prefix) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.admitsLocked(client)
}

func (f *feed) admitsLocked(client netip.Prefix) error {
	switch {
	case f.ended:
		return fmt.Errorf("%w: stopping", errUnavailable)
	case f.watching >= f.streams, f.clients[client] >= f.clientStreams:
		return errTooMany
	}
	return nil
}

// open makes sure that news are kept. All who come meanwhile wait for one attempt; who comes after one that failed
// makes another.
func (f *feed) open(ctx context.Context) error {
	f.mu.Lock()
	opened := f.opened
	f.mu.Unlock()
	if opened {
		return nil
	}
	done := f.opening.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), openTimeout)
		defer cancel()
		err := f.news.open(ctx)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.opened = f.opened || err == nil
		return nil, err
	})
	select {
	case got := <-done:
		return got.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// listen hears the news until it is stopped. When they end by themselves all watchers are sent away: they come
// back, and find whether there are news again.
func (f *feed) listen() {
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	f.listening.Go(func() {
		defer stop()
		err := f.news.receive(ctx, f.tell)
		f.mu.Lock()
		defer f.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		slog.Error("the news ended", "err", err)
		f.opened = false
		f.dismiss()
	})
}

// tell notes news for those who watch the product.
func (f *feed) tell(n wire.ChangeNotice) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.products[n.Product]
	if p == nil {
		return
	}
	for i, before := range p.pending {
		if before.Review == n.Review {
			if n.Revision < before.Revision && n.Status != wire.Erased || before.Status == wire.Erased {
				return // it is late
			}
			p.pending = append(p.pending[:i], p.pending[i+1:]...)
			break
		}
	}
	if p.pending = append(p.pending, n); len(p.pending) > batchReviews {
		p.pending = p.pending[1:]
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run tells the watchers of a product what changed, until ctx ends with the last of them.
func (f *feed) run(ctx context.Context, p *watched) {
	look := f.look
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-time.After(look):
		}
		look = f.look
		if err := f.flush(ctx, p); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "watchers do not get the rating", "product", p.id, "err", err)
			look = min(lookAgain, f.look)
		}
		select {
		case <-ctx.Done():
		case <-time.After(f.every):
		}
	}
}

// flush sends what is pending, and the rating, if it is another one.
func (f *feed) flush(ctx context.Context, p *watched) error {
	f.mu.Lock()
	pending := p.pending
	p.pending = nil
	f.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	now, err := f.rating(ctx, p.id) // after the news were taken: it counts what they tell of

	var batch bytes.Buffer
	for _, n := range pending {
		writeEvent(&batch, "review", "", changedReview{n.Review, n.Status, n.Revision})
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		if tag := ratingTag(now); tag != p.tag {
			p.tag = tag
			writeEvent(&batch, "rating", tag, now)
		}
	}
	if batch.Len() == 0 {
		return err
	}
	for w := range p.watchers {
		select {
		case w.batches <- batch.Bytes():
		default: // it does not read; it comes back, if it is there at all
			f.remove(w)
		}
	}
	return err
}

// current returns the event of the rating as it is, unless its tag is the one that a client has.
func (f *feed) current(ctx context.Context, product, has string) ([]byte, error) {
	r, err := f.rating(ctx, product)
	if err != nil {
		return nil, err
	}
	tag := ratingTag(r)
	f.mu.Lock()
	if p := f.products[product]; p != nil && p.tag == "" {
		p.tag = tag
	}
	f.mu.Unlock()
	var b bytes.Buffer
	if tag != has {
		writeEvent(&b, "rating", tag, r)
	}
	return b.Bytes(), nil
}

// leave ends the telling.
func (f *feed) leave(w *watcher) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remove(w)
}

// remove forgets a watcher, the product with its last one, and stops to listen with the last of all.
func (f *feed) remove(w *watcher) {
	if !w.product.watchers[w] {
		return
	}
	close(w.batches)
	delete(w.product.watchers, w)
	if len(w.product.watchers) == 0 {
		w.product.stop()
		delete(f.products, w.product.id)
	}
	if f.clients[w.client]--; f.clients[w.client] == 0 {
		delete(f.clients, w.client)
	}
	if f.watching--; f.watching == 0 && f.stop != nil {
		f.stop()
		f.stop = nil
	}
}

// dismiss removes all watchers.
func (f *feed) dismiss() {
	for _, p := range f.products {
		for w := range p.watchers {
			f.remove(w)
		}
	}
}

// end sends all watchers away, at once, and takes no more.
func (f *feed) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	f.dismiss()
}

// close ends it for good. A subscription that cannot be deleted now expires by itself.
func (f *feed) close(ctx context.Context) {
	f.end()
	f.listening.Wait()
	f.mu.Lock()
	opened := f.opened
	f.mu.Unlock()
	if !opened {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := f.news.close(ctx); err != nil {
		slog.WarnContext(ctx, "a subscription is left behind", "err", err)
	}
}

// changedReview is the data of the event review.
type changedReview struct {
	ID       string      `json:"id"`
	Status   wire.Status `json:"status"`
	Revision int64       `json:"revision"`
}

// ratingTag names a rating by its content, so that it has the same name on every instance.
func ratingTag(r rating) string {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // numbers and names
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// writeEvent writes an event as a stream of Server-Sent Events has it.
func writeEvent(to *bytes.Buffer, event, id string, data any) {
	b, err := json.Marshal(data) // on one line
	if err != nil {
		panic(err) // numbers and names
	}
	if id != "" {
		fmt.Fprintf(to, "id: %s\n", id)
	}
	fmt.Fprintf(to, "event: %s\ndata: %s\n\n", event, b)
}
