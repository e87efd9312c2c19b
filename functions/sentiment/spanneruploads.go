package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/spanner"
	"google.golang.org/api/iterator"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

func (s spannerStore) addUpload(ctx context.Context, photo string) (found upload, err error) {
	err = s.updateUpload(ctx, "add", photo, func(ctx context.Context, tx *spanner.ReadWriteTransaction, owner review.Key, erased bool) ([]*spanner.Mutation, error) {
		found = upload{erased, owner}
		if erased || owner != (review.Key{}) {
			return nil, nil
		}
		known, err := exists(ctx, tx, "UnclaimedPhotos", "Photo", spanner.Key{photo})
		if err != nil || known {
			return nil, err
		}
		return []*spanner.Mutation{spanner.Insert("UnclaimedPhotos", []string{"Photo", "NoticedAt"}, []any{photo, spanner.CommitTimestamp})}, nil
	})
	return found, err
}

func (s spannerStore) expireUpload(ctx context.Context, photo string) (expired bool, err error) {
	err = s.updateUpload(ctx, "expire", photo, func(_ context.Context, _ *spanner.ReadWriteTransaction, owner review.Key, _ bool) ([]*spanner.Mutation, error) {
		if expired = owner == (review.Key{}); !expired {
			return []*spanner.Mutation{spanner.Delete("UnclaimedPhotos", spanner.Key{photo})}, nil
		}
		return []*spanner.Mutation{erasedPhoto(photo, review.PhotoExpired)}, nil
	})
	return expired, err
}

// updateUpload runs change with the owner of a photo, the zero Key for none, and whether the photo is erased. It writes the
// mutations that change returns in the same transaction.
func (s spannerStore) updateUpload(ctx context.Context, verb, photo string,
	change func(ctx context.Context, tx *spanner.ReadWriteTransaction, owner review.Key, erased bool) ([]*spanner.Mutation, error)) error {
	_, err := s.db.ReadWriteTransaction(ctx, func(ctx context.Context, tx *spanner.ReadWriteTransaction) error {
		owners, err := readOwners(ctx, tx, []string{photo})
		if err != nil {
			return err
		}
		erased, err := exists(ctx, tx, "ErasedPhotos", "Photo", spanner.Key{photo})
		if err != nil {
			return err
		}
		writes, err := change(ctx, tx, owners[photo], erased)
		if err != nil {
			return err
		}
		return tx.BufferWrite(writes)
	})
	if err != nil {
		return fmt.Errorf("%s upload of photo %s: %w", verb, photo, err)
	}
	return nil
}

func (s spannerStore) erasePhoto(ctx context.Context, photo string, cause review.PhotoCause) (upload, error) {
	found := upload{erased: true}
	err := s.updateUpload(ctx, "erase", photo, func(_ context.Context, _ *spanner.ReadWriteTransaction, owner review.Key, erased bool) ([]*spanner.Mutation, error) {
		found.owner = owner
		if erased || owner != (review.Key{}) {
			return nil, nil
		}
		return []*spanner.Mutation{erasedPhoto(photo, cause), spanner.Delete("UnclaimedPhotos", spanner.Key{photo})}, nil
	})
	if err != nil || found.owner == (review.Key{}) {
		return found, err
	}
	_, err = s.update(ctx, "remove a photo of", found.owner, func(_ context.Context, _ *spanner.ReadWriteTransaction, r *record) ([]*spanner.Mutation, error) {
		if !r.losePhoto(photo, cause) {
			return nil, nil
		}
		return []*spanner.Mutation{erasedPhoto(photo, cause), spanner.Delete("PhotoOwners", spanner.Key{photo})}, nil
	})
	return found, err
}

func (s spannerStore) unclaimed(ctx context.Context, before time.Time, limit int64) (photos []string, err error) {
	it := s.db.Single().Query(ctx, spanner.Statement{
		SQL:    "SELECT Photo FROM UnclaimedPhotos WHERE NoticedAt < @before ORDER BY NoticedAt LIMIT @limit",
		Params: map[string]any{"before": before, "limit": limit},
	})
	defer it.Stop()
	for {
		row, err := it.Next()
		if errors.Is(err, iterator.Done) {
			return photos, nil
		}
		var photo string
		if err == nil {
			err = row.Columns(&photo)
		}
		if err != nil {
			return nil, fmt.Errorf("list unclaimed photos: %w", err)
		}
		photos = append(photos, photo)
	}
}

func (s spannerStore) removeUpload(ctx context.Context, photo string) error {
	if _, err := s.db.Apply(ctx, []*spanner.Mutation{spanner.Delete("UnclaimedPhotos", spanner.Key{photo})}); err != nil {
		return fmt.Errorf("remove upload of photo %s: %w", photo, err)
	}
	return nil
}

// erasedPhoto returns the mutation that forbids the name of a photo.
func erasedPhoto(photo string, cause review.PhotoCause) *spanner.Mutation {
	return spanner.InsertOrUpdate("ErasedPhotos", []string{"Photo", "Cause", "ErasedAt"}, []any{photo, string(cause), spanner.CommitTimestamp})
}

// readErased returns the causes of the photos that are erased.
func readErased(ctx context.Context, tx rowReader, photos []string) (map[string]review.PhotoCause, error) {
	erased := map[string]review.PhotoCause{}
	for _, photo := range photos {
		var row struct{ Cause string }
		found, err := readRow(ctx, tx, "ErasedPhotos", spanner.Key{photo}, []string{"Cause"}, &row)
		if err != nil {
			return nil, err
		}
		if found {
			erased[photo] = review.PhotoCause(row.Cause)
		}
	}
	return erased, nil
}
