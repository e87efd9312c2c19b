package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/authortoken"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/limit"
	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

func ask(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestReadsHaveETagsAndAreRevalidated(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	h := checked(t, &server{store: spannerStore{db: db}})
	addProducts(t, db, butter)
	id := uuid.NewString()
	addReview(t, db, id, nil)
	for path, caching := range map[string]string{
		"/v1/products": cacheShared5s, "/v1/products/" + butter: cacheShared5s, "/v1/products/" + butter + "/rating": cacheShared5s,
		"/v1/products/" + butter + "/reviews?sort=oldest": cacheShared5s, "/v1/products/" + butter + "/reviews/" + id: cacheRevalidate,
	} {
		w := ask(h, http.MethodGet, path)
		etag := w.Header().Get("ETag")
		if w.Code != http.StatusOK || !strings.HasPrefix(etag, `W/"`) || w.Header().Get("Cache-Control") != caching || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if again := ask(h, http.MethodGet, path); again.Header().Get("ETag") != etag {
			t.Errorf("%s: the second response has another ETag", path)
		}
		for _, tag := range []string{etag, `"other", ` + etag, strings.TrimPrefix(etag, "W/"), "*"} {
			same := ask(h, http.MethodGet, path, "If-None-Match", tag)
			if same.Code != http.StatusNotModified || same.Body.Len() > 0 || same.Header().Get("ETag") != etag || same.Header().Get("Cache-Control") != caching {
				t.Errorf("%s with If-None-Match %s: %d %v", path, tag, same.Code, same.Header())
			}
		}
		if other := ask(h, http.MethodGet, path, "If-None-Match", `W/"other"`); other.Code != http.StatusOK {
			t.Errorf("%s with another tag: %d, want 200", path, other.Code)
		}
		head := ask(h, http.MethodHead, path)
		if head.Code != http.StatusOK || head.Header().Get("ETag") != etag {
			t.Errorf("HEAD %s: %d %v", path, head.Code, head.Header())
		}
	}
	before := ask(h, http.MethodGet, "/v1/products/"+butter+"/reviews").Header().Get("ETag")
	addReview(t, db, uuid.NewString(), nil)
	if w := ask(h, http.MethodGet, "/v1/products/"+butter+"/reviews", "If-None-Match", before); w.Code != http.StatusOK {
		t.Errorf("list with the ETag from before a new review: %d, want 200", w.Code)
	}
	for _, path := range []string{"/v1/products/none", "/v1/products?page_size=0", "/nowhere"} {
		if w := ask(h, http.MethodGet, path); w.Header().Get("Cache-Control") != cacheNoStore || w.Header().Get("ETag") != "" {
			t.Errorf("error of %s is cacheable: %v", path, w.Header())
		}
	}
}

func TestLongResponsesAreCompressedOnRequest(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	server := httptest.NewServer(checked(t, &server{store: spannerStore{db: db}}))
	defer server.Close()
	addProducts(t, db, butter)
	for range 10 {
		addReview(t, db, uuid.NewString(), nil)
	}
	get := func(encoding string) (*http.Response, []byte) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/products/"+butter+"/reviews", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", encoding)
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, b
	}
	plain, want := get("identity")
	gzipped, b := get("br, gzip")
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, want) || gzipped.Header.Get("Content-Encoding") != "gzip" || len(b)*2 > len(want) {
		t.Errorf("%d bytes for %d, header %v: %v", len(b), len(want), gzipped.Header, err)
	}
	for _, resp := range []*http.Response{plain, gzipped} {
		if !strings.Contains(resp.Header.Get("Vary"), "Accept-Encoding") || resp.Header.Get("ETag") != plain.Header.Get("ETag") {
			t.Errorf("header %v", resp.Header)
		}
	}
}

func TestStreamIsSentAsItIsWritten(t *testing.T) {
	next := make(chan struct{})
	server := httptest.NewServer(compressed(revalidated(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 2 {
			_, _ = io.WriteString(w, "data: x\n\n")
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	}))))
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b := make([]byte, 9)
	for range 2 {
		if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != "data: x\n\n" {
			t.Fatalf("%q, %v", b, err)
		}
		next <- struct{}{}
	}
	if resp.Header.Get("ETag") != "" || resp.Uncompressed {
		t.Errorf("header %v", resp.Header)
	}
}

