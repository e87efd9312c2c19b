package problem_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/shared/problem"
)

type order struct {
	Copies int      `json:"copies" minimum:"1"`
	Title  string   `json:"title,omitempty"`
	Tags   []string `json:"tags,omitempty" maxItems:"2"`
}

type orderInput struct {
	Shelf int `query:"shelf" maximum:"9"`
	Body  order
}

type orderOutput struct{ Body order }

// maxBody is the size of the largest body of server, in bytes.
const maxBody = 10_000

// server serves POST /orders with f.
func server(f func(context.Context, *orderInput) (*orderOutput, error)) http.Handler {
	mux := http.NewServeMux()
	api := problem.NewAPI(mux, "test", "1")
	huma.Register(api, huma.Operation{
		Method: http.MethodPost, Path: "/orders", OperationID: "order", MaxBodyBytes: maxBody + 1,
	}, f)
	return problem.Handler(mux)
}

func echo(_ context.Context, in *orderInput) (*orderOutput, error) {
	return &orderOutput{Body: in.Body}, nil
}

func post(h http.Handler, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func decode(t testing.TB, w *httptest.ResponseRecorder) problem.Problem {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != problem.ContentType {
		t.Errorf("Content-Type = %q, want %q", got, problem.ContentType)
	}
	var p problem.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("body %q: %v", w.Body, err)
	}
	if p.Status != w.Code {
		t.Errorf("status %d in the body, %d in the status line", p.Status, w.Code)
	}
	return p
}

