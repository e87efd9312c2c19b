package main

import (
	"bufio"
	"compress/gzip"
	"iter"
	"log/slog"
	"maps"
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

// stream is the representation of a stream of customers.
type stream struct {
	format   format
	selected fields
	bom      bool        // CSV starts with a byte order mark
	header   http.Header // further headers of the response; may be nil
}

// encoder encodes the customers of a stream. Each method appends the bytes of a step to b. A stream without the bytes of
// end is incomplete for its readers.
type encoder interface {
	// begin appends the bytes before the first customer.
	begin(b []byte) []byte
	// row appends a customer. An encoder that collects rows may append nothing, or the rows before.
	row(b []byte, c *customer) []byte
	// end appends the bytes after the last customer.
	end(b []byte) []byte
}

// encoder returns the encoder of the stream's format.
func (s stream) encoder() encoder {
	switch s.format {
	case csv:
		return &csvEncoder{s.selected, s.bom}
	case parquet:
		return newParquetEncoder(s.selected)
	}
	return &ndjsonEncoder{selected: s.selected}
}

// ndjsonEncoder writes one JSON object in each line. It holds back the line break of a line until the next line or the end,
// so that a stream that fails never ends with a line break.
type ndjsonEncoder struct {
	selected fields
	started  bool // a line waits for its line break
}

// begin implements encoder.
func (e *ndjsonEncoder) begin(b []byte) []byte { return b }

// row implements encoder.
func (e *ndjsonEncoder) row(b []byte, c *customer) []byte {
	if e.started {
		b = append(b, '\n')
	}
	e.started = true
	return c.appendJSON(b, e.selected)
}

// end implements encoder.
func (e *ndjsonEncoder) end(b []byte) []byte {
	if e.started {
		b = append(b, '\n')
	}
	return b
}

// headResponse returns the response to HEAD: the headers of the stream.
func (s stream) headResponse() *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		s.setHeaders(w.Header(), s.compresses(r))
	}}
}

// response returns a response that streams all customers. It reads the first customer before it returns, so that an
// unavailable store is an error and not a broken stream.
func (s stream) response(all iter.Seq2[customer, error]) (*huma.StreamResponse, error) {
	next, stop := iter.Pull2(all)
	first, err, ok := next()
	if err != nil {
		stop()
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer stop()
		r, w := humago.Unwrap(ctx)
		out := newStreamWriter(w, s, s.compresses(r))
		err := out.begin()
		for ; ok && err == nil; first, err, ok = next() {
			if err = out.write(&first); err != nil {
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

// compresses reports whether the response has the content coding gzip. The pages of a Parquet file are compressed already.
func (s stream) compresses(r *http.Request) bool { return s.format != parquet && acceptsGzip(r) }

// setHeaders sets the headers of the stream.
func (s stream) setHeaders(h http.Header, compress bool) {
	maps.Copy(h, s.header)
	contentType := s.format.mediaType()
	switch s.format {
	case csv:
		contentType += "; charset=utf-8; header=present"
		h.Set("Content-Disposition", `attachment; filename="customers.csv"`)
	case parquet:
		h.Set("Content-Disposition", `attachment; filename="customers.parquet"`)
	}
	setPrivateHeaders(h, contentType, "no-store")
	if compress {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Trailer", statusTrailer)
}

// streamWriter writes customers to a client. It flushes after whole steps of the encoder only.
type streamWriter struct {
	encoder encoder

	// Bytes pass through these buffers in reverse order.
	client   *clientWriter
	response *bufio.Writer
	zip      *gzip.Writer  // nil if the response is not compressed
	encoded  *bufio.Writer // response itself if the response is not compressed

	step    []byte // reused by write
	rows    int    // customers written
	flushed time.Time
}

// newStreamWriter returns a writer to w. It sets the headers.
func newStreamWriter(w http.ResponseWriter, s stream, compress bool) *streamWriter {
	out := &streamWriter{encoder: s.encoder(), client: &clientWriter{w: w, control: http.NewResponseController(w)}}
	s.setHeaders(w.Header(), compress)
	out.response = bufio.NewWriterSize(out.client, bufferBytes)
	out.encoded = out.response
	if compress {
		out.zip, _ = gzip.NewWriterLevel(out.response, gzip.BestSpeed) // the only error is an invalid level
		out.encoded = bufio.NewWriterSize(out.zip, bufferBytes)
	}
	return out
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

// begin sends the status, and writes the bytes before the first customer.
func (s *streamWriter) begin() error {
	s.client.w.WriteHeader(http.StatusOK)
	_, err := s.encoded.Write(s.encoder.begin(nil))
	return err
}

// write writes a customer. It flushes after the first customer, and then every flushInterval.
func (s *streamWriter) write(c *customer) error {
	s.step = s.encoder.row(s.step[:0], c)
	s.rows++
	if len(s.step) > s.encoded.Available() {
		if err := s.encoded.Flush(); err != nil {
			return err
		}
	}
	if _, err := s.encoded.Write(s.step); err != nil {
		return err
	}
	now := time.Now()
	if now.Sub(s.flushed) < flushInterval {
		return nil
	}
	s.flushed = now
	if err := s.encoded.Flush(); err != nil {
		return err
	}
	if s.zip != nil {
		if err := s.zip.Flush(); err != nil {
			return err
		}
	}
	return s.response.Flush()
}

// end writes the bytes after the last customer, flushes all buffers and sets the trailer of a complete stream.
func (s *streamWriter) end() error {
	if _, err := s.encoded.Write(s.encoder.end(nil)); err != nil {
		return err
	}
	if err := s.encoded.Flush(); err != nil {
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
