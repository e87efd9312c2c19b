package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"

	"cloud.google.com/go/spanner"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

// shards is the number of rows that hold the sums of a product. Spanner commits some hundred transactions a second to one
// row, because each locks it; sixteen rows are enough for the busiest product.
const shards = 16

// errNotStored is the error for a change of a review that is not stored. The review is usually still on its way.
var errNotStored = event.Premature(errors.New("review is not stored"))

// spannerStore is the store in Spanner. It reads and writes rows in transactions; record, tombstone and photoOwners decide.
type spannerStore struct{ db *spanner.Client }

func (s spannerStore) load(ctx context.Context, k review.Key) (*record, *tombstone, error) {
	tx := s.db.ReadOnlyTransaction()
	defer tx.Close()
	r, t, err := readReview(ctx, tx, k)
	if err != nil {
		return nil, nil, fmt.Errorf("read review %s of %s: %w", k.Review, k.Product, err)
	}
	return r, t, nil
}

func (s spannerStore) add(ctx context.Context, from review.Review, found assessment) (outcome, error) {
	k := from.About()
	return s.update(ctx, "store", k, func(ctx context.Context, tx *spanner.ReadWriteTransaction, r *record) ([]*spanner.Mutation, error) {
		facts, err := readFacts(ctx, tx, from)
		if err != nil {
			return nil, err
		}
		before := r.revision()
		writes := ownershipMutations(k, r.addContent(from, found, facts))
		if r.revision() != before { // the votes were for the content before
			writes = append(writes, spanner.Delete("Votes", spanner.Key{k.Product, k.Review}.AsPrefix()))
		}
		return writes, nil
	})
}

func (s spannerStore) decide(ctx context.Context, d review.Decision) (outcome, error) {
	return s.updateStored(ctx, "decide on", d, func(r *record) { r.addDecision(d) })
}

func (s spannerStore) reply(ctx context.Context, from review.Reply) (outcome, error) {
	return s.updateStored(ctx, "reply to", from, func(r *record) { r.setReply(from) })
}

func (s spannerStore) rescore(ctx context.Context, from review.Rescore, found assessment) (outcome, error) {
	return s.updateStored(ctx, "rescore", from, func(r *record) { r.rescore(from, found) })
}

func (s spannerStore) report(ctx context.Context, from review.Report) (outcome, error) {
	return s.updateStored(ctx, "report", from, func(r *record) { r.addReport(from) })
}

func (s spannerStore) vote(ctx context.Context, v review.Vote) (outcome, error) {
	return s.update(ctx, "vote for", v.Key, func(ctx context.Context, tx *spanner.ReadWriteTransaction, r *record) ([]*spanner.Mutation, error) {
		if takes, err := r.takesVote(v); !takes {
			return nil, err
		}
		voted, err := exists(ctx, tx, "Votes", "Visitor", spanner.Key{v.Product, v.Review, v.Visitor})
		if err != nil || voted {
			return nil, err
		}
		r.addVote()
		return []*spanner.Mutation{spanner.Insert("Votes", []string{"Product", "Review", "Visitor"}, []any{v.Product, v.Review, v.Visitor})}, nil
	})
}

func (s spannerStore) removePendingDeletions(ctx context.Context, k review.Key, photos []string) error {
	_, err := s.update(ctx, "remove pending deletions of", k, func(_ context.Context, _ *spanner.ReadWriteTransaction, r *record) ([]*spanner.Mutation, error) {
		r.PendingDeletions = without(r.PendingDeletions, photos)
		return nil, nil
	})
	return err
}

// updateStored is update for a stored review and a change by a message that needs no other row. It adds the audit entry of
// a message from an operator.
func (s spannerStore) updateStored(ctx context.Context, verb string, m review.Message, change func(*record)) (outcome, error) {
	return s.updateAudited(ctx, verb, m.About(), auditOf(m), func(_ context.Context, _ *spanner.ReadWriteTransaction, r *record) ([]*spanner.Mutation, error) {
		if !r.isStored() {
			return nil, errNotStored
		}
		change(r)
		return nil, nil
	})
}

// update runs change on the record of a review, a new record when the review is not stored, and writes in the same transaction
// the record, the sums of its product and the mutations that change returns. It writes nothing when change leaves the
// record as it is, or when the review is erased. The verb begins the text of its errors.
func (s spannerStore) update(ctx context.Context, verb string, k review.Key,
	change func(context.Context, *spanner.ReadWriteTransaction, *record) ([]*spanner.Mutation, error)) (outcome, error) {
	return s.updateAudited(ctx, verb, k, nil, change)
}

