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

// function stands for image: it writes the manifest of what it is sent.
type function struct {
	t     *testing.T
	files *storage.Client

	mu       sync.Mutex
	got      []string
	inFlight int
	most     int
	refuse   func(name string, times int) bool
}

func (f *function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var o struct {
		Bucket, Name string
		Generation   int64 `json:",string"`
	}
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil || o.Bucket != "originals" || r.Header.Get("Ce-Type") == "" {
		f.t.Errorf("sent %+v %v: %v", o, r.Header, err)
	}
	f.mu.Lock()
	f.got = append(f.got, o.Name)
	f.inFlight++
	f.most = max(f.most, f.inFlight)
	times := 0
	for _, name := range f.got {
		if name == o.Name {
			times++
		}
	}
	refused := f.refuse != nil && f.refuse(o.Name, times)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.inFlight--
	}()
	time.Sleep(5 * time.Millisecond)
	if refused {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	m := &rendition.Manifest{Object: o.Name, Generation: o.Generation, Width: 1, Height: 1, Announced: true}
	if err := (bucket.Bucket{Handle: f.files.Bucket("renditions")}).PutManifest(context.WithoutCancel(r.Context()), m); err != nil && !errors.Is(err, bucket.ErrConflict) {
		f.t.Error(err)
	}
}

func newBackfill(t *testing.T, pictures int) (*backfill, *function) {
	t.Helper()
	files, srv := buckettest.New(t, nil, "originals", "renditions")
	for i := range pictures {
		srv.CreateObject(fakestorage.Object{ObjectAttrs: fakestorage.ObjectAttrs{BucketName: "originals", Name: fmt.Sprintf("p%02d 사진.jpg", i)}})
	}
	srv.CreateObject(fakestorage.Object{ObjectAttrs: fakestorage.ObjectAttrs{BucketName: "originals", Name: "folder/"}})
	f := &function{t: t, files: files}
	to := httptest.NewServer(f)
	t.Cleanup(to.Close)
	return &backfill{
		originals: "originals", renditions: "renditions", url: to.URL, concurrency: 4, attempts: 3, pause: time.Millisecond,
		opts: []option.ClientOption{option.WithEndpoint(srv.URL() + "/storage/v1/"), option.WithHTTPClient(http.DefaultClient)},
	}, f
}

func TestEveryPictureIsHandledOnce(t *testing.T) {
	b, f := newBackfill(t, 30)
	f.refuse = func(name string, times int) bool { return strings.HasPrefix(name, "p07") && times < 3 }
	var out bytes.Buffer
	if err := b.run(t.Context(), &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if len(f.got) != 32 || f.most > 4 {
		t.Errorf("%d events, %d at once", len(f.got), f.most)
	}
	if got := out.String(); got != "30 handled, 0 had their renditions, 0 failed\n" {
		t.Errorf("it says %q", got)
	}
	t.Run("and not again", func(t *testing.T) {
		f.got = nil
		if err := b.run(t.Context(), io.Discard, io.Discard); err != nil || len(f.got) > 0 {
			t.Errorf("%d events: %v", len(f.got), err)
		}
	})
}

func TestAPresetThatIsNewIsMadeForOldPictures(t *testing.T) {
	b, f := newBackfill(t, 3)
	if err := b.run(t.Context(), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	f.got = nil
	var err error
	if b.presets, err = rendition.ParsePresets("icon=32"); err != nil {
		t.Fatal(err)
	}
	if err := b.run(t.Context(), io.Discard, io.Discard); err != nil || len(f.got) != 3 {
		t.Errorf("%d events: %v, want one for each picture", len(f.got), err)
	}
}

func TestItGoesOnWhereItStopped(t *testing.T) {
	b, f := newBackfill(t, 30)
	ctx, cancel := context.WithCancel(t.Context())
	f.refuse = func(string, int) bool {
		if len(f.got) == 10 {
			cancel()
		}
		return false
	}
	if err := b.run(ctx, io.Discard, io.Discard); err == nil {
		t.Error("it says nothing of having been stopped")
	}
	if n := len(f.got); n > 15 {
		t.Errorf("%d events after it was stopped at 10", n)
	}
	f.refuse = nil
	if err := b.run(t.Context(), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	slices.Sort(f.got)
	if all := slices.Compact(f.got); len(all) != 30 {
		t.Errorf("%d pictures are handled", len(all))
	}
}

func TestADryRunSendsNothing(t *testing.T) {
	b, f := newBackfill(t, 3)
	b.dryRun, b.from = true, "p01"
	var out bytes.Buffer
	if err := b.run(t.Context(), &out, io.Discard); err != nil || len(f.got) > 0 {
		t.Errorf("%d events: %v", len(f.got), err)
	}
	if got := out.String(); strings.Count(got, "would handle") != 2 || !strings.Contains(got, "2 to handle") {
		t.Errorf("it says %q", got)
	}
}

func TestAFailureIsTold(t *testing.T) {
	b, f := newBackfill(t, 3)
	f.refuse = func(name string, _ int) bool { return strings.HasPrefix(name, "p01") }
	var out bytes.Buffer
	if err := b.run(t.Context(), &out, io.Discard); err == nil || !strings.Contains(out.String(), "failed: \"p01 사진.jpg\"") {
		t.Errorf("%v, %q", err, out.String())
	}
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{
		{}, {"fill"}, {"backfill"}, {"backfill", "-originals", "a", "-renditions", "a", "-to", "http://x"},
		{"backfill", "-originals", "a", "-renditions", "b", "-to", "x"}, {"backfill", "-originals", "a", "-renditions", "b", "-n", "more"},
		{"backfill", "-originals", "a", "-renditions", "b", "-n", "-concurrency", "0"},
	} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
