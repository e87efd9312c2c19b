package main

import (
	"bufio"
	"compress/gzip"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

const (
	// statusTrailer is the trailer that a complete stream has with the value "complete".
	statusTrailer = "X-Stream-Status"
	// flushInterval is the time after which rows in the buffers are sent though the buffers are not full.
	flushInterval = time.Second
	// clientTimeout is the time limit for one write to the client.
	clientTimeout = 30 * time.Second
	// bufferBytes is the size of each buffer, and so of a write to the client.
	bufferBytes = 32 << 10
)

// headResponse returns the response to HEAD: the headers of a stream.
func headResponse(f format) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		setStreamHeaders(w.Header(), f, acceptsGzip(r))
	}}
}

// streamResponse returns a response that streams all customers. It reads the first customer before it returns, so that an
// unavailable store is an error and not a broken stream.
func streamResponse(all iter.Seq2[customer, error], f format, selected fields) (*huma.StreamResponse, error) {
	next, stop := iter.Pull2(all)
	first, err, ok := next()
	if err != nil {
		stop()
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer stop()
		r, w := humago.Unwrap(ctx)
		out := newStreamWriter(w, f, selected, acceptsGzip(r))
		err := out.begin()
		for ; ok && err == nil; first, err, ok = next() {
			if err = out.write(first); err != nil {
				break
			}
		}
		if err == nil {
			err = out.end()
		}
		if err == nil {
			return
		}
		if r.Context().Err() != nil || out.client.failed {
			slog.InfoContext(r.Context(), "client disconnected", "customers_sent", out.rows)
		} else {
			slog.ErrorContext(r.Context(), "stream aborted", "customers_sent", out.rows, "err", err)
		}
		panic(http.ErrAbortHandler) // the status is sent; only a broken connection reports the failure
	}}, nil
}

// setStreamHeaders sets the headers of a stream.
func setStreamHeaders(h http.Header, f format, compress bool) {
	contentType := f.mediaType()
	if f == csv {
		contentType += "; charset=utf-8; header=present"
		h.Set("Content-Disposition", `attachment; filename="customers.csv"`)
	}
	setPrivateHeaders(h, contentType, "no-store")
	if compress {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Trailer", statusTrailer)
}

// streamWriter writes customers as lines. It holds back the line break of a line until the next line or the end, and
// flushes at the end of a line only. So a stream that fails never ends with a line break.
type streamWriter struct {
	format   format
	selected fields

	// Rows pass through these buffers in reverse order.
	client   *clientWriter
	response *bufio.Writer
	zip      *gzip.Writer  // nil if the response is not compressed
	lines    *bufio.Writer // response itself if the response is not compressed

	line    []byte // reused by write
	rows    int    // customers written
	flushed time.Time
}

// newStreamWriter returns a writer to w. It sets the headers.
func newStreamWriter(w http.ResponseWriter, f format, selected fields, compress bool) *streamWriter {
	s := &streamWriter{format: f, selected: selected, client: &clientWriter{w: w, control: http.NewResponseController(w)}}
	setStreamHeaders(w.Header(), f, compress)
	s.response = bufio.NewWriterSize(s.client, bufferBytes)
	s.lines = s.response
	if compress {
		s.zip, _ = gzip.NewWriterLevel(s.response, gzip.BestSpeed) // the only error is an invalid level
		s.lines = bufio.NewWriterSize(s.zip, bufferBytes)
	}
	return s
}

// clientWriter sends each write to the client at once, within clientTimeout.
type clientWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	failed  bool // the last write failed: the client disconnected or is too slow
}

// Write implements io.Writer.
func (c *clientWriter) Write(b []byte) (int, error) {
	_ = c.control.SetWriteDeadline(time.Now().Add(clientTimeout)) // httptest.ResponseRecorder has no deadline
	n, err := c.w.Write(b)
	if err == nil {
		err = c.control.Flush()
	}
	c.failed = err != nil
	return n, err
}

// lineBreak returns the line break of the format: CRLF for CSV (RFC 4180), LF for NDJSON.
func (s *streamWriter) lineBreak() string {
	if s.format == csv {
		return "\r\n"
	}
	return "\n"
}

// begin sends the status, and writes the header line of CSV.
func (s *streamWriter) begin() error {
	s.client.w.WriteHeader(http.StatusOK)
	if s.format == csv {
		header := customer{values: fieldNames}
		_, err := s.lines.Write(header.appendCSV(nil, s.selected))
		return err
	}
	return nil
}

// write writes a customer. It flushes after the first customer, and then every flushInterval.
func (s *streamWriter) write(c customer) error {
	s.line = s.line[:0]
	if s.rows > 0 || s.format == csv {
		s.line = append(s.line, s.lineBreak()...)
	}
	if s.format == csv {
		s.line = c.appendCSV(s.line, s.selected)
	} else {
		s.line = c.appendJSON(s.line, s.selected)
	}
	s.rows++
	if len(s.line) > s.lines.Available() {
		if err := s.lines.Flush(); err != nil {
			return err
		}
	}
	if _, err := s.lines.Write(s.line); err != nil {
		return err
	}
	now := time.Now()
	if now.Sub(s.flushed) < flushInterval {
		return nil
	}
	s.flushed = now
	if err := s.lines.Flush(); err != nil {
		return err
	}
	if s.zip != nil {
		if err := s.zip.Flush(); err != nil {
			return err
		}
	}
	return s.response.Flush()
}

// end writes the last line break, flushes all buffers and sets the trailer of a complete stream.
func (s *streamWriter) end() error {
	if s.rows > 0 || s.format == csv {
		if _, err := s.lines.WriteString(s.lineBreak()); err != nil {
			return err
		}
	}
	if err := s.lines.Flush(); err != nil {
		return err
	}
	if s.zip != nil {
		if err := s.zip.Close(); err != nil {
			return err
		}
	}
	if err := s.response.Flush(); err != nil {
		return err
	}
	s.client.w.Header().Set(statusTrailer, "complete")
	return nil
}
