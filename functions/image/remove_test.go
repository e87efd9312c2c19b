package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hybrid-bts/functions/shared/event"
)

const photo = "reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg"

// delete deletes an original.
func (s *shop) delete(t testing.TB, name string) {
	t.Helper()
	if err := s.files.Bucket(originals).Object(name).Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestDeletedPictureLeavesNoRenditions(t *testing.T) {
	s := newShop(t, nil)
	const product, other = "products/butter.jpg", "products/butter.jpg/2/more.jpg" // a name that continues the name of another object
	generations := map[string]int64{}
	for _, name := range []string{photo, product, other, "reviews/not a picture.jpg"} {
		data := jpegOf(t, 40, 30)
		if strings.Contains(name, " ") {
			data = []byte("not a picture")
		}
		generations[name] = s.upload(t, name, data)
		if code := s.deliver(t, name, generations[name]); code != http.StatusNoContent {
			t.Fatal(code)
		}
	}
	for _, name := range []string{photo, product, "reviews/not a picture.jpg"} {
		s.delete(t, name)
		for range 2 {
			if code := s.deliverEvent(t, eventDeleted, name, generations[name]); code != http.StatusNoContent {
				t.Fatalf("%s: status %d", name, code)
			}
		}
	}
	same(t, "renditions", s.list(t, renditions), append(names(other, generations[other]), other+"/manifest.json"))
	// The archive keeps product pictures and no shoppers' photos.
	same(t, "archive", s.list(t, archive), []string{
		fmt.Sprintf("originals/%s/%d", product, generations[product]), fmt.Sprintf("originals/%s/%d", other, generations[other]),
	})
	same(t, "failed", s.list(t, failed), nil)
	// The event of a deleted picture is redelivered.
	if code := s.deliver(t, photo, generations[photo]); code != http.StatusNoContent || slices.ContainsFunc(s.list(t, renditions), func(n string) bool { return strings.HasPrefix(n, "reviews/") }) {
		t.Errorf("status %d, renditions %q", code, s.list(t, renditions))
	}
}

func TestDeletionByNotification(t *testing.T) {
	s := newShop(t, nil)
	g := s.upload(t, photo, jpegOf(t, 40, 30))
	s.deliver(t, photo, g)
	s.delete(t, photo)
	err := s.handle(t.Context(), event.Event{Type: eventNotification, Attributes: map[string]string{
		"eventType": notificationDeleted, "bucketId": originals, "objectId": photo, "objectGeneration": fmt.Sprint(g),
	}})
	if err != nil {
		t.Error(err)
	}
	same(t, "renditions", s.list(t, renditions), nil)
}

func TestDeletionDuringRenderingLeavesNothing(t *testing.T) {
	var s *shop
	for n := int64(1); ; n++ { // deleted before the n-th request
		var requests atomic.Int64
		var once sync.Once
		deleting := false
		var g int64
		s = newShop(t, func(*http.Request) *http.Response {
			if requests.Add(1) == n && g != 0 {
				once.Do(func() {
					deleting = true
					s.delete(t, photo)
					// The deletion is delivered before the rendering ends, so there may be nothing to remove yet.
					if code := s.deliverEvent(t, eventDeleted, photo, g); code != http.StatusNoContent {
						t.Errorf("status %d", code)
					}
				})
			}
			return nil
		})
		uploaded := s.upload(t, photo, jpegOf(t, 40, 30))
		requests.Store(0)
		g = uploaded
		for s.deliver(t, photo, g) != http.StatusNoContent {
			if n > 100 {
				t.Fatal("no delivery was acknowledged")
			}
		}
		if !deleting { // a delivery makes fewer than n requests
			if n < 8 {
				t.Errorf("%d requests", n)
			}
			return
		}
		for _, b := range []string{renditions, archive, failed} {
			if left := s.list(t, b); len(left) > 0 {
				t.Errorf("deletion before request %d leaves %q", n, left)
			}
		}
	}
}

func TestNewerGenerationIsNotRemoved(t *testing.T) {
	s := newShop(t, nil)
	first := s.upload(t, photo, jpegOf(t, 40, 30))
	s.deliver(t, photo, first)
	firsts := s.list(t, renditions)
	second := s.upload(t, photo, jpegOf(t, 30, 40))
	// Cloud Storage sends a deletion event for a replaced generation. Pages link to it until the new one is rendered.
	if code := s.deliverEvent(t, eventDeleted, photo, first); code != http.StatusNoContent {
		t.Errorf("status %d", code)
	}
	same(t, "renditions", s.list(t, renditions), firsts)
	s.deliver(t, photo, second)
	s.delete(t, photo)
	if code := s.deliverEvent(t, eventDeleted, photo, first); code != http.StatusNoContent { // late
		t.Errorf("status %d", code)
	}
	same(t, "renditions", s.list(t, renditions), append(names(photo, second), photo+"/manifest.json"))
	s.deliverEvent(t, eventDeleted, photo, second)
	same(t, "renditions", s.list(t, renditions), nil)
}

func TestFailedRemovalIsCompletedByARedelivery(t *testing.T) {
	var requests, failing atomic.Int64
	s := newShop(t, func(*http.Request) *http.Response {
		if requests.Add(1) == failing.Load() {
			return status(http.StatusForbidden)
		}
		return nil
	})
	for n := int64(1); ; n++ {
		failing.Store(0)
		g := s.upload(t, photo, jpegOf(t, 40, 30))
		if code := s.deliver(t, photo, g); code != http.StatusNoContent {
			t.Fatal(code)
		}
		s.delete(t, photo)
		requests.Store(0)
		failing.Store(n)
		code := s.deliverEvent(t, eventDeleted, photo, g)
		if code == http.StatusNoContent { // a delivery makes fewer than n requests
			if n < 8 {
				t.Errorf("delivery succeeded although request %d failed", n)
			}
			break
		}
		failing.Store(0)
		if code := s.deliverEvent(t, eventDeleted, photo, g); code != http.StatusNoContent {
			t.Errorf("with request %d failing once: status %d", n, code)
		}
		for _, b := range []string{renditions, archive, failed} {
			if left := s.list(t, b); len(left) > 0 {
				t.Errorf("after a failure of request %d, the buckets hold %q", n, left)
			}
		}
	}
}
