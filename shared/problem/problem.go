// Package problem answers failed HTTP requests with problem documents (RFC 9457).
//
// It is the only place that maps errors to statuses. A 4xx response names the fault of the request, with a pointer
// to the field. An internal error is logged once, with its trace; the 5xx response does not reveal it.
package problem

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/go-json-experiment/json"

	"github.com/hybrid-bts/functions/shared/problem/jsonbody"
	"github.com/hybrid-bts/functions/shared/problem/requestbody"
)

// ContentType is the media type of a problem document.
const ContentType = "application/problem+json"

// Problem is the body of a failed response: a problem document with the extension member errors of RFC 9457, section 3.
type Problem struct {
	Title  string  `json:"title" doc:"Reason phrase of the status."`
	Status int     `json:"status" doc:"HTTP status."`
	Detail string  `json:"detail,omitempty" doc:"Cause of this failure."`
	Errors []Field `json:"errors,omitempty" doc:"Invalid fields and parameters."`

	RequestID string `json:"request_id,omitempty" doc:"ID of the request, for questions to the operators; equal to the header X-Request-Id."`
}

// Field is an error in one field of the body, or in one parameter.
type Field struct {
	Detail    string `json:"detail" doc:"Reason why the value is invalid."`
	Pointer   string `json:"pointer,omitempty" doc:"Field of the body: a JSON Pointer (RFC 6901) in its fragment form." example:"#/rating"`
	Parameter string `json:"parameter,omitempty" doc:"Name of the query parameter, path segment or header." example:"page_size"`
}

// Error implements error. It returns the detail, which clients see.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return ContentType }

// New returns a problem. Clients see the detail, so it must not contain internal errors.
func New(status int, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail}
}

// RetryAfter is the Retry-After of responses to transient errors: errors with a method Unavailable() bool that reports
// true, such as clouderr.ErrUnavailable and the errors of topic.Topic. Unavailable sets another one.
const RetryAfter = 2 * time.Second

// Unavailable marks err as transient: the response is 503 with the given Retry-After, a whole number of seconds.
func Unavailable(err error, after time.Duration) error {
	return &unavailable{err, after}
}

type unavailable struct {
	error
	after time.Duration
}

// Unavailable reports true.
func (u *unavailable) Unavailable() bool { return true }

// Unwrap returns the marked error.
func (u *unavailable) Unwrap() error { return u.error }

// GetHeaders implements huma.HeadersError.
func (u *unavailable) GetHeaders() http.Header {
	return http.Header{"Retry-After": {seconds(u.after)}}
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }

// WithTimeout returns f with a context that ends after timeout.
func WithTimeout[I, O any](timeout time.Duration, f func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, in *I) (*O, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return f(ctx, in)
	}
}

// NewAPI returns a huma API on mux, without documents. Its errors are Problems, and requestbody.Unmarshal decodes bodies.
func NewAPI(mux *http.ServeMux, title, version string) huma.API {
	configureHuma()
	format := huma.Format{
		Marshal:   huma.DefaultJSONFormat.Marshal,
		Unmarshal: requestbody.Unmarshal,
	}
	c := huma.DefaultConfig(title, version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil // these add "$schema" to responses
	c.Transformers = []huma.Transformer{addRequestID}
	c.Formats = map[string]huma.Format{"application/json": format, "json": format}
	return jsonbody.RequireContentType(humago.New(mux, c))
}

// requestIDHeader is the response header with the request ID. cloudlog.Trace sets it.
const requestIDHeader = "X-Request-Id"

// addRequestID adds the request ID to a problem.
func addRequestID(ctx huma.Context, _ string, v any) (any, error) {
	if p, ok := v.(*Problem); ok {
		_, w := humago.Unwrap(ctx)
		return p.withRequestID(w.Header().Get(requestIDHeader)), nil
	}
	return v, nil
}

// withRequestID returns a copy of the problem with a request ID. Problems may be shared by concurrent requests.
func (p *Problem) withRequestID(id string) *Problem {
	c := *p
	c.RequestID = id
	return &c
}

// BadRequest is a key of an operation's Metadata. With it, the response to invalid parameters is 400 instead of 422. It is
// for operations without a body.
const BadRequest = "problem.BadRequest"

// configureHuma makes huma return Problems and compare the case of field names, as the decoder does. huma offers only
// package variables for both.
var configureHuma = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return fromHuma(context.Background(), status, msg, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		if _, ok := ctx.Operation().Metadata[BadRequest]; ok && status == http.StatusUnprocessableEntity {
			status = http.StatusBadRequest
		}
		p := fromHuma(ctx.Context(), status, msg, errs)
		busy := p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests
		if u := (*unavailable)(nil); busy && !errors.As(errors.Join(errs...), &u) {
			ctx.SetHeader("Retry-After", seconds(RetryAfter)) // huma sets the header of unavailable itself
		}
		return p
	}
})

// unreadable is the message of huma for a body that ends early. huma answers it with 500, although the client is at fault.
const unreadable = "cannot read request body"

