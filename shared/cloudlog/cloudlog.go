// Package cloudlog makes slog write the JSON that Cloud Logging understands.
//
// The field names are those of https://cloud.google.com/logging/docs/structured-logging.
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

// New returns a logger that writes one JSON object a line to w: severity, message, time, the
// caller's attributes, and the trace that Trace found in the request.
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
		if level, ok := a.Value.Any().(slog.Level); ok { // a caller's own "level" stays what it is
			return slog.String("severity", severity(level))
		}
	}
	return a
}

// severity names the LogSeverity of a level; Cloud Logging knows no "WARN".
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

// handler adds the trace of a record's context at the top level, where Cloud Logging looks for it,
// even below a logger with a group open: so it keeps what was done to it and does it again.
type handler struct {
	top  slog.Handler
	done []func(slog.Handler) slog.Handler
}

func (h *handler) Enabled(ctx context.Context, l slog.Level) bool { return h.top.Enabled(ctx, l) }

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.then(func(s slog.Handler) slog.Handler { return s.WithAttrs(attrs) })
}

func (h *handler) WithGroup(name string) slog.Handler {
	return h.then(func(s slog.Handler) slog.Handler { return s.WithGroup(name) })
}

func (h *handler) then(f func(slog.Handler) slog.Handler) *handler {
	return &handler{h.top, append(h.done[:len(h.done):len(h.done)], f)}
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	s := h.top
	if t, ok := ctx.Value(traceKey{}).([]slog.Attr); ok {
		s = s.WithAttrs(t)
	}
	for _, f := range h.done {
		s = f(s)
	}
	return s.Handle(ctx, r)
}

type traceKey struct{}

// RequestID is the header of an answer by which its caller can ask about it; records have it as request_id.
const RequestID = "X-Request-Id"

// Trace gives every request that it passes to next a context with which records are written under
// the request's trace in the given project, so that Cloud Logging shows them together. It reads
// traceparent (https://www.w3.org/TR/trace-context), else Google's older X-Cloud-Trace-Context. The answer
// and the records tell an id of the request: the trace's, or a new one when it has none.
func Trace(project string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trace, span, sampled := parent(r.Header.Get("Traceparent"))
		if trace == "" {
			trace, span, sampled = cloud(r.Header.Get("X-Cloud-Trace-Context"))
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

// parent reads a traceparent, "00-<32 hex digits>-<16 hex digits>-<2 hex digits>".
func parent(h string) (trace, span string, sampled bool) {
	f := strings.Split(h, "-")
	if len(f) < 4 || f[0] == "00" && len(f) > 4 || !isHex(f[0], 2) || f[0] == "ff" ||
		!isHex(f[1], 32) || !isHex(f[2], 16) || !isHex(f[3], 2) || isZero(f[1]) || isZero(f[2]) {
		return "", "", false
	}
	flags, _ := hex.DecodeString(f[3])
	return f[1], f[2], flags[0]&1 == 1
}

// cloud reads an X-Cloud-Trace-Context, "<32 hex digits>[/<decimal span>][;o=<0 or 1>]".
func cloud(h string) (trace, span string, sampled bool) {
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
