package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
	"google.golang.org/grpc/codes"

	"github.com/hybrid-bts/functions/shared/authortoken"
	"github.com/hybrid-bts/functions/shared/fake/contracttest"
	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/problem/requestbody"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/submission"
	"github.com/hybrid-bts/functions/shared/topic"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func tokens(t testing.TB) authortoken.KeyRing {
	t.Helper()
	k, err := authortoken.ParseKeyRing("no secret in a test")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// start returns the handler of the function with an embedded Pub/Sub.
func start(t testing.TB, opts ...pstest.ServerReactorOption) (http.Handler, *pstest.Server) {
	t.Helper()
	p, srv := pubsubtest.New(t, "reviews", opts...)
	in := &intake{reviews: topic.New(p), tokens: tokens(t), now: func() time.Time { return noon }}
	return contracttest.Handler(t, "openapi.json", in.handler()), srv
}

func TestOpenAPIDocumentIsCurrent(t *testing.T) {
	contracttest.Golden(t, "openapi.json", (&intake{}).register(http.NewServeMux()).OpenAPI())
}

func post(h http.Handler, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/v1/reviews", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// published returns the only review on the topic.
func published(t testing.TB, srv *pstest.Server) review.Review {
	t.Helper()
	m := srv.Messages()
	if len(m) != 1 {
		t.Fatalf("%d messages, want 1", len(m))
	}
	return decoded(t, m[0])
}

// decoded returns the review in a message.
func decoded(t testing.TB, m *pstest.Message) review.Review {
	t.Helper()
	got, err := review.Decode(m.Data, m.Attributes)
	if err != nil {
		t.Fatal(err)
	}
	r, ok := got.(review.Review)
	if !ok {
		t.Fatalf("the message is a %T", got)
	}
	return r
}

func id(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	var a accepted
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != http.StatusAccepted {
		t.Fatalf("%d %s, want 202", w.Code, w.Body)
	}
	return a.ID
}

func TestAcceptedReviewIsPublished(t *testing.T) {
	h, srv := start(t)
	w := post(h, `{"product":"butter-cream-peaches","rating":5,"text":"포토카드가 예뻐요 💜\n최고","author":"아미","locale":"ko-KR"}`)
	got := published(t, srv)
	want := review.Review{
		ID: id(t, w), Product: "butter-cream-peaches", Rating: 5, Text: "포토카드가 예뻐요 💜\n최고",
		Author: "아미", Locale: "ko-KR", SubmittedAt: noon,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	url := "/v1/products/butter-cream-peaches/reviews/" + want.ID
	token := tokens(t).Token("butter-cream-peaches", want.ID)
	if body := fmt.Sprintf(`{"id":%q,"status_url":%q,"author_token":%q}`, want.ID, url, token); strings.TrimSpace(w.Body.String()) != body {
		t.Errorf("body %s, want %s", w.Body, body)
	}
	if got := w.Header().Get("Location"); got != url {
		t.Errorf("Location = %q, want %q", got, url)
	}
}

func TestTextsAreNormalized(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"spaces around", `  good \t\n `, "good"},
		{"newline inside", `a\r\nb`, "a\nb"},
		{"control characters", `a\u0000b\u0007c\u0085d`, "abcd"},
		{"decomposed Hangul", norm.NFD.String("예뻐요"), "예뻐요"},
		{"decomposed accents", `Caf\u0065\u0301`, "Café"},
		{"a control character between letter and accent", `e\u0001\u0301`, "é"},
		{"Arabic and an emoji of many runes", `رائع 👩‍👩‍👧`, "رائع 👩‍👩‍👧"},
		{"only white space", `\u3000 \n`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, srv := start(t)
			id(t, post(h, `{"product":"p","rating":1,"text":"`+tc.in+`","author":"`+tc.in+`"}`))
			got := published(t, srv)
			if got.Text != tc.want {
				t.Errorf("text = %q, want %q", got.Text, tc.want)
			}
			if author := strings.ReplaceAll(tc.want, "\n", ""); got.Author != author {
				t.Errorf("author = %q, want %q", got.Author, author)
			}
		})
	}
}

