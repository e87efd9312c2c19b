package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/spanner"
	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// id returns the id of the nth review.
func id(n int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", n) }

// put stores published reviews, one for each name of a scorer; "" is a review without a score.
func put(t *testing.T, db *spanner.Client, product string, from int, by ...string) {
	t.Helper()
	var rows []*spanner.Mutation
	for i, by := range by {
		rows = append(rows, spanner.InsertMap("Reviews", map[string]any{
			"Product": product, "Review": id(from + i), "Status": "published", "Rating": 5, "Text": "좋아요", "Author": "", "Locale": "",
			"SubmittedAt": noon, "StoredAt": spanner.CommitTimestamp, "ScoredBy": spanner.NullString{StringVal: by, Valid: by != ""},
		}))
	}
	if _, err := db.Apply(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
}

// recorder is a topic that records its messages, and calls stop after the given number of them.
type recorder struct {
	messages []string // product/review@revision
	stop     func()
	after    int
}

func (p *recorder) publish(_ context.Context, data []byte, attributes map[string]string) error {
	m, err := review.Decode(data, attributes)
	if err != nil {
		return err
	}
	r := m.(review.Rescore)
	p.messages = append(p.messages, fmt.Sprintf("%s/%s@%d", r.Product, r.Review, r.Revision))
	if len(p.messages) == p.after {
		p.stop()
	}
	return nil
}

func TestFallbackScoresAreRequestedOnce(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		put(t, db, "be", 0, "embedded-1", "natural-language-v2", "", "embedded-2")
		put(t, db, "butter", 10, "embedded-1", "embedded-1", "embedded-1")
		if _, err := db.Apply(t.Context(), []*spanner.Mutation{
			spanner.Update("Reviews", []string{"Product", "Review", "Revision"}, []any{"butter", id(10), int64(7)}),
			spanner.Update("Reviews", []string{"Product", "Review", "Status"}, []any{"butter", id(11), "held"}),
		}); err != nil {
			t.Fatal(err)
		}
		message := func(product string, n int, revision int64) string {
			return fmt.Sprintf("%s/%s@%d", product, id(n), revision)
		}
		all := []string{message("be", 0, noon.UnixMicro()), message("be", 3, noon.UnixMicro()), message("butter", 10, 7), message("butter", 12, noon.UnixMicro())}
		for name, tc := range map[string]struct {
			r    rescore
			want []string
			out  string
		}{
			"all":            {rescore{by: "embedded"}, all, "4 rescores requested\n"},
			"of one version": {rescore{by: "embedded-2"}, all[1:2], "1 rescores requested\n"},
			"from a review":  {rescore{by: "embedded", from: "be/" + id(3)}, all[2:], "2 rescores requested\n"},
			"dry run":        {rescore{by: "embedded", dryRun: true}, nil, "4 reviews to rescore\n"},
		} {
			var p recorder
			var out bytes.Buffer
			tc.r.db, tc.r.publish, tc.r.perMinute = db, p.publish, 1e6
			if err := tc.r.run(t.Context(), &out, io.Discard); err != nil || out.String() != tc.out {
				t.Errorf("%s: printed %q, %v", name, &out, err)
			}
			if diff := cmp.Diff(tc.want, p.messages); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})
}

func TestStoppedRunNamesTheReviewToContinueWith(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	by := make([]string, pageSize+pageSize/2)
	for i := range by {
		by[i] = "embedded-1"
	}
	put(t, db, "butter", 0, by...)
	ctx, stop := context.WithCancel(t.Context())
	p := recorder{stop: stop, after: pageSize + 3}
	r := rescore{db: db, publish: p.publish, by: "embedded", perMinute: 1e7}
	err := r.run(ctx, io.Discard, io.Discard)
	_, r.from, _ = strings.Cut(fmt.Sprint(err), "continue with -from ")
	if want := "butter/" + id(pageSize+2); r.from != want {
		t.Fatalf("err = %v, want to continue from %s", err, want)
	}
	if err := r.run(t.Context(), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	for i, m := range p.messages {
		if want := fmt.Sprintf("butter/%s@%d", id(i), noon.UnixMicro()); m != want {
			t.Fatalf("message %d is %s, want %s", i, m, want)
		}
	}
	if len(p.messages) != len(by) {
		t.Errorf("%d messages, want %d", len(p.messages), len(by))
	}
}

func TestRequestsKeepTheRate(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	put(t, db, "butter", 0, "embedded-1", "embedded-1", "embedded-1", "embedded-1")
	var p recorder
	r := rescore{db: db, publish: p.publish, by: "embedded", perMinute: 1200}
	began := time.Now()
	if err := r.run(t.Context(), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); len(p.messages) != 4 || took < 3*time.Minute/1200 {
		t.Errorf("%d messages in %v", len(p.messages), took)
	}
}

func TestInvalidFlagsAreReportedTogether(t *testing.T) {
	err := run(t.Context(), []string{"-per-minute", "0", "-scored-by", ""}, io.Discard, io.Discard)
	for _, name := range []string{"-project", "-instance", "-database", "-topic", "-per-minute", "-scored-by"} {
		if !strings.Contains(fmt.Sprint(err), name) {
			t.Errorf("run() = %v, want %s named", err, name)
		}
	}
}
