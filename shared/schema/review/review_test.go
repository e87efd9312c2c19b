package review_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

func valid() review.Review {
	return review.Review{
		ID: "0190d4f4-3a5e-7cc0-8a3b-0242ac120002", Product: "butter-cream-peaches", Rating: 5,
		Text: "포토카드가 정말 예뻐요 💜\nمرحبا", Author: "아미", Locale: "ko-KR",
		SubmittedAt: time.Date(2026, 11, 20, 9, 15, 2, 313, time.UTC),
	}
}

func ExampleDecode() {
	data := []byte(`{"id":"0190d4f4-3a5e-7cc0-8a3b-0242ac120002","product":"butter-cream-peaches",
		"rating":4,"text":"Lovely","author":"","submitted_at":"2026-11-20T09:15:02Z"}`)
	m, err := review.Decode(data, map[string]string{"schema_version": "1"})
	if r, ok := m.(review.Review); ok {
		fmt.Println(r.Product, r.Rating, r.Text, err)
	}
	data = []byte(`{"product":"butter-cream-peaches","review":"0190d4f4-3a5e-7cc0-8a3b-0242ac120002"}`)
	m, err = review.Decode(data, map[string]string{"schema_version": "2", "kind": "erasure"})
	fmt.Printf("%T of %s %v\n", m, m.About().Review, err)
	_, err = review.Decode(data, nil)
	fmt.Println(err)
	// Output:
	// butter-cream-peaches 4 Lovely <nil>
	// review.Erasure of 0190d4f4-3a5e-7cc0-8a3b-0242ac120002 <nil>
	// decode "review": invalid schema version ""
}

// allKinds returns messages of every kind.
func allKinds() []review.Message {
	plain, edited := valid(), valid()
	plain.Photos = []string{"reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg"}
	edited.EditedAt = edited.SubmittedAt.Add(time.Second)
	key, at := plain.About(), edited.EditedAt
	return []review.Message{
		plain, edited,
		review.Erasure{Key: key},
		review.Erasure{Key: key, Operator: "operator-1", At: at},
		review.Report{Key: key, Revision: 1, Reporter: strings.Repeat("aZ0-_", 8) + "abc", At: at},
		review.Decision{Key: key, Verdict: review.Publish, Revision: edited.Revision(), At: at},
		review.Decision{Key: key, Verdict: review.Reject, Reason: "광고", Revision: plain.Revision(), At: at},
		review.Reply{Key: key, Text: "고맙습니다 💜", At: at},
		review.Reply{Key: key, Text: "고맙습니다 💜", Revision: plain.Revision(), At: at},
		review.Vote{Key: key, Visitor: strings.Repeat("aZ0-_", 8) + "abc"},
		review.Vote{Key: key, Visitor: strings.Repeat("aZ0-_", 8) + "abc", Revision: edited.Revision()},
		review.Rescore{Key: key, Revision: 1},
		review.ChangeNotice{Key: key, Status: review.Published, Revision: edited.Revision()},
		review.ChangeNotice{Key: key, Status: review.Erased},
	}
}

func TestMessagesSurviveEncodingAndDecoding(t *testing.T) {
	for _, want := range append(allKinds(), review.Sweep{}) {
		data, attributes, err := review.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := review.Decode(data, attributes)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if _, ok := want.(review.Sweep); !ok && got.About() != valid().About() {
			t.Errorf("%T is about %v", got, got.About())
		}
	}
}

// Readers of version 1 ignore the kind, and take an edit for a duplicate.
func TestOnlySubmissionsHaveVersion1(t *testing.T) {
	for i, m := range allKinds() {
		_, attributes, err := review.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		if old := attributes[review.VersionAttribute] == "1"; old != (i == 0) {
			t.Errorf("%T %d has version 1: %v", m, i, old)
		}
	}
}

func TestEditHasAHigherRevision(t *testing.T) {
	r := valid()
	if got := r.Revision(); got != r.SubmittedAt.UnixMicro() {
		t.Errorf("revision %d as submitted", got)
	}
	r.EditedAt = r.SubmittedAt.Add(time.Microsecond)
	if got := r.Revision(); got != r.SubmittedAt.UnixMicro()+1 {
		t.Errorf("revision %d as edited", got)
	}
}

