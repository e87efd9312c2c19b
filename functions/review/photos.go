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
)

const (
	// maxPhoto bounds a photo, in bytes.
	maxPhoto = 15_000_000
	// uploadTime is how long a shopper has to send one.
	uploadTime = 15 * time.Minute
)

// extensions are those of the types of photos.
var extensions = map[string]string{"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}

// uploads lets a browser send one object to the originals bucket.
type uploads interface {
	sign(object, contentType string, expires time.Time) (*storage.PostPolicyV4, error)
}

type photoInput struct {
	Body struct {
		ContentType string `json:"content_type" enum:"image/jpeg,image/png,image/webp"`
	}
}

type photoOutput struct{ Body photo }

type photo struct {
	Object    string    `json:"object" doc:"What a review names the photo by." example:"reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg"`
	Upload    upload    `json:"upload" doc:"Where to send it, as a form with these fields and then the file, which is called file."`
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
		return nil, fmt.Errorf("make an id: %w", err)
	}
	object := "reviews/" + id.String() + "." + extensions[req.Body.ContentType]
	expires := in.now().UTC().Add(uploadTime).Truncate(time.Second)
	policy, err := in.uploads.sign(object, req.Body.ContentType, expires)
	if err != nil {
		return nil, problem.Unavailable(fmt.Errorf("sign the upload of %s: %w", object, err), retryAfter)
	}
	return &photoOutput{photo{
		Object: object, Upload: upload{policy.URL, policy.Fields}, MaxBytes: maxPhoto, ExpiresAt: expires,
	}}, nil
}

// originals signs uploads to the originals bucket.
type originals struct {
	bucket *storage.BucketHandle
	// emulator is the address of an embedded Cloud Storage, which verifies no signature: there is nobody
	// who could sign either, so a policy for it is not signed. "" in the cloud, where the account of the
	// function signs, by the IAM API.
	emulator string
}

// sign returns the policy with which a browser may send one object, of that type and of at most
// maxPhoto bytes: https://cloud.google.com/storage/docs/authentication/signatures#policy-document.
func (o originals) sign(object, contentType string, expires time.Time) (*storage.PostPolicyV4, error) {
	opts := &storage.PostPolicyV4Options{
		Expires:    expires,
		Fields:     &storage.PolicyV4Fields{ContentType: contentType, StatusCodeOnSuccess: http.StatusCreated},
		Conditions: []storage.PostPolicyV4Condition{storage.ConditionContentLengthRange(1, maxPhoto)},
	}
	if o.emulator != "" {
		u, err := url.Parse(o.emulator)
		if err != nil {
			return nil, fmt.Errorf("address of the embedded Cloud Storage: %w", err)
		}
		opts.Hostname, opts.Insecure = u.Host, u.Scheme == "http"
		opts.GoogleAccessID = "nobody@localhost"
		opts.SignRawBytes = func([]byte) ([]byte, error) { return []byte("not signed"), nil }
	}
	policy, err := o.bucket.GenerateSignedPostPolicyV4(object, opts)
	if err != nil {
		return nil, err
	}
	policy.URL = policy.URL[:len(policy.URL)-1] // the slash, which the embedded one does not know
	return policy, nil
}
