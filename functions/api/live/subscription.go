package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/storage"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// SubscriptionsForm describes the input of ParseSubscriptions.
const SubscriptionsForm = "a name and a number such as published-api:8"

// maxSubscriptions bounds the number of subscriptions.
const maxSubscriptions = 100

// ParseSubscriptions returns the IDs NAME-1 to NAME-NUMBER for an input NAME:NUMBER.
func ParseSubscriptions(s string) (ids []string, err error) {
	name, number, _ := strings.Cut(s, ":")
	n, err := strconv.Atoi(number)
	if err != nil || name == "" || n < 1 || n > maxSubscriptions {
		return nil, fmt.Errorf("parse %q: not NAME:NUMBER with a number from 1 to %d", s, maxSubscriptions)
	}
	for i := range n {
		ids = append(ids, name+"-"+strconv.Itoa(i+1))
	}
	return ids, nil
}

// backlogAge is the age of a notice, before the claim of its subscription, up to which the notice is delivered. It allows for
// clocks that differ. Older notices were published while no instance had the subscription.
const backlogAge = 10 * time.Second

// Subscriptions are the subscriptions of all instances to the topic of change notices. Each instance must receive all
// notices, so it claims a subscription of its own by a lease. The deployment creates the subscriptions, because an account that
// creates some needs a role on the whole project, with which it could read and delete every subscription.
type Subscriptions struct {
	client *pubsub.Client
	ids    []string
	leases leases
}

// NewSubscriptions returns the subscriptions with the given IDs, whose leases are objects of a bucket. It makes no request.
// The clients must outlive the Feed.
func NewSubscriptions(client *pubsub.Client, ids []string, bucket *storage.BucketHandle) *Subscriptions {
	return &Subscriptions{client, ids, leases{bucket, time.Now}}
}

// claim implements noticeSource. It returns errLeased if other instances have all subscriptions.
func (s *Subscriptions) claim(ctx context.Context) (noticeClaim, error) {
	l, err := s.leases.acquire(ctx, s.ids)
	if err != nil {
		return nil, err
	}
	return &subscription{client: s.client, lease: l, from: s.leases.now().Add(-backlogAge)}, nil
}

// subscription is the subscription that an instance has claimed.
type subscription struct {
	client *pubsub.Client
	lease  *lease
	from   time.Time // older notices are of no use
}

// receive implements noticeClaim. It acknowledges and drops messages of the backlog, and logs those that are no notices.
func (s *subscription) receive(ctx context.Context, deliver func(review.ChangeNotice)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	kept := make(chan error, 1)
	go func() {
		err := s.lease.keep(ctx)
		stop(err)
		kept <- err
	}()
	sub := s.client.Subscriber(s.lease.name)
	sub.ReceiveSettings.NumGoroutines = 1
	err := sub.Receive(ctx, func(ctx context.Context, m *pubsub.Message) {
		m.Ack() // in any case: redelivery would not help
		if m.PublishTime.Before(s.from) {
			return
		}
		switch decoded, err := review.Decode(m.Data, m.Attributes); n := decoded.(type) {
		case review.ChangeNotice:
			deliver(n)
		default:
			slog.WarnContext(ctx, "message is not a change notice", "message", m.ID, "err", err)
		}
	})
	stop(nil)
	if err = errors.Join(err, <-kept); err != nil {
		return fmt.Errorf("receive from %s: %w", s.lease.name, err)
	}
	return nil
}

// release implements noticeClaim. The lease may be lost already.
func (s *subscription) release(ctx context.Context) error {
	if err := s.lease.extend(ctx, 0); err != nil && !errors.Is(err, errLeaseLost) {
		return err
	}
	return nil
}
