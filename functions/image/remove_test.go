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

func TestWhatIsDeletedLeavesNoRenditions(t *testing.T) {
	s := newShop(t, nil)
	const product, other = "products/butter.jpg", "products/butter.jpg/2/more.jpg" // a name that goes on
	generations := map[string]int64{}
	for _, name := range []string{photo, product, other, "reviews/no picture.jpg"} {
		data := jpegOf(t, 40, 30)
		if strings.Contains(name, " ") {
			data = []byte("no picture")
		}
		generations[name] = s.upload(t, name, data)
		if code := s.deliver(t, name, generations[name]); code != http.StatusNoContent {
			t.Fatal(code)
		}
	}
	for _, name := range []string{photo, product, "reviews/no picture.jpg"} {
		s.delete(t, name)
		for range 2 {
			if code := s.deliverEvent(t, eventDeleted, name, generations[name]); code != http.StatusNoContent {
				t.Fatalf("%s: answer %d", name, code)
			}
		}
	}
	same(t, "renditions", s.list(t, renditions), append(names(other, generations[other]), other+"/manifest.json"))
	// Of a shopper's photo nothing is kept; of the shop's own pictures there is a copy.
	same(t, "archive", s.list(t, archive), []string{
		fmt.Sprintf("originals/%s/%d", product, generations[product]), fmt.Sprintf("originals/%s/%d", other, generations[other]),
	})
	same(t, "failed", s.list(t, failed), nil)
	// The event of what is gone by now comes again.
	if code := s.deliver(t, photo, generations[photo]); code != http.StatusNoContent || slices.ContainsFunc(s.list(t, renditions), func(n string) bool { return strings.HasPrefix(n, "reviews/") }) {
		t.Errorf("answer %d, renditions %q", code, s.list(t, renditions))
	}
}

func TestDeletedAsNotified(t *testing.T) {
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

func TestADeletionWhileItIsRenderedLeavesNothing(t *testing.T) {
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
					// Its event is early: there may be nothing to remove yet.
					if code := s.deliverEvent(t, eventDeleted, photo, g); code != http.StatusNoContent {
						t.Errorf("answer %d", code)
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
				t.Fatal("it never ends")
			}
		}
		if !deleting { // it makes less than n requests
			if n < 8 {
				t.Errorf("%d requests", n)
			}
			return
		}
		for _, b := range []string{renditions, archive, failed} {
			if left := s.list(t, b); len(left) > 0 {
				t.Errorf("deleted before request %d, it leaves %q", n, left)
			}
		}
	}
}

func TestANewerGenerationIsNotRemoved(t *testing.T) {
	s := newShop(t, nil)
	first := s.upload(t, photo, jpegOf(t, 40, 30))
	s.deliver(t, photo, first)
	firsts := s.list(t, renditions)
	second := s.upload(t, photo, jpegOf(t, 30, 40))
	// Cloud Storage says of what was replaced that it was deleted; pages may show it until the new one is rendered.
	if code := s.deliverEvent(t, eventDeleted, photo, first); code != http.StatusNoContent {
		t.Errorf("answer %d", code)
	}
	same(t, "renditions", s.list(t, renditions), firsts)
	s.deliver(t, photo, second)
	s.delete(t, photo)
	if code := s.deliverEvent(t, eventDeleted, photo, first); code != http.StatusNoContent { // late
		t.Errorf("answer %d", code)
	}
	same(t, "renditions", s.list(t, renditions), append(names(photo, second), photo+"/manifest.json"))
	s.deliverEvent(t, eventDeleted, photo, second)
	same(t, "renditions", s.list(t, renditions), nil)
}

func TestARemovalThatFailsIsFinishedByTheNextDelivery(t *testing.T) {
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
		if code == http.StatusNoContent { // it makes less than n requests
			if n < 8 {
				t.Errorf("failure of request %d is not told", n)
			}
			break
		}
		failing.Store(0)
		if code := s.deliverEvent(t, eventDeleted, photo, g); code != http.StatusNoContent {
			t.Errorf("with request %d failing once: answer %d", n, code)
		}
		for _, b := range []string{renditions, archive, failed} {
			if left := s.list(t, b); len(left) > 0 {
				t.Errorf("with request %d failing once it leaves %q", n, left)
			}
		}
	}
}
