package delivery

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// readOne returns the event in a request with the given header and body.
func readOne(header http.Header, body string) (Event, error) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header = header
	e, release, err := NewReader().Read(httptest.NewRecorder(), r)
	release()
	return e, err
}

// zipped returns the gzip form of data.
func zipped(t testing.TB, data string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPushesWithAndWithoutEnvelopeAreRead(t *testing.T) {
	const payload = `{"product":"butter"}`
	wrapped := `{"message":{"data":"eyJwcm9kdWN0IjoiYnV0dGVyIn0=","message_id":"7"},"subscription":"projects/shop/subscriptions/s"}`
	metadata := func(more ...string) http.Header {
		h := http.Header{
			"X-Goog-Pubsub-Message-Id": {"7"}, "X-Goog-Pubsub-Subscription-Name": {"projects/shop/subscriptions/s"},
			"X-Goog-Pubsub-Publish-Time": {"2026-11-20T09:15:02.313Z"}, "User-Agent": {"CloudPubSub-Google"}, "From": {"noreply@google.com"},
			"Authorization": {"Bearer secret"}, "X-Serverless-Authorization": {"Bearer secret"},
		}
		for i := 0; i < len(more); i += 2 {
			h.Set(more[i], more[i+1])
		}
		return h
	}
	message := func(data string, attributes map[string]string) Event {
		return Event{ID: "7", Type: MessagePublished, Source: "projects/shop/subscriptions/s", Data: []byte(data), Attributes: attributes}
	}
	for _, tc := range []struct {
		name   string
		header http.Header
		body   string
		want   Event
	}{
		{"envelope with message_id alone", nil, wrapped, message(payload, nil)},
		{"compressed envelope", http.Header{"Content-Encoding": {"gzip"}}, zipped(t, wrapped), message(payload, nil)},
		{
			"no envelope, with metadata", metadata("schema_version", "1", "eventType", "OBJECT_FINALIZE"), payload,
			message(payload, map[string]string{"schema_version": "1", "eventType": "OBJECT_FINALIZE"}),
		},
		{"no envelope, no data", metadata("kind", "vote"), "", message("", map[string]string{"kind": "vote"})},
		{"payload that resembles an envelope", metadata(), wrapped, message(wrapped, map[string]string{})},
		{"attributes that resemble a CloudEvent", metadata("Ce-Specversion", "1.0"), payload, message(payload, map[string]string{"ce-specversion": "1.0"})},
		{
			"no envelope, no metadata", nil, payload,
			Event{ID: "sha256-20263da8e08d1e03ef2f998cf4b0a985", Type: MessagePublished, Data: []byte(payload)},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.header == nil {
				tc.header = http.Header{}
			}
			got, err := readOne(tc.header, tc.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.Transformer("text", func(b []byte) string { return string(b) })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCloudEventHasOneFormOfData(t *testing.T) {
	header := http.Header{"Content-Type": {"application/cloudevents+json"}}
	const head = `{"specversion":"1.0","id":"1","source":"s","type":"t",`
	for body, want := range map[string]string{
		`"data":{"a":1}}`:                       `{"a":1}`,
		`"data_base64":"YQ=="}`:                 "a",
		`"data":null,"data_base64":"YQ=="}`:     "a",
		`"data":1,"data_base64":"YQ=="}`:        "error",
		`"data_base64":"YQ==","data":{"a":1}}`:  "error",
		`"data":1,"data":2,"data_base64":"YQ"}`: "error",
	} {
		e, err := readOne(header, head+body)
		if (err != nil) != (want == "error") || err == nil && string(e.Data) != want {
			t.Errorf("%s: data %q, error %v, want %s", body, e.Data, err, want)
		}
	}
}

func TestDecompressionIsBounded(t *testing.T) {
	var large *http.MaxBytesError
	_, err := readOne(http.Header{"Content-Encoding": {"gzip"}}, zipped(t, strings.Repeat(" ", MaxBody+1)))
	if !errors.As(err, &large) {
		t.Errorf("decompressed size above the limit: %v, want a MaxBytesError", err)
	}
	if _, err := readOne(http.Header{"Content-Encoding": {"gzip"}}, "no gzip"); err == nil {
		t.Error("invalid gzip is an event")
	}
	if _, err := readOne(http.Header{"Content-Encoding": {"gzip, gzip"}}, ""); !errors.Is(err, ErrEncoding) {
		t.Errorf("two encodings: %v, want ErrEncoding", err)
	}
}

func TestEventsInWorkBoundTheMemoryOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReader()
		read := func(size int64) (func(), error) {
			req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("payload"))
			req.ContentLength = size
			_, release, err := r.Read(httptest.NewRecorder(), req)
			return release, err
		}
		small, err := read(1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int64{MaxBody, -1} { // -1 stands for an unknown size
			if _, err := read(size); !errors.Is(err, ErrBusy) {
				t.Errorf("event of size %d beside another: %v, want ErrBusy", size, err)
			}
		}
		if release, err := read(MaxBody - 1000); err != nil {
			t.Errorf("event in the rest of the memory: %v", err)
		} else {
			release()
		}
		small()
		large, err := read(-1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := read(1); !errors.Is(err, ErrBusy) {
			t.Errorf("event beside one of unknown size: %v, want ErrBusy", err)
		}
		large()
		for range 3 { // errors release the memory
			req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"message":{}}`))
			req.ContentLength = -1
			if _, release, err := r.Read(httptest.NewRecorder(), req); err == nil || errors.Is(err, ErrBusy) {
				t.Errorf("malformed event: %v", err)
			} else {
				release()
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("../testdata/*.http")
	if err != nil || len(files) == 0 {
		f.Fatalf("no recorded requests: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		head, body, _ := bytes.Cut(raw, []byte("\n\n"))
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(append(head, "\n\n"...))))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(r.Header.Get("Content-Type"), r.Header.Get("Ce-Id"), r.Header.Get("Ce-Type"), r.Header.Get("Ce-Source"), "", "", "", body)
	}
	f.Add("application/json", "", "", "", "7", "schema_version", "1", []byte(`{"product":"butter"}`))
	f.Add("application/json", "", "", "", "", "Content-Encoding", "gzip", []byte(zipped(f, `{"message":{"message_id":"7"}}`)))
	f.Add("application/cloudevents+json", "", "", "", "", "", "", []byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","data":1,"data_base64":"YQ=="}`))
	f.Fuzz(func(t *testing.T, contentType, id, typ, source, messageID, name, value string, body []byte) {
		h := http.Header{}
		for field, v := range map[string]string{
			"Content-Type": contentType, "Ce-Id": id, "Ce-Type": typ, "Ce-Source": source, messageIDField: messageID,
			"Authorization": "Bearer secret", http.CanonicalHeaderKey(name): value,
		} {
			if v != "" && field != "" {
				h[field] = []string{v}
			}
		}
		if id != "" {
			h["Ce-Specversion"] = []string{"1.0"}
		}
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header = h
		e, release, err := NewReader().Read(httptest.NewRecorder(), r)
		release()
		if err != nil {
			return
		}
		if e.ID == "" || e.Type == "" {
			t.Errorf("%v %q is the event %+v without an ID or a type", h, body, e)
		}
		if len(e.Data) > MaxBody || h.Get(messageIDField) != "" && e.Attributes["authorization"] != "" {
			t.Errorf("%v is the event %+v", h, e)
		}
	})
}
