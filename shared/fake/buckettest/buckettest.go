// Package buckettest gives a test a Cloud Storage of its own.
package buckettest

import (
	"net/http"
	"testing"

	"cloud.google.com/go/storage"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"google.golang.org/api/option"

	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
)

// New returns a client of an embedded Cloud Storage with some buckets, and that server. Both end with
// the test. What fault answers to a request, when it answers, is the answer; nil: there are none.
func New(t testing.TB, fault func(*http.Request) *http.Response, buckets ...string) (*storage.Client, *fakestorage.Server) {
	t.Helper()
	srv, err := fakestorage.NewServerWithOptions(fakestorage.Options{Scheme: "http", Host: "127.0.0.1", PublicHost: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	for _, b := range buckets {
		srv.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: b})
	}
	client, err := bucket.Open(t.Context(), option.WithEndpoint(srv.URL()+"/storage/v1/"),
		option.WithHTTPClient(&http.Client{Transport: &faults{fault}}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client, srv
}

type faults struct {
	of func(*http.Request) *http.Response
}

func (f *faults) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.of != nil {
		if resp := f.of(r); resp != nil {
			resp.Request = r
			return resp, nil
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}
