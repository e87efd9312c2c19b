package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"google.golang.org/api/option"

	"github.com/hybrid-bts/functions/shared/fake/buckettest"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
)

// fakeFunction is a fake of function image. It stores the manifest of each object that it receives an event of.
type fakeFunction struct {
	t     *testing.T
	files *storage.Client

	mu       sync.Mutex
	received []string // object names of the events
	inFlight int
	peak     int // largest number of concurrent requests
	reject   func(name string, attempt int) bool
}

func (f *fakeFunction) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var o struct {
		Bucket, Name string
		Generation   int64 `json:",string"`
	}
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil || o.Bucket != "originals" || r.Header.Get("Ce-Type") == "" {
		f.t.Errorf("received %+v with the header %v: %v", o, r.Header, err)
	}
	f.mu.Lock()
	f.received = append(f.received, o.Name)
	f.inFlight++
	f.peak = max(f.peak, f.inFlight)
	attempt := 0
	for _, name := range f.received {
		if name == o.Name {
			attempt++
		}
	}
	rejected := f.reject != nil && f.reject(o.Name, attempt)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.inFlight--
	}()
	time.Sleep(5 * time.Millisecond)
	if rejected {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	m := &rendition.Manifest{Object: o.Name, Generation: o.Generation, Width: 1, Height: 1, Announced: true}
	if err := (bucket.Bucket{Handle: f.files.Bucket("renditions")}).PutManifest(context.WithoutCancel(r.Context()), m); err != nil && !errors.Is(err, bucket.ErrConflict) {
		f.t.Error(err)
	}
}

func newBackfill(t *testing.T, pictures int) (*backfill, *fakeFunction) {
	t.Helper()
	files, srv := buckettest.New(t, nil, "originals", "renditions")
	for i := range pictures {
		srv.CreateObject(fakestorage.Object{ObjectAttrs: fakestorage.ObjectAttrs{BucketName: "originals", Name: fmt.Sprintf("p%02d 사진.jpg", i)}})
	}
	srv.CreateObject(fakestorage.Object{ObjectAttrs: fakestorage.ObjectAttrs{BucketName: "originals", Name: "folder/"}})
	f := &fakeFunction{t: t, files: files}
	to := httptest.NewServer(f)
	t.Cleanup(to.Close)
	return &backfill{
		originals: "originals", renditions: "renditions", url: to.URL, concurrency: 4, attempts: 3, pause: time.Millisecond,
		opts: []option.ClientOption{option.WithEndpoint(srv.URL() + "/storage/v1/"), option.WithHTTPClient(http.DefaultClient)},
	}, f
}

func TestEachPictureIsHandledOnce(t *testing.T) {
	b, f := newBackfill(t, 30)
	f.reject = func(name string, attempt int) bool { return strings.HasPrefix(name, "p07") && attempt < 3 }
	var out bytes.Buffer
	if err := b.run(t.Context(), &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if len(f.received) != 32 || f.peak > 4 {
		t.Errorf("%d events, %d concurrent", len(f.received), f.peak)
	}
	if got := out.String(); got != "30 handled, 0 up to date, 0 failed\n" {
		t.Errorf("output %q", got)
	}
	t.Run("a second run sends no events", func(t *testing.T) {
		f.received = nil
		if err := b.run(t.Context(), io.Discard, io.Discard); err != nil || len(f.received) > 0 {
			t.Errorf("%d events: %v", len(f.received), err)
		}
	})
}

func TestNewPresetIsRenderedForOldPictures(t *testing.T) {
	b, f := newBackfill(t, 3)
	if err := b.run(t.Context(), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	f.received = nil
	var err error
	if b.presets, err = rendition.ParsePresets("icon=32"); err != nil {
		t.Fatal(err)
	}
	if err := b.run(t.Context(), io.Discard, io.Discard); err != nil || len(f.received) != 3 {
		t.Errorf("%d events: %v, want one for each picture", len(f.received), err)
	}
}

func TestStoppedRunContinues(t *testing.T) {
	b, f := newBackfill(t, 30)
	ctx, cancel := context.WithCancel(t.Context())
	f.reject = func(string, int) bool {
		if len(f.received) == 10 {
			cancel()
		}
		return false
	}
	if err := b.run(ctx, io.Discard, io.Discard); err == nil {
		t.Error("run returned nil after it was stopped")
	}
	f.mu.Lock() // requests of the stopped run may still end
	n := len(f.received)
	f.reject = nil
	f.mu.Unlock()
	if n > 15 {
		t.Errorf("%d events, want at most 15 after a stop at 10", n)
	}
	if err := b.run(t.Context(), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	slices.Sort(f.received)
	if all := slices.Compact(f.received); len(all) != 30 {
		t.Errorf("%d pictures were handled, want 30", len(all))
	}
}

func TestDryRunSendsNoEvents(t *testing.T) {
	b, f := newBackfill(t, 3)
	b.dryRun, b.from = true, "p01"
	var out bytes.Buffer
	if err := b.run(t.Context(), &out, io.Discard); err != nil || len(f.received) > 0 {
		t.Errorf("%d events: %v", len(f.received), err)
	}
	if got := out.String(); strings.Count(got, "would handle") != 2 || !strings.Contains(got, "2 to handle") {
		t.Errorf("output %q", got)
	}
}

func TestFailedPictureIsReported(t *testing.T) {
	b, f := newBackfill(t, 3)
	f.reject = func(name string, _ int) bool { return strings.HasPrefix(name, "p01") }
	var out bytes.Buffer
	if err := b.run(t.Context(), &out, io.Discard); err == nil || !strings.Contains(out.String(), "failed: \"p01 사진.jpg\"") {
		t.Errorf("%v, %q", err, out.String())
	}
}

func TestInvalidFlagsAreRejected(t *testing.T) {
	for _, args := range [][]string{
		{}, {"fill"}, {"backfill"}, {"backfill", "-originals", "a", "-renditions", "a", "-to", "http://x"},
		{"backfill", "-originals", "a", "-renditions", "b", "-to", "x"}, {"backfill", "-originals", "a", "-renditions", "b", "-n", "more"},
		{"backfill", "-originals", "a", "-renditions", "b", "-n", "-concurrency", "0"},
	} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("run(%q) succeeded, want an error", args)
		}
	}
}