func TestInvalidFieldsAreRejectedWithAPointer(t *testing.T) {
	long := func(n int) string { return strings.Repeat("가", n) }
	for _, tc := range []struct {
		name, body string
		pointer    string // "" when the review is accepted
	}{
		{"stars only", `{"product":"p","rating":1}`, ""},
		{"integer written as 5.0", `{"product":"p","rating":5.0}`, ""},
		{"product of 64", `{"product":"` + strings.Repeat("p", 64) + `","rating":1}`, ""},
		{"text of 5000 characters", `{"product":"p","rating":1,"text":"` + long(5000) + `"}`, ""},
		{"text of 5000 characters in NFC", `{"product":"p","rating":1,"text":"` + norm.NFD.String(long(5000)) + `"}`, ""},
		{"text of 5000 characters and space around", `{"product":"p","rating":1,"text":" ` + long(5000) + ` "}`, ""},
		{"author of 80 characters", `{"product":"p","rating":1,"author":"` + long(80) + `"}`, ""},
		{"no locale", `{"product":"p","rating":1,"locale":""}`, ""},

		{"not JSON", `rating=5`, "#"},
		{"a list", `[]`, "#"},
		{"null", `null`, "#"},
		{"truncated", `{"product":"p","rating":1`, "#"},
		{"unknown field", `{"product":"p","rating":1,"stars":5}`, "#/stars"},
		{"name in different case", `{"product":"p","rating":1,"Text":"lost"}`, "#/Text"},
		{"duplicate name in different case", `{"product":"p","rating":5,"RATING":1}`, "#/RATING"},
		{"rating out of the range of float64", `{"product":"p","rating":1e400}`, "#/rating"},
		{"product missing", `{"rating":1}`, "#/product"},
		{"product blank", `{"product":" ","rating":1}`, "#/product"},
		{"product empty", `{"product":"","rating":1}`, "#/product"},
		{"product of 65", `{"product":"` + strings.Repeat("p", 65) + `","rating":1}`, "#/product"},
		{"product with a slash", `{"product":"a/b","rating":1}`, "#/product"},
		{"product a number", `{"product":7,"rating":1}`, "#/product"},
		{"rating missing", `{"product":"p"}`, "#/rating"},
		{"rating 0", `{"product":"p","rating":0}`, "#/rating"},
		{"rating 6", `{"product":"p","rating":6}`, "#/rating"},
		{"rating 4.5", `{"product":"p","rating":4.5}`, "#/rating"},
		{"rating a string", `{"product":"p","rating":"5"}`, "#/rating"},
		{"rating null", `{"product":"p","rating":null}`, "#/rating"},
		{"rating huge", `{"product":"p","rating":1e300}`, "#/rating"},
		{"text of 5001 characters", `{"product":"p","rating":1,"text":"` + long(5001) + `"}`, "#/text"},
		{"text a number", `{"product":"p","rating":1,"text":1}`, "#/text"},
		{"text in invalid UTF-8", "{\"product\":\"p\",\"rating\":1,\"text\":\"\xed\xa0\x80\"}", "#/text"},
		{"author of 81 characters", `{"product":"p","rating":1,"author":"` + long(81) + `"}`, "#/author"},
		{"locale without a language", `{"product":"p","rating":1,"locale":"<b>"}`, "#/locale"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, srv := start(t)
			w := post(h, tc.body)
			if tc.pointer == "" {
				id(t, w)
				published(t, srv)
				return
			}
			var p problem.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatal(err)
			}
			if w.Code < 400 || w.Code > 499 || w.Header().Get("Content-Type") != problem.ContentType {
				t.Errorf("%d %s, want 4xx problem", w.Code, w.Header().Get("Content-Type"))
			}
			if len(p.Errors) != 1 || p.Errors[0].Pointer != tc.pointer {
				t.Errorf("errors %+v, want one at %s", p.Errors, tc.pointer)
			}
			if n := len(srv.Messages()); n != 0 {
				t.Errorf("%d messages published, want none", n)
			}
		})
	}
}

