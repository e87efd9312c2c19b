package jsontest

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// MaxResponse is the largest response that Fuzz accepts, in bytes: 16 errors with 600 bytes of text, and the escapes of JSON.
const MaxResponse = 32 << 10

// hostileSeeds are bodies that once crashed a validator, or are close to such a body.
var hostileSeeds = []string{
	``, `null`, `[]`, `{}`, `[[[`, `{"rating":1e999}`, `{"photos":[[],[]]}`, `{"product":"p","rating":5,"photos":[{},{}]}`,
	`{"content_type":[]}`, `{"verdict":{},"revision":1}`, `{"verdict":"publish","revision":9223372036854775807}`, `{"text":"\ud800"}`,
}

// Fuzz sends bodies of every shape to each operation of a document that has a body. params are the values of the parameters in
// paths, header is sent with each request, and bodies contain some of strs. The test fails when a response is a 5xx or longer
// than MaxResponse, or when h logs an ERROR.
func Fuzz(f *testing.F, document json.Marshaler, h http.Handler, params map[string]string, header http.Header, strs []string) {
	f.Helper()
	operations := Operations(f, document)
	var paths []string
	for name, value := range params {
		paths = append(paths, "{"+name+"}", value)
	}
	replace := strings.NewReplacer(paths...)
	for i := range operations {
		for _, body := range hostileSeeds {
			f.Add(byte(i), []byte("\xff"+body))
		}
	}
	f.Fuzz(func(t *testing.T, operation byte, seed []byte) {
		var log bytes.Buffer
		old := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
		defer slog.SetDefault(old)
		op := operations[int(operation)%len(operations)]
		body := Body(seed, op.Fields, strs)
		r := httptest.NewRequest(op.Method, replace.Replace(op.Path), bytes.NewReader(body))
		maps.Copy(r.Header, header)
		r.Header.Set("Content-Type", op.ContentTypes[0])
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError || w.Body.Len() > MaxResponse || strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("%s %s with %.500q: %d, %d bytes: %.500s %s", op.Method, op.Path, body, w.Code, w.Body.Len(), w.Body, log.String())
		}
	})
}
