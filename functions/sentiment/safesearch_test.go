package main

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/fake/visiontest"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// Colours of pictures that the embedded Cloud Vision API judges.
var (
	harmless = color.RGBA{0, 0, 0xff, 0xff}
	violent  = color.RGBA{0xff, 0, 0, 0xff}
	adult    = color.RGBA{0xff, 0, 0xff, 0xff}
)

// startVision starts the function with an embedded Cloud Vision API that reads the bucket of originals.
func startVision(t testing.TB) (system, *visiontest.Server) {
	t.Helper()
	s := start(t)
	srv, err := visiontest.Start("127.0.0.1:0", func(uri string) ([]byte, bool) {
		o, err := s.storage.GetObject(originals, strings.TrimPrefix(uri, "gs://"+originals+"/"))
		return o.Content, err == nil
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := openVision(t.Context(), srv.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		srv.Close()
	})
	a := s.reviewWriter.assessor.(*analyzer)
	a.photos = &safeSearch{client: client, bucket: originals, quota: newQuota(visionName, 1e6, callTimeout, time.Millisecond)}
	s.reviewWriter.safeSearch = a.photos
	return s, srv
}

// draw uploads a picture of one colour.
func (s system) draw(t testing.TB, name string, c color.Color) {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 8, 8))
	draw.Draw(m, m.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	s.storage.CreateObject(fakestorage.Object{ObjectAttrs: fakestorage.ObjectAttrs{BucketName: originals, Name: name}, Content: b.Bytes()})
}

func TestUnsafePhotosHoldTheirReview(t *testing.T) {
	for name, tc := range map[string]struct {
		photos []color.RGBA
		want   reason.Code
	}{
		"harmless":              {[]color.RGBA{harmless, harmless}, ""},
		"adult":                 {[]color.RGBA{adult}, reason.UnsafePhoto},
		"violent, the last":     {[]color.RGBA{harmless, violent}, reason.UnsafePhoto},
		"no photos, no verdict": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, srv := startVision(t)
			r := newReview(5, "") // stars alone: no text for moderation
			for i, c := range tc.photos {
				photo := []string{photo1, photo2, photo3}[i]
				s.draw(t, photo, c)
				r.Photos = append(r.Photos, photo)
			}
			s.accept(t, r, r)
			got := views(t, s.db)[r.About()]
			if held := got.Status == review.Held; held != (tc.want != "") || got.Reason.Code != tc.want {
				t.Errorf("status %s for %q, want %q", got.Status, got.Reason.Code, tc.want)
			}
			if shown := s.visible(t); tc.want != "" && len(shown) > 0 || tc.want == "" && len(shown) != len(tc.photos) {
				t.Errorf("photos %v are visible", shown)
			}
			if calls := srv.Calls(); calls != min(1, len(tc.photos)) {
				t.Errorf("%d calls for %d photos, want one", calls, len(tc.photos))
			}
		})
	}
}

func TestReviewWaitsUntilItsPhotosAreJudged(t *testing.T) {
	for name, fails := range map[string]func(system, *visiontest.Server){
		"while the API is down":       func(_ system, srv *visiontest.Server) { srv.FailShare(status.Error(codes.Unavailable, "down"), 1) },
		"while the photo is uploaded": func(s system, _ *visiontest.Server) { _ = s.storage.Backend().DeleteObject(originals, photo1) },
	} {
		t.Run(name, func(t *testing.T) {
			s, srv := startVision(t)
			s.draw(t, photo1, harmless)
			r := newReview(5, "good")
			r.Photos = []string{photo1}
			fails(s, srv)
			s.accept(t, r)
			if got := views(t, s.db)[r.About()]; got.Status != review.Held || got.Reason.Code != reason.PendingModeration || len(s.visible(t)) > 0 {
				t.Errorf("status %s for %q", got.Status, got.Reason.Code)
			}
			srv.FailShare(nil, 0)
			s.draw(t, photo1, harmless)
			time.Sleep(2 * time.Millisecond) // of the circuit breaker
			s.reviewWriter.sweep(t.Context())
			if got := views(t, s.db)[r.About()]; got.Status != review.Published || !slices.Equal(s.visible(t), []string{photo1}) {
				t.Errorf("status %s for %q after the sweep, photos %v are visible", got.Status, got.Reason.Code, s.visible(t))
			}
		})
	}
}

// The upload policy of a photo is valid for some minutes after its review was published.
func TestUnsafePhotoThatReplacesAJudgedOneIsErased(t *testing.T) {
	s, srv := startVision(t)
	s.draw(t, photo1, harmless)
	r := newReview(5, "good")
	r.Photos = []string{photo1}
	s.accept(t, r)
	s.draw(t, photo1, adult)
	srv.FailShare(status.Error(codes.Unavailable, "down"), 1)
	if code := s.notice(t, rendition.NoticeReady, photo1, nil); code != http.StatusServiceUnavailable || len(s.visible(t)) > 0 {
		t.Errorf("status %d while the API is down, photos %v are visible", code, s.visible(t))
	}
	srv.FailShare(nil, 0)
	time.Sleep(2 * time.Millisecond)
	s.ready(t, photo1)
	if got := views(t, s.db)[r.About()]; got.Status != review.Published || len(got.Photos) > 0 || len(s.uploads(t)) > 0 {
		t.Errorf("status %s, photos %v, uploads %v", got.Status, got.Photos, s.uploads(t))
	}
	if cause := s.missing(t, r)[photo1]; cause != review.PhotoUnsafe {
		t.Errorf("cause %q", cause)
	}
}

func TestUnreadableFilesAreNotJudged(t *testing.T) {
	s, _ := startVision(t)
	s.upload(photo1)
	r := newReview(5, "good")
	r.Photos = []string{photo1}
	s.accept(t, r)
	if got := views(t, s.db)[r.About()]; got.Status != review.Published {
		t.Errorf("status %s for %q: the function image rejects the file", got.Status, got.Reason.Code)
	}
}