func TestOnlyTheAuthorReadsAnUnpublishedReview(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	key, err := authortoken.ParseKeyRing("sixteen bytes or more")
	if err != nil {
		t.Fatal(err)
	}
	h := checked(t, &server{store: spannerStore{db: db}, commands: &commands{tokens: key}})
	addProducts(t, db, butter)
	decided := func(verdict, text string, row map[string]any) map[string]any {
		row["Verdicts"], row["Reasons"], row["DecidedOn"], row["DecidedAt"] = []string{verdict}, []string{text}, []int64{1}, []time.Time{noon}
		return row
	}
	type withReason struct {
		reason string
		row    map[string]any
	}
	rows := []withReason{
		{unknownProduct, map[string]any{"Status": "held", "HeldFor": "unknown product"}},
		{unknownProduct, map[string]any{"Status": "held", "HeldFor": "unknown product", "HoldFor": "unknown product", "ReasonCode": "unknown_product"}},
		{moderation, map[string]any{"Status": "held", "HeldFor": "an address", "HoldFor": "an address"}},
		{moderation, map[string]any{"Status": "held", "HeldFor": "sexual content", "HoldFor": "sexual content", "ReasonCode": "sexual_content"}},
		{pending, map[string]any{"Status": "held", "HeldFor": "pending moderation", "HoldFor": "pending moderation", "ReasonCode": "pending_moderation"}},
		{moderation, map[string]any{"Status": "held", "HeldFor": "a_later_code", "HoldFor": "a_later_code", "ReasonCode": "a_later_code"}},
		{operator, map[string]any{"Status": "rejected", "HeldFor": "their words", "HoldFor": "an address"}},
		{operator, decided("reject", "their words", map[string]any{"Status": "rejected", "HeldFor": "their words", "ReasonCode": "operator", "OperatorReason": "their words"})},
	}
	for _, code := range reason.Codes {
		for _, text := range []string{code.Text(), string(code)} {
			rows = append(rows,
				withReason{operator, decided("hold", text, map[string]any{"Status": "held", "HeldFor": text, "HoldFor": text})},
				withReason{operator, decided("reject", text, map[string]any{"Status": "rejected", "HeldFor": text, "ReasonCode": "operator", "OperatorReason": text})})
		}
	}
	for _, tc := range rows {
		row := tc.row
		id := uuid.NewString()
		row["Text"], row["Author"], row["PublishedAt"] = "secret text", "secret author", nil
		addReview(t, db, id, row)
		path := "/v1/products/" + butter + "/reviews/" + id
		for name, token := range map[string]string{"nobody": "", "somebody": "x", "another author": key.Token(butter, uuid.NewString())} {
			w := ask(h, http.MethodGet, path, "Author-Token", token)
			want := `{"id":"` + id + `","product":"` + butter + `","status":"` + row["Status"].(string) + `","reason":"` + tc.reason + `","submitted_at":"2026-11-20T12:00:00.123456Z"}`
			if strings.TrimSpace(w.Body.String()) != want {
				t.Errorf("%s reads %d %s, want %s", name, w.Code, w.Body, want)
			}
		}
		w := ask(h, http.MethodGet, path, "Author-Token", key.Token(butter, id))
		if body := w.Body.String(); !strings.Contains(body, "secret text") || !strings.Contains(body, tc.reason) || strings.Contains(body, "their words") {
			t.Errorf("the author reads %s", body)
		}
		if got := w.Header().Get("Cache-Control"); got != cacheNoStore {
			t.Errorf("review read with a token: Cache-Control %s, want %s", got, cacheNoStore)
		}
		if got := len(get200[reviewPage](t, h, "/v1/products/"+butter+"/reviews").Reviews); got != 0 {
			t.Errorf("%d reviews listed, want none", got)
		}
	}
}

func TestRateLimitAppliesToChangesOnly(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	addProducts(t, db, butter)
	store := spannerStore{db: db}
	h := checked(t, &server{store: store, commands: &commands{revisions: store}, limiter: limit.New(limit.Rate{Requests: 1, Per: time.Minute}, 0, problem.TooMany)})
	path := "/v1/products/" + butter + "/reviews/" + uuid.NewString()
	if w := ask(h, http.MethodPost, path+"/helpful"); w.Code != http.StatusNotFound {
		t.Errorf("first change: %d %s, want 404", w.Code, w.Body)
	}
	for method, path := range map[string]string{http.MethodPost: path + "/helpful", http.MethodDelete: path, http.MethodPatch: path} {
		w := ask(h, method, path)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || w.Header().Get("Content-Type") != problem.ContentType {
			t.Errorf("%s: %d %v, want 429", method, w.Code, w.Header())
		}
	}
	if w := ask(h, http.MethodGet, "/v1/products"); w.Code != http.StatusOK {
		t.Errorf("read: %d, want 200", w.Code)
	}
}
