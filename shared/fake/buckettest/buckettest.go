// Package buckettest runs an embedded Cloud Storage for a test.
package buckettest

import (
	"net/http"
	"testing"

	"cloud.google.com/go/storage"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"google.golang.org/api/option"

	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
)

// New returns an embedded Cloud Storage with the given buckets and a client of it. Both end with the test. fault injects
// responses: the server handles only requests for which it returns nil. A nil fault injects none.
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

// faults is a transport that injects responses.
type faults struct {
	response func(*http.Request) *http.Response // nil for none
}

// RoundTrip implements http.RoundTripper.
func (f *faults) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.response != nil {
		if resp := f.response(r); resp != nil {
			resp.Request = r
			return resp, nil
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}
