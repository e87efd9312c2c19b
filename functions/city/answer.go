package main

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"log/slog"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	encoding "github.com/go-json-experiment/json"
)

// answer is what huma takes from an operation that writes its answer itself.
type answer struct{ Body func(huma.Context) }

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// format is how customers are written.
type format string

const (
	json   format = "json"   // in pages
	ndjson format = "ndjson" // one object a line, as a stream
	csv    format = "csv"    // as a stream
)

// mediaType is what the format is called in an Accept header.
func (f format) mediaType() string {
	switch f {
	case ndjson:
		return "application/x-ndjson"
	case csv:
		return "text/csv"
	}
	return "application/json"
}

// negotiate returns the one of the offers that an Accept header likes best (RFC 9110, section 12.5.1),
// the first of equals. Without a header it is the first.
func negotiate(accept []string, offers ...format) (format, error) {
	header := strings.Join(accept, ",")
	if strings.TrimSpace(header) == "" {
		return offers[0], nil
	}
	var best format
	bestQ := 0.
	for _, offer := range offers {
		q, specific := 0., 0
		for part := range strings.SplitSeq(header, ",") {
			kind, parameters, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			if n := matches(kind, offer.mediaType()); n > specific {
				q, specific = quality(parameters["q"]), n
			}
		}
		if q > bestQ {
			best, bestQ = offer, q
		}
	}
	if best == "" {
		var types []string
		for _, offer := range offers {
			types = append(types, offer.mediaType())
		}
		return "", unacceptable("asks for none of " + strings.Join(types, ", "))
	}
	return best, nil
}

// matches says how exactly a media range names a type: 0 not at all, 3 fully.
func matches(pattern, kind string) int {
	major, _, _ := strings.Cut(kind, "/")
	switch pattern {
	case kind:
		return 3
	case major + "/*":
		return 2
	case "*/*":
		return 1
	}
	return 0
}

func quality(q string) float64 {
	if q == "" {
		return 1
	}
	v, err := strconv.ParseFloat(q, 64)
	if err != nil || !(v >= 0 && v <= 1) {
		return 0
	}
	return v
}

// unacceptable is answered 406.
type unacceptable string

func (u unacceptable) Error() string  { return string(u) }
func (u unacceptable) GetStatus() int { return http.StatusNotAcceptable }
func (u unacceptable) ErrorDetail() *huma.ErrorDetail {
	return &huma.ErrorDetail{Location: "header.Accept", Message: string(u)}
}

// zips reports whether the caller takes gzip.
func zips(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, parameter, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			name, q, _ := strings.Cut(parameter, "=")
			return !strings.EqualFold(strings.TrimSpace(name), "q") || quality(strings.TrimSpace(q)) > 0
		}
	}
	return false
}

// personal sets what every answer carries: no cache keeps it for another caller.
func personal(h http.Header, contentType, caching string) {
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "private, "+caching)
	h.Set("Vary", "Accept, Accept-Encoding")
	h.Set("X-Content-Type-Options", "nosniff")
}

// jsonAnswer answers with v, or with 304 when the caller has it.
func jsonAnswer(v any) (*answer, error) {
	body, err := encoding.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write page: %w", err)
	}
	body = append(body, '\n')
	return &answer{func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		sum := sha256.Sum256(body)
		etag := `W/"` + hex.EncodeToString(sum[:12]) + `"` // weak: it is the same zipped
		h := w.Header()
		personal(h, "application/json", "no-cache")
		h.Set("ETag", etag)
		if has(r.Header.Get("If-None-Match"), etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		if r.Method == http.MethodHead || !zips(r) {
			h.Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = w.Write(body) // a caller who is gone cannot be told; net/http drops it of HEAD
			return
		}
		h.Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(body)
		_ = z.Close()
	}}, nil
}

// has reports whether an If-None-Match header lists the tag.
func has(list, etag string) bool {
	for tag := range strings.SplitSeq(list, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

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
