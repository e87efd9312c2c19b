package main

import (
	"net/http"
	"testing"
	"time"

	"cloud.google.com/go/storage"

	"github.com/hybrid-bts/functions/shared/fake/jsontest"
)

// signing signs every upload.
type signing struct{}

// sign implements uploads.
func (signing) sign(string, string, time.Time) (*storage.PostPolicyV4, error) {
	return &storage.PostPolicyV4{URL: "https://storage.example", Fields: map[string]string{}}, nil
}

func FuzzBodies(f *testing.F) {
	in := &intake{reviews: &accepting{}, uploads: signing{}, tokens: tokens(f), now: func() time.Time { return noon }}
	jsontest.Fuzz(f, in.register(http.NewServeMux()).OpenAPI(), in.handler(), nil, nil, []string{
		"butter", "ko-KR", "image/png", "reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg", "reviews/7f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg",
	})
}
