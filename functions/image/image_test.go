package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/pstest"
	"cloud.google.com/go/storage"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"google.golang.org/grpc/codes"

	"github.com/hybrid-bts/functions/shared/engine/picture"
	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/fake/buckettest"
	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
	"github.com/hybrid-bts/functions/shared/schema/rendition/render"
	"github.com/hybrid-bts/functions/shared/topic"
)

const (
	originals  = "shop-originals"
	renditions = "shop-renditions"
	failed     = "shop-failed"
	archive    = "shop-archive"
)

// shop is a processor on fake servers.
type shop struct {
	*processor
	files  *storage.Client
	server *fakestorage.Server
	topic  *pstest.Server
	dead   []error
	h      http.Handler
}

func newShop(t testing.TB, fault func(*http.Request) *http.Response) *shop {
	t.Helper()
	files, srv := buckettest.New(t, fault, originals, renditions, failed, archive)
	publisher, published := pubsubtest.New(t, "images")
	s := &shop{files: files, server: srv, topic: published, processor: &processor{
		bucket: originals, originals: files.Bucket(originals), failed: files.Bucket(failed), archive: files.Bucket(archive),
		images:   noticePublisher{topic.New(publisher)},
		pipeline: render.NewPipeline(render.DefaultMemoryMiB, rendition.DefaultPresets(), bucket.Bucket{Handle: files.Bucket(renditions)}),
	}}
	var mu sync.Mutex
	s.h = event.Handler(s.handle, func(_ context.Context, _ event.Event, reason error) error {
		mu.Lock()
		defer mu.Unlock()
		s.dead = append(s.dead, reason)
		return nil
	})
	return s
}

// upload stores a picture and returns its generation.
func (s *shop) upload(t testing.TB, name string, data []byte) int64 {
	t.Helper()
	time.Sleep(time.Millisecond) // generations are timestamps
	s.server.CreateObject(fakestorage.Object{ObjectAttrs: fakestorage.ObjectAttrs{BucketName: originals, Name: name, ContentType: "text/html"}, Content: data})
	o, err := s.server.GetObject(originals, name)
	if err != nil {
		t.Fatal(err)
	}
	return o.Generation
}

// deliver sends the event of a new object and returns the status of the response.
func (s *shop) deliver(t testing.TB, name string, generation int64) int {
	t.Helper()
	return s.deliverEvent(t, eventFinalized, name, generation)
}

