package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/spanner"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
)

// compareReviews compares reviews as the OpenAPI document specifies.
func compareReviews(by sortOrder, a, b review) int {
	newer := func() int { return cmpOr(b.SubmittedAt.Compare(a.SubmittedAt), strings.Compare(a.ID, b.ID)) }
	score := func(r review) float64 { // -2 without a score
		if r.Score == nil {
			return -2
		}
		return *r.Score
	}
	switch by {
	case oldest:
		return cmpOr(a.SubmittedAt.Compare(b.SubmittedAt), strings.Compare(a.ID, b.ID))
	case highest:
		return cmpOr(int(b.Rating-a.Rating), newer())
	case lowest:
		return cmpOr(int(a.Rating-b.Rating), newer())
	case mostPositive:
		return cmpOr(sign(score(b)-score(a)), newer())
	case mostNegative:
		if a.Score == nil || b.Score == nil {
			return cmpOr(sign(score(b)-score(a)), newer()) // reviews without a score come last
		}
		return cmpOr(sign(score(a)-score(b)), newer())
	case mostHelpful:
		return cmpOr(int(b.Helpful-a.Helpful), newer())
	}
	return newer()
}

func cmpOr(first, second int) int {
	if first != 0 {
		return first
	}
	return second
}

func sign(f float64) int {
	switch {
	case f < 0:
		return -1
	case f > 0:
		return 1
	}
	return 0
}

// randomReview returns the columns of a review that shares its time, stars, score and votes with many others.
func randomReview(random *rand.Rand) map[string]any {
	pick := func(values ...any) any { return values[random.IntN(len(values))] }
	return map[string]any{
		"SubmittedAt": noon.Add(time.Duration(random.IntN(4)) * time.Nanosecond), "Rating": int64(1 + random.IntN(5)),
		"Score": pick(nil, -0.7, 0.0, 0.1, 0.100001), "Helpful": pick(int64(0), int64(0), int64(1), int64(12)),
		"Language": pick(nil, "ko", "en", "zh-Hant", "zho"), "Photos": pick(nil, []string{"reviews/" + uuid.NewString() + ".jpg"}),
		"Status": pick("published", "published", "published", "held"),
	}
}

// For every order and filter, the pages contain each review that exists from the start once and in order, although
// reviews are inserted between two pages.
func TestPagingIsStableUnderInserts(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	photographed := func(row map[string]any) bool { return row["Photos"] != nil }
	filters := map[string]func(row map[string]any) bool{
		"":                            func(map[string]any) bool { return true },
		"&rating=5":                   func(row map[string]any) bool { return row["Rating"] == int64(5) },
		"&rating=1&rating=4&rating=4": func(row map[string]any) bool { return row["Rating"] == int64(1) || row["Rating"] == int64(4) },
		"&language=zh":                func(row map[string]any) bool { return row["Language"] == "zh-Hant" },
		"&photos=true":                photographed,
		"&rating=2&language=ko&photos=true": func(row map[string]any) bool {
			return row["Rating"] == int64(2) && row["Language"] == "ko" && photographed(row)
		},
	}
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		random := rand.New(rand.NewPCG(seed, 0))
		h := (&server{store: spannerStore{db: db}}).handler()
		addProducts(t, db, butter)
		rows := map[string]map[string]any{}
		add := func() {
			id := uuid.NewString()
			rows[id] = randomReview(random)
			addReview(t, db, id, rows[id])
		}
		for range 60 {
			add()
		}
		for _, sort := range []sortOrder{newest, oldest, highest, lowest, mostPositive, mostNegative, mostHelpful} {
			for filter, takes := range filters {
				path := "/v1/products/" + butter + "/reviews?sort=" + string(sort) + filter
				want := map[string]bool{} // reviews that exist from the start
				for id, row := range rows {
					if row["Status"] == "published" && takes(row) {
						want[id] = true
					}
				}
				var got []review
				for next := ""; ; {
					page := get200[reviewPage](t, h, path+"&page_size=7&page_token="+next)
					got = append(got, page.Reviews...)
					if next = page.Next; next == "" {
						break
					}
					if len(page.Reviews) != 7 {
						t.Errorf("%s: %d reviews on a page before the last, want 7", path, len(page.Reviews))
					}
					if len(rows) < 95 {
						add()
					}
				}
				if !slices.IsSortedFunc(got, func(a, b review) int { return compareReviews(sort, a, b) }) {
					t.Errorf("seed %d: %s: not sorted", seed, path)
				}
				seen := map[string]bool{}
				for _, r := range got {
					if row := rows[r.ID]; seen[r.ID] || row["Status"] != "published" || !takes(row) {
						t.Errorf("seed %d: %s: duplicate or unwanted review %s", seed, path, r.ID)
					}
					seen[r.ID] = true
				}
				for id := range want {
					if !seen[id] {
						t.Errorf("seed %d: %s: review %s is missing", seed, path, id)
					}
				}
			}
		}
	})
}

