package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/shared/fake/buckettest"
	"github.com/hybrid-bts/functions/shared/fake/contracttest"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

func addPhoto(t testing.TB, u uploads, body string) *httptest.ResponseRecorder {
	t.Helper()
	in := &intake{uploads: u, now: func() time.Time { return time.Now() }}
	r := httptest.NewRequest(http.MethodPost, "/v1/photos", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	contracttest.Handler(t, "openapi.json", in.handler()).ServeHTTP(w, r)
	return w
}

// The embedded Cloud Storage accepts any policy, so this test checks the conditions of the policy.
func TestUploadPolicyAllowsOnePhotoOnly(t *testing.T) {
	files, srv := buckettest.New(t, nil, "shop-originals")
	for contentType, ext := range map[string]string{"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"} {
		w := addPhoto(t, originals{files.Bucket("shop-originals"), srv.URL()}, `{"content_type":"`+contentType+`"}`)
		var got photo
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if !review.IsPhoto(got.Object) || !strings.HasSuffix(got.Object, ext) {
			t.Errorf("name of a photo of type %s is %q", contentType, got.Object)
		}
		if left := time.Until(got.ExpiresAt); left > uploadTime || left < uploadTime-time.Minute {
			t.Errorf("the policy expires in %v", left)
		}
		if got.Upload.URL != srv.URL()+"/shop-originals" || got.MaxBytes != review.MaxPhotoBytes {
			t.Errorf("photo %+v", got)
		}
		data, err := base64.StdEncoding.DecodeString(got.Upload.Fields["policy"])
		if err != nil {
			t.Fatal(err)
		}
		var policy struct {
			Conditions []any
			Expiration time.Time
		}
		if err := json.Unmarshal(data, &policy); err != nil {
			t.Fatal(err)
		}
		if !policy.Expiration.Equal(got.ExpiresAt) {
			t.Errorf("the policy expires at %v, want %v", policy.Expiration, got.ExpiresAt)
		}
		fields := got.Upload.Fields
		want := []any{
			[]any{"content-length-range", 1., 15e6},
			map[string]any{"content-type": contentType},
			map[string]any{"success_action_status": "201"},
			map[string]any{"bucket": "shop-originals"},
			map[string]any{"key": got.Object},
			map[string]any{"x-goog-date": fields["x-goog-date"]},
			map[string]any{"x-goog-credential": fields["x-goog-credential"]},
			map[string]any{"x-goog-algorithm": "GOOG4-RSA-SHA256"},
		}
		if diff := cmp.Diff(want, policy.Conditions); diff != "" {
			t.Error(diff)
		}
		for name, want := range map[string]string{"key": got.Object, "content-type": contentType, "success_action_status": "201"} {
			if fields[name] != want {
				t.Errorf("field %s = %q, want %q", name, fields[name], want)
			}
		}
		if fields["x-goog-signature"] == "" {
			t.Error("no field for the signature")
		}
	}
}

// broken fails to sign.
type broken struct{}

func (broken) sign(string, string, time.Time) (*storage.PostPolicyV4, error) {
	return nil, errors.New("secret of the IAM API")
}

func TestOtherPhotosAndFailedSignaturesAreRejected(t *testing.T) {
	for _, body := range []string{`{"content_type":"image/svg+xml"}`, `{"content_type":"image/gif"}`, `{}`, `{"content_type":"image/jpeg","object":"products/x.jpg"}`} {
		if w := addPhoto(t, broken{}, body); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	w := addPhoto(t, broken{}, `{"content_type":"image/jpeg"}`)
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "secret") || w.Header().Get("Retry-After") == "" {
		t.Errorf("failed signature: %d %s", w.Code, w.Body)
	}
}

func TestReviewListsItsPhotos(t *testing.T) {
	const name = "reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.webp"
	h, srv := start(t)
	id(t, post(h, `{"product":"p","rating":5,"photos":["`+name+`"]}`))
	if diff := cmp.Diff([]string{name}, published(t, srv).Photos); diff != "" {
		t.Error(diff)
	}
	for photos, pointer := range map[string]string{
		`["products/butter.jpg"]`: "#/photos/0", `["` + name + `","reviews/../x.jpg"]`: "#/photos/1",
		`["` + name + `","` + name + `"]`:                                     "#/photos",
		`[` + strings.TrimSuffix(strings.Repeat(`"`+name+`",`, 7), ",") + `]`: "#/photos",
	} {
		w := post(h, `{"product":"p","rating":5,"photos":`+photos+`}`)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `"pointer":"`+pointer+`"`) {
			t.Errorf("%s: %d %s, want the pointer %s", photos, w.Code, w.Body, pointer)
		}
	}
}