func TestOtherRequestsAreRejected(t *testing.T) {
	const good = `{"product":"p","rating":1}`
	for _, tc := range []struct {
		name, method, path, contentType, body string
		want                                  int
	}{
		{"64 KiB", "POST", "/v1/reviews", "application/json", good + strings.Repeat(" ", requestbody.MaxBytes-len(good)), 202},
		{"over 64 KiB", "POST", "/v1/reviews", "application/json", good + strings.Repeat(" ", requestbody.MaxBytes+1-len(good)), 413},
		{"with a charset", "POST", "/v1/reviews", "application/json; charset=utf-8", good, 202},
		{"GET", "GET", "/v1/reviews", "", "", 405},
		{"PUT", "PUT", "/v1/reviews", "application/json", good, 405},
		{"a form", "POST", "/v1/reviews", "application/x-www-form-urlencoded", "product=p", 415},
		{"text", "POST", "/v1/reviews", "text/plain", good, 415},
		{"no Content-Type", "POST", "/v1/reviews", "", good, 415},
		{"photo without Content-Type", "POST", "/v1/photos", "", `{"content_type":"image/jpeg"}`, 415},
		{"another path", "POST", "/v1/reviews/1", "application/json", good, 404},
		{"empty body", "POST", "/v1/reviews", "application/json", "", 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, srv := start(t)
			r := httptest.NewRequest(tc.method, tc.path, strings.NewReader(tc.body))
			r.Header.Set("Content-Type", tc.contentType)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tc.want {
				t.Fatalf("%d %s, want %d", w.Code, w.Body, tc.want)
			}
			if n := len(srv.Messages()); (n == 1) != (tc.want == 202) {
				t.Errorf("%d messages published", n)
			}
			if tc.want != 202 && w.Header().Get("Content-Type") != problem.ContentType {
				t.Errorf("Content-Type = %q, want a problem", w.Header().Get("Content-Type"))
			}
		})
	}
}

func TestResponseHasTheAuthorTokenUnlessTheKeyIsShort(t *testing.T) {
	h, _ := start(t)
	const body = `{"product":"p","rating":5,"text":"good"}`
	for key, want := range map[string]bool{
		"": true, "0e5f6a2c-6b1d-4f0a-9d5e-7f6f3f1f2a10": true, strings.Repeat("k", minSecretKey): true, strings.Repeat("k", minSecretKey-1): false,
	} {
		var first, again accepted
		for _, to := range []*accepted{&first, &again} {
			if err := json.Unmarshal(post(h, body, "Idempotency-Key", key).Body.Bytes(), to); err != nil {
				t.Fatal(err)
			}
		}
		if got := tokens(t).Valid(first.AuthorToken, "p", first.ID); got != want || !want && first.AuthorToken != "" {
			t.Errorf("with the key %q the token is %q", key, first.AuthorToken)
		}
		if key != "" && again != first {
			t.Errorf("retry with the key %q: %+v, want %+v", key, again, first)
		}
	}
}

func TestSameKeyAndBodyGiveTheSameID(t *testing.T) {
	h, _ := start(t)
	const body = `{"product":"p","rating":5,"text":"good"}`
	first := id(t, post(h, body, "Idempotency-Key", "k"))
	if u, err := uuid.Parse(first); err != nil || u.Version() != 8 {
		t.Errorf("ID %s is not a UUIDv8", first)
	}
	if again := id(t, post(h, body, "Idempotency-Key", "k")); again != first {
		t.Errorf("ID of a retry is %s, want %s", again, first)
	}
	if again := id(t, post(h, `{"text":"good", "rating":5,"product":"p"}`, "Idempotency-Key", "k")); again != first {
		t.Errorf("ID of the same review with other field order is %s, want %s", again, first)
	}
	for name, other := range map[string]string{
		"another body":   id(t, post(h, `{"product":"p","rating":4,"text":"good"}`, "Idempotency-Key", "k")),
		"another key":    id(t, post(h, body, "Idempotency-Key", "k2")),
		"no key":         id(t, post(h, body)),
		"an empty key":   id(t, post(h, body, "Idempotency-Key", "")),
		"a field moved":  id(t, post(h, `{"product":"p","rating":5,"author":"good"}`, "Idempotency-Key", "k")),
		"key and body…":  id(t, post(h, `{"product":"p","rating":5,"text":"good"}`, "Idempotency-Key", "k\"")),
		"no key, second": id(t, post(h, body)),
	} {
		if other == first {
			t.Errorf("%s has the same ID", name)
		}
	}
	if a, b := id(t, post(h, body, "Idempotency-Key", "\xe8")), id(t, post(h, body, "Idempotency-Key", "\xe9")); a == b {
		t.Error("two keys with invalid UTF-8 have the same ID")
	}
	if w := post(h, body, "Idempotency-Key", strings.Repeat("k", 256)); w.Code != 422 || !strings.Contains(w.Body.String(), `"parameter":"Idempotency-Key"`) {
		t.Errorf("key of 256 bytes: %d %s, want 422 with the header", w.Code, w.Body)
	}
}