// Rows from before the column Helpful existed have NULL in it. They come last and on one page only.
func TestPagingByVotesReadsUncountedReviewsOnce(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		h := checked(t, &server{store: spannerStore{db: db}})
		addProducts(t, db, butter)
		for i := range 7 {
			row := map[string]any{"SubmittedAt": noon.Add(time.Duration(i) * time.Second)}
			if i < 2 {
				row["Helpful"] = int64(i)
			}
			addReview(t, db, fmt.Sprintf("6f2c5c0e-8a53-5d2e-9d2b-00000000000%d", i), row)
		}
		var got strings.Builder
		for next, pages := "", 0; pages < 4; pages++ {
			page := get200[reviewPage](t, h, "/v1/products/"+butter+"/reviews?sort=most_helpful&page_size=2&page_token="+next)
			for _, r := range page.Reviews {
				got.WriteString(r.ID[len(r.ID)-1:])
			}
			if next = page.Next; next == "" {
				break
			}
		}
		if want := "1065432"; got.String() != want {
			t.Errorf("reviews %s, want %s", got.String(), want)
		}
	})
}

func TestFiltersSelectReviews(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		h := checked(t, &server{store: spannerStore{db: db}})
		addProducts(t, db, butter)
		name := map[string]string{}
		for text, row := range map[string]map[string]any{
			"ko 5":       {"Rating": int64(5), "Language": "ko"},
			"ko 4 photo": {"Rating": int64(4), "Language": "ko", "Photos": []string{"reviews/" + uuid.NewString() + ".jpg"}},
			"en 4":       {"Rating": int64(4), "Language": "en"},
			"zh-Hant 1":  {"Rating": int64(1), "Language": "zh-Hant"},
			"none 1":     {"Rating": int64(1), "Language": nil, "Text": ""},
			"ko 5 held":  {"Rating": int64(5), "Language": "ko", "Status": "held"},
		} {
			id := uuid.NewString()
			name[id] = text
			addReview(t, db, id, row)
		}
		for query, want := range map[string][]string{
			"":                           {"en 4", "ko 4 photo", "ko 5", "none 1", "zh-Hant 1"},
			"rating=5":                   {"ko 5"},
			"rating=4&rating=5":          {"en 4", "ko 4 photo", "ko 5"},
			"rating=3":                   nil,
			"language=ko":                {"ko 4 photo", "ko 5"},
			"language=zh":                {"zh-Hant 1"},
			"language=z":                 {"rejected"},
			"photos=true":                {"ko 4 photo"},
			"photos=false&language=en":   {"en 4"},
			"rating=4&language=ko":       {"ko 4 photo"},
			"sort=lowest&rating=1":       {"none 1", "zh-Hant 1"},
			"rating=0":                   {"rejected"},
			"rating=6":                   {"rejected"},
			"rating=4,5":                 {"rejected"},
			"rating=1&rating=2&rating=x": {"rejected"},
			"sort=best":                  {"rejected"},
			"languge=ko":                 {"rejected"},
			"language=ko'+OR+'1'%3D'1":   {"rejected"},
		} {
			path := "/v1/products/" + butter + "/reviews?" + query
			if slices.Equal(want, []string{"rejected"}) {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
				if w.Code != http.StatusUnprocessableEntity {
					t.Errorf("%s: %d %s, want 422", path, w.Code, w.Body)
				}
				continue
			}
			var got []string
			for _, r := range get200[reviewPage](t, h, path).Reviews {
				got = append(got, name[r.ID])
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\n%s", path, diff)
			}
		}
	})
}