func TestInvalidReviewsAreNeitherEncodedNorDecoded(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for name, change := range map[string]func(*review.Review){
		"a time after 9999 in UTC": func(r *review.Review) { r.SubmittedAt = at("9999-12-31T23:59:59-10:00") },
		"a time before 1 in UTC":   func(r *review.Review) { r.SubmittedAt = at("0001-01-01T00:00:01+10:00") },
		"no id":                    func(r *review.Review) { r.ID = "" },
		"an id of another shape":   func(r *review.Review) { r.ID = "{" + r.ID + "}" },
		"no product":               func(r *review.Review) { r.Product = "" },
		"a product with /":         func(r *review.Review) { r.Product = "a/b" },
		"a newline at the end":     func(r *review.Review) { r.Product = "butter\n" },
		"rating 0":                 func(r *review.Review) { r.Rating = 0 },
		"rating 6":                 func(r *review.Review) { r.Rating = 6 },
		"a long text":              func(r *review.Review) { r.Text = strings.Repeat("가", review.MaxText+1) },
		"a long author":            func(r *review.Review) { r.Author = strings.Repeat("가", review.MaxAuthor+1) },
		"a long locale":            func(r *review.Review) { r.Locale = strings.Repeat("k", review.MaxLocale+1) },
		"seven photos": func(r *review.Review) {
			r.Photos = slices.Repeat([]string{"reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg"}, review.MaxPhotos+1)
		},
		"a photo of another folder":  func(r *review.Review) { r.Photos = []string{"products/butter.jpg"} },
		"a photo outside the folder": func(r *review.Review) { r.Photos = []string{"reviews/../products/butter.jpg"} },
		"no time":                    func(r *review.Review) { r.SubmittedAt = time.Time{} },
		"edited before":              func(r *review.Review) { r.EditedAt = r.SubmittedAt },
		"edited after 9999":          func(r *review.Review) { r.EditedAt = at("9999-12-31T23:59:59-10:00") },
	} {
		t.Run(name, func(t *testing.T) {
			r := valid()
			change(&r)
			if _, _, err := review.Encode(r); err == nil {
				t.Error("encoded, want an error")
			}
			data, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := review.Decode(data, map[string]string{review.VersionAttribute: review.SubmissionVersion}); err == nil {
				t.Errorf("decoded %+v, want an error", got)
			}
		})
	}
	for _, data := range []string{"", "null", "[]", "{", `{"rating":"5"}`, "\xff", `{"rating":4.5}`} {
		if _, err := review.Decode([]byte(data), map[string]string{review.VersionAttribute: review.SubmissionVersion}); err == nil {
			t.Errorf("decoded %q, want an error", data)
		}
	}
}