// An order number of 17 characters is a guessable key with an author token. A client that knows the public review must
// not find the number without requests.
func TestPublicIDConfirmsNoGuessOfTheIdempotencyKey(t *testing.T) {
	h, _ := start(t)
	const key, body = "order-2026-013579", `{"product":"p","rating":5,"text":"good"}`
	public := id(t, post(h, body, "Idempotency-Key", key))
	content := newReview{Product: "p", Content: submission.Content{Rating: 5, Text: "good"}}
	namespace := uuid.NewSHA1(uuid.NameSpaceDNS, []byte("review.hybridbts.tech"))
	other, err := authortoken.ParseKeyRing("another secret of this length")
	if err != nil {
		t.Fatal(err)
	}
	for n := 13000; n < 14000; n++ {
		guess := fmt.Sprintf("order-2026-%06d", n)
		name, err := json.Marshal(struct {
			Key        []byte
			Submission newReview
		}{[]byte(guess), content})
		if err != nil {
			t.Fatal(err)
		}
		if public == uuid.NewSHA1(namespace, name).String() || public == other.ReviewID(name) {
			t.Fatalf("the guess %s gives the public ID %s", guess, public)
		}
		if guess == key && tokens(t).ReviewID(name) != public {
			t.Errorf("the guesses do not derive IDs as the intake does")
		}
	}
}

func TestRetryDuringAKeyRotationHasTheSameIDAndAValidToken(t *testing.T) {
	const oldKey, newKey, body = "the secret before rotation", "the secret after rotation", `{"product":"p","rating":5,"text":"good"}`
	var first accepted
	for i, list := range []string{oldKey, oldKey + "," + newKey + "," + oldKey, newKey + "," + oldKey} {
		ring, err := authortoken.ParseKeyRing(list)
		if err != nil {
			t.Fatal(err)
		}
		in := &intake{reviews: &accepting{}, tokens: ring, now: func() time.Time { return noon }}
		var got accepted
		if err := json.Unmarshal(post(in.handler(), body, "Idempotency-Key", "0e5f6a2c-6b1d-4f0a-9d5e-7f6f3f1f2a10").Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = got
		}
		if got.ID != first.ID || !ring.Valid(got.AuthorToken, "p", got.ID) || !ring.Valid(first.AuthorToken, "p", got.ID) {
			t.Errorf("step %d: %+v, want the ID %s and both tokens valid", i, got, first.ID)
		}
	}
}

func TestPagesOfOtherOriginsCannotSubmit(t *testing.T) {
	for _, tc := range []struct {
		name   string
		header []string
		want   int
	}{
		{"no browser", nil, 202},
		{"page of the shop", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://example.com"}, 202},
		{"page of the shop in an old browser", []string{"Origin", "http://example.com"}, 202},
		{"trusted page", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://partner.example"}, 202},
		{"page of another site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		{"page of another host of the site", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://blog.example.com"}, 403},
		{"page of another site in an old browser", []string{"Origin", "https://evil.example"}, 403},
		{"sandboxed page", []string{"Origin", "null"}, 403},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, srv := pubsubtest.New(t, "reviews")
			in := &intake{reviews: topic.New(p), tokens: tokens(t), now: time.Now, origins: []string{"https://partner.example"}}
			w := post(contracttest.Handler(t, "openapi.json", in.handler()), `{"product":"p","rating":5}`, tc.header...)
			if w.Code != tc.want || len(srv.Messages()) != map[int]int{202: 1}[tc.want] {
				t.Errorf("%d %s with %d messages, want %d", w.Code, w.Body, len(srv.Messages()), tc.want)
			}
		})
	}
}

