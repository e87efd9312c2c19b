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
	"github.com/hybrid-bts/functions/shared/topic"
)

const (
	originals  = "shop-originals"
	renditions = "shop-renditions"
	failed     = "shop-failed"
	archive    = "shop-archive"
)

// shop is a maker on embedded engines.
type shop struct {
	*maker
	files  *storage.Client
	server *fakestorage.Server
	topic  *pstest.Server
	dead   []error
	h      http.Handler
}

func newShop(t testing.TB, fault func(*http.Request) *http.Response) *shop {
	t.Helper()
	files, srv := buckettest.New(t, fault, originals, renditions, failed, archive)
	publisher, told := pubsubtest.New(t, "images")
	presets, err := rendition.ParsePresets("")
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{files: files, server: srv, topic: told, maker: &maker{
		bucket: originals, originals: files.Bucket(originals), renditions: bucket.Bucket{Handle: files.Bucket(renditions)},
		failed: files.Bucket(failed), archive: files.Bucket(archive), presets: presets, ready: news{topic.New(publisher)},
		renderer: picture.NewRenderer(256<<20, time.Minute),
	}}
	var mu sync.Mutex
	s.h = event.Handler(s.changed, func(_ context.Context, _ event.Event, reason error) error {
		mu.Lock()
		defer mu.Unlock()
		s.dead = append(s.dead, reason)
		return nil
	})
	return s
}

// upload stores a picture, and returns its generation.
func (s *shop) upload(t testing.TB, name string, data []byte) int64 {
	t.Helper()
	time.Sleep(time.Millisecond) // generations are times
	s.server.CreateObject(fakestorage.Object{ObjectAttrs: fakestorage.ObjectAttrs{BucketName: originals, Name: name, ContentType: "text/html"}, Content: data})
	o, err := s.server.GetObject(originals, name)
	if err != nil {
		t.Fatal(err)
	}
	return o.Generation
}

// deliver sends the event of a new object, and returns the status of the answer.
func (s *shop) deliver(t testing.TB, name string, generation int64) int {
	t.Helper()
	return s.tell(t, finalized, name, generation)
}

// tell sends an event of an object, and returns the status of the answer.
func (s *shop) tell(t testing.TB, what, name string, generation int64) int {
	t.Helper()
	body, err := json.Marshal(map[string]string{"bucket": originals, "name": name, "generation": strconv.FormatInt(generation, 10)})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	for k, v := range map[string]string{
		"Content-Type": "application/json", "Ce-Id": "1", "Ce-Specversion": "1.0", "Ce-Type": what,
		"Ce-Source": "//storage.googleapis.com/projects/_/buckets/" + originals,
	} {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	return w.Code
}

// list returns the names of a bucket's objects.
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

// news returns the published news by object and generation.
func (s *shop) news(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, m := range s.topic.Messages() {
		var got rendition.Manifest
		if err := json.Unmarshal(m.Data, &got); err != nil || m.Attributes["type"] != "image.ready" || m.Attributes["object"] != got.Object {
			t.Errorf("published %s %v: %v", m.Data, m.Attributes, err)
		}
		all = append(all, fmt.Sprint(got.Object, "#", got.Generation))
	}
	slices.Sort(all)
	return all
}

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

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestAPictureBecomesItsRenditions(t *testing.T) {
	s := newShop(t, nil)
	const name = "products/butter.jpg"
	data := jpegOf(t, 900, 600)
	g := s.upload(t, name, data)
	for range 3 {
		if code := s.deliver(t, name, g); code != http.StatusNoContent {
			t.Fatalf("answer %d", code)
		}
	}
	same(t, "renditions", s.list(t, renditions), append(names(name, g), name+"/manifest.json"))
	same(t, "news", s.news(t), []string{fmt.Sprint(name, "#", g)})
	same(t, "archive", s.list(t, archive), []string{fmt.Sprintf("originals/%s/%d", name, g)})
	same(t, "failed", s.list(t, failed), nil)

	m, err := s.renditions.Manifest(t.Context(), name)
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
		t.Errorf("stored as %q, %q, %d bytes", o.ContentType, o.CacheControl, len(o.Content))
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

func TestTheRealBodiesOfEvents(t *testing.T) {
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
			defer f.Close()
			rest := bufio.NewReader(f)
			r, err := http.ReadRequest(rest)
			if err != nil {
				t.Fatal(err)
			}
			r.Body = io.NopCloser(rest) // the file states no length
			w := httptest.NewRecorder()
			s.h.ServeHTTP(w, r)
			if w.Code != http.StatusNoContent {
				t.Fatalf("answer %d: %s", w.Code, w.Body)
			}
			same(t, "renditions", s.list(t, renditions), append(names(name, generation), name+"/manifest.json"))
		})
	}
}

