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

// logs merges the logs of all functions into one stream. It is safe for concurrent use.
type logs struct {
	// mu keeps lines whole.
	mu sync.Mutex
	w  io.Writer
	// raw selects JSON objects instead of readable lines.
	raw bool
}

// newLogs returns logs that write to w: readable lines, or JSON objects if raw.
func newLogs(w io.Writer, raw bool) *logs { return &logs{w: w, raw: raw} }

// logger returns a logger whose records appear as those of the given function.
func (l *logs) logger(name string) *slog.Logger { return cloudlog.New(l.output(name)) }

// output returns the writer that takes the standard output and standard error of a function.
func (l *logs) output(name string) *output {
	o := &output{}
	o.lines.line = func(line []byte) { o.note(l.write(name, line)) }
	return o
}

// write writes a line of a function, and returns its record. A line that is not a log record becomes a record.
func (l *logs) write(name string, line []byte) map[string]any {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return nil
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
			panic(err) // the record is decoded JSON
		}
		text = string(b)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = fmt.Fprintln(l.w, text)
	return record
}

// readable formats a record as one line: time, function, severity, message, then the other fields sorted by key. It leaves out
// the fields that only Cloud Logging uses. A record without a valid time gets the current time.
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

// output takes the output of a function. It remembers the error that most likely made the function exit. It is safe for
// concurrent use.
type output struct {
	lines lineWriter

	mu sync.Mutex
	// last is the last error or, as long as there is none, the last line.
	last string
	// isError reports whether last is an error.
	isError bool
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) { return o.lines.Write(b) }

// note remembers a record if it is the last error so far. After a panic the stack trace follows, which is not the error.
func (o *output) note(record map[string]any) {
	if record == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	message := fmt.Sprint(record["message"])
	switch severity := record["severity"]; {
	case strings.HasPrefix(message, "panic: "), strings.HasPrefix(message, "fatal error: "):
		o.last, o.isError = message, true
	case severity == "ERROR" || severity == "CRITICAL":
		o.last, o.isError = message, true
		if err, ok := record["err"]; ok {
			o.last = strings.ReplaceAll(fmt.Sprint(err), "\n", "; ")
		}
	case !o.isError:
		o.last = message
	}
}

// cause returns the last error in the output since clearCause, or the last line if there is no error; "" without output.
func (o *output) cause() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// clearCause forgets the output so far.
func (o *output) clearCause() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last, o.isError = "", false
}

// lineWriter calls line with every complete line written to it. It is safe for concurrent use.
type lineWriter struct {
	mu sync.Mutex
	// rest is the incomplete last line.
	rest []byte
	// line must not keep its argument. Calls do not overlap.
	line func(line []byte)
}

// Write implements io.Writer. It keeps an incomplete line until the rest is written.
func (w *lineWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, b...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found {
			return len(b), nil
		}
		w.line(line)
		w.rest = rest
	}
}

// logFailure logs that the local run failed at a task, unless it is stopping or err is nil.
func logFailure(ctx context.Context, task string, err error) {
	if err != nil && ctx.Err() == nil {
		slog.Error(task, "err", err)
	}
}
