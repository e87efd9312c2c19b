package live

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
)

// Times of leases. An instance that stops without releasing its lease blocks a subscription for leaseTime.
const (
	leaseTime  = time.Minute
	renewEvery = leaseTime / 3 // two renewals may fail
	renewTime  = 5 * time.Second
)

// errLeased reports that other instances have the leases of all names.
var errLeased = errors.New("other instances have the leases of all subscriptions")

// errLeaseLost reports that a lease expired or that another instance has it.
var errLeaseLost = errors.New("lease lost")

// untilKey is the key of the metadata with the time at which a lease expires, in RFC 3339.
const untilKey = "until"

// leases are exclusive rights of instances to names. A lease is an empty object with the name and its expiry as metadata.
// Each write has the generation of the object as precondition, so of two instances at most one takes an expired lease. The
// clocks of instances may differ by less than leaseTime - renewEvery.
type leases struct {
	bucket *storage.BucketHandle
	now    func() time.Time
}

// lease is the right of one instance to a name. It serves one goroutine.
type lease struct {
	leases
	name       string
	generation int64
	until      time.Time
}

// acquire returns a lease of one of the names. It tries free names in random order and returns errLeased if there is none.
func (l leases) acquire(ctx context.Context, names []string) (*lease, error) {
	free := map[string]int64{} // generation of the object, 0 without an object
	for _, name := range names {
		free[name] = 0
	}
	it := l.bucket.Objects(ctx, nil)
	for {
		attrs, err := it.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("list leases: %w", err)
		}
		if _, ok := free[attrs.Name]; !ok {
			continue
		}
		// An object without a valid time is free.
		if until, err := time.Parse(time.RFC3339Nano, attrs.Metadata[untilKey]); err == nil && l.now().Before(until) {
			delete(free, attrs.Name)
		} else {
			free[attrs.Name] = attrs.Generation
		}
	}
	for _, i := range rand.Perm(len(names)) {
		generation, ok := free[names[i]]
		if !ok {
			continue
		}
		taken := &lease{leases: l, name: names[i], generation: generation}
		switch err := taken.extend(ctx, leaseTime); {
		case err == nil:
			return taken, nil
		case !errors.Is(err, errLeaseLost): // else another instance was faster
			return nil, err
		}
	}
	return nil, errLeased
}

// extend makes the lease last for a duration from now; 0 releases it. It returns errLeaseLost if the object has changed.
func (l *lease) extend(ctx context.Context, by time.Duration) error {
	condition := storage.Conditions{GenerationMatch: l.generation}
	if l.generation == 0 {
		condition = storage.Conditions{DoesNotExist: true}
	}
	until := l.now().Add(by)
	w := l.bucket.Object(l.name).If(condition).NewWriter(ctx)
	w.ChunkSize = 0 // one request
	w.Metadata = map[string]string{untilKey: until.UTC().Format(time.RFC3339Nano)}
	err := w.Close()
	var failed *googleapi.Error
	if errors.As(err, &failed) && failed.Code == http.StatusPreconditionFailed {
		return fmt.Errorf("extend lease of %s: %w", l.name, errLeaseLost)
	}
	if err != nil {
		return fmt.Errorf("extend lease of %s: %w", l.name, err)
	}
	l.generation, l.until = w.Attrs().Generation, until
	return nil
}

// keep extends the lease every renewEvery until ctx ends (nil) or the lease is lost. It retries failures until the lease
// expires. The first extension comes at once if it is due.
func (l *lease) keep(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(l.until.Add(renewEvery - leaseTime).Sub(l.now())):
		}
		for {
			attempt, cancel := context.WithTimeout(ctx, renewTime)
			err := l.extend(attempt, leaseTime)
			cancel()
			if err == nil || ctx.Err() != nil {
				break
			}
			if errors.Is(err, errLeaseLost) || !l.now().Add(renewTime).Before(l.until) {
				return errors.Join(errLeaseLost, err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
}