func TestEventsOfOtherThings(t *testing.T) {
	s := newShop(t, nil)
	for name, tc := range map[string]struct {
		e         event.Event
		permanent bool
	}{
		"a change of metadata":       {event.Event{Type: "google.cloud.storage.object.v1.metadataUpdated", Data: []byte(`{}`)}, false},
		"a notification of one":      {event.Event{Type: published, Attributes: map[string]string{"eventType": "OBJECT_METADATA_UPDATE"}}, false},
		"a deletion of nothing":      {event.Event{Type: deleted, Data: []byte(`{}`)}, true},
		"a deletion of none of ours": {event.Event{Type: deleted, Data: []byte(`{"bucket":"shop-originals","name":"a","generation":"1"}`)}, false},
		"a folder":                   {event.Event{Type: finalized, Data: []byte(`{"bucket":"shop-originals","name":"products/","generation":"1"}`)}, false},
		"an object that is gone":     {event.Event{Type: finalized, Data: []byte(`{"bucket":"shop-originals","name":"a","generation":"1"}`)}, false},
		"no JSON":                    {event.Event{Type: finalized, Data: []byte(`{`)}, true},
		"no generation":              {event.Event{Type: finalized, Data: []byte(`{"bucket":"shop-originals","name":"a"}`)}, true},
		"a message of something":     {event.Event{Type: published, Data: []byte(`{}`)}, true},
		"a notification without one": {event.Event{Type: published, Attributes: map[string]string{"eventType": notifiedFinalized}}, true},
		"an object of our output":    {event.Event{Type: finalized, Data: []byte(`{"bucket":"shop-renditions","name":"a","generation":"1"}`)}, true},
	} {
		if err := s.changed(t.Context(), tc.e); (err != nil) != tc.permanent || permanent(err) != tc.permanent {
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

func TestANewerGenerationSupersedesAndAnOlderOneNever(t *testing.T) {
	s := newShop(t, nil)
	first := s.upload(t, "a.jpg", jpegOf(t, 300, 200))
	if code := s.deliver(t, "a.jpg", first); code != http.StatusNoContent {
		t.Fatal(code)
	}
	second := s.upload(t, "a.jpg", jpegOf(t, 200, 300))
	for _, g := range []int64{second, first, second, first} {
		if code := s.deliver(t, "a.jpg", g); code != http.StatusNoContent {
			t.Fatalf("generation %d: answer %d", g, code)
		}
	}
	m, err := s.renditions.Manifest(t.Context(), "a.jpg")
	if err != nil || m.Generation != second || m.Height != 300 {
		t.Errorf("manifest = %+v, %v", m, err)
	}
	same(t, "news", s.news(t), []string{fmt.Sprint("a.jpg#", first), fmt.Sprint("a.jpg#", second)})
}

// Two instances handle the same events, many at once.
func TestConcurrentDeliveriesAreOneInEffect(t *testing.T) {
	s := newShop(t, nil)
	instances := []*maker{s.maker, {
		bucket: s.bucket, originals: s.originals, renditions: s.renditions, failed: s.failed, archive: s.archive,
		presets: s.presets, renderer: s.renderer, ready: s.ready,
	}}
	const pictures = 8
	var want, news []string
	var running sync.WaitGroup
	for i := range pictures {
		name := fmt.Sprintf("p%d.jpg", i)
		g := s.upload(t, name, jpegOf(t, 50+i, 40))
		want, news = append(append(want, names(name, g)...), name+"/manifest.json"), append(news, fmt.Sprint(name, "#", g))
		data := fmt.Appendf(nil, `{"bucket":%q,"name":%q,"generation":"%d"}`, originals, name, g)
		for n := range 6 {
			running.Go(func() {
				for { // as Pub/Sub does
					if instances[n%2].changed(t.Context(), event.Event{Type: finalized, Data: data}) == nil {
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
	same(t, "news", s.news(t), news)
}

func TestWhatCannotBeHandledIsKeptWithItsReason(t *testing.T) {
	s := newShop(t, nil)
	const name = "reviews/../evil.jpg"
	g := s.upload(t, name, []byte("<script>alert(1)</script>"))
	for range 2 {
		if code := s.deliver(t, name, g); code != http.StatusNoContent {
			t.Fatalf("answer %d, want it acknowledged", code)
		}
	}
	kept := fmt.Sprintf("failed/%s/%d", rendition.Key(name), g)
	same(t, "failed", s.list(t, failed), []string{kept, kept + ".reason.json"})
	same(t, "renditions", s.list(t, renditions), nil)
	same(t, "news", s.news(t), nil)
	o, err := s.server.GetObject(failed, kept+".reason.json")
	if err != nil {
		t.Fatal(err)
	}
	var r reason
	if err := json.Unmarshal(o.Content, &r); err != nil || r.Object != name || r.Generation != g || r.Reason != picture.UnknownType {
		t.Errorf("reason = %s: %v", o.Content, err)
	}
	if o, err := s.server.GetObject(failed, kept); err != nil || o.ContentType != "application/octet-stream" {
		t.Errorf("kept as %q: %v", o.ContentType, err)
	}
}

func TestStrangeNames(t *testing.T) {
	s := newShop(t, nil)
	for _, name := range []string{strings.Repeat("가", 341), "a/../../b.jpg", "line\nbreak.jpg", "nul\x00.jpg", "사진 💜.jpg", "%2e%2e/x?y#z"} {
		g := s.upload(t, name, jpegOf(t, 40, 40))
		if code := s.deliver(t, name, g); code != http.StatusNoContent {
			t.Errorf("%q: answer %d", name, code)
		}
		m, err := s.renditions.Manifest(t.Context(), name)
		if err != nil || len(m.Renditions) != 4 {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// status makes an answer of storage.
func status(code int) *http.Response {
	return &http.Response{StatusCode: code, Body: io.NopCloser(strings.NewReader(`{}`)), Header: http.Header{"Content-Type": {"application/json"}}}
}

func TestTroubleOfStorageIsRetriedAndLosesNothing(t *testing.T) {
	var requests, failing atomic.Int64
	s := newShop(t, func(*http.Request) *http.Response {
		if requests.Add(1) != failing.Load() {
			return nil
		}
		return status(http.StatusForbidden) // one that the client library does not try again itself
	})
	var want, news []string
	for n := int64(1); ; n++ { // the n-th request fails
		name := fmt.Sprintf("p%02d.jpg", n)
		g := s.upload(t, name, jpegOf(t, 40, 40))
		want, news = append(append(want, names(name, g)...), name+"/manifest.json"), append(news, fmt.Sprint(name, "#", g))
		requests.Store(0)
		failing.Store(n)
		code := s.deliver(t, name, g)
		if code == http.StatusNoContent { // it makes less than n requests
			if n < 8 {
				t.Errorf("failure of request %d is not told", n)
			}
			break
		}
		failing.Store(0)
		if m, err := s.renditions.Manifest(t.Context(), name); err == nil && !m.Announced { // it was being announced
			m.MadeAt = m.MadeAt.Add(-announcing)
			if _, err := s.renditions.PutManifest(t.Context(), m, m.Manifest); err != nil {
				t.Fatal(err)
			}
			news = append(news, news[len(news)-1]) // the mark failed, so it is told twice
		}
		if code := s.deliver(t, name, g); code != http.StatusNoContent {
			t.Errorf("with request %d failing once: answer %d", n, code)
		}
	}
	same(t, "renditions", s.list(t, renditions), want)
	same(t, "news", s.news(t), news)
	if len(s.dead) > 0 {
		t.Errorf("dead letters: %v", s.dead)
	}
}

func TestNewsThatCouldNotBePublishedComeWithTheRedelivery(t *testing.T) {
	s := newShop(t, nil)
	publisher, told := pubsubtest.New(t, "images", pstest.WithErrorInjection("Publish", codes.PermissionDenied, "no"))
	works := s.ready
	s.ready = news{topic.New(publisher)}
	g := s.upload(t, "a.jpg", jpegOf(t, 40, 40))
	if code := s.deliver(t, "a.jpg", g); code != http.StatusServiceUnavailable {
		t.Fatalf("answer %d", code)
	}
	if len(told.Messages()) > 0 {
		t.Fatal("the fault does not work")
	}
	s.ready = works
	// Who wrote the manifest may still be at it, as far as another instance can know.
	if code := s.deliver(t, "a.jpg", g); code != http.StatusServiceUnavailable {
		t.Errorf("answer %d", code)
	}
	m, err := s.renditions.Manifest(t.Context(), "a.jpg")
	if err != nil {
		t.Fatal(err)
	}
	m.MadeAt = m.MadeAt.Add(-announcing)
	if _, err := s.renditions.PutManifest(t.Context(), m, m.Manifest); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if code := s.deliver(t, "a.jpg", g); code != http.StatusNoContent {
			t.Errorf("answer %d", code)
		}
	}
	same(t, "news", s.news(t), []string{fmt.Sprint("a.jpg#", g)})
}

func TestAPresetThatIsNewIsMadeWithTheNextEvent(t *testing.T) {
	s := newShop(t, nil)
	g := s.upload(t, "a.jpg", jpegOf(t, 400, 40))
	s.deliver(t, "a.jpg", g)
	var err error
	if s.presets, err = rendition.ParsePresets("icon=32"); err != nil {
		t.Fatal(err)
	}
	if code := s.deliver(t, "a.jpg", g); code != http.StatusNoContent {
		t.Errorf("answer %d", code)
	}
	if m, err := s.renditions.Manifest(t.Context(), "a.jpg"); err != nil || len(m.Renditions) != 5 || !m.Announced {
		t.Errorf("manifest = %+v, %v", m, err)
	}
}

func TestAlphaBecomesPNG(t *testing.T) {
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

func TestConfigurationThatWouldLoop(t *testing.T) {
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
	f.Add(finalized, []byte(`{"bucket":"b","name":"a","generation":"1"}`), "", "", "")
	f.Add(published, []byte(nil), notifiedFinalized, "1", "a")
	f.Fuzz(func(t *testing.T, kind string, data []byte, eventType, generation, id string) {
		o, what, err := decode(event.Event{Type: kind, Data: data, Attributes: map[string]string{
			"eventType": eventType, "objectGeneration": generation, "objectId": id, "bucketId": "b",
		}})
		if what != none && err == nil && (o.Name == "" || o.Generation < 1) {
			t.Fatalf("%v of %+v", what, o)
		}
	})
}
