package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"

	"github.com/hybrid-bts/functions/shared/fake/buckettest"
	"github.com/hybrid-bts/functions/shared/fake/contracttest"
	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
	"github.com/hybrid-bts/functions/shared/schema/rendition/render"
)

const (
	originals  = "shop-originals"
	renditions = "shop-renditions"
)

func newServer(t testing.TB, fault func(*http.Request) *http.Response) (*server, *fakestorage.Server) {
	t.Helper()
	files, srv := buckettest.New(t, fault, originals, renditions)
	presets, err := rendition.ParsePresets("logos/:icon=32")
	if err != nil {
		t.Fatal(err)
	}
	return &server{
		originals: files.Bucket(originals), pipeline: render.NewPipeline(render.DefaultMemoryMiB, presets, bucket.Bucket{Handle: files.Bucket(renditions)}),
	}, srv
}

func upload(t testing.TB, srv *fakestorage.Server, name string, data []byte) int64 {
	t.Helper()
	time.Sleep(time.Millisecond) // generations are timestamps
	srv.CreateObject(fakestorage.Object{ObjectAttrs: fakestorage.ObjectAttrs{BucketName: originals, Name: name, ContentType: "text/html"}, Content: data})
	o, err := srv.GetObject(originals, name)
	if err != nil {
		t.Fatal(err)
	}
	return o.Generation
}

func jpegOf(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, w, h)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDocument(t *testing.T) {
	contracttest.Golden(t, "openapi.json", (&server{}).register(http.NewServeMux()).OpenAPI())
}

// do returns the response to a request and checks it against the function's OpenAPI description.
func do(t testing.TB, s *server, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	contracttest.Handler(t, "openapi.json", s.handler()).ServeHTTP(w, r)
	return w
}

func TestFirstRequestRendersAllPresets(t *testing.T) {
	var writes, opened atomic.Int64
	s, srv := newServer(t, func(r *http.Request) *http.Response {
		if r.Method == http.MethodPost {
			writes.Add(1)
		}
		if strings.Contains(r.URL.Path, "/"+originals+"/products") && r.Method == http.MethodGet {
			opened.Add(1)
		}
		return nil
	})
	const name = "products/butter cream 💜.jpg"
	g := upload(t, srv, name, jpegOf(t, 600, 300))
	path := "/img/" + (&url.URL{Path: name}).EscapedPath()

	w := do(t, s, http.MethodGet, path+"?p=card")
	m, format, err := image.DecodeConfig(bytes.NewReader(w.Body.Bytes()))
	if w.Code != http.StatusOK || err != nil || format != "jpeg" || m.Width != 400 || m.Height != 200 {
		t.Fatalf("status %d, %v of %v: %v", w.Code, format, m, err)
	}
	h := w.Result().Header
	if h.Get("Content-Type") != "image/jpeg" || h.Get("Cache-Control") != cacheFiveMinutes || h.Get("ETag") == "" {
		t.Errorf("header %v", h)
	}
	if writes.Load() != 4 {
		t.Errorf("%d renditions stored, want 4", writes.Load())
	}
	openedBefore := opened.Load()

	t.Run("a repeated request reads the stored rendition", func(t *testing.T) {
		for _, p := range []string{"card", "thumb", "page", "zoom"} {
			if w := do(t, s, http.MethodGet, path+"?p="+p); w.Code != http.StatusOK {
				t.Errorf("%s: status %d", p, w.Code)
			}
		}
		if writes.Load() != 4 || opened.Load() != openedBefore {
			t.Errorf("%d writes, %d reads of the original", writes.Load(), opened.Load()-openedBefore)
		}
	})
	t.Run("a request with the generation is immutable", func(t *testing.T) {
		w := do(t, s, http.MethodGet, fmt.Sprintf("%s?p=card&g=%d", path, g))
		if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != cacheImmutable {
			t.Errorf("status %d, %v", w.Code, w.Header())
		}
		if w := do(t, s, http.MethodGet, path+"?p=card&g=12345"); w.Code != http.StatusOK || w.Header().Get("Cache-Control") != cacheFiveMinutes {
			t.Errorf("with an unknown generation: status %d, %v", w.Code, w.Header())
		}
	})
	t.Run("a matching entity tag returns 304", func(t *testing.T) {
		w := do(t, s, http.MethodGet, path+"?p=card", "If-None-Match", h.Get("ETag"))
		if w.Code != http.StatusNotModified || w.Body.Len() > 0 {
			t.Errorf("status %d with %d bytes", w.Code, w.Body.Len())
		}
	})
	t.Run("HEAD returns no body", func(t *testing.T) {
		head := do(t, s, http.MethodHead, path+"?p=card")
		if head.Code != http.StatusOK || head.Body.Len() > 0 || head.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) || head.Header().Get("ETag") != h.Get("ETag") {
			t.Errorf("status %d with %d bytes, %v", head.Code, head.Body.Len(), head.Header())
		}
	})
	t.Run("a new generation is rendered", func(t *testing.T) {
		upload(t, srv, name, jpegOf(t, 300, 600))
		w := do(t, s, http.MethodGet, path+"?p=card")
		if m, _, err := image.DecodeConfig(w.Body); err != nil || m.Height != 600 {
			t.Errorf("%v: %v", m, err)
		}
		if w := do(t, s, http.MethodGet, fmt.Sprintf("%s?p=card&g=%d", path, g)); w.Header().Get("Cache-Control") != cacheImmutable {
			t.Errorf("old generation: status %d", w.Code)
		}
	})
}

