package main

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
)

// minSecretKey is the minimum length of an idempotency key for which an author token is issued, in bytes.
const minSecretKey = 16

// newID returns the ID of a review: derived with a secret from the idempotency key and the review, so that retries have the
// same ID and the public ID confirms no guess of the key, or a random UUID without an idempotency key.
func (in *intake) newID(key string, r newReview) (string, error) {
	if key == "" {
		id, err := uuid.NewRandom()
		if err != nil {
			return "", fmt.Errorf("generate ID: %w", err)
		}
		return id.String(), nil
	}
	name, err := json.Marshal(struct { // JSON, since it delimits the fields
		Key        []byte // bytes, since a key may contain invalid UTF-8
		Submission newReview
	}{[]byte(key), r})
	if err != nil {
		return "", fmt.Errorf("derive ID: %w", err)
	}
	return in.tokens.ReviewID(name), nil
}
