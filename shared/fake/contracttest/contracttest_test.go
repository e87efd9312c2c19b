package contracttest

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const document = `{
  "openapi": "3.1.0", "info": {"title": "t", "version": "1"},
  "paths": {
    "/v1/things/{thing}": {"get": {
      "operationId": "get-thing",
      "parameters": [
        {"name": "thing", "in": "path", "required": true, "schema": {"type": "string"}},
        {"name": "size", "in": "query", "schema": {"type": "integer", "minimum": 1}}
      ],
      "responses": {
        "200": {"description": "OK", "content": {
          "application/json": {"schema": {"$ref": "#/components/schemas/Thing"}},
          "text/event-stream": {"schema": {"type": "string"}},
          "application/x-ndjson": {"schema": {"$ref": "#/components/schemas/Thing"}},
          "image/png": {}
        }},
        "304": {"description": "Not Modified"},
        "404": {"description": "Not Found", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
      }
    }},
    "/img/{object}": {"get": {
      "operationId": "get-file",
      "parameters": [{"name": "object", "in": "path", "required": true, "schema": {"type": "string"}}],
      "responses": {"200": {"description": "OK", "content": {"image/png": {}}}}
    }}
  },
  "components": {"schemas": {
    "Thing": {"type": "object", "required": ["id", "at"], "additionalProperties": false,
      "properties": {"id": {"type": "string", "format": "uuid"}, "at": {"type": ["string", "null"], "format": "date-time"}}},
    "Problem": {"type": "object", "required": ["title", "status"], "additionalProperties": false,
      "properties": {"title": {"type": "string"}, "status": {"type": "integer"}}}
  }}
}`

const thing = `{"id":"6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11","at":null}`

func zip(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestExchangesAreCheckedAgainstTheDocument(t *testing.T) {
	c, err := Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	const problem = "application/problem+json"
	for _, tc := range []struct {
		name, method, target string
		status               int
		contentType, body    string
		compressed           bool
		want                 string // a part of the error; "" for none
	}{
		{name: "valid", body: thing},
		{name: "compressed", body: thing, compressed: true},
		{name: "missing field", body: `{"at":null}`, want: "'id'"},
		{name: "missing field, compressed", body: `{"at":null}`, compressed: true, want: "'id'"},
		{name: "unknown field", body: strings.Replace(thing, "{", `{"secret":1,`, 1), want: "secret"},
		{name: "wrong type", body: strings.Replace(thing, "null", "7", 1), want: "at"},
		{name: "wrong format", body: strings.Replace(thing, "null", `"noon"`, 1), want: "date-time"},
		{name: "not JSON", body: "{", want: "decode"},
		{name: "wrong content type", contentType: "text/html", body: "<p>", want: "text/html"},
		{name: "undocumented status", status: 201, body: thing, want: "201"},
		{name: "invalid parameter accepted", target: "/v1/things/a?size=0", body: thing, want: "accepted"},
		{name: "invalid parameter rejected", target: "/v1/things/a?size=0", status: 404, contentType: problem, body: `{"title":"t","status":404}`},
		{name: "incomplete problem", status: 404, contentType: problem, body: `{"title":"t"}`, want: "status"},
		{name: "304", status: 304},
		{name: "304 with a body", status: 304, body: thing, want: "no body"},
		{name: "HEAD", method: http.MethodHead},
		{name: "HEAD with an undocumented status", method: http.MethodHead, status: 201, want: "201"},
		{name: "NDJSON", contentType: "application/x-ndjson", body: thing + "\n" + thing + "\n"},
		{name: "NDJSON with an invalid line", contentType: "application/x-ndjson", body: thing + "\n{}\n", want: "line 2"},
		{name: "event stream", contentType: "text/event-stream", body: "data: 1\n\n"},
		{name: "undocumented event stream", target: "/img/a", contentType: "text/event-stream", body: "data: 1\n\n", want: "event-stream"},
		{name: "parameter with slashes", target: "/img/a/b%20c.png", contentType: "image/png", body: "x"},
		{name: "undocumented path", target: "/v1/others", body: thing, want: "without an operation"},
		{name: "undocumented method", method: http.MethodPost, body: thing, want: "without an operation"},
		{name: "404 as a problem", target: "/v1/others", status: 404, contentType: problem, body: `{"title":"t","status":404}`},
		{name: "404 as text", target: "/v1/others", status: 404, contentType: "text/plain", body: "no", want: "instead of a problem"},
		{name: "404 as an incomplete problem", target: "/v1/others", status: 404, contentType: problem, body: `{}`, want: "title"},
		{name: "page outside the API", target: "/", contentType: "text/html", body: "<p>"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := exchange{status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}}, body: []byte(tc.body)}
			if tc.status > 0 {
				e.status = tc.status
			}
			method, target := http.MethodGet, "/v1/things/a"
			if tc.method != "" {
				method = tc.method
			}
			if tc.target != "" {
				target = tc.target
			}
			if tc.contentType != "" {
				e.header.Set("Content-Type", tc.contentType)
			}
			if tc.compressed {
				e.header.Set("Content-Encoding", "gzip")
				e.body = []byte(zip(t, tc.body))
			}
			e.request = httptest.NewRequest(method, target, nil)
			switch err := c.check(e); {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("check() = %v, want one with %q", err, tc.want)
			}
		})
	}
}

// failing is a testing.TB that records whether the test failed.
type failing struct {
	testing.TB
	failed bool
}

// Helper implements testing.TB.
func (f *failing) Helper() {}

// Errorf implements testing.TB.
func (f *failing) Errorf(string, ...any) { f.failed = true }

func TestTransportFailsTheTestOnAViolation(t *testing.T) {
	c, err := Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]bool{thing: false, `{}`: true} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		}))
		defer server.Close()
		f := &failing{TB: t}
		client := http.Client{Transport: Transport(f, c, http.DefaultTransport)}
		resp, err := client.Get(server.URL + "/v1/things/a")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if f.failed != want {
			t.Errorf("%s: failed is %v", body, f.failed)
		}
	}
}
