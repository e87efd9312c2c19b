package cloudlog_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/shared/cloudlog"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID  = "00f067aa0ba902b7"
)

// logged returns the single record that f writes while it handles a request with the given headers.
func logged(t testing.TB, header http.Header, f func(*slog.Logger, *http.Request)) map[string]any {
	t.Helper()
	var out bytes.Buffer
	log := cloudlog.New(&out)
	h := cloudlog.Trace("shop", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { f(log, r) }))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header = header
	h.ServeHTTP(httptest.NewRecorder(), r)
	if strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("wrote %q, want one line", out.String())
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("wrote %q: %v", out.String(), err)
	}
	delete(got, "time")
	return got
}

func TestRecordHasTheFieldsOfCloudLogging(t *testing.T) {
	got := logged(t, nil, func(log *slog.Logger, r *http.Request) {
		log.WarnContext(r.Context(), "too slow\nby far", "took_ms", 12, "level", "kept")
	})
	delete(got, "request_id")
	want := map[string]any{"severity": "WARNING", "message": "too slow\nby far", "took_ms": 12.0, "level": "kept"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLevelsMapToSeverities(t *testing.T) {
	for level, want := range map[slog.Level]string{
		slog.LevelDebug: "", slog.LevelInfo: "INFO", slog.LevelWarn: "WARNING",
		slog.LevelError: "ERROR", slog.LevelError + 4: "ERROR", slog.LevelInfo + 1: "INFO",
	} {
		var out bytes.Buffer
		cloudlog.New(&out).Log(t.Context(), level, "m")
		if want == "" {
			if out.Len() > 0 {
				t.Errorf("level %v wrote %q, want nothing", level, out.String())
			}
			continue
		}
		if !strings.Contains(out.String(), `"severity":"`+want+`"`) {
			t.Errorf("level %v wrote %q, want severity %s", level, out.String(), want)
		}
	}
}

func TestRecordsNameTheTraceOfTheRequest(t *testing.T) {
	const parent = "00-" + traceID + "-" + spanID + "-01"
	full := map[string]any{
		"logging.googleapis.com/trace":         "projects/shop/traces/" + traceID,
		"logging.googleapis.com/spanId":        spanID,
		"logging.googleapis.com/trace_sampled": true,
	}
	noSpan := map[string]any{
		"logging.googleapis.com/trace":         "projects/shop/traces/" + traceID,
		"logging.googleapis.com/trace_sampled": false,
	}
	for _, tc := range []struct {
		name   string
		header http.Header
		want   map[string]any
	}{
		{"traceparent", http.Header{"Traceparent": {parent}}, full},
		{"a later version with more fields", http.Header{"Traceparent": {"01-" + traceID + "-" + spanID + "-01-x"}}, full},
		{"X-Cloud-Trace-Context", http.Header{"X-Cloud-Trace-Context": {traceID + "/67667974448284343;o=1"}}, full},
		{"X-Cloud-Trace-Context without a span", http.Header{"X-Cloud-Trace-Context": {strings.ToUpper(traceID)}}, noSpan},
		{"traceparent wins", http.Header{"Traceparent": {parent}, "X-Cloud-Trace-Context": {"f" + traceID[1:]}}, full},
		{"none", nil, map[string]any{}},
		{"too short", http.Header{"Traceparent": {"00-4bf9-00f0-01"}}, map[string]any{}},
		{"all zeroes", http.Header{"Traceparent": {"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01"}}, map[string]any{}},
		{"hostile", http.Header{"X-Cloud-Trace-Context": {"../../projects/other"}}, map[string]any{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := logged(t, tc.header, func(log *slog.Logger, r *http.Request) {
				log.InfoContext(r.Context(), "m")
			})
			id, _ := got["request_id"].(string)
			if len(tc.want) > 0 && id != traceID || len(id) != 32 {
				t.Errorf("request_id %q", id)
			}
			delete(got, "request_id")
			delete(got, "severity")
			delete(got, "message")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTraceStaysAtTheTopLevelWithAnOpenGroup(t *testing.T) {
	got := logged(t, http.Header{"X-Cloud-Trace-Context": {traceID}}, func(log *slog.Logger, r *http.Request) {
		log.With("a", 1).WithGroup("g").With("b", 2).InfoContext(r.Context(), "m", "c", 3)
	})
	want := map[string]any{
		"severity": "INFO", "message": "m", "request_id": traceID, "a": 1.0, "g": map[string]any{"b": 2.0, "c": 3.0},
		"logging.googleapis.com/trace":         "projects/shop/traces/" + traceID,
		"logging.googleapis.com/trace_sampled": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestResponseAndRecordsHaveTheSameRequestID(t *testing.T) {
	ids := map[string]bool{}
	for range 3 {
		var header string
		got := logged(t, nil, func(log *slog.Logger, r *http.Request) {
			w := httptest.NewRecorder()
			cloudlog.Trace("", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { log.InfoContext(r.Context(), "m") })).ServeHTTP(w, r)
			header = w.Header().Get(cloudlog.RequestID)
		})
		if header == "" || got["request_id"] != header {
			t.Errorf("header %q, logged %v", header, got["request_id"])
		}
		ids[header] = true
	}
	if len(ids) != 3 {
		t.Errorf("IDs of three requests: %v", ids)
	}
}

func FuzzTrace(f *testing.F) {
	f.Add("00-"+traceID+"-"+spanID+"-01", traceID+"/1;o=1")
	f.Add("", "/;")
	f.Fuzz(func(t *testing.T, parent, cloud string) {
		got := logged(t, http.Header{"Traceparent": {parent}, "X-Cloud-Trace-Context": {cloud}},
			func(log *slog.Logger, r *http.Request) { log.InfoContext(r.Context(), "m") })
		trace, ok := got["logging.googleapis.com/trace"].(string)
		if ok && len(trace) != len("projects/shop/traces/")+32 {
			t.Errorf("%q and %q gave trace %q", parent, cloud, trace)
		}
	})
}