// photo is the name of a shopper's photo.
const photo = "reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg"

// setPublished marks a photo as the function sentiment does.
func setPublished(t testing.TB, s *server, name string, published bool) {
	t.Helper()
	if changed, err := bucket.SetPublished(t.Context(), s.originals, name, published); err != nil || !changed {
		t.Fatalf("SetPublished() = %v, %v", changed, err)
	}
}

func TestPhotoIsServedWhileItIsMarkedAsPublished(t *testing.T) {
	var unavailable atomic.Bool
	s, srv := newServer(t, func(r *http.Request) *http.Response {
		if unavailable.Load() && strings.Contains(r.URL.Path, originals) {
			return &http.Response{StatusCode: http.StatusForbidden, Body: http.NoBody}
		}
		return nil
	})
	g := upload(t, srv, photo, jpegOf(t, 60, 30))
	want := func(state string, status int, cache string) {
		t.Helper()
		for _, query := range []string{"?p=card", fmt.Sprintf("?p=card&g=%d", g), "?p=card&g=1"} {
			w := do(t, s, http.MethodGet, "/img/"+photo+query)
			if w.Code != status || w.Header().Get("Cache-Control") != cache {
				t.Errorf("%s photo %s: status %d, Cache-Control %q, want %d and %q", state, query, w.Code, w.Header().Get("Cache-Control"), status, cache)
			}
		}
	}
	want("unclaimed", http.StatusNotFound, cacheNoStore)
	if found, err := srv.ListObjectsWithOptionsPaginated(renditions, fakestorage.ListOptions{}); err != nil || len(found.Objects) > 0 {
		t.Errorf("a hidden photo has %d renditions, %v", len(found.Objects), err)
	}
	setPublished(t, s, photo, true)
	want("published", http.StatusOK, "public, max-age=60")
	setPublished(t, s, photo, false)
	want("held", http.StatusNotFound, cacheNoStore)
	setPublished(t, s, photo, true)
	unavailable.Store(true)
	if w := do(t, s, http.MethodGet, "/img/"+photo+"?p=card"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d while the mark cannot be read, want 503", w.Code)
	}
	unavailable.Store(false)
	upload(t, srv, photo, jpegOf(t, 30, 60))
	want("replaced", http.StatusNotFound, cacheNoStore)
	setPublished(t, s, photo, true)
	if err := srv.Backend().DeleteObject(originals, photo); err != nil {
		t.Fatal(err)
	}
	want("erased", http.StatusNotFound, cacheNoStore)
}

// A photo that is uploaded again between the check and the read is not moderated yet.
func TestPhotoThatIsReplacedDuringTheRequestIsNotServed(t *testing.T) {
	var replacing atomic.Bool
	var s *server
	var srv *fakestorage.Server
	s, srv = newServer(t, func(r *http.Request) *http.Response {
		if strings.Contains(r.URL.Path, renditions) && replacing.CompareAndSwap(true, false) {
			upload(t, srv, photo, jpegOf(t, 30, 60))
		}
		return nil
	})
	upload(t, srv, photo, jpegOf(t, 60, 30))
	setPublished(t, s, photo, true)
	replacing.Store(true)
	if w := do(t, s, http.MethodGet, "/img/"+photo+"?p=card"); w.Code != http.StatusNotFound || replacing.Load() {
		t.Errorf("status %d, want 404 for the new content", w.Code)
	}
}

