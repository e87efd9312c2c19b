// Package problem answers a failed HTTP request with an RFC 9457 problem document.
//
// It is the one place where an error becomes a status: what a caller can mend is told with a pointer
// to the field; what failed inside is logged once, with its trace, and hidden.
package problem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ContentType is that of a problem document.
const ContentType = "application/problem+json"

// Problem is the body of a failed request (RFC 9457, with the errors of its section 3).
type Problem struct {
	Title  string  `json:"title" doc:"The status in words."`
	Status int     `json:"status" doc:"The HTTP status."`
	Detail string  `json:"detail,omitempty" doc:"What went wrong this time."`
	Errors []Field `json:"errors,omitempty" doc:"What to change, a field each."`

	RequestID string `json:"request_id,omitempty" doc:"What to name when asking about it; the header X-Request-Id, too."`
}

// Field says what is wrong with one field of the body, or with one parameter.
type Field struct {
	Detail    string `json:"detail" doc:"What is wrong."`
	Pointer   string `json:"pointer,omitempty" doc:"The field of the body, as the fragment form of a JSON Pointer (RFC 6901)." example:"#/rating"`
	Parameter string `json:"parameter,omitempty" doc:"The query parameter, path segment or header." example:"page_size"`
}

func (p *Problem) Error() string             { return p.Detail }
func (p *Problem) GetStatus() int            { return p.Status }
func (p *Problem) ContentType(string) string { return ContentType }

// New returns a problem that the caller can mend; detail is shown.
func New(status int, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail}
}

// RetryAfter is the Retry-After of responses to transient errors: errors with a method Unavailable() bool that reports
// true, such as clouderr.ErrUnavailable and the errors of topic.Topic. Unavailable sets another one.
const RetryAfter = 2 * time.Second

// Unavailable marks err as one that may pass: the caller is told to try again after the given time,
// a whole number of seconds.
func Unavailable(err error, after time.Duration) error {
	return &unavailable{err, after}
}

type unavailable struct {
	error
	after time.Duration
}

// Unavailable reports true.
func (u *unavailable) Unavailable() bool { return true }

func (u *unavailable) Unwrap() error { return u.error }

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

// NewAPI returns a huma API on mux whose every error is a Problem. Bodies are read as strict JSON:
// no duplicate names, no invalid UTF-8 (RFC 7493). It serves neither documents nor schemas.
func NewAPI(mux *http.ServeMux, title, version string) huma.API {
	hook()
	format := huma.Format{
		Marshal:   huma.DefaultJSONFormat.Marshal,
		Unmarshal: func(b []byte, v any) error { return unmarshal(b, v) },
	}
	c := huma.DefaultConfig(title, version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil // no "$schema" in our answers
	c.Transformers = []huma.Transformer{identify}
	c.Formats = map[string]huma.Format{"application/json": format, "json": format}
	return humago.New(mux, c)
}

// requestID is the header that whoever serves us has set, when every answer has an id.
const requestID = "X-Request-Id"

// identify writes the request's id into a problem.
func identify(ctx huma.Context, _ string, v any) (any, error) {
	if p, ok := v.(*Problem); ok {
		_, w := humago.Unwrap(ctx)
		return p.of(w.Header().Get(requestID)), nil
	}
	return v, nil
}

// of returns the problem as that of a request.
func (p *Problem) of(request string) *Problem {
	one := *p
	one.RequestID = request
	return &one
}

// BadRequest, as a key of an operation's Metadata, makes 400 of the 422 that huma answers to
// parameters that it refuses: for an operation that takes nothing but parameters.
const BadRequest = "problem.BadRequest"

// hook makes huma build Problems, and mind the case of names as the decoder does; huma has nothing
// but these package variables for it.
var hook = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return translate(context.Background(), status, msg, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		if _, ok := ctx.Operation().Metadata[BadRequest]; ok && status == http.StatusUnprocessableEntity {
			status = http.StatusBadRequest
		}
		p := translate(ctx.Context(), status, msg, errs)
		var u *unavailable // huma itself writes the header of these
		if p.Status == http.StatusServiceUnavailable && !errors.As(errors.Join(errs...), &u) {
			ctx.SetHeader("Retry-After", seconds(RetryAfter))
		}
		return p
	}
})

// unreadable is huma's message for a body that broke off, for which it blames the server.
const unreadable = "cannot read request body"

