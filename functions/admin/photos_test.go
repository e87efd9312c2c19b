package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"cloud.google.com/go/storage"

	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
)

// photo is the name of a photo, and file its name without the folder.
const (
	photo = photoFolder + file
	file  = "6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg"
)

func TestOperatorsSeePhotosOfReviewsWithAnyStatus(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newFixture(t, db)
	path := "/photos/" + file
	if w := d.send(http.MethodGet, path, ""); w.Code != http.StatusNotFound {
		t.Errorf("status %d before the photo is rendered, want 404", w.Code)
	}
	b := d.renditions
	m := &rendition.Manifest{Object: photo, Generation: 7, Width: 30, Height: 20, MadeAt: time.Now()}
	if err := b.Put(t.Context(), m, rendition.Rendition{Preset: "thumb", ContentType: "image/jpeg", Width: 30, Height: 20}, []byte("a picture")); err != nil {
		t.Fatal(err)
	}
	if err := b.PutManifest(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	w := d.send(http.MethodGet, path, "")
	if w.Code != http.StatusOK || w.Body.String() != "a picture" || w.Header().Get("Content-Type") != "image/jpeg" || w.Header().Get("Cache-Control") != cacheNoStore {
		t.Errorf("status %d, %v, %q", w.Code, w.Header(), w.Body)
	}
	for path, want := range map[string]int{
		path + "?p=zoom": http.StatusNotFound, path + "?p=huge": http.StatusUnprocessableEntity,
		"/photos/butter.jpg": http.StatusNotFound, "/photos/..%2Fsecret.jpg": http.StatusNotFound,
	} {
		if w := d.send(http.MethodGet, path, ""); w.Code != want {
			t.Errorf("%s: status %d, want %d", path, w.Code, want)
		}
	}
	visitor := httptest.NewRecorder()
	d.ServeHTTP(visitor, httptest.NewRequest(http.MethodGet, apiRoot+path, nil))
	if visitor.Code != http.StatusUnauthorized {
		t.Errorf("a visitor gets status %d, want 401", visitor.Code)
	}
}

func TestPhotosAreUnavailableWhileTheBucketIs(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newFixture(t, db)
	if _, err := bucket.Write(t.Context(), d.renditions.Handle.Object(rendition.ManifestName(photo)), storage.ObjectAttrs{}, []byte("no manifest")); err != nil {
		t.Fatal(err)
	}
	if w := d.send(http.MethodGet, "/photos/"+file, ""); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("status %d, %v, want 503", w.Code, w.Header())
	}
}