// A deleted photo is not rendered again.
func TestDeletedPhotoIsNotRenderedAgain(t *testing.T) {
	const name = photo
	var deleting atomic.Bool
	var s *server
	var srv *fakestorage.Server
	s, srv = newServer(t, func(r *http.Request) *http.Response {
		if r.Method == http.MethodPost && deleting.CompareAndSwap(true, false) { // during the rendering
			if err := srv.Backend().DeleteObject(originals, name); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	g := upload(t, srv, name, jpegOf(t, 60, 30))
	setPublished(t, s, name, true)
	path := fmt.Sprintf("/img/%s?p=card&g=%d", name, g)
	if w := do(t, s, http.MethodGet, path); w.Code != http.StatusOK {
		t.Errorf("status %d, %v", w.Code, w.Header())
	}
	g = upload(t, srv, name, jpegOf(t, 30, 60))
	setPublished(t, s, name, true)
	deleting.Store(true)
	for range 2 {
		if w := do(t, s, http.MethodGet, "/img/"+name+"?p=card"); w.Code != http.StatusNotFound {
			t.Errorf("status %d, want 404", w.Code)
		}
	}
	found, err := srv.ListObjectsWithOptionsPaginated(renditions, fakestorage.ListOptions{Prefix: fmt.Sprintf("%s/%d/", name, g)})
	if err != nil || len(found.Objects) > 0 {
		t.Errorf("%d renditions remain: %v", len(found.Objects), err)
	}
}

func TestConcurrentRequestsShareOneDecoding(t *testing.T) {
	var opened atomic.Int64
	s, srv := newServer(t, func(r *http.Request) *http.Response {
		if r.Method == http.MethodGet && r.URL.Path == "/"+originals+"/a.jpg" {
			opened.Add(1)
			time.Sleep(50 * time.Millisecond)
		}
		return nil
	})
	upload(t, srv, "a.jpg", jpegOf(t, 600, 300))
	var running sync.WaitGroup
	for i := range 20 {
		running.Go(func() {
			if w := do(t, s, http.MethodGet, "/img/a.jpg?p="+[]string{"card", "thumb"}[i%2]); w.Code != http.StatusOK {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
		})
	}
	running.Wait()
	if opened.Load() != 2 { // the header, then the whole file
		t.Errorf("original was opened %d times, want 2", opened.Load())
	}
}

func TestPictureWithAlphaIsServedAsPNG(t *testing.T) {
	s, srv := newServer(t, nil)
	m := image.NewNRGBA(image.Rect(0, 0, 40, 40))
	m.SetNRGBA(1, 1, color.NRGBA{9, 9, 9, 9})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	upload(t, srv, "logos/a.png", b.Bytes())
	for range 2 {
		if w := do(t, s, http.MethodGet, "/img/logos/a.png?p=icon"); w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/png" {
			t.Errorf("status %d, %v", w.Code, w.Header())
		}
	}
}

func TestInvalidRequestsReturnProblems(t *testing.T) {
	s, srv := newServer(t, nil)
	upload(t, srv, "a.jpg", jpegOf(t, 60, 30))
	evil := []byte("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
	upload(t, srv, "evil.jpg", evil)
	for _, tc := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/img/a.jpg", 422}, {"GET", "/img/a.jpg?p=huge", 404}, {"GET", "/img/a.jpg?p=1600", 404}, {"GET", "/img/a.jpg?p=icon", 404},
		{"GET", "/img/a.jpg?p=card&g=x", 422}, {"GET", "/img/a.jpg?p=card&g=-1", 422}, {"GET", "/img/none.jpg?p=card", 404},
		{"GET", "/img/evil.jpg?p=card", 404}, {"GET", "/img/?p=card", 422}, {"GET", "/img/%00?p=card", 404}, {"POST", "/img/a.jpg?p=card", 405},
		{"GET", "/img/a.jpg/manifest.json?p=card", 404}, {"GET", "/img/" + strings.Repeat("%EA%B0%80", 341) + "?p=card", 404},
	} {
		w := do(t, s, tc.method, tc.path)
		if w.Code != tc.want || w.Header().Get("Content-Type") != problem.ContentType {
			t.Errorf("%s %s: %d %s, want %d", tc.method, tc.path, w.Code, w.Body, tc.want)
		}
		if bytes.Contains(w.Body.Bytes(), []byte("<script>")) {
			t.Errorf("%s returns the original", tc.path)
		}
	}
}

func TestUnsatisfiableRangeReturnsAProblem(t *testing.T) {
	s, srv := newServer(t, nil)
	upload(t, srv, "a.jpg", jpegOf(t, 60, 30))
	for _, header := range []string{"bytes=1000000-", "bytes=2-1", "bytes=x-", "lines=1-2"} {
		r := httptest.NewRequest(http.MethodGet, "/img/a.jpg?p=card", nil)
		r.Header.Set("Range", header)
		w := httptest.NewRecorder()
		s.handler().ServeHTTP(w, r)
		if w.Code != http.StatusRequestedRangeNotSatisfiable || w.Header().Get("Content-Type") != problem.ContentType || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d %v %s", header, w.Code, w.Header(), w.Body)
		}
		if w.Header().Get("ETag") != "" || strings.Contains(w.Header().Get("Cache-Control"), "public") {
			t.Errorf("%s: the problem may be cached: %v", header, w.Header())
		}
	}
}

func TestStorageErrorReturns503UntilItPasses(t *testing.T) {
	var faulty atomic.Bool
	s, srv := newServer(t, func(*http.Request) *http.Response {
		if !faulty.Load() {
			return nil
		}
		return &http.Response{StatusCode: http.StatusForbidden, Body: http.NoBody}
	})
	upload(t, srv, "a.jpg", jpegOf(t, 60, 30))
	faulty.Store(true)
	if w := do(t, s, http.MethodGet, "/img/a.jpg?p=card"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("status %d, %v", w.Code, w.Header())
	}
	faulty.Store(false)
	if w := do(t, s, http.MethodGet, "/img/a.jpg?p=card"); w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
}
