package review_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/shared/review"
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
	r, err := review.Decode(data, map[string]string{"schema_version": "1"})
	fmt.Println(r.Product, r.Rating, r.Text, err)
	_, err = review.Decode(data, nil)
	fmt.Println(err)
	// Output:
	// butter-cream-peaches 4 Lovely <nil>
	// decode review: schema version "", want "1"
}

func TestWhatIsEncodedIsDecoded(t *testing.T) {
	want := valid()
	want.Photos = []string{"reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg"}
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
}

func TestWhatNobodyTakesIsNeitherEncodedNorDecoded(t *testing.T) {
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
		"a photo of elsewhere":   func(r *review.Review) { r.Photos = []string{"products/butter.jpg"} },
		"a photo with a way out": func(r *review.Review) { r.Photos = []string{"reviews/../products/butter.jpg"} },
		"no time":                func(r *review.Review) { r.SubmittedAt = time.Time{} },
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
			if got, err := review.Decode(data, map[string]string{review.VersionAttribute: review.SchemaVersion}); err == nil {
				t.Errorf("decoded %+v, want an error", got)
			}
		})
	}
	for _, data := range []string{"", "null", "[]", "{", `{"rating":"5"}`, "\xff", `{"rating":4.5}`} {
		if _, err := review.Decode([]byte(data), map[string]string{review.VersionAttribute: review.SchemaVersion}); err == nil {
			t.Errorf("decoded %q, want an error", data)
		}
	}
}

func TestDecodeTakesFieldsOfLaterWriters(t *testing.T) {
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
	data, _, err := review.Encode(valid())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"id":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := review.Decode(data, map[string]string{review.VersionAttribute: review.SchemaVersion})
		if err != nil {
			return
		}
		again, attributes, err := review.Encode(r)
		if err != nil {
			t.Fatalf("%+v decodes but does not encode: %v", r, err)
		}
		r2, err := review.Decode(again, attributes)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		if a, _ := json.Marshal(r2); string(a) != string(again) {
			t.Errorf("%s became %s", again, a)
		}
	})
}
