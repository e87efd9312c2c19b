package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hybrid-bts/functions/shared/cloudlog"
)

// logs gathers what all functions log into one stream.
type logs struct {
	mu  sync.Mutex
	w   io.Writer
	raw bool
}

func newLogs(w io.Writer, raw bool) *logs { return &logs{w: w, raw: raw} }

// logger returns a logger whose records show as those of the given function.
func (l *logs) logger(name string) *slog.Logger { return cloudlog.New(l.writer(name)) }

// writer returns where a function's output goes, which is shown line by line.
func (l *logs) writer(name string) io.Writer {
	return &lineWriter{show: func(line []byte) { l.show(name, line) }}
}

func (l *logs) show(name string, line []byte) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return
	}
	record := map[string]any{}
	if err := json.Unmarshal(line, &record); err != nil || record["message"] == nil {
		record = map[string]any{"severity": "DEFAULT", "message": string(line)} // such as a stack trace
	}
	text := readable(name, record)
	if l.raw {
		record["function"] = name
		b, err := json.Marshal(record)
		if err != nil {
			panic(err) // it came from JSON
		}
		text = string(b)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = fmt.Fprintln(l.w, text)
}

// readable shows a record as one line: time, function, level, message, and the rest in order of its keys.
func readable(name string, record map[string]any) string {
	at := time.Now()
	if s, ok := record["time"].(string); ok {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			at = t
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %-9s %-7s %v", at.Local().Format("15:04:05.000"), name, record["severity"], record["message"])
	for _, k := range slices.Sorted(maps.Keys(record)) {
		switch k {
		case "time", "severity", "message":
		default:
			if !strings.HasPrefix(k, "logging.googleapis.com/") {
				fmt.Fprintf(&b, " %s=%v", k, record[k])
			}
		}
	}
	return strings.ReplaceAll(b.String(), "\n", "; ")
}

// lineWriter calls show with every whole line written to it.
type lineWriter struct {
	mu   sync.Mutex
	rest []byte
	show func(line []byte)
}

func (w *lineWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, b...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found {
			return len(b), nil
		}
		w.show(line)
		w.rest = rest
	}
}

// died logs a failure of the local run itself, unless it is stopping.
func died(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		slog.Error(what, "err", err)
	}
}