// fromHuma returns the problem of an error that huma reports. errs are the causes or the invalid fields.
func fromHuma(ctx context.Context, status int, msg string, errs []error) *Problem {
	if status >= http.StatusInternalServerError {
		cause := errors.Join(errs...)
		if errors.Is(cause, requestbody.ErrBusy) { // clients cause it; 5xx would roll back releases and call operators
			slog.WarnContext(ctx, "body rejected", "status", http.StatusTooManyRequests, "err", cause)
			return New(http.StatusTooManyRequests, cause.Error()+"; retry after the seconds in Retry-After")
		}
		if msg == unreadable {
			return New(http.StatusBadRequest, unreadable)
		}
		return internal(ctx, cause)
	}
	if status == http.StatusRequestEntityTooLarge {
		msg = "request body is too large" // the message of huma names a limit that is one byte too high
	}
	p := New(status, msg)
	for i, err := range errs {
		if i == MaxErrors {
			p.Detail += fmt.Sprintf("; %d more errors are not listed", len(errs)-i)
			break
		}
		if err != nil {
			f := field(err)
			p.Errors = append(p.Errors, Field{shorten(f.Detail), shorten(f.Pointer), shorten(f.Parameter)})
		}
	}
	return p
}

// Limits of the errors in a Problem. Its detail has the number of the others, and longer texts end with an ellipsis.
const (
	MaxErrors = 16
	MaxText   = 200 // bytes of each text of a Field
)

// shorten bounds s by MaxText. It cuts between characters.
func shorten(s string) string {
	if len(s) <= MaxText {
		return s
	}
	n := MaxText - len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// internal logs err and returns a problem that does not reveal it: 499 for a disconnected client, 503 for a transient error,
// else 500. Google's APIs answer a cancelled call with 499 too.
func internal(ctx context.Context, err error) *Problem {
	var u interface{ Unavailable() bool }
	status, transient := http.StatusInternalServerError, errors.As(err, &u) && u.Unavailable()
	if ctx.Err() != nil && (!transient || errors.Is(err, context.Canceled)) {
		slog.InfoContext(ctx, "client disconnected", "err", err)
		return &Problem{Title: "Client Closed Request", Status: 499}
	}
	if transient {
		status = http.StatusServiceUnavailable
	}
	slog.ErrorContext(ctx, "request failed", "status", status, "err", err)
	return &Problem{Title: http.StatusText(status), Status: status}
}

// field converts an error of huma, with a location such as "body.tags[0].name" or "query.page_size".
func field(err error) Field {
	detailer, ok := err.(huma.ErrorDetailer)
	if !ok {
		return Field{Detail: err.Error()}
	}
	d := detailer.ErrorDetail()
	if p, detail, ok := requestbody.CutPointer(d.Message); ok {
		return Field{Detail: detail, Pointer: p}
	}
	in, path, _ := strings.Cut(d.Location, ".")
	switch in {
	case "body":
		// huma locates a missing field at the object that lacks it.
		before, after, _ := strings.Cut(validation.MsgExpectedRequiredProperty, "%s")
		if name, ok := strings.CutPrefix(d.Message, before); ok {
			path = strings.TrimPrefix(path+"."+strings.TrimSuffix(name, after), ".")
		}
		return Field{Detail: d.Message, Pointer: pointer(path)}
	case "query", "path", "header":
		return Field{Detail: d.Message, Parameter: path}
	}
	return Field{Detail: d.Message}
}

// pointer converts a path of huma to the fragment form of a JSON Pointer.
func pointer(path string) string {
	if path == "" {
		return "#"
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", ".", "/", "[", "/", "]", "")
	return "#/" + escape.Replace(path)
}

// Handler serves mux. It answers requests without a route, and handlers that panic, with a Problem. Bodies pass a Gate: the
// response to a body that waits too long for others is 429.
func Handler(mux *http.ServeMux) http.Handler {
	gated := requestbody.NewGate().Middleware(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler: // net/http breaks the connection
				panic(p)
			default:
				slog.ErrorContext(r.Context(), "panic", "err", fmt.Sprint(p), "stack", string(debug.Stack()))
				Write(w, New(http.StatusInternalServerError, ""))
			}
		}()
		defer requestbody.Drain(w, r)
		h, pattern := mux.Handler(r)
		if pattern != "" {
			gated.ServeHTTP(w, r)
			return
		}
		// The mux knows whether the path or the method is wrong, but answers in plain text.
		plain := statusRecorder{header: http.Header{}}
		h.ServeHTTP(&plain, r)
		if plain.status < http.StatusBadRequest { // a redirect to the clean path
			h.ServeHTTP(w, r)
			return
		}
		detail := "no resource at " + strconv.Quote(shorten(r.URL.Path))
		if allow := plain.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			detail = "method " + shorten(r.Method) + " is not allowed; allowed: " + allow
		}
		Write(w, New(plain.status, detail))
	})
}

// TooMany answers 429 to a request beyond a rate limit.
func TooMany(w http.ResponseWriter, r *http.Request) {
	requestbody.Drain(w, r)
	Write(w, New(http.StatusTooManyRequests, "too many requests; retry after the seconds in Retry-After"))
}

// statusRecorder implements http.ResponseWriter. It records the status and header of a response and drops its body.
type statusRecorder struct {
	header http.Header
	status int
}

func (r *statusRecorder) Header() http.Header         { return r.header }
func (r *statusRecorder) WriteHeader(status int)      { r.status = status }
func (r *statusRecorder) Write(b []byte) (int, error) { return len(b), nil }

// Write sends p as the response. Header fields that the caller set before are kept.
func Write(w http.ResponseWriter, p *Problem) {
	b, err := json.Marshal(p.withRequestID(w.Header().Get(requestIDHeader)))
	if err != nil {
		panic(err) // strings and an int always have a JSON form
	}
	w.Header().Set("Content-Type", ContentType)
	w.WriteHeader(p.Status)
	_, _ = w.Write(b) // the client may have disconnected
}