func translate(ctx context.Context, status int, msg string, errs []error) *Problem {
	if status >= http.StatusInternalServerError {
		if msg == unreadable {
			return New(http.StatusBadRequest, unreadable)
		}
		return internal(ctx, errors.Join(errs...))
	}
	if status == http.StatusRequestEntityTooLarge {
		msg = "the body is too large" // huma's words give a limit of one byte more
	}
	p := New(status, msg)
	for _, err := range errs {
		if err != nil {
			p.Errors = append(p.Errors, field(err))
		}
	}
	return p
}

// internal logs err and returns what the caller may know of it.
func internal(ctx context.Context, err error) *Problem {
	status := http.StatusInternalServerError
	var u interface{ Unavailable() bool }
	switch {
	case errors.As(err, &u) && u.Unavailable():
		status = http.StatusServiceUnavailable
	case ctx.Err() != nil: // the caller hung up: nobody reads the answer, and nothing is wrong here
		slog.InfoContext(ctx, "caller gone", "err", err)
		return &Problem{Title: http.StatusText(status), Status: status}
	}
	slog.ErrorContext(ctx, "request failed", "status", status, "err", err)
	return &Problem{Title: http.StatusText(status), Status: status}
}

// field turns huma's location, such as "body.tags[0].name" or "query.page_size", into ours.
func field(err error) Field {
	detailer, ok := err.(huma.ErrorDetailer)
	if !ok {
		return Field{Detail: err.Error()}
	}
	d := detailer.ErrorDetail()
	if p, detail, ok := strings.Cut(d.Message, inside); ok {
		return Field{Detail: detail, Pointer: p}
	}
	in, path, _ := strings.Cut(d.Location, ".")
	switch in {
	case "body":
		// huma says that a field is missing at the object that lacks it.
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

func pointer(path string) string {
	if path == "" {
		return "#"
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", ".", "/", "[", "/", "]", "")
	return "#/" + escape.Replace(path)
}

// inside parts the pointer from the text of an error of unmarshal; huma hands on nothing but its text.
const inside = "\x00"

// unmarshal reads strict JSON.
func unmarshal(b []byte, v any) error {
	err := json.Unmarshal(b, v)
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return at(syntax.JSONPointer, fmt.Errorf("not valid JSON at byte %d: %w", syntax.ByteOffset, syntax.Err))
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) && semantic.Err != nil {
		return at(semantic.JSONPointer, semantic.Err)
	}
	return err
}

func at(p jsontext.Pointer, err error) error {
	return fmt.Errorf("#%s%s%w", strings.ReplaceAll(string(p), inside, ""), inside, err)
}

// Handler answers what mux has no route for, and what panics, with a Problem.
func Handler(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler: // net/http's own way to break a connection
				panic(p)
			default:
				slog.ErrorContext(r.Context(), "panic", "err", fmt.Sprint(p), "stack", string(debug.Stack()))
				Write(w, New(http.StatusInternalServerError, ""))
			}
		}()
		defer drain(w, r)
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		// The mux knows whether the path or only the method is wrong, and says it in plain text.
		plain := refusal{header: http.Header{}}
		h.ServeHTTP(&plain, r)
		if plain.status < http.StatusBadRequest { // the way to the same path, cleaned
			h.ServeHTTP(w, r)
			return
		}
		detail := "nothing is at " + strconv.Quote(r.URL.Path)
		if allow := plain.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			detail = r.Method + " is not allowed here; allowed: " + allow
		}
		Write(w, New(plain.status, detail))
	})
}

// TooMany answers a request that is one more than its client may send now.
func TooMany(w http.ResponseWriter, r *http.Request) {
	drain(w, r)
	Write(w, New(http.StatusTooManyRequests, "too many requests; try again after the seconds that Retry-After tells"))
}

// drain reads what is left of a body that was refused, within reason: a caller who still writes when
// the connection closes may never see the answer.
func drain(w http.ResponseWriter, r *http.Request) {
	const most, longest = 16 << 20, 5 * time.Second
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(longest))
	_, _ = io.CopyN(io.Discard, r.Body, most) // whatever it ends with, the answer is made
}

// refusal takes the status and header of an answer, and drops its text.
type refusal struct {
	header http.Header
	status int
}

func (r *refusal) Header() http.Header         { return r.header }
func (r *refusal) WriteHeader(status int)      { r.status = status }
func (r *refusal) Write(b []byte) (int, error) { return len(b), nil }

// Write answers with p.
func Write(w http.ResponseWriter, p *Problem) {
	b, err := json.Marshal(p.of(w.Header().Get(requestID)))
	if err != nil {
		panic(err) // a Problem is strings and an int
	}
	w.Header().Set("Content-Type", ContentType)
	w.WriteHeader(p.Status)
	_, _ = w.Write(b) // a caller who is gone cannot be told
}