func TestInvalidRequestsNameTheField(t *testing.T) {
	for _, tc := range []struct {
		name, target, body string
		status             int
		want               problem.Field // its Detail is only compared when set
	}{
		{"wrong type", "/orders", `{"copies":"two"}`, 422, problem.Field{Pointer: "#/copies"}},
		{"missing", "/orders", `{}`, 422, problem.Field{Pointer: "#/copies"}},
		{"unknown", "/orders", `{"copies":1,"colour":"red"}`, 422, problem.Field{Pointer: "#/colour"}},
		{"different case", "/orders", `{"copies":1,"Title":"a"}`, 422, problem.Field{Pointer: "#/Title"}},
		{"duplicate in different case", "/orders", `{"copies":1,"COPIES":2}`, 422, problem.Field{Pointer: "#/COPIES"}},
		{"number out of range", "/orders", `{"copies":1e400}`, 400, problem.Field{Pointer: "#/copies"}},
		{"array element", "/orders", `{"copies":1,"tags":["a",2]}`, 422, problem.Field{Pointer: "#/tags/1"}},
		{"not JSON", "/orders", `copies=1`, 400, problem.Field{Pointer: "#"}},
		{"truncated", "/orders", `{"copies":1,"title":"a`, 400, problem.Field{Pointer: "#/title"}},
		{"invalid UTF-8", "/orders", "{\"copies\":1,\"title\":\"\xff\"}", 400,
			problem.Field{Pointer: "#/title", Detail: "not valid JSON at byte 21: invalid UTF-8"}},
		{"half a surrogate pair", "/orders", `{"copies":1,"title":"\ud800"}`, 400, problem.Field{Pointer: "#/title"}},
		{"duplicate name", "/orders", `{"copies":1,"copies":2}`, 400, problem.Field{Pointer: "#/copies"}},
		{"too many values", "/orders", `{"tags":[` + strings.Repeat(`1,`, 30) + `[]` + strings.Repeat(`,{}`, 300) + `]}`, 400,
			problem.Field{Pointer: "#", Detail: "has more than 256 values"}},
		{"deeply nested", "/orders", strings.Repeat("[", 40), 400, problem.Field{Pointer: "#", Detail: "is nested deeper than 8 levels"}},
		{"name with a dot", "/orders", `{"copies":1,"a.b":2}`, 400, problem.Field{Pointer: "#/a.b", Detail: "unexpected property"}},
		{"parameter", "/orders?shelf=10", `{"copies":1}`, 422, problem.Field{Parameter: "shelf"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := post(server(echo), tc.target, tc.body)
			p := decode(t, w)
			if w.Code != tc.status || len(p.Errors) != 1 {
				t.Fatalf("%d %+v, want %d and one error", w.Code, p, tc.status)
			}
			got := p.Errors[0]
			if got.Detail == "" {
				t.Error("no detail")
			}
			if tc.want.Detail == "" {
				got.Detail = ""
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProblemListsABoundedNumberOfErrors(t *testing.T) {
	for n, detail := range map[int]string{
		1: "validation failed", 16: "validation failed", 17: "validation failed; 1 more errors are not listed", 99: "validation failed; 83 more errors are not listed",
	} {
		var body strings.Builder
		for i := range n {
			fmt.Fprintf(&body, `,"unknown%d":[]`, i)
		}
		w := post(server(echo), "/orders", `{"copies":1`+body.String()+`}`)
		if p := decode(t, w); w.Code != 422 || len(p.Errors) != min(n, 16) || p.Detail != detail {
			t.Errorf("%d errors: %d with %d listed and detail %q, want %q", n, w.Code, len(p.Errors), p.Detail, detail)
		}
	}
}

func TestTextsOfErrorsAreCut(t *testing.T) {
	const most = 200
	mux := http.NewServeMux()
	huma.Register(problem.NewAPI(mux, "test", "1"), huma.Operation{
		Method: http.MethodGet, Path: "/shelves", OperationID: "shelves", RejectUnknownQueryParameters: true,
	}, func(context.Context, *struct{}) (*struct{}, error) { return nil, nil })
	shelves := problem.Handler(mux)
	long := strings.Repeat("가", 1000)
	for name, w := range map[string]*httptest.ResponseRecorder{
		"pointer": post(server(echo), "/orders", strings.Repeat(`{"`+strings.Repeat("가", 20)+`":`, 5)),
		"detail": post(server(func(context.Context, *orderInput) (*orderOutput, error) {
			return nil, huma.Error422UnprocessableEntity("validation failed", errors.New(long))
		}), "/orders", `{"copies":1}`),
		"parameter": get(shelves, "/shelves?"+url.QueryEscape(long)+"=1"),
		"path":      get(shelves, "/"+url.PathEscape(long)),
	} {
		p := decode(t, w)
		texts := []string{p.Detail}
		for _, f := range p.Errors {
			texts = append(texts, f.Detail, f.Pointer, f.Parameter)
		}
		cut := 0
		for _, text := range texts {
			if strings.Contains(text, "…") {
				cut++
			}
			if len(text) > most+len(`no resource at ""`) || strings.ContainsRune(text, '\ufffd') {
				t.Errorf("%s: text of %d bytes: %s", name, len(text), text)
			}
		}
		if cut != 1 {
			t.Errorf("%s: %d texts are cut, want 1: %s", name, cut, w.Body)
		}
	}
}

func get(h http.Handler, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w
}

// 200 large bodies at once, of which the gate admits 8: the others wait, and the last fail without an ERROR in the log.
func TestBodiesThatWaitTooLongAre429(t *testing.T) {
	var log bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(old)
	synctest.Test(t, func(t *testing.T) {
		mux := http.NewServeMux()
		huma.Register(problem.NewAPI(mux, "test", "1"), huma.Operation{
			Method: http.MethodPost, Path: "/orders", OperationID: "order", MaxBodyBytes: 64<<10 + 1,
		}, func(context.Context, *orderInput) (*orderOutput, error) {
			time.Sleep(4 * time.Second)
			return &orderOutput{}, nil
		})
		h := problem.Handler(mux)
		responses := make(chan *httptest.ResponseRecorder)
		for range 200 {
			go func() { responses <- post(h, "/orders", `{"copies":1,"title":"`+strings.Repeat("a", 64_000)+`"}`) }()
		}
		statuses := map[int]int{}
		for range 200 {
			w := <-responses
			statuses[w.Code]++
			if w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") != "2" {
				t.Error("429 without Retry-After")
			}
		}
		if statuses[200] != 16 || statuses[429] != 184 {
			t.Errorf("responses by status: %v, want 16 × 200 and 184 × 429", statuses)
		}
	})
	if strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("logged as an error: %s", log.String())
	}
}

func TestInvalidParameterIs400WithBadRequestMetadata(t *testing.T) {
	mux := http.NewServeMux()
	huma.Register(problem.NewAPI(mux, "test", "1"), huma.Operation{
		Method: http.MethodGet, Path: "/shelves", OperationID: "shelves", Metadata: map[string]any{problem.BadRequest: true},
	}, func(context.Context, *struct {
		Shelf int `query:"shelf" maximum:"9"`
	}) (*struct{}, error) {
		return nil, nil
	})
	for _, target := range []string{"/shelves?shelf=10", "/shelves?shelf=x"} {
		w := httptest.NewRecorder()
		problem.Handler(mux).ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if p := decode(t, w); w.Code != 400 || p.Title != "Bad Request" || len(p.Errors) != 1 || p.Errors[0].Parameter != "shelf" {
			t.Errorf("%s: %d %+v, want 400 with the parameter shelf", target, w.Code, p)
		}
	}
}

func TestRequestsAreRejectedBeforeDecoding(t *testing.T) {
	for _, tc := range []struct {
		name, method, path, contentType, body string
		status                                int
		allow                                 string
	}{
		{"no such path", "GET", "/nowhere", "", "", 404, ""},
		{"wrong method", "GET", "/orders", "", "", 405, "POST"},
		{"wrong content type", "POST", "/orders", "text/plain", `{"copies":1}`, 415, ""},
		{"too large", "POST", "/orders", "application/json", strings.Repeat(" ", maxBody+1), 413, ""},
		{"empty body", "POST", "/orders", "application/json", "", 400, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest(tc.method, tc.path, strings.NewReader(tc.body))
			r.Header.Set("Content-Type", tc.contentType)
			w := httptest.NewRecorder()
			server(echo).ServeHTTP(w, r)
			decode(t, w)
			if w.Code != tc.status || w.Header().Get("Allow") != tc.allow {
				t.Errorf("%d with Allow %q, want %d and %q", w.Code, w.Header().Get("Allow"), tc.status, tc.allow)
			}
		})
	}
}

func TestUncleanPathRedirects(t *testing.T) {
	w := httptest.NewRecorder()
	server(echo).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "http://shop//orders", strings.NewReader(`{"copies":1}`)))
	if w.Code/100 != 3 || w.Header().Get("Location") != "/orders" {
		t.Errorf("%d to %q, want a redirect to /orders", w.Code, w.Header().Get("Location"))
	}
}

