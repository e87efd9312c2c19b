package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"
	"time"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// shards is how many rows the sums of a product are kept in. One row takes some hundred
// transactions a second, being locked during each; sixteen take what the busiest product gets.
const shards = 16

// errNotStored is the error for a change of a review that is not stored. It may be on its way.
var errNotStored = errors.New("the review is not stored")

// spannerStore is the store in Spanner.
type spannerStore struct{ db *spanner.Client }

func (s spannerStore) stands(ctx context.Context, r review.Review) (outcome, bool, error) {
	k := r.About()
	tx := s.db.ReadOnlyTransaction()
	defer tx.Close()
	gone, err := readErased(ctx, tx, k)
	if err != nil {
		return outcome{}, false, fmt.Errorf("look for review %s of %s: %w", k.Review, k.Product, err)
	}
	if gone != nil {
		now, err := s.erase(ctx, k, r.Photos...)
		return now, true, err
	}
	stored, err := readRecord(ctx, tx, k)
	if err != nil {
		return outcome{}, false, fmt.Errorf("look for review %s of %s: %w", k.Review, k.Product, err)
	}
	if late := !stored.precedes(r) && !stored.knows(r); late {
		now, err := s.add(ctx, r, assessment{})
		return now, true, err
	}
	return stored.outcome(), stored.knows(r), nil
}

func (s spannerStore) add(ctx context.Context, from review.Review, found assessment) (outcome, error) {
	k := from.About()
	now, err := s.change(ctx, "store", k, func(ctx context.Context, tx *spanner.ReadWriteTransaction, r *record) ([]*spanner.Mutation, error) {
		if r.knows(from) {
			return nil, nil
		}
		if !r.precedes(from) {
			r.remember(from)
			lost, err := unowned(ctx, tx, without(from.Photos, r.Photos))
			r.Dropped = without(slices.Concat(r.Dropped, lost), nil)
			return nil, err
		}
		known, err := exists(ctx, tx, "Products", "Product", spanner.Key{k.Product})
		if err != nil {
			return nil, err
		}
		if !known {
			found.contentFlag = reason.UnknownProduct
		}
		photos, claims, err := claim(ctx, tx, k, from.Photos)
		if err != nil {
			return nil, err
		}
		for _, photo := range without(r.Photos, photos) {
			claims = append(claims, spanner.Delete("PhotoOwners", spanner.Key{photo}))
		}
		r.write(from, found, photos)
		return claims, nil
	})
	if err == nil && now.Status == review.Erased { // meanwhile
		return s.erase(ctx, k, from.Photos...)
	}
	return now, err
}

func (s spannerStore) decide(ctx context.Context, d review.Decision) (outcome, error) {
	return s.changeStored(ctx, "decide on", d.Key, func(_ context.Context, _ *spanner.ReadWriteTransaction, r *record) ([]*spanner.Mutation, error) {
		r.decide(d)
		return nil, nil
	})
}

func (s spannerStore) reply(ctx context.Context, from review.Reply) (outcome, error) {
	return s.changeStored(ctx, "reply to", from.Key, func(_ context.Context, _ *spanner.ReadWriteTransaction, r *record) ([]*spanner.Mutation, error) {
		r.reply(from)
		return nil, nil
	})
}

func (s spannerStore) vote(ctx context.Context, v review.Vote) (outcome, error) {
	return s.changeStored(ctx, "vote for", v.Key, func(ctx context.Context, tx *spanner.ReadWriteTransaction, r *record) ([]*spanner.Mutation, error) {
		there, err := exists(ctx, tx, "Votes", "Visitor", spanner.Key{v.Product, v.Review, v.Visitor})
		if err != nil || there {
			return nil, err
		}
		r.Helpful = spanner.NullInt64{Int64: r.Helpful.Int64 + 1, Valid: true}
		return []*spanner.Mutation{spanner.Insert("Votes", []string{"Product", "Review", "Visitor"}, []any{v.Product, v.Review, v.Visitor})}, nil
	})
}

func (s spannerStore) rescore(ctx context.Context, from review.Rescore, found assessment) (outcome, error) {
	return s.changeStored(ctx, "score again", from.Key, func(_ context.Context, _ *spanner.ReadWriteTransaction, r *record) ([]*spanner.Mutation, error) {
		better := found.scored && (found.by == apiName || r.ScoredBy.StringVal != apiName) // a late fallback is not
		if r.revision() == from.Revision && better {
			found.contentFlag = r.contentFlag()
			r.assess(found)
		}
		return nil, nil
	})
}

func (s spannerStore) text(ctx context.Context, k review.Key, revision int64) (string, error) {
	r, err := readRecord(ctx, s.db.Single(), k)
	if err != nil {
		return "", fmt.Errorf("read the text of review %s of %s: %w", k.Review, k.Product, err)
	}
	if r.revision() != revision {
		return "", nil
	}
	return r.Text, nil
}

