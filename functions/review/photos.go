package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"cloud.google.com/go/storage"
	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

// uploadTime is the lifetime of an upload policy.
const uploadTime = 15 * time.Minute

// extensions maps the media types of photos to file name extensions.
var extensions = map[string]string{"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}

// uploads signs uploads to the originals bucket.
type uploads interface {
	// sign returns a policy with which a browser may upload one object until it expires.
	sign(object, contentType string, expires time.Time) (*storage.PostPolicyV4, error)
}

type photoInput struct {
	Body struct {
		ContentType string `json:"content_type" enum:"image/jpeg,image/png,image/webp"`
	}
}

type photoOutput struct{ Body photo }

type photo struct {
	Object    string    `json:"object" doc:"Name of the photo in a review." example:"reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg"`
	Upload    upload    `json:"upload" doc:"Form of the upload: multipart/form-data with these fields, then the field file with the photo."`
	MaxBytes  int64     `json:"max_bytes"`
	ExpiresAt time.Time `json:"expires_at"`
}

type upload struct {
	URL    string            `json:"url"`
	Fields map[string]string `json:"fields"`
}

// addPhoto answers POST /v1/photos.
func (in *intake) addPhoto(_ context.Context, req *photoInput) (*photoOutput, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, fmt.Errorf("generate ID: %w", err)
	}
	object := "reviews/" + id.String() + "." + extensions[req.Body.ContentType]
	expires := in.now().UTC().Add(uploadTime).Truncate(time.Second)
	policy, err := in.uploads.sign(object, req.Body.ContentType, expires)
	if err != nil {
		return nil, problem.Unavailable(fmt.Errorf("sign upload of %s: %w", object, err), retryAfter)
	}
	return &photoOutput{photo{
		Object: object, Upload: upload{policy.URL, policy.Fields}, MaxBytes: review.MaxPhotoBytes, ExpiresAt: expires,
	}}, nil
}

// originals is the originals bucket.
type originals struct {
	bucket *storage.BucketHandle
	// emulator is the address of an embedded Cloud Storage, or "" in the cloud. In the cloud the service account of the
	// function signs through the IAM API. For an emulator, which verifies no signature, policies are not signed.
	emulator string
}

// sign implements uploads. The policy allows one object of the given type with 1 to review.MaxPhotoBytes bytes:
// https://cloud.google.com/storage/docs/authentication/signatures#policy-document.
func (o originals) sign(object, contentType string, expires time.Time) (*storage.PostPolicyV4, error) {
	opts := &storage.PostPolicyV4Options{
		Expires:    expires,
		Fields:     &storage.PolicyV4Fields{ContentType: contentType, StatusCodeOnSuccess: http.StatusCreated},
		Conditions: []storage.PostPolicyV4Condition{storage.ConditionContentLengthRange(1, review.MaxPhotoBytes)},
	}
	if o.emulator != "" {
		u, err := url.Parse(o.emulator)
		if err != nil {
			return nil, fmt.Errorf("parse address of the embedded Cloud Storage: %w", err)
		}
		opts.Hostname, opts.Insecure = u.Host, u.Scheme == "http"
		opts.GoogleAccessID = "nobody@localhost"
		opts.SignRawBytes = func([]byte) ([]byte, error) { return []byte("not signed"), nil }
	}
	policy, err := o.bucket.GenerateSignedPostPolicyV4(object, opts)
	if err != nil {
		return nil, err
	}
	policy.URL = policy.URL[:len(policy.URL)-1] // without the final slash, which the emulator does not route
	return policy, nil
}