func TestClientReadsTheResponseToATooLargeBody(t *testing.T) {
	srv := httptest.NewServer(server(echo))
	defer srv.Close()
	for range 20 {
		resp, err := http.Post(srv.URL+"/orders", "application/json", strings.NewReader(strings.Repeat(" ", 5<<20)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d, want 413", resp.StatusCode)
		}
	}
}

// transient is an error that package problem recognizes by its method.
type transient struct{ error }

func (transient) Unavailable() bool { return true }

func TestOnlyProblemsRevealErrors(t *testing.T) {
	secret := errors.New("spanner: secret detail")
	for _, tc := range []struct {
		name       string
		f          func() error
		status     int
		detail     string
		retryAfter string
		logged     int
	}{
		{"problem", func() error { return problem.New(409, "sold out") }, 409, "sold out", "", 0},
		{"internal", func() error { return secret }, 500, "", "", 1},
		{"transient with Retry-After", func() error { return problem.Unavailable(secret, 5*time.Second) }, 503, "", "5", 1},
		{"transient", func() error { return transient{secret} }, 503, "", "2", 1},
		{"panic", func() error { panic(secret) }, 500, "", "", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log bytes.Buffer
			old := slog.Default()
			slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
			defer slog.SetDefault(old)

			w := post(server(func(context.Context, *orderInput) (*orderOutput, error) { return nil, tc.f() }), "/orders", `{"copies":1}`)
			p := decode(t, w)
			if w.Code != tc.status || p.Detail != tc.detail || w.Header().Get("Retry-After") != tc.retryAfter {
				t.Errorf("%d %q Retry-After %q, want %d %q %q", w.Code, p.Detail, w.Header().Get("Retry-After"), tc.status, tc.detail, tc.retryAfter)
			}
			if strings.Contains(w.Body.String(), "secret") {
				t.Errorf("body %q reveals the error", w.Body)
			}
			if got := strings.Count(log.String(), "secret detail"); (got > 0) != (tc.logged > 0) || strings.Count(log.String(), "level=ERROR") != tc.logged {
				t.Errorf("logged %q, want %d lines with the error", log.String(), tc.logged)
			}
		})
	}
}