func (s spannerStore) dropped(ctx context.Context, k review.Key, photos []string) error {
	_, err := s.change(ctx, "forget photos of", k, func(_ context.Context, _ *spanner.ReadWriteTransaction, r *record) ([]*spanner.Mutation, error) {
		r.Dropped = without(r.Dropped, photos)
		return nil, nil
	})
	return err
}

// edit changes a review within a transaction, and returns what is to be written besides.
type edit func(ctx context.Context, tx *spanner.ReadWriteTransaction, r *record) ([]*spanner.Mutation, error)

// changeStored changes a review that is there: see change.
func (s spannerStore) changeStored(ctx context.Context, what string, k review.Key, f edit) (outcome, error) {
	return s.change(ctx, what, k, func(ctx context.Context, tx *spanner.ReadWriteTransaction, r *record) ([]*spanner.Mutation, error) {
		if !r.stored() {
			return nil, errNotStored
		}
		return f(ctx, tx, r)
	})
}

// change lets f change a review, which is a new record when it is not stored, and keeps its status and the sums of its
// product right, all in one transaction. A review that was erased is not changed.
func (s spannerStore) change(ctx context.Context, what string, k review.Key, f edit) (now outcome, err error) {
	_, err = s.db.ReadWriteTransaction(ctx, func(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
		gone, err := readErased(ctx, tx, k)
		if err != nil {
			return err
		}
		if gone != nil {
			now = gone.outcome()
			return nil
		}
		r, err := readRecord(ctx, tx, k)
		if err != nil {
			return err
		}
		before := *r
		writes, err := f(ctx, tx, r)
		if err != nil {
			return err
		}
		if reflect.DeepEqual(before, *r) {
			now = r.outcome()
			return nil
		}
		r.judge()
		now = r.outcome()
		sums, err := sum(ctx, tx, k, r.counts().minus(before.counts()))
		if err != nil {
			return err
		}
		row, err := spanner.InsertOrUpdateStruct("Reviews", r)
		if err != nil {
			return err
		}
		// What may fail goes first: an engine without roll-back keeps what went before.
		return tx.BufferWrite(slices.Concat(writes, []*spanner.Mutation{row}, sums))
	})
	if err != nil {
		return now, fmt.Errorf("%s review %s of %s: %w", what, k.Review, k.Product, err)
	}
	return now, nil
}

func (s spannerStore) erase(ctx context.Context, k review.Key, late ...string) (now outcome, err error) {
	_, err = s.db.ReadWriteTransaction(ctx, func(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
		gone, err := readErased(ctx, tx, k)
		if err != nil {
			return err
		}
		var writes []*spanner.Mutation
		if gone == nil {
			r, err := readRecord(ctx, tx, k)
			if err != nil {
				return err
			}
			if writes, err = sum(ctx, tx, k, counts{}.minus(r.counts())); err != nil {
				return err
			}
			gone = &erased{Product: k.Product, Review: k.Review, Photos: slices.Concat(r.Photos, r.Dropped)}
			writes = append(writes, spanner.Delete("Reviews", spanner.Key{k.Product, k.Review}),
				spanner.Delete("Votes", spanner.Key{k.Product, k.Review}.AsPrefix()))
			for _, photo := range r.Photos {
				writes = append(writes, spanner.Delete("PhotoOwners", spanner.Key{photo}))
			}
		}
		lost, err := unowned(ctx, tx, without(late, gone.Photos))
		if err != nil {
			return err
		}
		gone.Photos = append(gone.Photos, lost...)
		now = gone.outcome()
		if len(writes) == 0 && len(lost) == 0 {
			return nil
		}
		gone.ErasedAt = spanner.CommitTimestamp
		row, err := spanner.InsertOrUpdateStruct("Erased", gone)
		if err != nil {
			return err
		}
		return tx.BufferWrite(append(writes, row))
	})
	if err != nil {
		return now, fmt.Errorf("erase review %s of %s: %w", k.Review, k.Product, err)
	}
	return now, nil
}

// reader reads rows by their keys.
type reader interface {
	ReadRow(ctx context.Context, table string, key spanner.Key, columns []string) (*spanner.Row, error)
}

func exists(ctx context.Context, tx reader, table, column string, key spanner.Key) (bool, error) {
	_, err := tx.ReadRow(ctx, table, key, []string{column})
	if errors.Is(err, spanner.ErrRowNotFound) {
		return false, nil
	}
	return err == nil, err
}