func TestFailedPublicationIs503(t *testing.T) {
	var log bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(old)
	h, srv := start(t, pstest.WithErrorInjection("Publish", codes.PermissionDenied, "secret detail"))
	w := post(h, `{"product":"p","rating":5,"text":"between us"}`)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d Retry-After %q %s, want 503 without the error", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	if len(srv.Messages()) != 0 {
		t.Error("a message was published")
	}
	if n := strings.Count(log.String(), "level="); n != 1 || strings.Contains(log.String(), "between us") {
		t.Errorf("logged %d lines, want one without the text: %s", n, log.String())
	}
}

func TestReviewIsPublishedAfterTheClientDisconnects(t *testing.T) {
	h, srv := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/reviews", strings.NewReader(`{"product":"p","rating":5}`))
	r.Header.Set("Content-Type", "application/json")
	h.ServeHTTP(httptest.NewRecorder(), r)
	published(t, srv)
}

func TestConcurrentReviewsAreAllPublished(t *testing.T) {
	h, srv := start(t)
	server := httptest.NewServer(h)
	defer server.Close()
	const workers, each = 32, 20
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				resp, err := http.Post(server.URL+"/v1/reviews", "application/json",
					strings.NewReader(fmt.Sprintf(`{"product":"p","rating":%d,"text":"%d/%d"}`, 1+i%5, w, i)))
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusAccepted {
					t.Errorf("status %d", resp.StatusCode)
				}
			}
		})
	}
	wg.Wait()
	ids := map[string]bool{}
	for _, m := range srv.Messages() {
		ids[decoded(t, m).ID] = true
	}
	if len(ids) != workers*each {
		t.Errorf("%d reviews published, want %d", len(ids), workers*each)
	}
}

func TestConfigurationProblemsAreReportedTogether(t *testing.T) {
	err := run(t.Context(), func(string) (string, bool) { return "", false })
	if err == nil || !strings.Contains(err.Error(), "GOOGLE_CLOUD_PROJECT") || !strings.Contains(err.Error(), "REVIEWS_TOPIC") || !strings.Contains(err.Error(), "AUTHOR_TOKEN_KEY") {
		t.Errorf("run() = %v, want the names of all missing variables", err)
	}
}

// accepting is a publisher that keeps the last message.
type accepting struct {
	data       []byte
	attributes map[string]string
}

// Publish implements topic.Publisher.
func (a *accepting) Publish(_ context.Context, data []byte, attributes map[string]string) error {
	a.data, a.attributes = data, attributes
	return nil
}

// FuzzSubmit checks that readers of the topic can decode each accepted review.
func FuzzSubmit(f *testing.F) {
	f.Add([]byte(`{"product":"butter","rating":5,"text":"좋아요 💜\u0000","author":" ","locale":"ko"}`), "key")
	f.Add([]byte("{\"product\":\"p\",\"rating\":1,\"text\":\"\xff\"}"), "")
	f.Add([]byte(`{"Product":"p","RATING":1,"text":"lost"}`), "\xe8")
	f.Fuzz(func(t *testing.T, body []byte, key string) {
		var to accepting
		in := &intake{reviews: &to, tokens: tokens(t), now: func() time.Time { return noon }}
		w := post(in.handler(), string(body), "Idempotency-Key", key)
		if w.Code != http.StatusAccepted {
			if w.Code >= 500 {
				t.Errorf("%q: %d %s", body, w.Code, w.Body)
			}
			return
		}
		got, err := review.Decode(to.data, to.attributes)
		r, ok := got.(review.Review)
		if err != nil || !ok || !utf8.ValidString(r.Text) {
			t.Errorf("accepted %q, decoded %+v: %v", body, got, err)
		}
	})
}
