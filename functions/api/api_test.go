package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/civil"
	"cloud.google.com/go/spanner"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/fake/contracttest"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/pagetoken"
	"github.com/hybrid-bts/functions/shared/problem"
)

const butter = "butter-cream-peaches"

var noon = time.Date(2026, 11, 20, 12, 0, 0, 123456000, time.UTC)

func addProducts(t testing.TB, db *spanner.Client, ids ...string) {
	t.Helper()
	for _, id := range ids {
		apply(t, db, spanner.InsertMap("Products", map[string]any{
			"Product": id, "Title": "Title of " + id, "Kind": "album", "Price": int64(18900), "Currency": "KRW",
			"Released": civil.Date{Year: 2021, Month: 7, Day: 9},
		}))
	}
}

func addReview(t testing.TB, db *spanner.Client, id string, change map[string]any) {
	t.Helper()
	row := map[string]any{
		"Product": butter, "Review": id, "Status": "published", "Rating": int64(5), "Text": "최고 💜", "Author": "아미", "Locale": "ko",
		"Language": "ko", "Score": 0.9, "Magnitude": 0.9, "ScoredBy": "model",
		"SubmittedAt": noon, "StoredAt": spanner.CommitTimestamp, "PublishedAt": spanner.CommitTimestamp,
	}
	maps.Copy(row, change)
	apply(t, db, spanner.InsertMap("Reviews", row))
}

func addRating(t testing.TB, db *spanner.Client, product string, shard int64, stars [5]int64, scored, micros int64) {
	t.Helper()
	apply(t, db, spanner.Insert("Ratings",
		[]string{"Product", "Shard", "Stars1", "Stars2", "Stars3", "Stars4", "Stars5", "Scored", "ScoreMicros"},
		[]any{product, shard, stars[0], stars[1], stars[2], stars[3], stars[4], scored, micros}))
}

func apply(t testing.TB, db *spanner.Client, m *spanner.Mutation) {
	t.Helper()
	if _, err := db.Apply(t.Context(), []*spanner.Mutation{m}); err != nil {
		t.Fatal(err)
	}
}

// checked returns the handler of s. It checks every response against the OpenAPI document.
func checked(t testing.TB, s *server) http.Handler {
	t.Helper()
	return contracttest.Handler(t, "openapi.json", s.handler())
}

func TestDocumentMatchesTheOperations(t *testing.T) {
	contracttest.Golden(t, "openapi.json", (&server{commands: &commands{}, events: &productEvents{}}).register(http.NewServeMux()).OpenAPI())
}

func get200[T any](t testing.TB, h http.Handler, path string) T {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: %d %s", path, w.Code, w.Body)
	}
	var v T
	dec := json.NewDecoder(w.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	return v
}

type productPage struct {
	Products []product `json:"products"`
	Next     string    `json:"next_page_token"`
}

type reviewPage struct {
	Reviews []review `json:"reviews"`
	Next    string   `json:"next_page_token"`
}

