package event

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"

	"github.com/hybrid-bts/functions/shared/serve"
	"github.com/hybrid-bts/functions/shared/topic"
)

// poison is a push of a message that every handler rejects.
func poison(id int) string { return fmt.Sprintf(`{"message":{"messageId":"%d","data":"YQ=="}}`, id) }

// unusedAddress returns an address of this machine at which nothing listens.
func unusedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A function answers within 20 s. Cloud Run kills an instance 10 s after SIGTERM.
func TestRefusedDeadLettersDelayNeitherOtherResponsesNorTheStop(t *testing.T) {
	t.Setenv("PUBSUB_EMULATOR_HOST", unusedAddress(t))
	client, err := topic.Open(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	h := Handler(func(context.Context, Event) error { return Permanent(errors.New("poison")) }, DeadLetterTopic(client.Topic("dead")))
	port := unusedAddress(t)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = serve.HTTP(ctx, port, h) // an error: requests are in flight when it stops
		_ = client.Close()
	}()
	for { // until the server listens
		if c, err := net.Dial("tcp", port); err == nil {
			_ = c.Close()
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	began := time.Now()
	var requests sync.WaitGroup
	defer requests.Wait()
	for id := range 4 {
		requests.Go(func() {
			resp, err := http.Post("http://"+port, "application/json", strings.NewReader(poison(id)))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if took := time.Since(began); resp.StatusCode != http.StatusServiceUnavailable || took > 15*time.Second {
				t.Errorf("poison message %d: %s after %v, want 503 within 15 s", id, resp.Status, took)
			}
		})
	}
	time.Sleep(4 * time.Second) // so that the next publication ends after the grace
	requests.Go(func() {
		if resp, err := http.Post("http://"+port, "application/json", strings.NewReader(poison(4))); err == nil {
			_ = resp.Body.Close()
		}
	})
	time.Sleep(time.Second)
	signal := time.Now()
	stop()
	<-stopped
	if took := time.Since(signal); took > serve.Grace+2*time.Second {
		t.Errorf("the stop took %v, want at most %v", took, serve.Grace+2*time.Second)
	}
}

// heldPublisher confirms no message until release is closed.
type heldPublisher struct {
	arrived chan struct{}
	release chan struct{}
}

// Publish implements Publisher.
func (p heldPublisher) Publish(context.Context, []byte, map[string]string) error {
	p.arrived <- struct{}{}
	<-p.release
	return nil
}

func TestDeadLettersArePublishedConcurrently(t *testing.T) {
	p := heldPublisher{make(chan struct{}), make(chan struct{})}
	dead := DeadLetterTopic(p)
	var letters sync.WaitGroup
	for id := range 4 {
		letters.Go(func() {
			if err := dead(t.Context(), Event{ID: fmt.Sprint(id)}, errors.New("why")); err != nil {
				t.Error(err)
			}
		})
	}
	for range 4 {
		select {
		case <-p.arrived:
		case <-time.After(10 * time.Second):
			t.Fatal("a dead letter waits for the publication of another")
		}
	}
	close(p.release)
	letters.Wait()
}

// strictPublisher rejects requests of more than 10 MB, as Pub/Sub does, and keeps the last message.
type strictPublisher struct{ last *pubsubpb.PubsubMessage }

// Publish implements Publisher.
func (p *strictPublisher) Publish(_ context.Context, data []byte, attributes map[string]string) error {
	p.last = &pubsubpb.PubsubMessage{Data: data, Attributes: attributes}
	name := "projects/" + strings.Repeat("p", 30) + "/topics/" + strings.Repeat("t", 255)
	request := &pubsubpb.PublishRequest{Topic: name, Messages: []*pubsubpb.PubsubMessage{p.last}}
	if size := proto.Size(request); size > 10_000_000 {
		return fmt.Errorf("request has %d bytes", size)
	}
	return nil
}

func TestDeadLetterOfTheLargestMessageIsTruncated(t *testing.T) {
	const largest = 10_000_000
	attributes := map[string]string{"schema_version": "1"}
	many := map[string]string{}
	for i := range maxAttributes {
		many[fmt.Sprintf("%0256d", i)] = strings.Repeat("v", 1024)
	}
	for _, tc := range []struct {
		name       string
		size       int
		attributes map[string]string
		truncated  bool
	}{
		{"largest", largest - 1000, attributes, true},
		{"with room for attributes", largest - 17<<10, attributes, false},
		{"with many attributes", largest - 130<<10, many, true},
		{"small", 1, attributes, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p strictPublisher
			e := Event{ID: "7", Type: "t", Source: strings.Repeat("s", 2000), Data: make([]byte, tc.size), Attributes: tc.attributes}
			if err := DeadLetterTopic(&p)(t.Context(), e, errors.New(strings.Repeat("r", 2000))); err != nil {
				t.Fatal(err)
			}
			size, truncated := p.last.Attributes[TruncatedAttribute]
			if truncated != tc.truncated || truncated && (size != fmt.Sprint(tc.size) || len(p.last.Data) != 64<<10) {
				t.Errorf("%d bytes of data, truncated from %q", len(p.last.Data), size)
			}
			if !truncated && len(p.last.Data) != tc.size {
				t.Errorf("%d bytes of data, want all %d", len(p.last.Data), tc.size)
			}
			if len(tc.attributes) == 1 && p.last.Attributes["schema_version"] != "1" || len(p.last.Attributes) > maxAttributes {
				t.Errorf("attributes %.200v", p.last.Attributes)
			}
		})
	}
}

// endless reads as the letter A without end.
type endless struct{}

// Read implements io.Reader.
func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'A'
	}
	return len(p), nil
}

func TestParallelPushesOfTheLargestSizeTakeLittleMemory(t *testing.T) {
	const pushes, letters, limit = 12, 14_600_000, 96 << 20
	head, tail := `{"message":{"messageId":"1","data":"`, `"}}`
	memory := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapSys - m.HeapReleased
	}
	debug.FreeOSMemory()
	before, peak := memory(), uint64(0)
	h := Handler(func(_ context.Context, e Event) error {
		if len(e.Data) != letters/4*3 {
			t.Errorf("%d bytes of data", len(e.Data))
		}
		return nil
	}, noDeadLetters(t))
	done := make(chan struct{})
	sampled := make(chan struct{})
	go func() {
		defer close(sampled)
		for {
			peak = max(peak, memory())
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	handled := make(chan int, pushes)
	for range pushes {
		go func() {
			body := io.MultiReader(strings.NewReader(head), io.LimitReader(endless{}, letters), strings.NewReader(tail))
			r := httptest.NewRequest(http.MethodPost, "/", body)
			r.ContentLength = int64(len(head) + letters + len(tail))
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			handled <- w.Code
		}()
	}
	acknowledged := 0
	for range pushes {
		switch code := <-handled; code {
		case http.StatusNoContent:
			acknowledged++
		case http.StatusServiceUnavailable: // waited too long on a slow machine
		default:
			t.Errorf("status %d", code)
		}
	}
	close(done)
	<-sampled
	if growth := peak - before; peak > before && growth > limit || acknowledged == 0 {
		t.Errorf("memory grew by %d MiB for %d acknowledged pushes, want at most %d MiB", growth>>20, acknowledged, limit>>20)
	} else {
		t.Logf("memory grew by %d MiB, %d pushes acknowledged", int64(growth)>>20, acknowledged)
	}
}
