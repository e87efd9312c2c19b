package main

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/spanner"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
)

type auditList struct {
	Entries []auditEntry `json:"entries"`
	Next    string       `json:"next_page_token"`
}

// addAudit inserts a row into Audit, as the review writer does.
func (d *fixture) addAudit(e auditEntry) {
	d.apply(spanner.InsertMap("Audit", map[string]any{
		"Product": e.Product, "Review": e.Review, "Entry": e.ID, "ActedAt": e.At, "Operator": e.Operator, "Action": e.Action, "Letter": e.Letter,
		"StateBefore": e.Before, "StateAfter": e.After, "Reason": e.Reason, "StoredAt": spanner.CommitTimestamp,
	}))
}

func TestAuditListsActionsNewestFirst(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		d := newFixture(t, db)
		one, two := uuid.NewString(), uuid.NewString()
		var want []auditEntry
		for i := range 7 {
			e := auditEntry{ID: fmt.Sprintf("00000000-0000-0000-0000-%012d", i), At: noon.Add(-time.Duration(i/2) * time.Second), Operator: "ann", Action: "hold",
				Product: butter, Review: one, Before: "published", After: "held", Reason: "광고"}
			switch i % 3 {
			case 1:
				e.Review = two
			case 2:
				e.Product, e.Review, e.Letter, e.Action, e.Before, e.After = "", "", "reviews-7", "replay", "deadletter", "replayed"
			}
			want = append(want, e)
		}
		for i := range want {
			d.addAudit(want[len(want)-1-i])
		}
		var got []auditEntry
		token, pages := "", 0
		for ; pages == 0 || token != ""; pages++ {
			page := mustDecode[auditList](d, 200, http.MethodGet, "/audit?page_size=2&page_token="+token, "")
			got, token = append(got, page.Entries...), page.Next
		}
		if diff := cmp.Diff(want, got); diff != "" || pages != 4 {
			t.Errorf("%d pages: %s", pages, diff)
		}
		of := func(review string) []auditEntry {
			return slices.DeleteFunc(slices.Clone(want), func(e auditEntry) bool { return e.Review != review })
		}
		if diff := cmp.Diff(of(two), mustDecode[auditList](d, 200, http.MethodGet, "/audit?product="+butter+"&review="+two, "").Entries); diff != "" {
			t.Error(diff)
		}
		first := mustDecode[auditList](d, 200, http.MethodGet, "/audit?page_size=1", "").Next
		for _, query := range []string{"review=" + one, "product=" + butter, "review=x&product=" + butter, "page_token=x", "page_token=" + first + "&product=" + butter + "&review=" + one, "page_size=0"} {
			if w := d.send(http.MethodGet, "/audit?"+query, ""); w.Code != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d %s, want 422", query, w.Code, w.Body)
			}
		}
		if got := mustDecode[auditList](d, 200, http.MethodGet, "/audit?product="+butter+"&review="+uuid.NewString(), ""); got.Entries == nil || len(got.Entries) > 0 {
			t.Errorf("audit of an unknown review: %+v", got)
		}
	})
}
