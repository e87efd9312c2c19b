package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/spanner"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
)

// fakeManifests holds manifests in memory and counts the reads of each.
type fakeManifests struct {
	mu    sync.Mutex
	all   map[string]rendition.Manifest
	err   error
	reads map[string]int
}

func newFakeManifests(objects ...string) *fakeManifests {
	s := &fakeManifests{all: map[string]rendition.Manifest{}, reads: map[string]int{}}
	for _, o := range objects {
		s.put(o, 7)
	}
	return s
}

func (s *fakeManifests) put(object string, generation int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[object] = rendition.Manifest{
		Object: object, Generation: generation, Width: 600, Height: 300, Thumbhash: []byte{1},
		Renditions: []rendition.Rendition{{Preset: "thumb", Width: 200, Height: 100}, {Preset: "page", Width: 600, Height: 300}, {Preset: "zoom", Width: 600, Height: 300}},
	}
}

func (s *fakeManifests) Manifest(_ context.Context, object string) (*rendition.Manifest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads[object]++
	if s.err != nil {
		return nil, s.err
	}
	m, ok := s.all[object]
	if !ok {
		return nil, bucket.ErrNotExist
	}
	return &m, nil
}

func (s *fakeManifests) readCount(object string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads[object]
}

func TestProductsAndReviewsContainTheirPictures(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		const photo, lost = "reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg", "reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c12.jpg"
		files := newFakeManifests("products/"+butter+".jpg", photo)
		h := checked(t, &server{store: spannerStore{db: db}, pictures: newPictures(files)})
		addProducts(t, db, "a", butter)
		id := uuid.NewString()
		addReview(t, db, id, map[string]any{"Photos": []string{lost, photo}})
		addReview(t, db, uuid.NewString(), nil)

		want := &picture{Object: "products/" + butter + ".jpg", Width: 600, Height: 300, Thumbhash: []byte{1}, Sizes: []size{
			{200, 100, "/img/products/" + butter + ".jpg?p=thumb&g=7"}, {600, 300, "/img/products/" + butter + ".jpg?p=page&g=7"},
		}}
		for range 3 {
			list := get200[productPage](t, h, "/v1/products").Products
			if diff := cmp.Diff([]*picture{nil, want}, []*picture{list[0].Picture, list[1].Picture}); diff != "" {
				t.Error(diff)
			}
		}
		if got := get200[product](t, h, "/v1/products/"+butter).Picture; !cmp.Equal(got, want) {
			t.Error(cmp.Diff(want, got))
		}
		if n := files.readCount("products/" + butter + ".jpg"); n != 1 {
			t.Errorf("manifest was read %d times, want 1", n)
		}
		photos := 0
		for _, r := range get200[reviewPage](t, h, "/v1/products/"+butter+"/reviews").Reviews {
			photos += len(r.Photos)
		}
		if r := get200[review](t, h, "/v1/products/"+butter+"/reviews/"+id); photos != 1 || len(r.Photos) != 1 || r.Photos[0].Object != photo {
			t.Errorf("%d photos in the list and %v in the review, want one each", photos, r.Photos)
		}
	})
}

func TestExpiredManifestsAreReadAgain(t *testing.T) {
	files := newFakeManifests("a")
	p := newPictures(files)
	var mu sync.Mutex
	at := time.Now()
	p.now = func() time.Time { mu.Lock(); defer mu.Unlock(); return at }
	advance := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); at = at.Add(d) }
	url := func(object string) string {
		if pic := p.byObject(t.Context(), object)[object]; pic != nil {
			return pic.Sizes[0].URL
		}
		return ""
	}
	if url("a") == "" || url("b") != "" {
		t.Fatal("want a picture of a and none of b")
	}
	files.put("a", 8)
	files.put("b", 8)
	if url("b") != "" || files.readCount("b") != 1 {
		t.Error("a missing manifest was read again before its TTL")
	}
	advance(missingTTL + 1)
	if url("b") == "" {
		t.Error("a new manifest was not found after the TTL of a missing one")
	}
	advance(manifestTTL)
	if got := url("a"); !strings.HasSuffix(got, "g=7") {
		t.Errorf("URL = %s, want the cached one without a wait", got)
	}
	for !strings.HasSuffix(url("a"), "g=8") { // the read runs in the background
		time.Sleep(time.Millisecond)
	}
	files.mu.Lock()
	files.err = errors.New("unavailable")
	files.mu.Unlock()
	advance(manifestTTL + 1)
	before := files.readCount("a")
	for files.readCount("a") == before {
		if url("a") == "" {
			t.Fatal("the cached picture is missing while storage is unavailable")
		}
	}
}

func TestProductsAreServedWhileStorageIsUnavailable(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	addProducts(t, db, butter)
	files := newFakeManifests()
	files.err = errors.New("unavailable")
	h := checked(t, &server{store: spannerStore{db: db}, pictures: newPictures(files)})
	if list := get200[productPage](t, h, "/v1/products").Products; len(list) != 1 || list[0].Picture != nil {
		t.Errorf("products = %+v", list)
	}
}

func TestOriginHasNoPathOrOtherParts(t *testing.T) {
	for _, bad := range []string{"", "*", "https://a.b/c", "https://a.b; script-src *", "storage.googleapis.com", "https://", "https://a b"} {
		if got, err := parseOrigin(bad); err == nil {
			t.Errorf("parseOrigin(%q) = %q, want an error", bad, got)
		}
	}
}

func TestOnlyTheAuthorLearnsWhichPhotosAreMissing(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		d := newCommandServer(t, db, noon)
		id, complete := uuid.NewString(), uuid.NewString()
		addReview(t, db, id, map[string]any{"MissingPhotos": []string{aPhoto}, "MissingCauses": []string{"unreadable"}})
		addReview(t, db, complete, nil)
		for _, tc := range []struct {
			id, token string
			want      []missingPhoto
		}{
			{id, d.tokens.Token(butter, id), []missingPhoto{{aPhoto, "unreadable"}}},
			{id, "", nil},
			{complete, d.tokens.Token(butter, complete), nil},
		} {
			w := d.send(http.MethodGet, tc.id, "", "Author-Token", tc.token)
			var got review
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
				t.Fatalf("status %d, %v", w.Code, err)
			}
			if diff := cmp.Diff(tc.want, got.MissingPhotos); diff != "" {
				t.Error(diff)
			}
		}
	})
}
