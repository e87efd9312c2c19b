// Package cloudlog writes slog records as structured logs of Cloud Logging.
//
// Source of the field names: https://cloud.google.com/logging/docs/structured-logging.
package cloudlog

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
)

// New returns a logger that writes one JSON object on each line to w: severity, message, time, the attributes of the
// record, and the request ID and trace that Trace put into the context. It drops records below slog.LevelInfo.
func New(w io.Writer) *slog.Logger {
	return slog.New(&handler{top: slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: rename})})
}

func rename(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.MessageKey:
		a.Key = "message"
	case slog.LevelKey:
		if level, ok := a.Value.Any().(slog.Level); ok { // an attribute "level" of the caller keeps its key
			return slog.String("severity", severity(level))
		}
	}
	return a
}

// severity returns the LogSeverity of a level. Cloud Logging has WARNING instead of WARN.
func severity(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARNING"
	case l >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}

// handler writes the trace of a record's context at the top level, where Cloud Logging reads it, even when the logger has
// an open group. Therefore it records the groups and attributes and applies them to each record after the trace.
type handler struct {
	top   slog.Handler
	steps []func(slog.Handler) slog.Handler // WithAttrs and WithGroup calls, in order
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(ctx context.Context, l slog.Level) bool { return h.top.Enabled(ctx, l) }

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.then(func(s slog.Handler) slog.Handler { return s.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	return h.then(func(s slog.Handler) slog.Handler { return s.WithGroup(name) })
}

func (h *handler) then(f func(slog.Handler) slog.Handler) *handler {
	return &handler{h.top, append(h.steps[:len(h.steps):len(h.steps)], f)}
}

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	s := h.top
	if t, ok := ctx.Value(traceKey{}).([]slog.Attr); ok {
		s = s.WithAttrs(t)
	}
	for _, f := range h.steps {
		s = f(s)
	}
	return s.Handle(ctx, r)
}

type traceKey struct{}

// RequestID is the response header with the ID of the request. Log records have the same ID as request_id, so a client
// that reports the header leads to them.
const RequestID = "X-Request-Id"

// Trace is a middleware that puts the request ID and the trace into the context of each request, so that Cloud Logging
// groups the records of a request. It reads the trace from Traceparent (https://www.w3.org/TR/trace-context), else from
// the older X-Cloud-Trace-Context. The request ID is the ID of the trace, or 32 random hexadecimal digits without one.
// Records name the trace only when project is not empty.
func Trace(project string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trace, span, sampled := parseTraceparent(r.Header.Get("Traceparent"))
		if trace == "" {
			trace, span, sampled = parseCloudTrace(r.Header.Get("X-Cloud-Trace-Context"))
		}
		id := trace
		if id == "" {
			b := make([]byte, 16)
			_, _ = rand.Read(b) // never fails
			id = hex.EncodeToString(b)
		}
		w.Header().Set(RequestID, id)
		attrs := []slog.Attr{slog.String("request_id", id)}
		if trace != "" && project != "" {
			attrs = append(attrs, slog.String("logging.googleapis.com/trace", "projects/"+project+"/traces/"+trace))
			if span != "" {
				attrs = append(attrs, slog.String("logging.googleapis.com/spanId", span))
			}
			attrs = append(attrs, slog.Bool("logging.googleapis.com/trace_sampled", sampled))
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), traceKey{}, attrs)))
	})
}

// parseTraceparent parses "00-<32 hex digits>-<16 hex digits>-<2 hex digits>". A malformed header has no trace.
func parseTraceparent(h string) (trace, span string, sampled bool) {
	f := strings.Split(h, "-")
	if len(f) < 4 || f[0] == "00" && len(f) > 4 || !isHex(f[0], 2) || f[0] == "ff" ||
		!isHex(f[1], 32) || !isHex(f[2], 16) || !isHex(f[3], 2) || isZero(f[1]) || isZero(f[2]) {
		return "", "", false
	}
	flags, _ := hex.DecodeString(f[3])
	return f[1], f[2], flags[0]&1 == 1
}

// parseCloudTrace parses "<32 hex digits>[/<decimal span>][;o=<0 or 1>]". A malformed header has no trace.
func parseCloudTrace(h string) (trace, span string, sampled bool) {
	h, options, _ := strings.Cut(h, ";")
	trace, decimal, _ := strings.Cut(h, "/")
	trace = strings.ToLower(trace)
	if !isHex(trace, 32) || isZero(trace) {
		return "", "", false
	}
	if n, err := strconv.ParseUint(decimal, 10, 64); err == nil && n != 0 {
		span = strconv.FormatUint(n, 16)
		span = strings.Repeat("0", 16-len(span)) + span
	}
	return trace, span, options == "o=1"
}

func isHex(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == ""
}

func isZero(s string) bool { return strings.Trim(s, "0") == "" }
