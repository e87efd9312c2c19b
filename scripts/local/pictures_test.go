//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"

	"github.com/hybrid-bts/functions/shared/schema/rendition"
)

// noisy returns a picture that does not compress well.
func noisy(w, h int, seed uint64) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	r := rand.New(rand.NewPCG(seed, 1))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{uint8(x + r.IntN(32)), uint8(y), uint8(seed) + uint8(x*y>>8), 255})
		}
	}
	return m
}

// sound returns a valid picture. Its format depends on i.
func sound(t *testing.T, i int) []byte {
	t.Helper()
	m := noisy(80+7*(i%60), 60+11*(i%40), uint64(i))
	var b bytes.Buffer
	var err error
	switch i % 5 {
	case 0, 1:
		err = jpeg.Encode(&b, m, nil)
	case 2:
		err = png.Encode(&b, m)
	case 3:
		for y := range 20 {
			m.SetNRGBA(0, y, color.NRGBA{})
		}
		err = png.Encode(&b, m)
	case 4:
		p := image.NewPaletted(m.Rect, palette.WebSafe)
		for i := range p.Pix {
			p.Pix[i] = uint8(i % 216)
		}
		err = gif.Encode(&b, p, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pngClaims returns a PNG whose header declares n by n pixels.
func pngClaims(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16))); err != nil {
		t.Fatal(err)
	}
	out := b.Bytes()
	for i := range 2 {
		copy(out[16+4*i:], []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	}
	sum := crc32.ChecksumIEEE(out[12:29])
	copy(out[29:], []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	return append(out, make([]byte, 560<<10)...)
}

// progressive returns 1.4 KB of a progressive JPEG that declares n by n pixels.
func progressive(n int) []byte {
	b := []byte{0xff, 0xd8, 0xff, 0xc2, 0, 17, 8, byte(n >> 8), byte(n), byte(n >> 8), byte(n), 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0}
	b = append(b, 0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 0, 0)
	return append(b, make([]byte, 1400-len(b))...)
}

// frames returns an animated GIF of n frames.
func frames(t *testing.T, n int) []byte {
	t.Helper()
	g := &gif.GIF{LoopCount: 0}
	frame := image.NewPaletted(image.Rect(0, 0, 64, 64), color.Palette{color.Black, color.White})
	for range n {
		g.Image, g.Delay = append(g.Image, frame), append(g.Delay, 1)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// hostile returns uploads by name, and whether image must render or reject them.
func hostile(t *testing.T) map[string]struct {
	data     []byte
	rendered bool
} {
	whole := sound(t, 0)
	cmyk, err := os.ReadFile("../../shared/engine/picture/testdata/cmyk.jpg")
	if err != nil {
		t.Fatal(err)
	}
	var deep bytes.Buffer
	if err := png.Encode(&deep, image.NewNRGBA64(image.Rect(0, 0, 1500, 1000))); err != nil {
		t.Fatal(err)
	}
	var large bytes.Buffer
	if err := jpeg.Encode(&large, noisy(4000, 3000, 1), nil); err != nil {
		t.Fatal(err)
	}
	type upload = struct {
		data     []byte
		rendered bool
	}
	return map[string]upload{
		"nothing.jpg":                         {nil, false},
		"text.jpg":                            {[]byte("no picture at all"), false},
		"drawing.svg":                         {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), false},
		"paper.pdf":                           {[]byte("%PDF-1.7\n%âãÏÓ"), false},
		"page.html":                           {[]byte("<!doctype html><script>alert(1)</script>"), false},
		"polyglot.gif":                        {[]byte("GIF89a/*\x00\x00*/=1;alert(document.domain)"), false},
		"polyglot.jpg":                        {append(slices.Clone(whole), "<script>alert(1)</script>PK\x03\x04"...), true},
		"truncated.jpg":                       {whole[:len(whole)*2/3], false},
		"12000x12000.png":                     {pngClaims(t, 12000), false},
		"7000x7000.png":                       {pngClaims(t, 7000), false},
		"16000x16000.jpg":                     {progressive(16000), false},
		"7000x7000.jpg":                       {progressive(7000), false},
		"10000-frames.gif":                    {frames(t, 10000), true},
		"12-megapixels.jpg":                   {large.Bytes(), true},
		"and-again.jpg":                       {large.Bytes(), true},
		"and-again-at-once.jpg":               {large.Bytes(), true},
		"cmyk.jpg":                            {cmyk, true},
		"16-bit.png":                          {deep.Bytes(), true},
		"large.bin":                           {make([]byte, 26<<20), false},
		"noise.jpg":                           {append([]byte("\xff\xd8\xff"), bytes.Repeat([]byte{0xff, 0xe1, 0, 2}, 1<<20)...), false},
		"hostile/../../etc/passwd.jpg":        {whole, true},
		"hostile/line\nbreak.jpg":             {whole, true},
		"hostile/nul\x00.jpg":                 {whole, true},
		"hostile/" + strings.Repeat("가", 338): {whole, true}, // 1,022 bytes
	}
}

// The test uploads valid and hostile pictures while events are delivered twice and out of order.
func TestEveryPictureIsRenderedOnce(t *testing.T) {
	sys := start(t, "-seed=false", "-redeliver", "0.3", "-shuffle")
	notices := sys.notices(t)
	t.Setenv("STORAGE_EMULATOR_HOST", sys.env["image"]["STORAGE_EMULATOR_HOST"])
	files, err := storage.NewClient(t.Context(), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	peak := watchMemory(t, sys.log.pids("image")[0])

	const pictures = 200
	rendered, rejected := []string{}, []string{}
	upload := func(name string, data []byte) string {
		w := files.Bucket(originals).Object(name).NewWriter(t.Context())
		w.ContentType, w.ChunkSize = "image/jpeg", 0
		w.Metadata = map[string]string{"resizedImage": "true"} // the metadata of the Resize Images extension, which image must ignore
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatalf("upload %q: %v", name, err)
		}
		return fmt.Sprint(name, "#", w.Attrs().Generation)
	}
	for i := range pictures {
		rendered = append(rendered, upload(fmt.Sprintf("mixed/%03d.jpg", i), sound(t, i)))
	}
	for name, tc := range hostile(t) {
		if id := upload(name, tc.data); tc.rendered {
			rendered = append(rendered, id)
		} else {
			rejected = append(rejected, id)
		}
	}
	began := time.Now()
	want := expected(t, rendered, rejected)
	for deadline := time.Now().Add(2 * time.Minute); len(list(t, files, renditions))+len(list(t, files, archive)) < want.objects; {
		if time.Now().After(deadline) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("%d pictures rendered and %d rejected in %v", len(rendered), len(rejected), time.Since(began).Round(time.Millisecond))
	time.Sleep(2 * maxDelay) // for second deliveries

	var manifests []string
	for _, name := range list(t, files, renditions) {
		if object, ok := strings.CutSuffix(name, "/manifest.json"); ok {
			manifests = append(manifests, object)
			continue
		}
		if !want.renditions[name] {
			t.Errorf("unexpected rendition %q", name)
		}
		delete(want.renditions, name)
	}
	for name := range want.renditions {
		t.Errorf("missing rendition %q", name)
	}
	if len(manifests) != len(rendered) {
		t.Errorf("%d manifests, want %d", len(manifests), len(rendered))
	}
	kept := list(t, files, archive)
	for name := range want.archived {
		if !slices.Contains(kept, name) {
			t.Errorf("the archive lacks %q", name)
		}
	}
	if len(kept) != len(want.archived) {
		t.Errorf("the archive has %d objects, want %d: %q", len(kept), len(want.archived), kept)
	}
	// A rendering is announced once. The notice of a rejection repeats with its event.
	got := notices(len(rendered) + len(rejected))
	for kind, want := range map[string][]string{rendition.NoticeReady: rendered, rendition.NoticeRejected: rejected} {
		slices.Sort(got[kind])
		slices.Sort(want)
		if kind == rendition.NoticeRejected {
			got[kind] = slices.Compact(got[kind])
		}
		if !slices.Equal(got[kind], want) {
			t.Errorf("%d notices %s for %d pictures", len(got[kind]), kind, len(want))
		}
	}
	if len(got) != 2 {
		t.Errorf("notices of %d types, want 2", len(got))
	}
	if mib := peak(); mib > 256 {
		t.Errorf("image used %d MiB, want 256 or less", mib)
	} else {
		t.Logf("image used up to %d MiB", mib)
	}
	if n := len(sys.log.pids("image")); n != 1 {
		t.Errorf("image was started %d times", n)
	}
}

// wanted are the objects that must exist after a test.
type wanted struct {
	renditions, archived map[string]bool
	objects              int
}

// expected returns the objects that image must write for some originals, each given as name#generation.
func expected(t *testing.T, rendered, rejected []string) wanted {
	t.Helper()
	w := wanted{map[string]bool{}, map[string]bool{}, 0}
	split := func(id string) (string, int64) {
		at := strings.LastIndex(id, "#")
		g, err := strconv.ParseInt(id[at+1:], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return id[:at], g
	}
	for _, id := range rendered {
		name, g := split(id)
		contentType := "image/jpeg"
		if n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(name, "mixed/"), ".jpg")); name == "16-bit.png" || err == nil && n%5 == 3 {
			contentType = "image/png" // with transparent pixels
		}
		for _, p := range []string{"thumb", "card", "page", "zoom"} {
			w.renditions[rendition.Name(name, g, p, contentType)] = true
		}
		w.archived[fmt.Sprintf("originals/%s/%d", rendition.Key(name), g)] = true
	}
	for _, id := range rejected {
		name, g := split(id)
		w.archived[fmt.Sprintf("originals/%s/%d", rendition.Key(name), g)] = true
		w.archived[fmt.Sprintf("failed/%s/%d", rendition.Key(name), g)] = true
		w.archived[fmt.Sprintf("failed/%s/%d.reason.json", rendition.Key(name), g)] = true
	}
	w.objects = len(w.renditions) + len(rendered) + len(w.archived)
	return w
}

// list returns the names of the objects in a bucket.
func list(t *testing.T, files *storage.Client, bucket string) []string {
	t.Helper()
	var names []string
	for it := files.Bucket(bucket).Objects(t.Context(), nil); ; {
		o, err := it.Next()
		if err == iterator.Done {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, o.Name)
	}
}

// notices returns a function that waits for the notices of n objects on topic images, and a second more, and returns the objects
// of each type of notice as name#generation, once for each notice.
func (r *running) notices(t *testing.T) func(n int) map[string][]string {
	t.Helper()
	client := r.pubsub(t)
	sub := subscriptionPath(fmt.Sprintf("test-%d", time.Now().UnixNano()))
	if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name: sub, Topic: topicPath(prefix + "images"), AckDeadlineSeconds: 60,
	}); err != nil {
		t.Fatal(err)
	}
	return func(n int) map[string][]string {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		var mu sync.Mutex
		got, seen := map[string][]string{}, map[string]bool{}
		if err := client.Subscriber(sub).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
			defer m.Ack()
			mu.Lock()
			defer mu.Unlock()
			var manifest rendition.Manifest // a rejection has the same two fields
			if err := json.Unmarshal(m.Data, &manifest); err != nil {
				t.Error(err)
			}
			kind, id := m.Attributes[rendition.NoticeType], fmt.Sprint(manifest.Object, "#", manifest.Generation)
			got[kind] = append(got[kind], id)
			if seen[id] {
				return
			}
			if seen[id] = true; len(seen) == n {
				time.AfterFunc(time.Second, cancel)
			}
		}); err != nil {
			t.Fatal(err)
		}
		return got
	}
}

// watchMemory returns a function that returns the peak memory of a process in MiB, or 0 if the system does not report it.
func watchMemory(t *testing.T, pid int) func() int {
	return func() int {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Logf("memory is not measured: %v", err)
			return 0
		}
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				kib, err := strconv.Atoi(strings.Fields(rest)[0])
				if err != nil {
					t.Fatal(err)
				}
				return kib / 1024
			}
		}
		return 0
	}
}