// read reads a row into a struct, and reports whether it is there.
func read(ctx context.Context, tx reader, table string, key spanner.Key, columns []string, to any) (bool, error) {
	row, err := tx.ReadRow(ctx, table, key, columns)
	if errors.Is(err, spanner.ErrRowNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, row.ToStruct(to)
}

// readRecord returns the record of a review, a new one when it is not stored.
func readRecord(ctx context.Context, tx reader, k review.Key) (*record, error) {
	r := &record{Product: k.Product, Review: k.Review}
	if _, err := read(ctx, tx, "Reviews", spanner.Key{k.Product, k.Review}, recordColumns, r); err != nil {
		return nil, err
	}
	if r.stored() && !r.Revision.Valid { // of before this column and ContentFlag, when nothing but the catalogue held
		r.Revision, r.ContentFlag = spanner.NullInt64{Int64: r.revision(), Valid: true}, r.ReasonText
		r.Revisions = []int64{r.revision()}
	}
	return r, nil
}

// erased is a row of Erased.
type erased struct {
	Product, Review string
	Photos          []string
	ErasedAt        time.Time
}

func (e *erased) outcome() outcome {
	return outcome{review.ChangeNotice{Key: review.Key{Product: e.Product, Review: e.Review}, Status: review.Erased}, e.Photos}
}

// readErased returns nil when the review was not erased.
func readErased(ctx context.Context, tx reader, k review.Key) (*erased, error) {
	var e erased
	there, err := read(ctx, tx, "Erased", spanner.Key{k.Product, k.Review}, fields[erased](), &e)
	if err != nil || !there {
		return nil, err
	}
	return &e, nil
}

// claim returns those of the photos that no other review has, and what makes them this one's.
func claim(ctx context.Context, tx reader, k review.Key, photos []string) (own []string, claims []*spanner.Mutation, err error) {
	for _, photo := range without(photos, nil) {
		var owner struct{ Product, Review string }
		there, err := read(ctx, tx, "PhotoOwners", spanner.Key{photo}, []string{"Product", "Review"}, &owner)
		switch {
		case err != nil:
			return nil, nil, err
		case !there:
			claims = append(claims, spanner.Insert("PhotoOwners", []string{"Photo", "Product", "Review"}, []any{photo, k.Product, k.Review}))
		case owner.Product != k.Product || owner.Review != k.Review:
			continue
		}
		own = append(own, photo)
	}
	return own, claims, nil
}

// unowned returns those of the photos that no review has.
func unowned(ctx context.Context, tx reader, photos []string) (lost []string, err error) {
	for _, photo := range photos {
		owned, err := exists(ctx, tx, "PhotoOwners", "Photo", spanner.Key{photo})
		if err != nil {
			return nil, err
		}
		if !owned {
			lost = append(lost, photo)
		}
	}
	return lost, nil
}

// shardOf returns the shard that counts a review: always the same one, so that what takes the review
// back takes it from where it was counted.
func shardOf(id string) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	return int64(h.Sum32() % shards)
}

// shard is a row of Ratings.
type shard struct {
	Product                                string
	Shard                                  int64
	Stars1, Stars2, Stars3, Stars4, Stars5 int64
	Scored, ScoreMicros                    int64
}

// stars returns the counters of 1, 2, 3, 4 and 5 stars.
func (s *shard) stars() [5]*int64 {
	return [5]*int64{&s.Stars1, &s.Stars2, &s.Stars3, &s.Stars4, &s.Stars5}
}

// aspectSum is a row of AspectSums.
type aspectSum struct {
	Product               string
	Shard                 int64
	Aspect                string
	Mentions, ScoreMicros int64
}

// sum returns what adds a difference to the sums of a product, in the shard of the review.
func sum(ctx context.Context, tx reader, k review.Key, diff counts) (writes []*spanner.Mutation, err error) {
	write := func(table string, row any) error {
		m, err := spanner.InsertOrUpdateStruct(table, row)
		writes = append(writes, m)
		return err
	}
	n := shardOf(k.Review)
	if diff.stars != [5]int64{} || diff.scored != 0 || diff.micros != 0 {
		s := shard{Product: k.Product, Shard: n}
		if _, err := read(ctx, tx, "Ratings", spanner.Key{k.Product, n}, fields[shard](), &s); err != nil {
			return nil, err
		}
		for i, counter := range s.stars() {
			*counter += diff.stars[i]
		}
		s.Scored += diff.scored
		s.ScoreMicros += diff.micros
		if err := write("Ratings", &s); err != nil {
			return nil, err
		}
	}
	for name, m := range diff.aspects {
		a := aspectSum{Product: k.Product, Shard: n, Aspect: name}
		if _, err := read(ctx, tx, "AspectSums", spanner.Key{k.Product, n, name}, fields[aspectSum](), &a); err != nil {
			return nil, err
		}
		a.Mentions += m.reviews
		a.ScoreMicros += m.micros
		if err := write("AspectSums", &a); err != nil {
			return nil, err
		}
	}
	return writes, nil
}