// deliverEvent sends an event of the given type and returns the status of the response.
func (s *shop) deliverEvent(t testing.TB, eventType, name string, generation int64) int {
	t.Helper()
	body, err := json.Marshal(map[string]string{"bucket": originals, "name": name, "generation": strconv.FormatInt(generation, 10)})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	for k, v := range map[string]string{
		"Content-Type": "application/json", "Ce-Id": "1", "Ce-Specversion": "1.0", "Ce-Type": eventType,
		"Ce-Source": "//storage.googleapis.com/projects/_/buckets/" + originals,
	} {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	return w.Code
}

// list returns the object names of a bucket, sorted.
func (s *shop) list(t testing.TB, bucket string) []string {
	t.Helper()
	found, err := s.server.ListObjectsWithOptionsPaginated(bucket, fakestorage.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range found.Objects {
		names = append(names, o.Name)
	}
	slices.Sort(names)
	return names
}

// notices returns the object and generation of each published notice, sorted.
func (s *shop) notices(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, m := range s.topic.Messages() {
		var got rendition.Manifest // a rejection has the same fields
		if err := json.Unmarshal(m.Data, &got); err != nil || m.Attributes["object"] != got.Object {
			t.Errorf("published %s %v: %v", m.Data, m.Attributes, err)
		}
		kind, _ := strings.CutPrefix(m.Attributes["type"]+" ", "image.ready ")
		all = append(all, fmt.Sprint(kind, got.Object, "#", got.Generation))
	}
	slices.Sort(all)
	return all
}

// names returns the names of the JPEG renditions of an object, sorted.
func names(object string, generation int64) []string {
	var all []string
	for _, p := range []string{"card", "page", "thumb", "zoom"} {
		all = append(all, fmt.Sprintf("%s/%d/%s.jpg", object, generation, p))
	}
	return all
}

func jpegOf(t testing.TB, w, h int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = uint8(i / 97)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// same checks that two lists are equal.
func same(t testing.TB, label string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", label, got, want)
	}
}

func TestUploadedPictureIsRendered(t *testing.T) {
	s := newShop(t, nil)
	const name = "products/butter.jpg"
	data := jpegOf(t, 900, 600)
	g := s.upload(t, name, data)
	for range 3 {
		if code := s.deliver(t, name, g); code != http.StatusNoContent {
			t.Fatalf("status %d", code)
		}
	}
	same(t, "renditions", s.list(t, renditions), append(names(name, g), name+"/manifest.json"))
	same(t, "notices", s.notices(t), []string{fmt.Sprint(name, "#", g)})
	same(t, "archive", s.list(t, archive), []string{fmt.Sprintf("originals/%s/%d", name, g)})
	same(t, "failed", s.list(t, failed), nil)

	m, err := s.pipeline.Renditions.Manifest(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if m.Width != 900 || m.Height != 600 || m.ContentType != "image/jpeg" || !m.Announced || len(m.Thumbhash) == 0 {
		t.Errorf("manifest = %+v", m)
	}
	r, _ := m.Find("card")
	if r.Width != 400 || r.Height != 267 {
		t.Errorf("card = %+v", r)
	}
	o, err := s.server.GetObject(renditions, r.Name)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(o.Content)) != r.Bytes || o.ContentType != "image/jpeg" || o.CacheControl != "public, max-age=31536000, immutable" {
		t.Errorf("rendition stored as %q, %q, %d bytes", o.ContentType, o.CacheControl, len(o.Content))
	}
	want := map[string]string{"width": "400", "height": "267", "sha256": r.SHA256, "source-generation": fmt.Sprint(g)}
	for k, v := range want {
		if o.Metadata[k] != v {
			t.Errorf("metadata %s = %q, want %q", k, o.Metadata[k], v)
		}
	}
	copied, err := s.server.GetObject(archive, fmt.Sprintf("originals/%s/%d", name, g))
	if err != nil || !bytes.Equal(copied.Content, data) || copied.ContentType != "application/octet-stream" {
		t.Errorf("archived as %q: %v", copied.ContentType, err)
	}
}

func TestRecordedRequestsAreHandled(t *testing.T) {
	for _, file := range []string{"eventarc.http", "notification.http"} {
		t.Run(file, func(t *testing.T) {
			s := newShop(t, nil)
			const name, generation = "products/butter.jpg", 1795166102310000
			s.server.CreateObject(fakestorage.Object{
				ObjectAttrs: fakestorage.ObjectAttrs{BucketName: originals, Name: name, Generation: generation}, Content: jpegOf(t, 90, 60),
			})
			f, err := os.Open("testdata/" + file)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = f.Close() }()
			rest := bufio.NewReader(f)
			r, err := http.ReadRequest(rest)
			if err != nil {
				t.Fatal(err)
			}
			r.Body = io.NopCloser(rest) // the recorded request has no Content-Length
			w := httptest.NewRecorder()
			s.h.ServeHTTP(w, r)
			if w.Code != http.StatusNoContent {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			same(t, "renditions", s.list(t, renditions), append(names(name, generation), name+"/manifest.json"))
		})
	}
}

func TestIrrelevantAndInvalidEvents(t *testing.T) {
	s := newShop(t, nil)
	for name, tc := range map[string]struct {
		e         event.Event
		permanent bool
	}{
		"a metadata update":                   {event.Event{Type: "google.cloud.storage.object.v1.metadataUpdated", Data: []byte(`{}`)}, false},
		"a notification of a metadata update": {event.Event{Type: eventNotification, Attributes: map[string]string{"eventType": "OBJECT_METADATA_UPDATE"}}, false},
		"a deletion without an object":        {event.Event{Type: eventDeleted, Data: []byte(`{}`)}, true},
		"a deletion of an unknown object":     {event.Event{Type: eventDeleted, Data: []byte(`{"bucket":"shop-originals","name":"a","generation":"1"}`)}, false},
		"a folder":                            {event.Event{Type: eventFinalized, Data: []byte(`{"bucket":"shop-originals","name":"products/","generation":"1"}`)}, false},
		"a deleted object":                    {event.Event{Type: eventFinalized, Data: []byte(`{"bucket":"shop-originals","name":"a","generation":"1"}`)}, false},
		"malformed JSON":                      {event.Event{Type: eventFinalized, Data: []byte(`{`)}, true},
		"no generation":                       {event.Event{Type: eventFinalized, Data: []byte(`{"bucket":"shop-originals","name":"a"}`)}, true},
		"a message without attributes":        {event.Event{Type: eventNotification, Data: []byte(`{}`)}, true},
		"a notification without an object":    {event.Event{Type: eventNotification, Attributes: map[string]string{"eventType": notificationFinalized}}, true},
		"an object of another bucket":         {event.Event{Type: eventFinalized, Data: []byte(`{"bucket":"shop-renditions","name":"a","generation":"1"}`)}, true},
	} {
		if err := s.handle(t.Context(), tc.e); (err != nil) != tc.permanent || permanent(err) != tc.permanent {
			t.Errorf("%s: %v", name, err)
		}
	}
	same(t, "renditions", s.list(t, renditions), nil)
}

// permanent reports whether an event that ends with err is dead-lettered.
func permanent(err error) (dead bool) {
	h := event.Handler(func(context.Context, event.Event) error { return err }, func(context.Context, event.Event, error) error {
		dead = true
		return nil
	})
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"message":{"messageId":"1"}}`)))
	return dead
}

func TestOlderGenerationNeverReplacesANewerOne(t *testing.T) {
	s := newShop(t, nil)
	first := s.upload(t, "a.jpg", jpegOf(t, 300, 200))
	if code := s.deliver(t, "a.jpg", first); code != http.StatusNoContent {
		t.Fatal(code)
	}
	second := s.upload(t, "a.jpg", jpegOf(t, 200, 300))
	for _, g := range []int64{second, first, second, first} {
		if code := s.deliver(t, "a.jpg", g); code != http.StatusNoContent {
			t.Fatalf("generation %d: status %d", g, code)
		}
	}
	m, err := s.pipeline.Renditions.Manifest(t.Context(), "a.jpg")
	if err != nil || m.Generation != second || m.Height != 300 {
		t.Errorf("manifest = %+v, %v", m, err)
	}
	same(t, "notices", s.notices(t), []string{fmt.Sprint("a.jpg#", first), fmt.Sprint("a.jpg#", second)})
}

// Two instances handle the same events concurrently.
func TestConcurrentDeliveriesHaveOneEffect(t *testing.T) {
	s := newShop(t, nil)
	instances := []*processor{s.processor, {
		bucket: s.bucket, originals: s.originals, failed: s.failed, archive: s.archive, pipeline: s.pipeline, images: s.images,
	}}
	const pictures = 8
	var want, notices []string
	var running sync.WaitGroup
	for i := range pictures {
		name := fmt.Sprintf("p%d.jpg", i)
		g := s.upload(t, name, jpegOf(t, 50+i, 40))
		want, notices = append(append(want, names(name, g)...), name+"/manifest.json"), append(notices, fmt.Sprint(name, "#", g))
		data := fmt.Appendf(nil, `{"bucket":%q,"name":%q,"generation":"%d"}`, originals, name, g)
		for n := range 6 {
			running.Go(func() {
				for { // redeliver until acknowledged
					if instances[n%2].handle(t.Context(), event.Event{Type: eventFinalized, Data: data}) == nil {
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
			})
		}
	}
	running.Wait()
	slices.Sort(want)
	same(t, "renditions", s.list(t, renditions), want)
	same(t, "notices", s.notices(t), notices)
}

func TestRejectedPictureIsKeptWithItsReason(t *testing.T) {
	s := newShop(t, nil)
	const name = "reviews/../evil.jpg"
	g := s.upload(t, name, []byte("<script>alert(1)</script>"))
	for range 2 {
		if code := s.deliver(t, name, g); code != http.StatusNoContent {
			t.Fatalf("status %d, want 204", code)
		}
	}
	kept := fmt.Sprintf("failed/%s/%d", rendition.Key(name), g)
	same(t, "failed", s.list(t, failed), []string{kept, kept + ".reason.json"})
	same(t, "renditions", s.list(t, renditions), nil)
	notice := fmt.Sprintf("image.rejected %s#%d", name, g)
	same(t, "notices", s.notices(t), []string{notice, notice})
	o, err := s.server.GetObject(failed, kept+".reason.json")
	if err != nil {
		t.Fatal(err)
	}
	var r rejection
	if err := json.Unmarshal(o.Content, &r); err != nil || r.Object != name || r.Generation != g || r.Reason != picture.UnknownType {
		t.Errorf("rejection = %s: %v", o.Content, err)
	}
	if o, err := s.server.GetObject(failed, kept); err != nil || o.ContentType != "application/octet-stream" {
		t.Errorf("rejected picture stored as %q: %v", o.ContentType, err)
	}
}

func TestUnusualObjectNamesAreRendered(t *testing.T) {
	s := newShop(t, nil)
	for _, name := range []string{strings.Repeat("가", 341), "a/../../b.jpg", "line\nbreak.jpg", "nul\x00.jpg", "사진 💜.jpg", "%2e%2e/x?y#z"} {
		g := s.upload(t, name, jpegOf(t, 40, 40))
		if code := s.deliver(t, name, g); code != http.StatusNoContent {
			t.Errorf("%q: status %d", name, code)
		}
		m, err := s.pipeline.Renditions.Manifest(t.Context(), name)
		if err != nil || len(m.Renditions) != 4 {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// status returns a response of Cloud Storage.
func status(code int) *http.Response {
	return &http.Response{StatusCode: code, Body: io.NopCloser(strings.NewReader(`{}`)), Header: http.Header{"Content-Type": {"application/json"}}}
}

func TestFailedStorageRequestIsRetriedWithoutLoss(t *testing.T) {
	var requests, failing atomic.Int64
	s := newShop(t, func(*http.Request) *http.Response {
		if requests.Add(1) != failing.Load() {
			return nil
		}
		return status(http.StatusForbidden) // the client library does not retry this status
	})
	var want, notices []string
	for n := int64(1); ; n++ { // the n-th request fails
		name := fmt.Sprintf("p%02d.jpg", n)
		g := s.upload(t, name, jpegOf(t, 40, 40))
		want, notices = append(append(want, names(name, g)...), name+"/manifest.json"), append(notices, fmt.Sprint(name, "#", g))
		requests.Store(0)
		failing.Store(n)
		code := s.deliver(t, name, g)
		if code == http.StatusNoContent { // a delivery makes fewer than n requests
			if n < 8 {
				t.Errorf("delivery succeeded although request %d failed", n)
			}
			break
		}
		failing.Store(0)
		if m, err := s.pipeline.Renditions.Manifest(t.Context(), name); err == nil && !m.Announced { // the fault prevented the announcement
			m.MadeAt = m.MadeAt.Add(-publishTimeout)
			if err := s.pipeline.Renditions.PutManifest(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			notices = append(notices, notices[len(notices)-1]) // the mark failed, so the notice is published twice
		}
		if code := s.deliver(t, name, g); code != http.StatusNoContent {
			t.Errorf("with request %d failing once: status %d", n, code)
		}
	}
	same(t, "renditions", s.list(t, renditions), want)
	same(t, "notices", s.notices(t), notices)
	if len(s.dead) > 0 {
		t.Errorf("dead letters: %v", s.dead)
	}
}

func TestUnpublishedNoticeIsPublishedByARedelivery(t *testing.T) {
	s := newShop(t, nil)
	publisher, published := pubsubtest.New(t, "images", pstest.WithErrorInjection("Publish", codes.PermissionDenied, "no"))
	working := s.images
	s.images = noticePublisher{topic.New(publisher)}
	g := s.upload(t, "a.jpg", jpegOf(t, 40, 40))
	if code := s.deliver(t, "a.jpg", g); code != http.StatusServiceUnavailable {
		t.Fatalf("status %d", code)
	}
	if len(published.Messages()) > 0 {
		t.Fatal("a notice was published in spite of the fault")
	}
	s.images = working
	// For another instance, the writer of the manifest may still be publishing.
	if code := s.deliver(t, "a.jpg", g); code != http.StatusServiceUnavailable {
		t.Errorf("status %d", code)
	}
	m, err := s.pipeline.Renditions.Manifest(t.Context(), "a.jpg")
	if err != nil {
		t.Fatal(err)
	}
	m.MadeAt = m.MadeAt.Add(-publishTimeout)
	if err := s.pipeline.Renditions.PutManifest(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if code := s.deliver(t, "a.jpg", g); code != http.StatusNoContent {
			t.Errorf("status %d", code)
		}
	}
	same(t, "notices", s.notices(t), []string{fmt.Sprint("a.jpg#", g)})
}

func TestNewPresetIsRenderedByAReplayedEvent(t *testing.T) {
	s := newShop(t, nil)
	g := s.upload(t, "a.jpg", jpegOf(t, 400, 40))
	s.deliver(t, "a.jpg", g)
	var err error
	if s.pipeline.Presets, err = rendition.ParsePresets("icon=32"); err != nil {
		t.Fatal(err)
	}
	if code := s.deliver(t, "a.jpg", g); code != http.StatusNoContent {
		t.Errorf("status %d", code)
	}
	if m, err := s.pipeline.Renditions.Manifest(t.Context(), "a.jpg"); err != nil || len(m.Renditions) != 5 || !m.Announced {
		t.Errorf("manifest = %+v, %v", m, err)
	}
}

func TestPictureWithAlphaBecomesPNG(t *testing.T) {
	s := newShop(t, nil)
	m := image.NewNRGBA(image.Rect(0, 0, 40, 40))
	m.SetNRGBA(3, 3, color.NRGBA{1, 2, 3, 4})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	g := s.upload(t, "a.png", b.Bytes())
	s.deliver(t, "a.png", g)
	if got := s.list(t, renditions); !slices.Contains(got, fmt.Sprintf("a.png/%d/card.png", g)) {
		t.Errorf("renditions = %q", got)
	}
}

func TestInvalidConfigurationIsRejected(t *testing.T) {
	good := map[string]string{
		"GOOGLE_CLOUD_PROJECT": "shop", "ORIGINALS_BUCKET": "o", "RENDITIONS_BUCKET": "r", "FAILED_BUCKET": "f",
		"IMAGES_TOPIC": "images", "DEAD_LETTER_TOPIC": "dead",
	}
	for name, tc := range map[string]map[string]string{
		"RENDITIONS_BUCKET": {"RENDITIONS_BUCKET": "o"}, "FAILED_BUCKET": {"FAILED_BUCKET": "r"}, "ARCHIVE_BUCKET": {"ARCHIVE_BUCKET": "o"},
		"MEMORY_MIB": {"MEMORY_MIB": "64"}, "PRESETS": {"PRESETS": "huge=9999"}, "IMAGES_TOPIC": {"IMAGES_TOPIC": ""},
	} {
		vars := maps.Clone(good)
		maps.Copy(vars, tc)
		err := run(t.Context(), func(name string) (string, bool) { v, ok := vars[name]; return v, ok })
		if err == nil || !strings.Contains(err.Error(), "variable "+name) {
			t.Errorf("%v: %v", tc, err)
		}
	}
}

func FuzzDecodeEvent(f *testing.F) {
	f.Add(eventFinalized, []byte(`{"bucket":"b","name":"a","generation":"1"}`), "", "", "")
	f.Add(eventNotification, []byte(nil), notificationFinalized, "1", "a")
	f.Fuzz(func(t *testing.T, kind string, data []byte, eventType, generation, id string) {
		o, change, err := decodeEvent(event.Event{Type: kind, Data: data, Attributes: map[string]string{
			"eventType": eventType, "objectGeneration": generation, "objectId": id, "bucketId": "b",
		}})
		if change != changeNone && err == nil && (o.Name == "" || o.Generation < 1) {
			t.Fatalf("change %v of %+v", change, o)
		}
	})
}

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