func TestProductsAndRatingsAreRead(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		h := checked(t, &server{store: spannerStore{db: db}})
		if got := get200[productPage](t, h, "/v1/products"); got.Products == nil || len(got.Products) != 0 || got.Next != "" {
			t.Errorf("empty catalogue: %+v, want an empty list", got)
		}
		addProducts(t, db, "b", "a", butter, "c")
		addRating(t, db, butter, 3, [5]int64{1, 0, 0, 0, 1}, 1, 900000)
		addRating(t, db, butter, 11, [5]int64{0, 0, 0, 1, 0}, 1, -400000)
		addRating(t, db, butter+"-2", 0, [5]int64{9, 9, 9, 9, 9}, 45, 0)

		want := product{ID: butter, Title: "Title of " + butter, Kind: "album", Price: 18900, Currency: "KRW", Released: "2021-07-09",
			Rating: summary{Count: 3, Average: 10. / 3}}
		if diff := cmp.Diff(want, get200[product](t, h, "/v1/products/"+butter)); diff != "" {
			t.Error(diff)
		}
		var ids []string
		for next := ""; ; {
			page := get200[productPage](t, h, "/v1/products?page_size=2&page_token="+next)
			for _, p := range page.Products {
				ids = append(ids, p.ID)
				if p.ID == butter {
					if diff := cmp.Diff(want, p); diff != "" {
						t.Error(diff)
					}
				}
			}
			if next = page.Next; next == "" {
				break
			}
		}
		if diff := cmp.Diff([]string{"a", "b", butter, "c"}, ids); diff != "" {
			t.Error(diff)
		}

		mean := 0.25
		wantRating := rating{Count: 3, Average: 10. / 3, Stars: map[string]int64{"1": 1, "2": 0, "3": 0, "4": 1, "5": 1}, Score: &mean, Aspects: []aspectSummary{}}
		if diff := cmp.Diff(wantRating, get200[rating](t, h, "/v1/products/"+butter+"/rating")); diff != "" {
			t.Error(diff)
		}
		none := rating{Stars: map[string]int64{"1": 0, "2": 0, "3": 0, "4": 0, "5": 0}, Aspects: []aspectSummary{}}
		if diff := cmp.Diff(none, get200[rating](t, h, "/v1/products/a/rating")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPublishedReviewsAreListedNewestFirst(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		h := checked(t, &server{store: spannerStore{db: db}})
		addProducts(t, db, butter, "other")
		// The first three have the same SubmittedAt.
		ids := make([]string, 7)
		for i := range ids {
			ids[i] = uuid.NewSHA1(uuid.NameSpaceDNS, []byte{byte(i)}).String()
			addReview(t, db, ids[i], map[string]any{"SubmittedAt": noon.Add(time.Duration(max(0, i-2)) * time.Nanosecond)})
		}
		slices.Sort(ids[:3])
		want := []string{ids[6], ids[5], ids[4], ids[3], ids[0], ids[1], ids[2]}
		held := uuid.NewString()
		addReview(t, db, held, map[string]any{"Status": "held", "HeldFor": "unknown product", "PublishedAt": nil})
		addReview(t, db, uuid.NewString(), map[string]any{"Product": "other"})

		var got []string
		for next := ""; ; {
			page := get200[reviewPage](t, h, "/v1/products/"+butter+"/reviews?page_size=2&page_token="+next)
			for _, r := range page.Reviews {
				got = append(got, r.ID)
			}
			// A review inserted between two pages shifts no other.
			addReview(t, db, uuid.NewString(), map[string]any{"SubmittedAt": noon.Add(time.Hour)})
			if next = page.Next; next == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}

		r := get200[review](t, h, "/v1/products/"+butter+"/reviews/"+ids[0])
		if r.PublishedAt == nil || r.Language == nil || r.Score == nil || *r.Score != 0.9 || r.Text != "최고 💜" || !r.SubmittedAt.Equal(noon) || r.Status != "published" {
			t.Errorf("published review: %+v", r)
		}
		r = get200[review](t, h, "/v1/products/"+butter+"/reviews/"+held)
		if r.Status != "held" || r.PublishedAt != nil {
			t.Errorf("held review: %+v", r)
		}
	})
}