// Neither a canary nor an alert counts a client that disconnects as an error of the function.
func TestDisconnectedClientIsNoServerError(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		status int
	}{
		"internal":                {errors.New("spanner: aborted by the caller"), 499},
		"cancelled":               {fmt.Errorf("read: %w", context.Canceled), 499},
		"cancelled, retryable":    {problem.Unavailable(fmt.Errorf("read: %w", context.Canceled), time.Second), 499},
		"outage at the same time": {problem.Unavailable(errors.New("spanner is down"), time.Second), 503},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, disconnect := context.WithCancel(t.Context())
			h := server(func(context.Context, *orderInput) (*orderOutput, error) {
				disconnect()
				return nil, tc.err
			})
			r := httptest.NewRequest(http.MethodPost, "/orders", strings.NewReader(`{"copies":1}`)).WithContext(ctx)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tc.status {
				t.Errorf("status %d, want %d", w.Code, tc.status)
			}
		})
	}
}

func TestResponseIsTheBodyAlone(t *testing.T) {
	w := post(server(echo), "/orders", `{"copies":3}`)
	if w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"copies":3}` {
		t.Errorf("%d %q, want the body alone", w.Code, w.Body)
	}
}

func ExampleNew() {
	mux := http.NewServeMux()
	huma.Register(problem.NewAPI(mux, "Shop", "1"), huma.Operation{
		Method: http.MethodGet, Path: "/products/{product}", OperationID: "get-product",
	}, func(_ context.Context, in *struct {
		Product string `path:"product" maxLength:"10"`
	}) (*struct{}, error) {
		return nil, problem.New(http.StatusNotFound, "no product "+in.Product)
	})
	h := problem.Handler(mux)
	for _, path := range []string{"/products/butter", "/products/permission-to-dance", "/orders"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		fmt.Println(strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// {"title":"Not Found","status":404,"detail":"no product butter"}
	// {"title":"Unprocessable Entity","status":422,"detail":"validation failed","errors":[{"detail":"expected length <= 10","parameter":"product"}]}
	// {"title":"Not Found","status":404,"detail":"no resource at \"/orders\""}
}

func TestTimeoutEndsTheContextOfTheHandler(t *testing.T) {
	f := problem.WithTimeout(time.Millisecond, func(ctx context.Context, _ *struct{}) (*struct{}, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if _, err := f(t.Context(), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func FuzzBody(f *testing.F) {
	f.Add([]byte(`{"copies":1,"title":"보라해 💜","tags":["a"]}`))
	f.Add([]byte("{\"a\\u0000.[]~/\":\"\xff\"}"))
	h := server(echo)
	f.Fuzz(func(t *testing.T, body []byte) {
		w := post(h, "/orders", string(body))
		if w.Code >= 500 {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
		if w.Code != 200 {
			decode(t, w)
		}
	})
}

func TestProblemsHaveTheRequestID(t *testing.T) {
	for name, f := range map[string]func(context.Context, *orderInput) (*orderOutput, error){
		"problem": func(context.Context, *orderInput) (*orderOutput, error) {
			return nil, problem.New(http.StatusNotFound, "none")
		},
		"problem with a header": func(context.Context, *orderInput) (*orderOutput, error) {
			return nil, huma.ErrorWithHeaders(problem.New(http.StatusNotFound, "not yet"), http.Header{"Retry-After": {"1"}})
		},
		"internal": func(context.Context, *orderInput) (*orderOutput, error) { return nil, errors.New("broken") },
		"transient": func(context.Context, *orderInput) (*orderOutput, error) {
			return nil, problem.Unavailable(errors.New("away"), time.Second)
		},
		"panic": func(context.Context, *orderInput) (*orderOutput, error) { panic("broken") },
	} {
		t.Run(name, func(t *testing.T) {
			h := server(f)
			for target, body := range map[string]string{"/orders": `{"copies":1}`, "/orders?shelf=x": `{"copies":0}`, "/nowhere": ""} {
				p := decode(t, post(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("X-Request-Id", "one request")
					h.ServeHTTP(w, r)
				}), target, body))
				if p.RequestID != "one request" {
					t.Errorf("%s: %+v", target, p)
				}
				if p := decode(t, post(h, target, body)); p.RequestID != "" {
					t.Errorf("without a request ID: %+v", p)
				}
			}
		})
	}
}