// updateAudited is update with an audit entry, unless it is nil. It stores the entry also when the action changes nothing.
func (s spannerStore) updateAudited(ctx context.Context, verb string, k review.Key, entry *auditEntry,
	change func(context.Context, *spanner.ReadWriteTransaction, *record) ([]*spanner.Mutation, error)) (now outcome, err error) {
	_, err = s.db.ReadWriteTransaction(ctx, func(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
		r, t, err := readReview(ctx, tx, k)
		if err != nil {
			return err
		}
		if t != nil {
			now = t.outcome()
			audit, err := auditMutations(ctx, tx, entry, nil, nil)
			if err != nil || len(audit) == 0 {
				return err
			}
			return tx.BufferWrite(audit)
		}
		before := *r
		writes, err := change(ctx, tx, r)
		if err != nil {
			return err
		}
		changed := !reflect.DeepEqual(before, *r)
		if changed {
			r.judge()
		}
		now = r.outcome()
		audit, err := auditMutations(ctx, tx, entry, &before, r)
		if err != nil {
			return err
		}
		writes = append(writes, audit...)
		if !changed {
			return tx.BufferWrite(writes)
		}
		sums, err := sumMutations(ctx, tx, k, r.counts().minus(before.counts()))
		if err != nil {
			return err
		}
		row, err := spanner.InsertOrUpdateStruct("Reviews", r)
		if err != nil {
			return err
		}
		// An embedded engine without rollback keeps the mutations before a failed one, so those that may fail come first.
		return tx.BufferWrite(slices.Concat(writes, []*spanner.Mutation{row}, sums))
	})
	if err != nil {
		return now, fmt.Errorf("%s review %s of %s: %w", verb, k.Review, k.Product, err)
	}
	logAudit(ctx, entry)
	return now, nil
}

func (s spannerStore) erase(ctx context.Context, m review.Erasure, photos ...string) (now outcome, err error) {
	k, entry := m.Key, auditOf(m)
	_, err = s.db.ReadWriteTransaction(ctx, func(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
		r, t, err := readReview(ctx, tx, k)
		if err != nil {
			return err
		}
		owners, err := readOwners(ctx, tx, photos)
		if err != nil {
			return err
		}
		var writes []*spanner.Mutation
		if t == nil {
			t = r.tombstone()
			if writes, err = sumMutations(ctx, tx, k, counts{}.minus(r.counts())); err != nil {
				return err
			}
			writes = append(writes, spanner.Delete("Reviews", spanner.Key{k.Product, k.Review}),
				spanner.Delete("Votes", spanner.Key{k.Product, k.Review}.AsPrefix()))
			cleared, err := clearReasons(ctx, tx, k)
			if err != nil {
				return err
			}
			writes = append(writes, cleared...)
		}
		changed := t.addPhotos(photos, owners) || len(writes) > 0
		now = t.outcome()
		audit, err := auditMutations(ctx, tx, entry, r, nil)
		if err != nil {
			return err
		}
		writes = append(writes, audit...)
		if !changed {
			return tx.BufferWrite(writes)
		}
		writes = append(writes, ownershipMutations(k, ownershipChange{released: t.Photos})...)
		t.ErasedAt = spanner.CommitTimestamp
		row, err := spanner.InsertOrUpdateStruct("Erased", t)
		if err != nil {
			return err
		}
		return tx.BufferWrite(append(writes, row))
	})
	if err != nil {
		return now, fmt.Errorf("erase review %s of %s: %w", k.Review, k.Product, err)
	}
	logAudit(ctx, entry)
	return now, nil
}

// rowReader reads rows by their keys: a transaction of any kind.
type rowReader interface {
	// ReadRow returns the row with the key, or spanner.ErrRowNotFound.
	ReadRow(ctx context.Context, table string, key spanner.Key, columns []string) (*spanner.Row, error)
}

// exists reports whether a table has a row with the key.
func exists(ctx context.Context, tx rowReader, table, column string, key spanner.Key) (bool, error) {
	_, err := tx.ReadRow(ctx, table, key, []string{column})
	if errors.Is(err, spanner.ErrRowNotFound) {
		return false, nil
	}
	return err == nil, err
}

