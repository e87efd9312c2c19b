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
	// statusTrailer says "complete" after a stream that is.
	statusTrailer = "X-Stream-Status"
	// flushEvery is the longest that rows wait for more of them to be sent with.
	flushEvery = time.Second
	// callerPatience is how long a caller may leave us with something to send.
	callerPatience = 30 * time.Second
	// chunk is how much is sent at once, in bytes.
	chunk = 32 << 10
)

// headAnswer answers a HEAD with what a stream would begin with.
func headAnswer(f format) *answer {
	return &answer{func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		streamHeader(w.Header(), f, zips(r))
	}}
}

// streamAnswer answers with all customers as they are read. The first is read before it answers, so
// that a store that is away is an error still.
func streamAnswer(all iter.Seq2[customer, error], f format, chosen fields) (*answer, error) {
	next, stop := iter.Pull2(all)
	first, err, ok := next()
	if err != nil {
		stop()
		return nil, err
	}
	return &answer{func(ctx huma.Context) {
		defer stop()
		r, w := humago.Unwrap(ctx)
		out := newStream(w, f, chosen, zips(r))
		err := out.open()
		for ; ok && err == nil; first, err, ok = next() {
			if err = out.write(first); err != nil {
				break
			}
		}
		if err == nil {
			err = out.close()
		}
		if err == nil {
			return
		}
		if r.Context().Err() != nil || out.sender.broken {
			slog.InfoContext(r.Context(), "caller gone", "customers_sent", out.rows)
		} else {
			slog.ErrorContext(r.Context(), "stream broke off", "customers_sent", out.rows, "err", err)
		}
		panic(http.ErrAbortHandler) // nothing but a broken connection tells the caller now
	}}, nil
}

func streamHeader(h http.Header, f format, zip bool) {
	contentType := f.mediaType()
	if f == csv {
		contentType += "; charset=utf-8; header=present"
		h.Set("Content-Disposition", `attachment; filename="customers.csv"`)
	}
	personal(h, contentType, "no-store")
	if zip {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Trailer", statusTrailer)
}

// stream writes customers, a line each. The line break comes before the next line, or at the end; and
// what is sent at once ends with a line, so that what was sent before a failure has no break at its end.
type stream struct {
	format format
	chosen fields

	sender *sender
	sent   *bufio.Writer
	zip    *gzip.Writer // or nil
	out    *bufio.Writer

	line    []byte
	rows    int
	flushed time.Time
}

func newStream(w http.ResponseWriter, f format, chosen fields, zip bool) *stream {
	s := &stream{format: f, chosen: chosen, sender: &sender{w: w, control: http.NewResponseController(w)}}
	streamHeader(w.Header(), f, zip)
	s.sent = bufio.NewWriterSize(s.sender, chunk)
	s.out = s.sent
	if zip {
		s.zip, _ = gzip.NewWriterLevel(s.sent, gzip.BestSpeed) // the level exists
		s.out = bufio.NewWriterSize(s.zip, chunk)
	}
	return s
}

// sender sends to the caller at once, within callerPatience.
type sender struct {
	w       http.ResponseWriter
	control *http.ResponseController
	broken  bool // the caller takes no more
}

func (s *sender) Write(b []byte) (int, error) {
	_ = s.control.SetWriteDeadline(time.Now().Add(callerPatience)) // a recorder in a test has none
	n, err := s.w.Write(b)
	if err == nil {
		err = s.control.Flush()
	}
	s.broken = err != nil
	return n, err
}

// lineBreak is RFC 4180's for CSV.
func (s *stream) lineBreak() string {
	if s.format == csv {
		return "\r\n"
	}
	return "\n"
}

// open begins the answer.
func (s *stream) open() error {
	s.sender.w.WriteHeader(http.StatusOK)
	if s.format == csv {
		names := customer{values: fieldNames}
		_, err := s.out.Write(names.appendCSV(nil, s.chosen))
		return err
	}
	return nil
}

// write writes a customer, and sends the first at once.
func (s *stream) write(c customer) error {
	s.line = s.line[:0]
	if s.rows > 0 || s.format == csv {
		s.line = append(s.line, s.lineBreak()...)
	}
	if s.format == csv {
		s.line = c.appendCSV(s.line, s.chosen)
	} else {
		s.line = c.appendJSON(s.line, s.chosen)
	}
	s.rows++
	if len(s.line) > s.out.Available() {
		if err := s.out.Flush(); err != nil {
			return err
		}
	}
	if _, err := s.out.Write(s.line); err != nil {
		return err
	}
	now := time.Now()
	if now.Sub(s.flushed) < flushEvery {
		return nil
	}
	s.flushed = now
	if err := s.out.Flush(); err != nil {
		return err
	}
	if s.zip != nil {
		if err := s.zip.Flush(); err != nil {
			return err
		}
	}
	return s.sent.Flush()
}

// close ends the answer as one that is whole.
func (s *stream) close() error {
	if s.rows > 0 || s.format == csv {
		if _, err := s.out.WriteString(s.lineBreak()); err != nil {
			return err
		}
	}
	if err := s.out.Flush(); err != nil {
		return err
	}
	if s.zip != nil {
		if err := s.zip.Close(); err != nil {
			return err
		}
	}
	if err := s.sent.Flush(); err != nil {
		return err
	}
	s.sender.w.Header().Set(statusTrailer, "complete")
	return nil
}