func TestInvalidRequestsAreRejected(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	addProducts(t, db, butter)
	h := checked(t, &server{store: spannerStore{db: db}})
	token := func(c cursor) string {
		s, err := pagetoken.Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	// The year is 9999 in this time zone and 10000 in UTC.
	late := time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -10*60*60))
	all := reviewQuery{sort: newest}
	const some = "6f2c5c0e-8a53-5d2e-9d2b-1e6f0a4f7c11"
	for _, tc := range []struct {
		method, path string
		status       int
		body         string // a part of it
	}{
		{"GET", "/v1/products/none", 404, `no product \"none\"`},
		{"GET", "/v1/products/none/rating", 404, `no product \"none\"`},
		{"GET", "/v1/products/none/reviews", 404, `no product \"none\"`},
		{"GET", "/v1/products/" + butter + "/reviews/" + some, 404, "stored within seconds"},
		{"GET", "/v1/products/" + butter + "/reviews/urn:uuid:" + some, 422, `"parameter":"review"`},
		{"GET", "/v1/products/" + butter + "/reviews/1", 422, `"parameter":"review"`},
		{"GET", "/v1/products/UPPER", 422, `"parameter":"product"`},
		{"GET", "/v1/products/%00", 422, `"parameter":"product"`},
		{"GET", "/v1/products?page_size=0", 422, `"parameter":"page_size"`},
		{"GET", "/v1/products?page_size=101", 422, `"parameter":"page_size"`},
		{"GET", "/v1/products?page_size=x", 422, `"parameter":"page_size"`},
		{"GET", "/v1/products?page_token=x", 422, `"parameter":"page_token"`},
		{"GET", "/v1/products/" + butter + "/reviews?page_token=" + url.QueryEscape("💜"), 422, `"parameter":"page_token"`},
		{"GET", "/v1/products?page_token=" + token(cursor{Query: all.id(butter), ID: "a", SubmittedAt: noon}), 422, `"parameter":"page_token"`},
		{"GET", "/v1/products/" + butter + "/reviews?page_token=" + token(cursor{Query: all.id("other"), ID: some, SubmittedAt: noon}), 422, `"parameter":"page_token"`},
		{"GET", "/v1/products/" + butter + "/reviews?page_token=" + token(cursor{Query: all.id(butter), ID: some, SubmittedAt: late}), 422, `"parameter":"page_token"`},
		{"GET", "/v1/products?page_token=" + token(cursor{Query: newQueryID("products", "", ""), ID: "a"}) + "%0A", 422, `"parameter":"page_token"`},
		{"POST", "/v1/products", 405, "allowed: GET, HEAD"},
		{"GET", "/nowhere", 404, "no resource at"},
		{"GET", "/assets/", 404, "no resource at"},
		{"GET", "/assets/index.html", 404, "no resource at"},
	} {
		t.Run(tc.path, func(t *testing.T) {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(tc.method, tc.path, nil))
			if w.Code != tc.status || w.Header().Get("Content-Type") != problem.ContentType || strings.Count(w.Body.String(), tc.body) != 1 {
				t.Errorf("%d %s %s, want %d and %q once", w.Code, w.Header().Get("Content-Type"), w.Body, tc.status, tc.body)
			}
			if strings.Contains(tc.body, "stored within seconds") != (w.Header().Get("Retry-After") == "1") {
				t.Errorf("Retry-After = %q", w.Header().Get("Retry-After"))
			}
		})
	}
}

func TestSpannerErrorsAreHidden(t *testing.T) {
	db, srv := spannerdbtest.New(t)
	h := checked(t, &server{store: spannerStore{db: db}})
	for name, tc := range map[string]struct {
		fault  error
		status int
	}{
		"transient": {status.Error(codes.ResourceExhausted, "secret detail"), 503},
		"permanent": {status.Error(codes.PermissionDenied, "secret detail"), 500},
	} {
		srv.Fail(tc.fault)
		for _, path := range []string{"", "/" + butter, "/" + butter + "/rating", "/" + butter + "/reviews", "/" + butter + "/reviews/" + uuid.NewString()} {
			t.Run(name+path, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/products"+path, nil))
				if w.Code != tc.status || strings.Contains(w.Body.String(), "secret") || (w.Header().Get("Retry-After") == "2") != (tc.status == 503) {
					t.Errorf("%d Retry-After %q %s, want %d", w.Code, w.Header().Get("Retry-After"), w.Body, tc.status)
				}
			})
		}
	}
}

func TestAllMissingVariablesAreReportedAtOnce(t *testing.T) {
	err := run(t.Context(), func(string) (string, bool) { return "", false })
	for _, name := range []string{"GOOGLE_CLOUD_PROJECT", "SPANNER_INSTANCE", "SPANNER_DATABASE"} {
		if !strings.Contains(fmt.Sprint(err), name) {
			t.Errorf("run() = %v, want %s in it", err, name)
		}
	}
}