func TestInvalidChangesAreNeitherEncodedNorDecoded(t *testing.T) {
	key, at := valid().About(), valid().SubmittedAt
	long := strings.Repeat("가", 2001)
	for name, m := range map[string]review.Message{
		"an erasure without a key":        review.Erasure{},
		"an erasure without product":      review.Erasure{Key: review.Key{Review: key.Review}},
		"no verdict":                      review.Decision{Key: key, Reason: "a", At: at},
		"another verdict":                 review.Decision{Key: key, Verdict: "burn", Reason: "a", At: at},
		"rejected without a reason":       review.Decision{Key: key, Verdict: review.Reject, At: at},
		"a long reason":                   review.Decision{Key: key, Verdict: review.Hold, Reason: long, At: at},
		"published without revision":      review.Decision{Key: key, Verdict: review.Publish, At: at},
		"a decision without time":         review.Decision{Key: key, Verdict: review.Hold, Reason: "a"},
		"a long reply":                    review.Reply{Key: key, Text: long, At: at},
		"a reply without time":            review.Reply{Key: key, Text: "a"},
		"a reply without a key":           review.Reply{Text: "a", At: at},
		"a vote without a visitor":        review.Vote{Key: key},
		"a vote of a readable name":       review.Vote{Key: key, Visitor: "me@example.org"},
		"a vote for no revision":          review.Vote{Key: key, Visitor: strings.Repeat("a", 43), Revision: -1},
		"a reply to no revision":          review.Reply{Key: key, Text: "a", At: at, Revision: -1},
		"a rescore without a key":         review.Rescore{Revision: 1},
		"a notice without a key":          review.ChangeNotice{Status: review.Erased},
		"a notice without a status":       review.ChangeNotice{Key: key},
		"a notice with an unknown status": review.ChangeNotice{Key: key, Status: "gone"},
		"a vote with a newline after":     review.Vote{Key: key, Visitor: strings.Repeat("a", 43) + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := review.Encode(m); err == nil {
				t.Error("encoded, want an error")
			}
			data, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			kind := strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", m), "review."))
			if _, ok := m.(review.ChangeNotice); ok {
				kind = "news" // the name on the wire
			}
			_, err = review.Decode(data, map[string]string{review.VersionAttribute: review.ChangeVersion, review.KindAttribute: kind})
			if err == nil || !strings.Contains(err.Error(), "decode "+kind) {
				t.Errorf("Decode() = %v, want an error about the %s", err, kind)
			}
		})
	}
	data, attributes, err := review.Encode(review.Erasure{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []map[string]string{
		{review.KindAttribute: "merge"}, {review.KindAttribute: "vote"}, {review.KindAttribute: ""},
		{review.VersionAttribute: "1"}, {review.VersionAttribute: "3"}, {review.VersionAttribute: ""},
	} {
		changed := maps.Clone(attributes)
		maps.Copy(changed, wrong)
		if m, err := review.Decode(data, changed); err == nil {
			t.Errorf("with %v it is %+v, want an error", wrong, m)
		}
	}
}

func TestReplyIsMarkedAsWrittenBeforeAnEdit(t *testing.T) {
	first := valid().SubmittedAt
	second := first.Add(time.Minute)
	old, newest := first.UnixMicro(), second.UnixMicro()
	for name, tc := range map[string]struct {
		seen      int64
		repliedAt time.Time
		editedAt  *time.Time
		want      bool
	}{
		"never edited":                                {old, first.Add(time.Second), nil, false},
		"the old revision, saved after the edit":      {old, second.Add(time.Second), &second, true},
		"the new revision, by a clock that is behind": {newest, first, &second, false},
		"an unknown revision, before the edit":        {0, second.Add(-1), &second, true},
		"an unknown revision, at the time of it":      {0, second, &second, false},
	} {
		if got := review.IsReplyBeforeEdit(tc.seen, tc.repliedAt, newest, tc.editedAt); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func TestDecodeIgnoresUnknownFields(t *testing.T) {
	data, attributes, err := review.Encode(valid())
	if err != nil {
		t.Fatal(err)
	}
	data = append([]byte(`{"gift":true,`), data[1:]...)
	if _, err := review.Decode(data, attributes); err != nil {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range allKinds() {
		data, attributes, err := review.Encode(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, attributes[review.VersionAttribute], attributes[review.KindAttribute])
	}
	f.Add([]byte(`{"id":null}`), review.SubmissionVersion, "")
	f.Fuzz(func(t *testing.T, data []byte, version, kind string) {
		m, err := review.Decode(data, map[string]string{review.VersionAttribute: version, review.KindAttribute: kind})
		if err != nil {
			return
		}
		again, attributes, err := review.Encode(m)
		if err != nil {
			t.Fatalf("%+v decodes but does not encode: %v", m, err)
		}
		m2, err := review.Decode(again, attributes)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		if a, _ := json.Marshal(m2); string(a) != string(again) {
			t.Errorf("%s became %s", again, a)
		}
	})
}

// A newer release may publish before its consumer is released, and a rollback may leave messages of the newer one behind.
func TestOnlyMessagesOfNewerReleasesAreUnsupported(t *testing.T) {
	erasure := []byte(`{"product":"butter","review":"0190d4f4-3a5e-7cc0-8a3b-0242ac120002"}`)
	for _, tc := range []struct {
		kind, version string
		want          bool
	}{
		{"", "3", true},
		{"erasure", "3", true},
		{"refund", "2", true},
		{"refund", "3", true},
		{"erasure", "2", false},
		{"erasure", "", false},
		{"refund", "", false},
		{"erasure", "1", false},
		{"refund", "1", false},
		{"decision", "2", false}, // known, but malformed
	} {
		attributes := map[string]string{review.VersionAttribute: tc.version}
		if tc.kind != "" {
			attributes[review.KindAttribute] = tc.kind
		}
		if _, err := review.Decode(erasure, attributes); errors.Is(err, review.ErrUnsupported) != tc.want {
			t.Errorf("kind %q, version %q: %v, want ErrUnsupported: %v", tc.kind, tc.version, err, tc.want)
		}
	}
}