// readRow reads a row into the struct to, and reports whether the row exists.
func readRow(ctx context.Context, tx rowReader, table string, key spanner.Key, columns []string, to any) (bool, error) {
	row, err := tx.ReadRow(ctx, table, key, columns)
	if errors.Is(err, spanner.ErrRowNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, row.ToStruct(to)
}

// readReview returns the tombstone of an erased review, or else its record, a new record when the review is not stored.
func readReview(ctx context.Context, tx rowReader, k review.Key) (*record, *tombstone, error) {
	key := spanner.Key{k.Product, k.Review}
	var t tombstone
	erased, err := readRow(ctx, tx, "Erased", key, columnsOf[tombstone](), &t)
	if err != nil {
		return nil, nil, err
	}
	if erased {
		return nil, &t, nil
	}
	r := &record{Product: k.Product, Review: k.Review}
	if _, err := readRow(ctx, tx, "Reviews", key, recordColumns, r); err != nil {
		return nil, nil, err
	}
	r.upgrade()
	return r, nil, nil
}

// readFacts reads the rows that decide how the content of a review is stored.
func readFacts(ctx context.Context, tx rowReader, from review.Review) (facts contentFacts, err error) {
	if facts.productExists, err = exists(ctx, tx, "Products", "Product", spanner.Key{from.Product}); err != nil {
		return facts, err
	}
	if facts.owners, err = readOwners(ctx, tx, from.Photos); err != nil {
		return facts, err
	}
	facts.erased, err = readErased(ctx, tx, from.Photos)
	return facts, err
}

// readOwners returns the owners of photos.
func readOwners(ctx context.Context, tx rowReader, photos []string) (photoOwners, error) {
	owners := photoOwners{}
	for _, photo := range photos {
		var owner struct{ Product, Review string }
		owned, err := readRow(ctx, tx, "PhotoOwners", spanner.Key{photo}, []string{"Product", "Review"}, &owner)
		if err != nil {
			return nil, err
		}
		if owned {
			owners[photo] = review.Key{Product: owner.Product, Review: owner.Review}
		}
	}
	return owners, nil
}

// ownershipMutations returns the mutations of the tables of photos for a change that concerns the review.
func ownershipMutations(k review.Key, change ownershipChange) (writes []*spanner.Mutation) {
	for _, photo := range change.claimed {
		writes = append(writes, spanner.Insert("PhotoOwners", []string{"Photo", "Product", "Review"}, []any{photo, k.Product, k.Review}),
			spanner.Delete("UnclaimedPhotos", spanner.Key{photo}))
	}
	for _, photo := range change.released {
		writes = append(writes, spanner.Delete("PhotoOwners", spanner.Key{photo}), spanner.Delete("UnclaimedPhotos", spanner.Key{photo}),
			erasedPhoto(photo, review.PhotoDeleted))
	}
	return writes
}

// shardOf returns the shard whose sums count a review. It depends on the id alone, so that every change of a review
// reaches the sums that count it.
func shardOf(id string) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash never returns an error
	return int64(h.Sum32() % shards)
}

// ratingShard is a row of Ratings.
type ratingShard struct {
	Product                                string
	Shard                                  int64
	Stars1, Stars2, Stars3, Stars4, Stars5 int64
	Scored, ScoreMicros                    int64
}

// stars returns the counters of 1, 2, 3, 4 and 5 stars.
func (s *ratingShard) stars() [5]*int64 {
	return [5]*int64{&s.Stars1, &s.Stars2, &s.Stars3, &s.Stars4, &s.Stars5}
}

// aspectShard is a row of AspectSums.
type aspectShard struct {
	Product               string
	Shard                 int64
	Aspect                string
	Mentions, ScoreMicros int64
}

// sumMutations returns the mutations that add a difference to the sums of a product, in the shard of the review.
func sumMutations(ctx context.Context, tx rowReader, k review.Key, diff counts) (writes []*spanner.Mutation, err error) {
	write := func(table string, row any) error {
		m, err := spanner.InsertOrUpdateStruct(table, row)
		writes = append(writes, m)
		return err
	}
	n := shardOf(k.Review)
	if diff.stars != [5]int64{} || diff.scored != 0 || diff.micros != 0 {
		s := ratingShard{Product: k.Product, Shard: n}
		if _, err := readRow(ctx, tx, "Ratings", spanner.Key{k.Product, n}, columnsOf[ratingShard](), &s); err != nil {
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
		a := aspectShard{Product: k.Product, Shard: n, Aspect: name}
		if _, err := readRow(ctx, tx, "AspectSums", spanner.Key{k.Product, n, name}, columnsOf[aspectShard](), &a); err != nil {
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
