package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/spanner"
	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
)

func TestSearchFindsTextAuthorAndID(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		d := newFixture(t, db)
		ids := map[string]string{}
		for name, row := range map[string]map[string]any{
			"one":   {"Status": "held", "Text": "카카오톡 아이디 buy123", "Author": "Ｍｉｎａ Kim"},
			"two":   {"Status": "held", "Text": "BUY now, cafe\u0301", "Author": "Tom"},
			"three": {"Status": "rejected", "Text": "buy it", "Author": "Mina"},
			"four":  {"Text": "buy it too", "Author": "Mina"},
		} {
			ids[name] = uuid.NewString()
			row["HeldAt"] = noon
			if row["Status"] == nil {
				row["HeldAt"] = nil
			}
			d.addReview(ids[name], row)
		}
		d.addRating(butter)
		for query, want := range map[string][]string{
			"status=held&q=buy": {"one", "two"}, "status=held&q=mina": {"one"}, "status=held&q=café": {"two"}, "status=held&q=buy%20tom": {"two"},
			"status=held&q=카카오": {"one"}, "status=held&q=nothing": {}, "status=rejected&q=Mina": {"three"}, "status=published&q=MINA": {"four"},
			"status=held&product=other&q=buy": {}, "status=held&q=" + url.QueryEscape("100%"): {},
			"status=held&q=" + ids["four"]: {"four"}, "status=rejected&q=" + ids["one"]: {"one"}, "status=held&q=" + uuid.NewString(): {},
		} {
			got := mustDecode[reviewList](d, 200, http.MethodGet, "/reviews?"+query, "")
			var found []string
			for _, r := range got.Reviews {
				for name, id := range ids {
					if r.ID == id {
						found = append(found, name)
					}
				}
			}
			slices.Sort(found)
			if !slices.Equal(found, want) && len(found)+len(want) > 0 || got.Next != "" {
				t.Errorf("%s: %v and token %q, want %v", query, found, got.Next, want)
			}
		}
	})
}

// A search reads a bounded number of reviews for a page, and its pages cover all matches once.
func TestPagesOfASearchCoverAllMatches(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newFixture(t, db)
	const reviews, every = maxSearched + searchBatch + 7, 300
	var writes []*spanner.Mutation
	want := 0
	for i := range reviews {
		text := "ordinary"
		if i%every == 0 {
			text, want = "needle", want+1
		}
		writes = append(writes, spanner.InsertMap("Reviews", map[string]any{
			"Product": butter, "Review": uuid.NewString(), "Status": "held", "Rating": int64(5), "Text": text, "Author": "", "Locale": "",
			"SubmittedAt": noon, "StoredAt": spanner.CommitTimestamp, "HeldAt": noon.Add(time.Duration(i/2) * time.Second),
		}))
	}
	if _, err := db.Apply(t.Context(), writes); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, 3, 100} {
		found, pages := map[string]bool{}, 0
		for token := ""; pages == 0 || token != ""; pages++ {
			got := mustDecode[reviewList](d, 200, http.MethodGet, fmt.Sprintf("/reviews?q=needle&page_size=%d&page_token=%s", size, token), "")
			for _, r := range got.Reviews {
				if r.Text != "needle" || found[r.ID] || len(got.Reviews) > size {
					t.Fatalf("page %d has %+v", pages, r)
				}
				found[r.ID] = true
			}
			token = got.Next
		}
		if len(found) != want || size == 100 && pages != 2 {
			t.Errorf("pages of %d: %d matches on %d pages, want %d", size, len(found), pages, want)
		}
	}
	first := mustDecode[reviewList](d, 200, http.MethodGet, "/reviews?q=needle&page_size=1", "")
	if w := d.send(http.MethodGet, "/reviews?q=other&page_size=1&page_token="+first.Next, ""); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("token of another search: %d, want 422", w.Code)
	}
}

func TestQueueIsCounted(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		d := newFixture(t, db)
		for _, status := range []string{"held", "held", "rejected", "published"} {
			row := map[string]any{"Status": status, "HeldAt": noon}
			if status == "published" {
				row["HeldAt"] = nil
			}
			d.addReview(uuid.NewString(), row)
		}
		got := mustDecode[struct{ Held, Rejected int64 }](d, 200, http.MethodGet, "/counts", "")
		if got.Held != 2 || got.Rejected != 1 {
			t.Errorf("counts %+v, want 2 held and 1 rejected", got)
		}
	})
}

func TestReviewHasTheNumberOfItsReports(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newFixture(t, db)
	id := uuid.NewString()
	d.addReview(id, map[string]any{"Revision": int64(7), "Reporters": []string{"a", "b", "c"}, "ReportedOn": []int64{7, 6, 7}, "ReportedAt": []time.Time{noon, noon, noon}})
	if got := mustDecode[moderated](d, 200, http.MethodGet, "/reviews/"+butter+"/"+id, ""); got.Reports != 2 {
		t.Errorf("%d reports, want the 2 of the revision", got.Reports)
	}
}
